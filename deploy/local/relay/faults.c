/* SPDX-License-Identifier: Apache-2.0 */
#include "deploy/local/relay/faults.h"

#include "proto/err.h"

#include <assert.h>
#include <stdio.h>

/* One command, taken apart. */
struct command {
    struct faults *f;
    const struct slice *words; /* without the verb */
    int count;
    char *answer; /* FAULTS_ANSWER_MAX bytes */
};

int words_split(struct slice line, struct slice words[FAULTS_WORDS_MAX])
{
    int count = 0;
    size_t at = 0;

    for (;;) {
        while (at < line.len && strchr(" \t\r\n", line.ptr[at]) != NULL)
            at++;
        if (at >= line.len)
            return count;
        if (count == FAULTS_WORDS_MAX)
            return -1;
        size_t start = at;

        while (at < line.len && strchr(" \t\r\n", line.ptr[at]) == NULL)
            at++;
        words[count++] = slice_sub(line, start, at);
    }
}

bool name_copy(struct slice word, char out[FAULTS_NAME_MAX])
{
    if (word.len == 0 || word.len >= FAULTS_NAME_MAX)
        return false;
    memcpy(out, word.ptr, word.len);
    out[word.len] = '\0';
    return true;
}

static int site_find(const struct faults *f, struct slice name)
{
    for (uint32_t i = 0; i < f->site_count; i++)
        if (slice_equal(slice_str(f->sites[i]), name))
            return (int)i;
    return -1;
}

int faults_site(struct faults *f, struct slice name)
{
    int site = site_find(f, name);

    if (site >= 0)
        return site;
    if (f->site_count == FAULTS_SITES_MAX || !name_copy(name, f->sites[f->site_count]))
        return -1;
    return (int)f->site_count++;
}

static int refuse(const struct command *c, const char *why, struct slice what)
{
    (void)snprintf(c->answer, FAULTS_ANSWER_MAX, "%s: '%.*s'", why,
                   (int)(what.len < 40 ? what.len : 40),
                   what.ptr == NULL ? "" : (const char *)what.ptr);
    return ERR_MALFORMED;
}

static int number(const struct command *c, int at, uint32_t max, uint32_t *out)
{
    struct slice word = c->words[at];
    uint32_t value = 0;

    if (word.len == 0 || word.len > 7)
        return refuse(c, "not a number in range", word);
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] < '0' || word.ptr[i] > '9')
            return refuse(c, "not a number in range", word);
        value = value * 10 + (uint32_t)(word.ptr[i] - '0');
    }
    if (value > max)
        return refuse(c, "not a number in range", word);
    *out = value;
    return 0;
}

/* A set of directions: of one pair of sites, of one site and all others, or of all. */
struct span {
    int a; /* -1: any */
    int b; /* -1: any */
};

static int span_read(const struct command *c, int at, struct span *out)
{
    struct span span = {.a = -1, .b = -1};

    if (c->count == at) {
        *out = span;
        return 0;
    }
    if (c->count != at + 2)
        return refuse(c, "needs two sites", SLICE_LIT(""));
    span.a = site_find(c->f, c->words[at]);
    if (span.a < 0)
        return refuse(c, "no such site", c->words[at]);
    if (!slice_equal(c->words[at + 1], SLICE_LIT("*"))) {
        span.b = site_find(c->f, c->words[at + 1]);
        if (span.b < 0 || span.b == span.a)
            return refuse(c, "no such other site", c->words[at + 1]);
    }
    *out = span;
    return 0;
}

/* Is from -> to one of the span's directions, read from a to b? */
static bool span_has(struct span span, int from, int to)
{
    return from != to && (span.a < 0 || span.a == from) && (span.b < 0 || span.b == to);
}

static void set_cut(struct faults *f, struct span span, bool both_ways, bool is_cut)
{
    int count = (int)f->site_count;

    for (int from = 0; from < count; from++)
        for (int to = 0; to < count; to++)
            if (span_has(span, from, to) || (both_ways && span_has(span, to, from)))
                f->is_cut[from][to] = is_cut;
}

static int do_cut(const struct command *c, bool both_ways)
{
    struct span span;

    if (c->count == 0)
        return refuse(c, "needs two sites", SLICE_LIT(""));
    int rc = span_read(c, 0, &span);

    if (rc != 0)
        return rc;
    set_cut(c->f, span, both_ways, true);
    return 0;
}

