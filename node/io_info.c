/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_info.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

/* One task that stands still, or (code 0) does less than it seems. */
struct alarm {
    Braid__Alarm message;
    const char *task;
    int code;
    const char *why; /* of the task, or text */
    char text[160];
};

/* A source's new partitions have no strands: their events would be missed in silence. */
static bool is_read_in_part(const struct io_line_status *line, struct alarm *out)
{
    if (line->partitions <= line->partitions_read || line->partitions_read == 0)
        return false;
    *out = (struct alarm){.task = line->name, .why = out->text};
    (void)snprintf(out->text, sizeof(out->text),
                   "reads %u of the %u partitions of its source: what is in the others is in no "
                   "copy; make a new stream",
                   line->partitions_read, line->partitions);
    return true;
}

static bool alarm_of(const struct io_task *task, struct alarm *out)
{
    struct io_line_status line;
    struct io_merge_status merge;

    if (task->line != NULL) {
        io_line_status(task->line, &line);
        if (!line.is_failed && line.waits == NULL)
            return is_read_in_part(&line, out);
        *out = (struct alarm){.task = line.name, .code = line.code, .why = line.why};
        return true;
    }
    if (task->merge == NULL)
        return false;
    io_merge_status(task->merge, &merge);
    *out = (struct alarm){.task = merge.name, .code = merge.code, .why = merge.why};
    return merge.is_failed;
}

static size_t find_alarms(const struct io_tasks *tasks, struct alarm out[IO_INFO_ALARMS_MAX])
{
    size_t count = 0;

    for (const struct io_task *t = tasks->first; t != NULL && count < IO_INFO_ALARMS_MAX;
         t = t->next)
        if (alarm_of(t, &out[count]))
            count++;
    return count;
}

static char *text_of(struct io_info *i, struct slice s)
{
    char *text = arena_strdup(&i->arena, s);

    if (text == NULL)
        i->is_full = true;
    return text;
}

static void add_alarms(struct io_info *i, Braid__NodeInfo *info, struct alarm *alarms)
{
    const size_t count = find_alarms(i->tasks, alarms);

    info->alarms = arena_alloc(&i->arena, (count + 1) * sizeof(Braid__Alarm *));
    i->is_full = i->is_full || info->alarms == NULL;
    if (i->is_full)
        return;
    for (size_t k = 0; k < count; k++) {
        Braid__Alarm *a = &alarms[k].message;
        braid__alarm__init(a);
        a->task = text_of(i, slice_str(alarms[k].task));
        a->code = text_of(i, slice_str(alarms[k].code != 0 ? err_name(alarms[k].code) : ""));
        a->why = text_of(i, slice_str(alarms[k].why));
        info->alarms[k] = a;
    }
    info->n_alarms = count;
}

static int pack(struct io_info *i)
{
    const struct config *c = &i->host->config;
    struct alarm alarms[IO_INFO_ALARMS_MAX];
    Braid__NodeInfo info;

    arena_reset(&i->arena);
    i->is_full = false;
    braid__node_info__init(&info);
    info.dc = text_of(i, c->dc);
    info.node = text_of(i, c->node);
    info.version = text_of(i, SLICE_LIT(BRAID_VERSION));
    info.http = text_of(i, c->http);
    info.source_kafka = text_of(i, c->source_bootstrap);
    info.braid_kafka = text_of(i, c->braid_bootstrap);
    info.source_kafka_remote = text_of(i, c->source_remote);
    info.braid_kafka_remote = text_of(i, c->braid_remote);
    info.api = text_of(i, c->api_base);
    info.started_ms = i->started_ms;
    info.weight = (uint32_t)c->weight;
    info.rules_version_max = MERGE_RULES_VERSION;
    add_alarms(i, &info, alarms);
    return i->is_full ? ERR_NO_MEMORY : pb_pack(&info.base, IO_INFO_BYTES_MAX, &i->arena, &i->told);
}

static void on_timer(uv_timer_t *timer)
{
    struct io_info *i = timer->data;

    if (pack(i) != 0)
        return;
    const uint64_t hash = XXH3_64bits(i->told.ptr, i->told.len);
    if (hash != i->told_hash && node_set_info(i->host->node, i->told) == 0)
        i->told_hash = hash;
}

int io_info_open(struct io_info *i)
{
    arena_init(&i->arena, 4096, IO_INFO_BYTES_MAX);
    const int rc = pack(i);
    if (rc == 0)
        i->told_hash = XXH3_64bits(i->told.ptr, i->told.len);
    return rc;
}

void io_info_watch(struct io_info *i)
{
    (void)uv_timer_init(i->host->loop, &i->timer); /* these never fail */
    i->timer.data = i;
    (void)uv_timer_start(&i->timer, on_timer, IO_INFO_MS, IO_INFO_MS);
}
