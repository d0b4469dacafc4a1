/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a run starts from: both places, saved with the offset of the output as metadata (A1).
 */
#include <assert.h>

#include "node/io_line_part.h"
#include "node/place.h"
#include "proto/err.h"

static void on_committed(void *data, const struct io_kafka_answer *answer)
{
    struct io_line *l = data;

    l->question = NULL;
    if (answer->code != 0) {
        l->commit_again = true; /* with the next tick; the run needs it only when it restarts */
        io_log_about(&l->host->log, l, LOG_WARN, "cannot save a task's place, trying again",
                     "task=%s err=%s why=\"%s\"", l->name, err_name(answer->code), answer->detail);
    }
}

void line_commit(struct io_line *l)
{
    char text[PLACE_TEXT_MAX];
    struct line_place in;
    struct line_place out;
    const struct io_kafka_partition where = {l->topic_out, (int32_t)l->task.partition};

    if (l->question != NULL) {
        l->commit_again = true;
        return;
    }
    l->commit_again = false;
    line_places(l->line, &in, &out);
    if (!out.valid)
        return;
    const size_t len = place_format(l->strands_hash, l->config.strand_count, &in, &out, text);
    l->question =
        io_kafka_ask_commit(l->site_out->ask, l->group, where, out.log_offset, slice_of(text, len),
                            (struct io_kafka_asker){on_committed, l});
}

static void on_places(void *data, const struct io_kafka_answer *answer)
{
    struct io_line *l = data;

    l->question = NULL;
    if (l->is_over)
        return;
    if (answer->code != 0) {
        line_end(l, answer->code, answer->detail);
        return;
    }
    if (answer->offset >= 0) {
        const int rc = place_parse(answer->metadata, l->strands_hash, l->config.strand_count,
                                   &l->place_in, &l->place_out);
        if (rc != 0)
            io_log(&l->host->log, LOG_WARN, "a saved place is not usable, reading from the start",
                   "task=%s err=%s", l->name, err_name(rc));
    }
    l->has_places = true;
    line_maybe_start(l);
}

void line_ask_places(struct io_line *l)
{
    const struct io_kafka_partition where = {l->topic_out, (int32_t)l->task.partition};

    assert(l->question == NULL);
    l->question = io_kafka_ask_committed(l->site_out->ask, l->group, where,
                                         (struct io_kafka_asker){on_places, l});
}
