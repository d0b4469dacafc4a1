/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/story.h"

#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void give_up(const struct story *s, uint32_t line, const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "%s:%u: ", s->path, line);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "\n");
    exit(2);
}

/* --- reading ------------------------------------------------------------------------------------ */

/* Cuts the next word off; empty at the end. */
static char *next_word(char **text)
{
    char *word = *text + strspn(*text, " ");
    char *end = word + strcspn(word, " ");

    *text = end;
    if (*end != '\0') {
        *end = '\0';
        *text = end + 1;
    }
    return word;
}

/* A whole number, with an optional s for seconds; 0 if there is no word. */
static long number_word(const struct story *s, uint32_t line, char **text)
{
    const char *word = next_word(text);
    char *end;
    long number = strtol(word, &end, 10);

    if (*end == 's')
        end++;
    if (*end != '\0')
        give_up(s, line, "'%s' is not a number", word);
    return number;
}

static void set_param(const struct story *s, uint32_t line, const char *name, long value,
                      struct params *p)
{
    if (strcmp(name, "dcs") == 0)
        p->dc_count = (uint32_t)value;
    else if (strcmp(name, "nodes") == 0)
        p->node_count = (uint32_t)value;
    else if (strcmp(name, "interval") == 0)
        p->cut_interval_ms = (uint32_t)value;
    else if (strcmp(name, "partitions") == 0)
        p->partitions[0] = p->e_partitions = (uint32_t)value;
    else if (strcmp(name, "seed") == 0)
        p->seed = (uint64_t)value;
    else
        give_up(s, line, "'%s' is not a setting", name);
}

static void add_line(struct story *s, uint32_t number, int64_t at_ms, bool is_expected,
                     const char *text)
{
    struct story_line *l = &s->list[s->count];

    if (s->count == STORY_LINES_MAX)
        give_up(s, number, "more than %d lines", STORY_LINES_MAX);
    s->count++;
    *l = (struct story_line){.at_ms = at_ms, .is_expected = is_expected, .number = number};
    if (is_expected)
        (void)snprintf(l->text, sizeof l->text, "*%s*", text);
    else
        (void)snprintf(l->text, sizeof l->text, "%s", text);
}

static void read_line(struct story *s, uint32_t number, char *text, struct params *p)
{
    char *rest;
    double at;

    text[strcspn(text, "#\n")] = '\0';
    text += strspn(text, " ");
    for (size_t len = strlen(text); len != 0 && text[len - 1] == ' '; len--)
        text[len - 1] = '\0';
    if (*text == '\0')
        return;
    at = strtod(text, &rest);
    if (*text == '>') {
        add_line(s, number, p->faults_ms, true, text + 1 + strspn(text + 1, " "));
    } else if (rest != text && *rest == 's') {
        p->faults_ms = (int64_t)(at * 1000);
        add_line(s, number, p->faults_ms, false, rest + 1 + strspn(rest + 1, " "));
    } else {
        const char *name = next_word(&text);
        set_param(s, number, name, number_word(s, number, &text), p);
    }
}

void story_read(struct story *s, const char *path, struct params *out)
{
    FILE *from = fopen(path, "r");
    char text[STORY_TEXT_MAX];
    uint32_t number = 0;

    *s = (struct story){.path = path};
    if (from == NULL) {
        perror(path);
        exit(2);
    }
    *out = (struct params){
        .seed = 1,
        .dc_count = 2,
        .node_count = 1,
        .topic_count = 1,
        .partitions = {1},
        .e_partitions = 1,
        .drain_ms_max = 300000,
        .cut_interval_ms = 1000,
        .member_timeout_ms = 3000,
        .member_rejoin_ms = 5000,
        .member_lag_max_ms = 30000,
        .failed_grace_ms = 10000,
        .min_members = 1,
        .dedup_window = 1000,
        .cap_records = 1000,
        .in_flight_max = 64,
        .entries_max = 16384,
        .bytes_max = 8 << 20,
        .source_tick_ms = 1,
        .story = s,
    };
    while (fgets(text, sizeof text, from) != NULL)
        read_line(s, ++number, text, out);
    (void)fclose(from);
    if (s->count == 0)
        give_up(s, number, "no steps");
    out->faults_ms += 1000;
}

/* --- steps -------------------------------------------------------------------------------------- */

/* DC and node from "eqiad" or "eqiad-1"; nodes count from 1. */
static bool find_node(const struct world *w, const char *name, uint32_t *dc, uint32_t *node)
{
    const char *dash = strchr(name, '-');
    size_t len = dash == NULL ? strlen(name) : (size_t)(dash - name);

    *node = dash == NULL ? 0 : (uint32_t)strtoul(dash + 1, NULL, 10) - 1;
    for (*dc = 0; *dc < w->p.dc_count; (*dc)++) {
        if (slice_equal(w->dcs[*dc].name, slice_of((const uint8_t *)name, len)))
            return *node < w->p.node_count;
    }
    return false;
}

static void isolate(struct world *w, uint32_t dc, int64_t until_us)
{
    for (uint32_t s = 0; s < SIM_SITES; s++) {
        if (s != dc) {
            w->net.cut_until_us[dc][s] = until_us;
            w->net.cut_until_us[s][dc] = until_us;
        }
    }
}

static void go_down(struct world *w, uint32_t dc, uint32_t node, int64_t time_us)
{
    node_crash(w, dc, node);
    world_plan(
        w, time_us,
        &(struct happening){
            .kind = HAPPENS_FAULT_END, .which = FAULT_node_crash, .who = dc, .number = node});
}

