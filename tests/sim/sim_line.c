/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_line.c - the shell of a line: carries out in order what node/line.h asks for.
 */
#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <stdio.h>

#define READ_MAX 64

void line_begin(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    struct task *t = &w->tasks[i->task];
    struct line_run *run = i->line;

    line_init(&run->line, &t->config);
    run->in = (struct reader){.instance = instance, .generation = i->generation, .which = 0};
    run->out = (struct reader){.instance = instance, .generation = i->generation, .which = 1};
    run->head_told = 0;
    run->is_idle = false;
    run->session = pool_alloc(&w->pool, sizeof *run->session);
    *run->session = (struct session){.log = t->output,
                                     .serial = ++w->serials,
                                     .instance = instance,
                                     .log_epoch = t->output->epoch,
                                     .generation = i->generation};
    world_plan(
        w, chance_between(&w->chance_detail, 5 * MS, 50 * MS),
        &(struct happening){.kind = HAPPENS_READY, .who = instance, .generation = i->generation});
}

static struct header header_of(enum header_name name, struct slice value)
{
    return (struct header){.name = slice_str(header_text(name)), .value = value};
}

static struct slice text_of(struct world *w, const char *text, size_t len)
{
    return pool_copy(&w->pool, slice_of(text, len));
}

static uint32_t own_headers(const struct body *source, struct header *out, uint32_t max)
{
    uint32_t count = 0;

    for (uint32_t h = 0; h < source->header_count && count < max; h++) {
        if (!header_is_reserved(source->headers[h].name))
            out[count++] = source->headers[h];
    }
    return count;
}

/* braid-origin and braid-time. */
static uint32_t origin_headers(struct world *w, const struct line_action *a, struct header *out)
{
    char text[ORIGIN_TEXT_MAX];
    size_t len = origin_format(&a->origin, text);

    out[0] = header_of(HEADER_ORIGIN, text_of(w, text, len));
    out[1] = header_of(HEADER_TIME, pool_number(&w->pool, a->source_time_ms));
    return 2;
}

static const struct body *copy_body(struct world *w, const struct task *t, const struct krec *in,
                                    const struct line_action *a)
{
    struct header headers[16];
    uint32_t count;

    if (t->kind == TASK_COPY_ENRICHED)
        return in->body;
    count = own_headers(in->body, headers, 8);
    count += origin_headers(w, a, headers + count);
    return body_new(w, in->body->key, in->body->value, headers, count);
}

/* The event's id: the value up to the first space. */
static struct slice id_of(const struct body *source)
{
    for (size_t at = 0; at < source->value.len; at++) {
        if (source->value.ptr[at] == ' ')
            return slice_sub(source->value, 0, at);
    }
    return (struct slice){0};
}

static const struct body *enriched_body(struct world *w, const struct task *t,
                                        const struct line_action *a, const struct work *work,
                                        uint32_t by_incarnation)
{
    struct header headers[16];
    char by[DC_NAME_MAX + 16];
    int by_len = snprintf(by, sizeof by, "%.*s/%u", SLICE_ARG(t->config.by_dc), by_incarnation);
    struct slice status = a->kind == LINE_DO_GAP ? SLICE_LIT("gap") : SLICE_LIT("skipped");
    struct slice key = {0};
    struct slice value = {0};
    uint32_t count = 0;

    if (work != NULL) {
        const struct body *source = work->source->body;
        struct slice id = id_of(source);

        key = source->key;
        status = work->status;
        value = work->value;
        count = own_headers(source, headers, 8);
        count += origin_headers(w, a, headers + count);
        if (id.len != 0)
            headers[count++] = header_of(HEADER_ID, id);
    } else {
        count = origin_headers(w, a, headers);
    }
    headers[count++] = header_of(HEADER_STATUS, status);
    headers[count++] = header_of(HEADER_BY, text_of(w, by, (size_t)by_len));
    headers[count++] = header_of(HEADER_SPEC, SLICE_LIT("1"));
    return body_new(w, key, value, headers, count);
}

