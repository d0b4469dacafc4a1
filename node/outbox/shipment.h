/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shipment.h - a batch of the outbox's rows on its way to Kafka: which of them may be marked as
 *              shipped, and the key of a row's record.
 *
 * Promise: a row may be marked only when Kafka has acknowledged it and every row before it in the
 *          batch. So a crash can repeat rows, and never lose one or let one overtake another.
 * Pure:    yes.
 * Thread:  one at a time.
 */
#ifndef BRAID_NODE_OUTBOX_SHIPMENT_H
#define BRAID_NODE_OUTBOX_SHIPMENT_H

#include "proto/slice.h"

enum {
    SHIPMENT_ROWS_MAX = 500,
    SHIPMENT_KEY_BYTES_MAX = 512,
    SHIPMENT_EVENT_BYTES_MAX = 1000000, /* larger events are refused, and the log says so */
};

/* A row of the outbox. */
struct outbox_row {
    int64_t id;
    int64_t page_id;
    int64_t rev_id;
    int64_t prior_bits;
    int64_t created_ms; /* since 1970 */
    struct slice event; /* absent: not written yet */
    char about[32];     /* NUL-terminated */
};

enum shipment_state {
    SHIPMENT_WAITING, /* not sent, or no answer yet */
    SHIPMENT_ACKED,
    SHIPMENT_FAILED,
};

struct shipment;

/* Where a row is: what its record carries along until the answer comes. */
struct shipment_place {
    struct shipment *shipment; /* borrowed */
    size_t index;
};

struct shipment {
    struct outbox_row rows[SHIPMENT_ROWS_MAX];
    struct shipment_place places[SHIPMENT_ROWS_MAX];
    enum shipment_state states[SHIPMENT_ROWS_MAX];
    size_t count;
    size_t waiting;
};

/* Makes it a batch of the first `count` of its rows, all waiting. It must not move from then on. */
void shipment_begin(struct shipment *s, size_t count);

/* Kafka's answer for row `index`. A second answer for the same row is ignored. */
void shipment_answer(struct shipment *s, size_t index, bool is_acked);

/* No answer is outstanding. */
bool shipment_is_settled(const struct shipment *s);

/* How many rows at the front may be marked. */
size_t shipment_markable(const struct shipment *s);

/* {"wiki_id":"...","page_id":N}, the key of the record. Absent if the name is too long. */
struct slice shipment_key(struct slice wiki_id, int64_t page_id,
                          uint8_t out[SHIPMENT_KEY_BYTES_MAX]);

#endif
