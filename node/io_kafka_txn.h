/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_txn.h - appends to one partition in transactions, with one transactional.id (R10).
 *
 * Happy path: open -> ready(0), older instances are fenced; begin, produce, ..., commit ->
 * ended(COMMITTED); begin again.
 *
 * Failures: anything but a clean commit is UNCLEAR: an error, a timeout, and also a commit that
 * librdkafka reports as good but for which a request of the transaction had to be sent again (it
 * retries EndTxn silently, and without KIP-890 a late first copy can hit the next transaction). A
 * newer instance elsewhere: FENCED. After either, and after a ready that failed, the instance is
 * only good for io_txn_close; make a new one and read the log's tail.
 *
 * Promise: no call blocks the loop; ended comes once for each commit, within IO_TXN_COMMIT_MS after
 *          its records are acknowledged. At most two requests' worth of records is held in memory.
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_KAFKA_TXN_H
#define BRAID_NODE_IO_KAFKA_TXN_H

#include "node/io_kafka_writer.h"

#define IO_TXN_TIMEOUT_MS "10000" /* transaction.timeout.ms: how long an orphan can block readers */
#define IO_TXN_INIT_MS    30000
#define IO_TXN_BROKER_MS  2000 /* for a first connection; init waits for one as well */
#define IO_TXN_COMMIT_MS  15000

struct io_txn;

enum io_txn_result {
    IO_TXN_COMMITTED,
    IO_TXN_UNCLEAR,
    IO_TXN_FENCED,
};

struct io_txn_config {
    const char *transactional_id; /* borrowed for the call */
    const char *topic;            /* copied */
    int32_t partition;
    int64_t limit; /* of the topic, in bytes of a batch (io_limit.h); 0: not known */
    void *data;
    void (*ready)(void *data, int code, const char *detail);
    /* After ERR_BUSY: there is room again. */
    void (*room)(void *data);
    void (*ended)(void *data, enum io_txn_result result, const char *detail);
};

/* Makes the producer and initialises it; ready follows. */
int io_txn_open(const struct io_kafka_cluster *cluster, const struct io_txn_config *config,
                struct io_txn **out);

/* Begins a transaction. 0 or ERR_TXN. */
int io_txn_begin(struct io_txn *t);

/* Adds a record (ticket unused), whose value must stay where it is until the transaction has ended
 * with COMMITTED, or the instance is closed. 0, ERR_BUSY (again when `room` is called), ERR_TOO_LARGE (above the
 * topic's limit or the client's own) or ERR_TXN. */
int io_txn_produce(struct io_txn *t, const struct io_write *record);

/* Ends it; ended follows. */
void io_txn_commit(struct io_txn *t);

/* No call of ready or ended after this. Destroys it when its work is done, then calls `closed` (may
 * be NULL): only then is nothing of it on its way from this process any more, and no value of its
 * records is looked at. */
void io_txn_close(struct io_txn *t, void (*closed)(void *data), void *data);

#endif