static int do_heal(const struct command *c)
{
    struct span span;
    int rc = span_read(c, 0, &span);

    if (rc != 0)
        return rc;
    set_cut(c->f, span, true, false);
    return 0;
}

static int do_latency(const struct command *c)
{
    struct span span;
    uint32_t ms;

    if (c->count == 0)
        return refuse(c, "needs milliseconds", SLICE_LIT(""));
    int rc = number(c, 0, FAULTS_MS_MAX, &ms);

    if (rc != 0)
        return rc;
    rc = span_read(c, 1, &span);
    if (rc != 0)
        return rc;
    for (int from = 0; from < (int)c->f->site_count; from++)
        for (int to = 0; to < (int)c->f->site_count; to++)
            if (span_has(span, from, to) || span_has(span, to, from))
                c->f->latency_ms[from][to] = ms;
    return 0;
}

/* delay KEY MS N [LINK], the others KEY N [LINK]. */
static int do_rule(const struct command *c, enum fault_kind kind)
{
    struct fault_rule rule = {.kind = kind};
    int fixed = kind == FAULT_DELAY ? 3 : 2;
    uint32_t api_key;

    if (c->count != fixed && c->count != fixed + 1)
        return refuse(c, "needs the number of an API and a count", SLICE_LIT(""));
    int rc = number(c, 0, INT16_MAX, &api_key);

    if (rc == 0 && kind == FAULT_DELAY)
        rc = number(c, 1, FAULTS_MS_MAX, &rule.delay_ms);
    if (rc == 0)
        rc = number(c, fixed - 1, FAULTS_COUNT_MAX, &rule.left);
    if (rc != 0)
        return rc;
    if (c->count > fixed && !name_copy(c->words[fixed], rule.link))
        return refuse(c, "name of a link too long", c->words[fixed]);
    rule.api_key = (int16_t)api_key;
    for (size_t i = 0; i < FAULTS_RULES_MAX; i++) {
        if (c->f->rules[i].left == 0) {
            c->f->rules[i] = rule;
            return 0;
        }
    }
    return refuse(c, "too many rules are waiting", SLICE_LIT(""));
}

int faults_command(struct faults *f, struct slice line, char answer[FAULTS_ANSWER_MAX])
{
    struct slice words[FAULTS_WORDS_MAX];
    int count = words_split(line, words);

    answer[0] = '\0';
    struct command c = {.f = f, .words = words + 1, .count = count - 1, .answer = answer};

    if (count < 1)
        return refuse(&c, "not a command", SLICE_LIT(""));
    struct slice verb = words[0];

    if (slice_equal(verb, SLICE_LIT("cut")))
        return do_cut(&c, true);
    if (slice_equal(verb, SLICE_LIT("cut-one-way")))
        return do_cut(&c, false);
    if (slice_equal(verb, SLICE_LIT("heal")))
        return do_heal(&c);
    if (slice_equal(verb, SLICE_LIT("latency")))
        return do_latency(&c);
    if (slice_equal(verb, SLICE_LIT("delay")))
        return do_rule(&c, FAULT_DELAY);
    if (slice_equal(verb, SLICE_LIT("drop")))
        return do_rule(&c, FAULT_DROP);
    if (slice_equal(verb, SLICE_LIT("drop-reply")))
        return do_rule(&c, FAULT_DROP_REPLY);
    if (slice_equal(verb, SLICE_LIT("repeat")))
        return do_rule(&c, FAULT_REPEAT);
    if (slice_equal(verb, SLICE_LIT("forget")) && count == 1) {
        memset(f->rules, 0, sizeof(f->rules));
        return 0;
    }
    return refuse(&c, "not a command", verb);
}

struct fault faults_take(struct faults *f, const char *link, int16_t api_key)
{
    for (size_t i = 0; i < FAULTS_RULES_MAX; i++) {
        struct fault_rule *rule = &f->rules[i];

        if (rule->left == 0 || rule->api_key != api_key)
            continue;
        if (rule->link[0] != '\0' && strcmp(rule->link, link) != 0)
            continue;
        rule->left--;
        return (struct fault){.kind = rule->kind, .delay_ms = rule->delay_ms};
    }
    return (struct fault){.kind = FAULT_NONE};
}

bool faults_blocks_connect(const struct faults *f, int a, int b)
{
    assert(a >= 0);
    assert(a < FAULTS_SITES_MAX);
    assert(b >= 0);
    assert(b < FAULTS_SITES_MAX);
    return f->is_cut[a][b] || f->is_cut[b][a];
}
