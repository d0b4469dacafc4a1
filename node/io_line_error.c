/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What could not be enriched stands in <dc>.braid.error, under the headers of its enriched record,
 * before that record is written.
 */
#include <stdlib.h>

#include "node/error_event.h"
#include "node/io_line_part.h"
#include "node/io_loop.h"
#include "proto/err.h"

static void on_acked(void *data, uint64_t ticket, int64_t log_offset)
{
    (void)data, (void)ticket, (void)log_offset; /* nobody waits for it */
}

static void on_failed(void *data, int code, const char *detail)
{
    struct io_line *l = data;

    l->has_errors_failed = true;
    io_log_about(&l->host->log, l->stream, LOG_WARN, "an error event could not be written",
                 "topic=%s err=%s why=\"%s\"", l->topic_errors, err_name(code), detail);
}

static struct io_writer_client *client_of(struct io_line *l)
{
    const struct io_writer_config config = {.topic = l->topic_errors,
                                            .partition = 0,
                                            .is_side = true,
                                            .data = l,
                                            .acked = on_acked,
                                            .failed = on_failed};

    if (l->has_errors_failed) {
        io_writer_client_close(l->errors);
        l->errors = NULL;
        l->has_errors_failed = false;
    }
    if (l->errors == NULL)
        l->errors = io_writer_client_open(l->site_out->writer, &config);
    return l->errors;
}

static void fill(const struct io_line *l, const struct job *job, struct error_event *e)
{
    const struct enrich_page *page = &job->work->page;
    const enum reason reason = job->is_too_large ? REASON_TOO_LARGE : page->reason;

    *e = (struct error_event){
        .stream = slice_str(l->topic_errors),
        .emitter = slice_str(l->emitter),
        .now_ms = io_now_ms(),
        .reason = reason_word(reason),
        .message = reason_text(reason),
        .detail = job->is_too_large ? "" : page->detail,
        .raw = job->value,
        .errored_stream = l->task.topic,
    };
    if (!page->is_decoded)
        return;
    e->errored_schema = page->event.schema;
    e->domain = page->event.domain;
    e->request_id = page->event.request_id;
}

int line_note_error(struct io_line *l, struct job *job, const struct header *headers, size_t count)
{
    struct io_writer_client *client = client_of(l);
    struct error_event e;

    fill(l, job, &e);
    uint8_t *bytes = malloc(error_event_size(&e));
    if (client == NULL || bytes == NULL) {
        free(bytes);
        return ERR_NO_MEMORY;
    }
    const struct io_write record = {
        .key = job->key,
        .value = slice_of(bytes, error_event_write(&e, bytes)),
        .headers = headers,
        .header_count = count,
    };
    const int rc = io_writer_produce(client, &record);
    free(bytes);
    if (rc == ERR_BUSY || rc == ERR_DELIVERY) {
        l->has_errors_failed = rc == ERR_DELIVERY; /* the next try has a new client */
        return ERR_BUSY;
    }
    if (rc != 0) /* it is only said here then: the line goes on */
        on_failed(l, rc, "the producer did not take it");
    job->is_noted = true;
    return 0;
}
