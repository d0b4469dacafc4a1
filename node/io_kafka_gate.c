/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_kafka_gate.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/err.h"

/* What librdkafka puts around the parts, at most. */
enum {
    RECORD_OVERHEAD = 128,
    HEADER_OVERHEAD = 20,
};

struct gate_record {
    struct gate_record *next;
    rd_kafka_headers_t *headers; /* owned */
    uint8_t *value;              /* NULL: a null value. Owned, if the gate is not borrowing */
    uint8_t *long_key;           /* owned; NULL: the key is in short_key */
    size_t value_len;
    size_t key_len;
    size_t bytes; /* of a request, about */
    bool has_key;
    int64_t time_ms;
    void *opaque;
    uint8_t short_key[IO_GATE_KEY_MAX];
};

size_t io_gate_bytes(const struct io_write *record)
{
    size_t bytes = record->key.len + record->value.len + RECORD_OVERHEAD;

    for (size_t i = 0; i < record->header_count; i++)
        bytes += record->headers[i].name.len + record->headers[i].value.len + HEADER_OVERHEAD;
    return bytes;
}

static void record_free(struct gate_record *r, struct io_pool *pool)
{
    free(r->long_key);
    if (!io_pool_give(pool, r))
        io_pool_free(r);
}

/* A value that is not borrowed is malloc's: librdkafka takes it over. An empty one is not null. */
static bool take_bytes(const struct io_gate *g, struct gate_record *r,
                       const struct io_write *record)
{
    uint8_t *key = r->short_key;

    if (record->key.len > IO_GATE_KEY_MAX)
        key = r->long_key = malloc(record->key.len);
    if (key == NULL)
        return false;
    if (record->key.ptr != NULL)
        memcpy(key, record->key.ptr, record->key.len);
    if (g->is_borrowing) {
        r->value = (uint8_t *)(uintptr_t)record->value.ptr;
    } else if (record->value_heap != NULL) {
        assert(record->value_heap == record->value.ptr);
        r->value = record->value_heap;
    } else if (record->value.ptr != NULL) {
        r->value = malloc(record->value.len > 0 ? record->value.len : 1);
        if (r->value == NULL)
            return false;
        memcpy(r->value, record->value.ptr, record->value.len);
    }
    return true;
}

int io_gate_add(struct io_gate *g, struct io_pool *pool, const struct io_write *record,
                void *opaque)
{
    rd_kafka_headers_t *headers = io_writer_headers(record->headers, record->header_count);
    struct gate_record *r = headers != NULL ? io_pool_take(pool, sizeof(*r)) : NULL;

    if (r == NULL) {
        if (headers != NULL)
            rd_kafka_headers_destroy(headers);
        return ERR_BUSY;
    }
    r->next = NULL;
    r->headers = headers;
    r->value = NULL;
    r->long_key = NULL;
    r->value_len = record->value.len;
    r->key_len = record->key.len;
    r->bytes = io_gate_bytes(record);
    r->has_key = record->key.ptr != NULL;
    r->time_ms = record->time_ms;
    r->opaque = opaque;
    if (!take_bytes(g, r, record)) {
        rd_kafka_headers_destroy(headers);
        record_free(r, pool);
        return ERR_BUSY;
    }
    if (g->last != NULL)
        g->last->next = r;
    else
        g->first = r;
    g->last = r;
    g->waiting++;
    g->waiting_bytes += r->bytes;
    return 0;
}

bool io_gate_is_open(const struct io_gate *g)
{
    return g->waiting > 0 && (g->under_way == 0 || g->under_way + g->waiting <= IO_GATE_FEW);
}

bool io_gate_is_full(const struct io_gate *g)
{
    return g->waiting_bytes >= IO_GATE_BATCH_BYTES;
}

/* Out of the gate, its headers and value given away or to be freed by the caller. */
static void pop(struct io_gate *g, struct io_pool *pool)
{
    struct gate_record *r = g->first;

    g->first = r->next;
    if (g->first == NULL)
        g->last = NULL;
    g->waiting--;
    g->waiting_bytes -= r->bytes;
    record_free(r, pool);
}

/* On success librdkafka owns headers and value. */
static rd_kafka_resp_err_t produce(const struct io_gate *g, rd_kafka_t *rk)
{
    struct gate_record *r = g->first;
    uint8_t *key = r->long_key != NULL ? r->long_key : r->short_key;
    const rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = g->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = g->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = g->is_borrowing ? 0 : RD_KAFKA_MSG_F_FREE},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {r->has_key ? key : NULL, r->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {r->value, r->value_len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = r->time_ms},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = r->opaque},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = r->headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(rk, vus, sizeof(vus) / sizeof(vus[0]));

    if (error == NULL)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    const rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return err;
}

rd_kafka_resp_err_t io_gate_hand_over(struct io_gate *g, struct io_pool *pool, rd_kafka_t *rk,
                                      void **out_opaque)
{
    size_t bytes = 0;

    assert(io_gate_is_open(g));
    while (g->first != NULL) {
        const size_t more = g->first->bytes;
        if (bytes > 0 && bytes + more > IO_GATE_BATCH_BYTES)
            break;
        const rd_kafka_resp_err_t err = produce(g, rk);
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            *out_opaque = g->first->opaque;
            return err;
        }
        pop(g, pool);
        g->under_way++;
        bytes += more;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void io_gate_reported(struct io_gate *g)
{
    assert(g->under_way > 0);
    g->under_way--;
}

void io_gate_clear(struct io_gate *g, struct io_pool *pool)
{
    while (g->first != NULL) {
        rd_kafka_headers_destroy(g->first->headers);
        if (!g->is_borrowing)
            free(g->first->value);
        pop(g, pool);
    }
    g->under_way = 0;
}