static void save_places(struct world *w, const struct instance *i)
{
    struct saved_place *saved = pool_alloc(&w->pool, 2 * sizeof *saved);
    struct line_place places[2];
    uint32_t strands = w->tasks[i->task].config.strand_count;
    int64_t delay_us = net_delay_us(w, i->dc, i->dc);

    line_places(&i->line->line, &places[0], &places[1]);
    for (int p = 0; p < 2; p++) {
        saved[p] = (struct saved_place){.valid = places[p].valid,
                                        .by_incarnation = i->line->line.config.by_incarnation,
                                        .log_offset = places[p].log_offset,
                                        .epoch = places[p].epoch,
                                        .count = strands,
                                        .last = pool_alloc(&w->pool, strands * sizeof(int64_t))};
        memcpy(saved[p].last, places[p].last, strands * sizeof(int64_t));
    }
    if (window_is_on(w, i->dc, FAULT_place_lost) && chance_permille(&w->chance_detail, 400)) {
        fault_count(w, FAULT_place_lost);
        if (chance_permille(&w->chance_detail, 500))
            return;
        delay_us += chance_between(&w->chance_detail, SECOND, 60 * SECOND);
    }
    world_plan(w, delay_us,
               &(struct happening){.kind = HAPPENS_SAVE, .who = i->task, .ptr = saved});
}

static void flush(struct world *w, struct instance *i, struct batch *b)
{
    const struct task *t = &w->tasks[i->task];
    struct batch *sent;

    if (b->count == 0)
        return;
    sent = pool_alloc(&w->pool, sizeof *sent);
    *sent = *b;
    sent->session = i->line->session;
    sent->copy_dc = t->kind == TASK_ENRICH ? -1 : (int32_t)t->dc;
    sent->bodies = pool_alloc(&w->pool, b->count * sizeof(void *));
    memcpy(sent->bodies, b->bodies, b->count * sizeof(void *));
    sent->tickets = pool_alloc(&w->pool, b->count * sizeof(uint64_t));
    memcpy(sent->tickets, b->tickets, b->count * sizeof(uint64_t));
    send_batch(w, sent);
}

static void start_work(struct world *w, uint32_t instance, const struct line_action *a,
                       const struct krec *source)
{
    struct instance *i = &w->instances[instance];

    i->line->works[a->ticket % LINE_IN_FLIGHT_MAX] =
        (struct work){.source = source, .asked_us = w->now_us};
    world_plan(w, wiki_delay_us(w, i->dc),
               &(struct happening){.kind = HAPPENS_WORKED,
                                   .who = instance,
                                   .generation = i->generation,
                                   .number = (int64_t)a->ticket});
}

/* Carries the actions out; `in` are the records of the event. */
static void carry_out(struct world *w, uint32_t instance, struct krec *const *in)
{
    struct instance *i = &w->instances[instance];
    struct task *t = &w->tasks[i->task];
    struct line_run *run = i->line;
    const struct body *bodies[LINE_ACTIONS_MAX];
    uint64_t tickets[LINE_ACTIONS_MAX];
    struct batch b = {.bodies = bodies, .tickets = tickets};

    for (uint32_t n = 0; n < w->line_actions->count; n++) {
        const struct line_action *a = &w->line_actions->list[n];
        const struct work *work = &run->works[a->ticket % LINE_IN_FLIGHT_MAX];

        switch (a->kind) {
        case LINE_DO_READ_OUT:
            reader_start(w, &run->out, t->output,
                         a->log_offset == LINE_FROM_START ? t->output->start : a->log_offset);
            break;
        case LINE_DO_READ_IN:
            reader_start(w, &run->in, t->input,
                         a->log_offset == LINE_FROM_START ? t->input->start : a->log_offset);
            break;
        case LINE_DO_WORK:
            start_work(w, instance, a, in[a->index]);
            break;
        case LINE_DO_PRODUCE:
            bodies[b.count] = t->kind == TASK_ENRICH
                                  ? enriched_body(w, t, a, work, run->line.config.by_incarnation)
                                  : copy_body(w, t, in[a->index], a);
            tickets[b.count++] = a->ticket;
            break;
        case LINE_DO_SKIP:
        case LINE_DO_GAP:
            bodies[b.count] = enriched_body(w, t, a, NULL, run->line.config.by_incarnation);
            tickets[b.count++] = a->ticket;
            break;
        case LINE_DO_DROP:
            break;
        case LINE_DO_COMMIT:
            save_places(w, i);
            break;
        case LINE_DO_STOP:
            flush(w, i, &b);
            instance_stop(w, instance, a->code, a->why);
            return;
        }
    }
    flush(w, i, &b);
}

