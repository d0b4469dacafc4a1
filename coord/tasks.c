/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/tasks.h"

#include "coord/keyspace.h"
#include "proto/err.h"
#include "proto/origin.h"

#include <assert.h>
#include <stdlib.h>

/* ---- names ------------------------------------------------------------------------------------ */

/* The part before the next '/', or all; *rest goes on behind it. False: there is none or it is no
 * valid name. */
static bool name_take(struct slice *rest, struct slice *out)
{
    const uint8_t *slash = rest->len == 0 ? NULL : memchr(rest->ptr, '/', rest->len);
    const size_t len = slash == NULL ? rest->len : (size_t)(slash - rest->ptr);

    *out = slice_sub(*rest, 0, len);
    *rest = slice_sub(*rest, slash == NULL ? len : len + 1, rest->len);
    /* A name that ends in '/' is not the same name without it. */
    return keyspace_name_is_valid(*out) && (slash == NULL || rest->len > 0);
}

static bool partition_take(struct slice *rest, uint32_t *out)
{
    struct slice text;
    int64_t number;

    if (!name_take(rest, &text) || number_parse(text, false, &number) != 0 || number > INT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

int task_parse(struct slice name, struct task *out)
{
    struct slice rest = name;
    struct slice kind;
    struct task t = {0};
    bool is_good = name.len <= TASK_NAME_MAX && name_take(&rest, &kind);

    if (is_good && slice_equal(kind, SLICE_LIT("replicate"))) {
        t.kind = TASK_REPLICATE;
        is_good = name_take(&rest, &t.dc) && name_take(&rest, &t.topic) &&
                  partition_take(&rest, &t.partition);
    } else if (is_good && slice_equal(kind, SLICE_LIT("enrich"))) {
        t.kind = TASK_ENRICH;
        is_good = name_take(&rest, &t.output) && name_take(&rest, &t.dc) &&
                  name_take(&rest, &t.topic) && partition_take(&rest, &t.partition);
    } else if (is_good && slice_equal(kind, SLICE_LIT("merge"))) {
        t.kind = TASK_MERGE;
        is_good = name_take(&rest, &t.output);
    } else {
        is_good = false;
    }
    if (!is_good || rest.len > 0)
        return ERR_MALFORMED;
    *out = t;
    return 0;
}

/* Puts parts together with '/' between; the last one is a partition if has_partition. */
static int name_join(const struct slice *parts, size_t count, const uint32_t *partition,
                     struct arena *a, struct slice *out)
{
    uint8_t text[TASK_NAME_MAX];
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        if (!keyspace_name_is_valid(parts[i]) || parts[i].len + 1 > sizeof text - len)
            return ERR_MALFORMED;
        if (i > 0)
            text[len++] = '/';
        memcpy(text + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    if (partition != NULL) {
        uint8_t digits[10];
        size_t digit_count = 0;
        uint32_t number = *partition;

        do {
            digits[sizeof digits - ++digit_count] = (uint8_t)('0' + number % 10);
            number /= 10;
        } while (number > 0);
        if (digit_count + 1 > sizeof text - len)
            return ERR_MALFORMED;
        text[len++] = '/';
        memcpy(text + len, digits + sizeof digits - digit_count, digit_count);
        len += digit_count;
    }
    const struct slice name = arena_copy(a, slice_of(text, len));
    if (name.ptr == NULL)
        return ERR_NO_MEMORY;
    *out = name;
    return 0;
}

int task_build(const struct task *t, struct arena *a, struct slice *out)
{
    switch (t->kind) {
    case TASK_REPLICATE: {
        const struct slice parts[] = {SLICE_LIT("replicate"), t->dc, t->topic};
        return name_join(parts, 3, &t->partition, a, out);
    }
    case TASK_ENRICH: {
        const struct slice parts[] = {SLICE_LIT("enrich"), t->output, t->dc, t->topic};
        return name_join(parts, 4, &t->partition, a, out);
    }
    case TASK_MERGE: {
        const struct slice parts[] = {SLICE_LIT("merge"), t->output};
        return name_join(parts, 2, NULL, a, out);
    }
    }
    return ERR_MALFORMED;
}

bool task_pause_parse(struct slice name, struct slice *out_output, uint32_t *out_partition)
{
    struct slice rest = name;
    struct slice output;
    uint32_t partition = 0;

    if (!name_take(&rest, &output) || !partition_take(&rest, &partition) || rest.len > 0)
        return false;
    *out_output = output;
    *out_partition = partition;
    return true;
}

bool task_is_request(struct slice topic)
{
    return slice_starts_with(topic, SLICE_LIT(TASK_RETRY_PREFIX)) ||
           slice_starts_with(topic, SLICE_LIT(TASK_BACKFILL_PREFIX));
}

bool task_source_is_global(struct slice source, struct slice *out_output)
{
    const struct slice prefix = SLICE_LIT(TASK_GLOBAL ".");

    if (!slice_starts_with(source, prefix) || source.len == prefix.len)
        return false;
    *out_output = slice_sub(source, prefix.len, source.len);
    return true;
}

struct slice task_source_of(const struct origin_partition *from, struct arena *a)
{
    const struct slice prefix = SLICE_LIT(TASK_GLOBAL ".");
    uint8_t *name = NULL;

    if (!slice_equal(from->dc, SLICE_LIT(TASK_GLOBAL)))
        return from->topic;
    name = arena_alloc(a, prefix.len + from->topic.len);
    if (name == NULL)
        return (struct slice){0};
    memcpy(name, prefix.ptr, prefix.len);
    memcpy(name + prefix.len, from->topic.ptr, from->topic.len);
    return slice_of(name, prefix.len + from->topic.len);
}

bool task_copies_enriched(const struct task *t, struct slice *out_output)
{
    const struct slice prefix = SLICE_LIT(TASK_ENRICHED_PREFIX);

    if (t->kind != TASK_REPLICATE || !slice_starts_with(t->topic, prefix))
        return false;
    *out_output = slice_sub(t->topic, prefix.len, t->topic.len);
    return true;
}

/* ---- the list --------------------------------------------------------------------------------- */

/* Names that grow; the first error stays. */
struct list {
    struct arena *arena;
    struct slice *names; /* room for `room` */
    size_t count;
    size_t room;
    int rc;
};

static void list_add(struct list *l, const struct task *t)
{
    if (l->rc == 0 && l->count == l->room)
        l->rc = ERR_TOO_LARGE;
    if (l->rc == 0)
        l->rc = task_build(t, l->arena, &l->names[l->count]);
    if (l->rc == 0)
        l->count++;
}

static bool is_listed(struct slice dc, const struct tasks_stream *s)
{
    for (uint32_t i = 0; i < s->dc_count; i++) {
        if (slice_equal(s->dcs[i], dc))
            return true;
    }
    return false;
}

static bool is_paused(const struct tasks_stream *s, uint32_t partition)
{
    for (uint32_t i = 0; i < s->paused_count; i++) {
        if (s->paused[i] == partition)
            return true;
    }
    return false;
}

/* The strands of a cut name each origin partition once for each enriching DC and incarnation; the
 * list of tasks loses what is double when it is sorted. */
static void add_sources(struct list *l, struct slice dc, const struct tasks_stream *s)
{
    for (uint32_t i = 0; i < s->layout.count; i++) {
        const struct origin_partition *from = &s->layout.names[i].from;
        const bool is_own = slice_equal(from->dc, dc);
        const bool is_global = slice_equal(from->dc, SLICE_LIT(TASK_GLOBAL));
        /* Enriched at its origin alone, a source is read nowhere else. */
        if (!is_own && !is_global && !s->enrich_at_origin)
            list_add(l, &(struct task){.kind = TASK_REPLICATE,
                                       .dc = from->dc,
                                       .topic = from->topic,
                                       .partition = from->partition});
        if ((is_own || is_global || !s->enrich_at_origin) && !is_paused(s, from->partition))
            list_add(l, &(struct task){.kind = TASK_ENRICH,
                                       .output = s->output,
                                       .dc = from->dc,
                                       .topic = from->topic,
                                       .partition = from->partition});
    }
}

/* Copies of the other DCs' enriched topics, which have as many partitions as the source with most. */
static void add_enriched(struct list *l, struct slice dc, const struct tasks_stream *s)
{
    const struct slice parts[] = {SLICE_LIT(TASK_ENRICHED_PREFIX), s->output};
    uint8_t topic[TOPIC_NAME_MAX];
    uint32_t partitions = 0;

    if (parts[0].len + parts[1].len > sizeof topic) {
        l->rc = l->rc != 0 ? l->rc : ERR_MALFORMED;
        return;
    }
    memcpy(topic, parts[0].ptr, parts[0].len);
    memcpy(topic + parts[0].len, parts[1].ptr, parts[1].len);
    for (uint32_t i = 0; i < s->layout.count; i++) {
        if (s->layout.names[i].from.partition >= partitions)
            partitions = s->layout.names[i].from.partition + 1;
    }
    for (uint32_t i = 0; i < s->dc_count && l->rc == 0; i++) {
        for (uint32_t p = 0; p < partitions && l->rc == 0 && !slice_equal(s->dcs[i], dc); p++)
            list_add(l, &(struct task){.kind = TASK_REPLICATE,
                                       .dc = s->dcs[i],
                                       .topic = slice_of(topic, parts[0].len + parts[1].len),
                                       .partition = p});
    }
}

static int by_name(const void *left, const void *right)
{
    return slice_compare(*(const struct slice *)left, *(const struct slice *)right);
}

static void list_sort(struct list *l)
{
    size_t kept = 0;

    if (l->count > 0)
        qsort(l->names, l->count, sizeof *l->names, by_name);
    for (size_t i = 0; i < l->count; i++) {
        if (kept == 0 || !slice_equal(l->names[kept - 1], l->names[i]))
            l->names[kept++] = l->names[i];
    }
    l->count = kept;
}

bool task_links_parse(struct slice name, struct slice *out_dc)
{
    const struct slice prefix = SLICE_LIT("links/");

    if (!slice_starts_with(name, prefix) || name.len == prefix.len)
        return false;
    *out_dc = slice_sub(name, prefix.len, name.len);
    return true;
}

size_t tasks_without_links(struct slice dc, struct slice cut, struct slice *names, size_t count)
{
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        struct task t;
        const bool is_copy = task_parse(names[i], &t) == 0 && t.kind == TASK_REPLICATE;

        if (is_copy && (slice_equal(dc, cut) || slice_equal(t.dc, cut)))
            continue;
        names[left++] = names[i];
    }
    return left;
}

int tasks_list(struct slice dc, const struct tasks_stream *streams, size_t count, struct arena *a,
               struct slice **out_names, size_t *out_count)
{
    /* Each strand adds at most two, before what is double goes. */
    struct list l = {.arena = a, .room = (size_t)8 * TASKS_MAX};

    l.names = arena_calloc(a, l.room, sizeof *l.names);
    if (l.names == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct tasks_stream *s = &streams[i];
        if (!is_listed(dc, s) || s->layout.count == 0)
            continue;
        add_sources(&l, dc, s);
        add_enriched(&l, dc, s);
        list_add(&l, &(struct task){.kind = TASK_MERGE, .output = s->output});
        if (l.rc != 0)
            return l.rc;
        list_sort(&l);
    }
    if (l.count > TASKS_MAX)
        return ERR_TOO_LARGE;
    *out_names = l.names;
    *out_count = l.count;
    return 0;
}
