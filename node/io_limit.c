/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_limit.h"

#include <assert.h>

#include "node/io_loop.h"
#include "proto/err.h"

static void on_answer(void *data, const struct io_kafka_answer *answer)
{
    struct io_limit *l = data;

    l->question = NULL;
    if (l->is_watched) {
        l->is_changed = answer->code == 0 && answer->limit != l->bytes;
        return;
    }
    l->bytes = answer->code == 0 ? answer->limit : 0;
    l->retention_ms = answer->code == 0 ? answer->retention_ms : 0;
    l->known(l->data);
}

static void ask(struct io_limit *l)
{
    l->asked_ms = io_mono_ms();
    l->question = io_kafka_ask_limits(l->ask, l->topic, (struct io_kafka_asker){on_answer, l});
}

void io_limit_ask(struct io_limit *l, struct io_kafka_ask *to, const char *topic,
                  void (*known)(void *data), void *data)
{
    assert(l->question == NULL);
    assert(known != NULL);
    *l = (struct io_limit){.ask = to, .topic = topic, .known = known, .data = data};
    ask(l);
}

bool io_limit_is_changed(struct io_limit *l)
{
    l->is_watched = true;
    if (l->ask != NULL && l->question == NULL && !l->is_changed &&
        io_mono_ms() - l->asked_ms >= IO_LIMIT_WATCH_MS)
        ask(l);
    return l->is_changed;
}

void io_limit_cancel(struct io_limit *l)
{
    io_kafka_ask_cancel(l->question);
    l->question = NULL;
}

bool io_limit_is_small(int64_t bytes)
{
    return bytes > 0 && bytes <= IO_WRITER_BATCH_MAX;
}