static bool step(struct world *w, uint32_t instance, struct line_event *ev, struct krec *const *in)
{
    struct instance *i = &w->instances[instance];
    uint32_t generation = i->generation;
    struct line_run *run = i->line;

    ev->now_ms = node_now_ms(w, i->dc, i->node);
    line_step(&run->line, ev, w->line_actions);
    carry_out(w, instance, in);
    if (!i->is_live || i->generation != generation)
        return false;
    if (run->in.is_blocked && line_room(&run->line) != 0) {
        run->in.is_blocked = false;
        reader_plan(w, &run->in);
    }
    return true;
}

static void to_place(const struct task *t, const struct saved_place *s, struct line_place *out)
{
    *out = (struct line_place){0};
    if (s->by_incarnation != t->config.by_incarnation)
        return;
    *out = (struct line_place){.valid = s->valid, .log_offset = s->log_offset, .epoch = s->epoch};
    if (s->count != 0)
        memcpy(out->last, s->last, s->count * sizeof(int64_t));
}

static void start(struct world *w, uint32_t instance, const struct happening *h)
{
    struct instance *i = &w->instances[instance];
    const struct task *t = &w->tasks[i->task];
    struct line_place in;
    struct line_place out;
    struct line_event ev = {.kind = LINE_EV_START, .place_in = &in, .place_out = &out};

    if (!kafka_answers(w, i->dc, t->output->dc) || !kafka_answers(w, i->dc, t->input->dc)) {
        world_plan(w, 500 * MS, h);
        return;
    }
    to_place(t, &t->saved_in, &in);
    to_place(t, &t->saved_out, &out);
    ev.in = (struct log_bounds){t->input->start, klog_stable_end(t->input)};
    ev.out = (struct log_bounds){t->output->start, klog_stable_end(t->output)};
    if (step(w, instance, &ev, NULL))
        world_plan(w, 500 * MS,
                   &(struct happening){
                       .kind = HAPPENS_TICK, .who = instance, .generation = i->generation});
}

static void pump(struct world *w, uint32_t instance, struct reader *r, bool is_input)
{
    struct instance *i = &w->instances[instance];
    struct krec *found[READ_MAX];
    struct record records[READ_MAX];
    uint32_t room = is_input ? line_room(&i->line->line) : READ_MAX;
    struct line_event ev = {.kind = is_input ? LINE_EV_IN : LINE_EV_OUT, .records = records};

    r->is_planned = false;
    if (r->log == NULL)
        return;
    if (!kafka_answers(w, i->dc, r->log->dc) || window_is_on(w, r->log->dc, FAULT_read_stall)) {
        r->is_planned = true;
        world_plan(w, 500 * MS,
                   &(struct happening){.kind = HAPPENS_PUMP,
                                       .who = instance,
                                       .generation = i->generation,
                                       .which = r->which});
        return;
    }
    if (r->at < r->log->start) {
        instance_stop(w, instance, ERR_HOLE, "retention has overtaken the reader");
        return;
    }
    if (reader_was_cut_off(r)) {
        ev = (struct line_event){.kind = LINE_EV_MOVED, .is_output = !is_input};
        if (!step(w, instance, &ev, NULL))
            return;
    }
    r->log_epoch = r->log->epoch;
    if (room == 0) {
        r->is_blocked = true;
        return;
    }
    ev.count = klog_read(r->log, &r->at, found, room < READ_MAX ? room : READ_MAX);
    for (uint32_t n = 0; n < ev.count; n++)
        krec_view(w, r->log, found[n], &records[n]);
    if (ev.count != 0 && !step(w, instance, &ev, found))
        return;
    if (r->log == NULL)
        return;
    if (r->at < klog_stable_end(r->log)) {
        reader_plan(w, r);
    } else if (!r->end_told) {
        r->end_told = true;
        ev = (struct line_event){.kind = is_input ? LINE_EV_IN_END : LINE_EV_OUT_END,
                                 .log_offset = r->at};
        (void)step(w, instance, &ev, NULL);
    }
}