static void start_twice(struct world *w, uint32_t dc, enum task_kind kind)
{
    for (uint32_t task = 0; task < w->task_count; task++) {
        if (w->tasks[task].dc == dc && w->tasks[task].kind == kind)
            second_owner(w, task);
    }
}

/* Faults that last and are of one DC. */
static bool open_window(struct world *w, const char *verb, uint32_t dc, int64_t until_us)
{
    static const struct {
        const char *verb;
        enum fault fault;
    } windows[] = {
        {"api-fails", FAULT_wiki_errors},        {"api-hides", FAULT_page_hidden},
        {"api-slow", FAULT_wiki_slow},           {"commits-unclear", FAULT_endtxn_unknown},
        {"commits-again", FAULT_endtxn_late},    {"readers-stand-still", FAULT_read_stall},
        {"deliveries-fail", FAULT_produce_fail},
    };

    for (size_t n = 0; n < sizeof windows / sizeof windows[0]; n++) {
        if (strcmp(verb, windows[n].verb) == 0) {
            w->dcs[dc].window_until_us[windows[n].fault] = until_us;
            return true;
        }
    }
    return false;
}

static bool loses(struct world *w, const char *verb, uint32_t dc)
{
    if (strcmp(verb, "lose") == 0)
        lose_for_ever(w, dc);
    else if (strcmp(verb, "declare-lost") == 0)
        declare_lost(w, dc);
    else if (strcmp(verb, "come-back") == 0)
        lost_comes_back(w);
    else if (strcmp(verb, "look") == 0)
        lost_is_looked_at(w);
    else
        return false;
    return true;
}

static bool act_on(struct world *w, const char *verb, uint32_t dc, uint32_t node, int64_t number)
{
    int64_t time_us = number * SECOND;
    int64_t until_us = w->now_us + time_us;

    if (strcmp(verb, "events") == 0)
        source_send(w, dc, (uint32_t)number);
    else if (strcmp(verb, "crash") == 0)
        go_down(w, dc, node, time_us);
    else if (strcmp(verb, "pause") == 0)
        w->dcs[dc].nodes[node].paused_until_us = until_us;
    else if (strcmp(verb, "cut-off") == 0)
        isolate(w, dc, until_us);
    else if (strcmp(verb, "kafka-down") == 0)
        w->dcs[dc].kafka_down_until_us = until_us;
    else if (strcmp(verb, "merge-twice") == 0)
        start_twice(w, dc, TASK_MERGE);
    else if (strcmp(verb, "enrich-twice") == 0)
        start_twice(w, dc, TASK_ENRICH);
    else if (strcmp(verb, "lose-own") == 0)
        klog_truncate(w, w->dcs[dc].enriched[dc][0], w->dcs[dc].enriched[dc][0]->end - number);
    else if (strcmp(verb, "accept-incarnation") == 0)
        accept_incarnation(w, dc);
    else
        return loses(w, verb, dc) || open_window(w, verb, dc, until_us);
    return true;
}

static bool etcd_acts(struct world *w, const char *verb)
{
    if (strcmp(verb, "etcd-backup") == 0)
        etcd_back_up(w);
    else if (strcmp(verb, "etcd-restore") == 0)
        etcd_restore(w);
    else if (strcmp(verb, "recover-chain") == 0)
        recover_chain(w);
    else
        return false;
    return true;
}

void story_happens(struct world *w, const struct happening *h)
{
    const struct story_line *l = h->ptr;
    char words[STORY_TEXT_MAX];
    char *rest = words;
    const char *verb;
    const char *name;
    uint32_t dc = 0;
    uint32_t node = 0;

    say(w, NOBODY, NOBODY, "story", "%s", l->text);
    if (strcmp(l->text, "wait") == 0 || etcd_acts(w, l->text))
        return;
    (void)snprintf(words, sizeof words, "%s", l->text);
    verb = next_word(&rest);
    if (strcmp(verb, "etcd-down") == 0) {
        w->etcd_down_until_us = w->now_us + number_word(w->p.story, l->number, &rest) * SECOND;
        return;
    }
    name = next_word(&rest);
    if (!find_node(w, name, &dc, &node) ||
        !act_on(w, verb, dc, node, number_word(w->p.story, l->number, &rest)))
        give_up(w->p.story, l->number, "no such step: %s", l->text);
}

void story_begin(struct world *w)
{
    struct story *s = w->p.story;

    s->next = 0;
    for (uint32_t n = 0; n < s->count; n++) {
        if (!s->list[n].is_expected)
            world_plan(w, s->list[n].at_ms * MS,
                       &(struct happening){.kind = HAPPENS_STORY, .ptr = &s->list[n]});
    }
}

/* --- what is told ------------------------------------------------------------------------------- */

void story_hear(struct world *w, const char *line)
{
    struct story *s = w->p.story;

    while (s->next < s->count && !s->list[s->next].is_expected)
        s->next++;
    if (s->next < s->count && w->now_us >= s->list[s->next].at_ms * MS &&
        fnmatch(s->list[s->next].text, line, 0) == 0)
        s->next++;
}

bool story_is_told(const struct story *s)
{
    for (uint32_t n = s->next; n < s->count; n++) {
        if (s->list[n].is_expected) {
            (void)printf("%s:%u: never told after what comes before it: %s\n", s->path,
                         s->list[n].number, s->list[n].text);
            return false;
        }
    }
    return true;
}