static void tell_head(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    const struct task *t = &w->tasks[i->task];
    const struct dc *dc = &w->dcs[i->dc];
    int64_t positions[LINE_STRANDS_MAX];
    struct line_event ev = {.kind = LINE_EV_CUT, .positions = positions};

    if (dc->head_positions == NULL || dc->head_seen <= i->line->head_told)
        return;
    i->line->head_told = dc->head_seen;
    for (uint32_t s = 0; s < t->config.strand_count; s++)
        positions[s] = dc->head_positions[t->strand_origins[s]];
    ev.others = FAILING_ALONE;
    for (uint32_t by = 0; by < w->p.dc_count && t->kind == TASK_ENRICH; by++) {
        const uint32_t s = w->strand_table[by][t->strand_origins[0]];

        if (s != UINT32_MAX && by == t->dc)
            ev.own = dc->head_strands[s];
        else if (s != UINT32_MAX && dc->head_strands[s] > ev.others)
            ev.others = dc->head_strands[s];
    }
    (void)step(w, instance, &ev, NULL);
}

static void tick(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    struct line_event ev = {.kind = LINE_EV_TICK};
    uint32_t generation = i->generation;
    bool is_busy = i->line->line.ticket_next != i->line->line.ticket_read;

    if (i->line->line.config.by_incarnation != w->tasks[i->task].config.by_incarnation) {
        instance_stop(w, instance, ERR_CONFLICT, "its strands have a new incarnation");
        return;
    }
    tell_head(w, instance);
    if (!i->is_live || i->generation != generation || !step(w, instance, &ev, NULL))
        return;
    world_plan(
        w, is_busy ? 500 * MS : 2 * SECOND,
        &(struct happening){.kind = HAPPENS_TICK, .who = instance, .generation = generation});
}

static void delivered(struct world *w, uint32_t instance, const struct batch *b)
{
    struct line_event ev = {.kind = b->is_delivered ? LINE_EV_ACKED : LINE_EV_FAILED};

    for (uint32_t n = 0; n < b->count; n++) {
        ev.ticket = b->tickets[n];
        if (!step(w, instance, &ev, NULL))
            return;
    }
}

static enum line_work work_done(struct world *w, uint32_t instance, struct work *work)
{
    work->status =
        wiki_fetch(w, w->instances[instance].dc, work->source->body, w->now_us, &work->value);
    if (work->status.ptr[0] == 'f' && work->status.ptr[1] == 'a')
        return LINE_WORK_FAILED;
    return slice_equal(work->status, SLICE_LIT("ok")) ? LINE_WORK_GOOD : LINE_WORK_NOT_ASKED;
}

void line_happens(struct world *w, uint32_t instance, const struct happening *h)
{
    struct line_run *run = w->instances[instance].line;
    struct line_event ev = {.kind = LINE_EV_DONE, .ticket = (uint64_t)h->number};

    switch (h->kind) {
    case HAPPENS_READY:
        start(w, instance, h);
        break;
    case HAPPENS_PUMP:
        pump(w, instance, h->which == 0 ? &run->in : &run->out, h->which == 0);
        break;
    case HAPPENS_WORKED:
        ev.work = work_done(w, instance, &run->works[ev.ticket % LINE_IN_FLIGHT_MAX]);
        (void)step(w, instance, &ev, NULL);
        break;
    case HAPPENS_DELIVERED:
        delivered(w, instance, h->ptr);
        break;
    case HAPPENS_TICK:
        tick(w, instance);
        break;
    default:
        break;
    }
}
