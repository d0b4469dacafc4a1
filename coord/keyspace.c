/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/keyspace.h"

#include "proto/err.h"
#include "proto/origin.h"

#include <assert.h>

enum {
    NUMBER_DIGITS_MAX = 20,
};

bool keyspace_name_is_valid(struct slice name)
{
    if (name.len == 0 || name.len > TOPIC_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.ptr[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool is_digit = c >= '0' && c <= '9';
        if (!is_letter && !is_digit && c != '.' && c != '_' && c != '-' && c != ':')
            return false;
    }
    return true;
}

/* One or more valid names with '/' between. */
static bool path_is_valid(struct slice path)
{
    size_t from = 0;

    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.ptr[i] != '/')
            continue;
        if (!keyspace_name_is_valid(slice_sub(path, from, i)))
            return false;
        from = i + 1;
    }
    return path.len > 0;
}

/* ---- building --------------------------------------------------------------------------------- */

/* A key that grows; is_bad once a part was no valid name or did not fit. */
struct builder {
    uint8_t bytes[KEYSPACE_KEY_MAX];
    size_t len;
    bool is_bad;
};

static void add_text(struct builder *b, struct slice text)
{
    if (text.len > sizeof b->bytes - b->len) {
        b->is_bad = true;
        return;
    }
    if (text.len > 0)
        memcpy(b->bytes + b->len, text.ptr, text.len);
    b->len += text.len;
}

static void add_name(struct builder *b, struct slice name)
{
    b->is_bad = b->is_bad || !keyspace_name_is_valid(name);
    add_text(b, name);
}

static void add_path(struct builder *b, struct slice path)
{
    b->is_bad = b->is_bad || !path_is_valid(path);
    add_text(b, path);
}

static void add_number(struct builder *b, uint64_t number)
{
    uint8_t digits[NUMBER_DIGITS_MAX];
    size_t len = 0;

    do {
        digits[sizeof digits - ++len] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add_text(b, slice_of(digits + sizeof digits - len, len));
}

/* "/braid/<cluster>/" and the fixed first part. */
static void add_head(struct builder *b, struct slice cluster, struct slice first)
{
    add_text(b, SLICE_LIT("/braid/"));
    add_name(b, cluster);
    add_text(b, SLICE_LIT("/"));
    add_text(b, first);
}

/* "nodes/", "claims/", ... Of kinds under streams/ the part after the output's name is in
 * stream_part. */
static struct slice first_part(enum keyspace_kind kind)
{
    switch (kind) {
    case KEYSPACE_NODE:
        return SLICE_LIT("nodes/");
    case KEYSPACE_CLAIM:
        return SLICE_LIT("claims/");
    case KEYSPACE_SPEC:
    case KEYSPACE_CUT:
    case KEYSPACE_HELD:
    case KEYSPACE_EPOCH:
    case KEYSPACE_INCARNATION:
        return SLICE_LIT("streams/");
    case KEYSPACE_DC:
        return SLICE_LIT("dcs/");
    case KEYSPACE_PAUSE:
        return SLICE_LIT("pauses/");
    case KEYSPACE_DRAIN:
        return SLICE_LIT("drains/");
    case KEYSPACE_LOCK:
        return SLICE_LIT("ops/lock");
    case KEYSPACE_OP:
        return SLICE_LIT("ops/");
    case KEYSPACE_CHANGED:
        return SLICE_LIT("changed");
    }
    return (struct slice){0};
}

static struct slice stream_part(enum keyspace_kind kind)
{
    switch (kind) {
    case KEYSPACE_SPEC:
        return SLICE_LIT("/spec/");
    case KEYSPACE_CUT:
        return SLICE_LIT("/cuts/");
    case KEYSPACE_HELD:
        return SLICE_LIT("/held/");
    case KEYSPACE_EPOCH:
        return SLICE_LIT("/epochs/");
    case KEYSPACE_INCARNATION:
        return SLICE_LIT("/incarnations/");
    case KEYSPACE_NODE:
    case KEYSPACE_CLAIM:
    case KEYSPACE_DC:
    case KEYSPACE_PAUSE:
    case KEYSPACE_DRAIN:
    case KEYSPACE_LOCK:
    case KEYSPACE_OP:
    case KEYSPACE_CHANGED:
        break;
    }
    return (struct slice){0};
}

/* What follows the fixed parts. */
static void add_tail(struct builder *b, const struct keyspace_key *key)
{
    switch (key->kind) {
    case KEYSPACE_NODE:
        add_name(b, key->dc);
        add_text(b, SLICE_LIT("/"));
        add_name(b, key->name);
        break;
    case KEYSPACE_CLAIM:
        add_name(b, key->dc);
        add_text(b, SLICE_LIT("/"));
        add_path(b, key->name);
        break;
    case KEYSPACE_SPEC:
    case KEYSPACE_OP:
        add_number(b, key->number);
        break;
    case KEYSPACE_CUT:
        add_number(b, key->era);
        add_text(b, SLICE_LIT("/"));
        add_number(b, key->number);
        break;
    case KEYSPACE_HELD:
    case KEYSPACE_EPOCH:
    case KEYSPACE_INCARNATION:
    case KEYSPACE_DC:
        add_name(b, key->dc);
        break;
    case KEYSPACE_PAUSE:
    case KEYSPACE_DRAIN:
        add_path(b, key->name);
        break;
    case KEYSPACE_LOCK:
    case KEYSPACE_CHANGED:
        break;
    }
}

static int builder_done(const struct builder *b, struct arena *a, struct slice *out)
{
    if (b->is_bad)
        return ERR_MALFORMED;
    const struct slice text = arena_copy(a, slice_of(b->bytes, b->len));
    if (text.ptr == NULL)
        return ERR_NO_MEMORY;
    *out = text;
    return 0;
}

int keyspace_build(const struct keyspace_key *key, struct arena *a, struct slice *out)
{
    struct builder b = {.len = 0};
    const struct slice middle = stream_part(key->kind);

    add_head(&b, key->cluster, first_part(key->kind));
    if (middle.len > 0) {
        add_name(&b, key->output);
        add_text(&b, middle);
    }
    add_tail(&b, key);
    return builder_done(&b, a, out);
}

int keyspace_prefix(const struct keyspace_key *key, struct arena *a, struct slice *out)
{
    struct builder b = {.len = 0};
    const struct slice middle = stream_part(key->kind);
    const bool has_dc = key->kind == KEYSPACE_NODE || key->kind == KEYSPACE_CLAIM;

    add_head(&b, key->cluster, first_part(key->kind));
    if (middle.len > 0 && key->output.len > 0) {
        add_name(&b, key->output);
        add_text(&b, middle);
    } else if (has_dc && key->dc.len > 0) {
        add_name(&b, key->dc);
        add_text(&b, SLICE_LIT("/"));
    }
    return builder_done(&b, a, out);
}

/* ---- parsing ---------------------------------------------------------------------------------- */

/* What is left of a key to be read. */
struct reader {
    struct slice rest;
    bool is_bad;
};

static bool take_text(struct reader *r, struct slice text)
{
    if (!slice_starts_with(r->rest, text))
        return false;
    r->rest = slice_sub(r->rest, text.len, r->rest.len);
    return true;
}

/* A name up to the next '/', which is taken too, or to the end. */
static struct slice take_name(struct reader *r)
{
    const uint8_t *slash = r->rest.len == 0 ? NULL : memchr(r->rest.ptr, '/', r->rest.len);
    const size_t len = slash == NULL ? r->rest.len : (size_t)(slash - r->rest.ptr);
    const struct slice name = slice_sub(r->rest, 0, len);

    r->is_bad = r->is_bad || !keyspace_name_is_valid(name);
    /* A '/' at the very end leaves an empty rest that nothing must have asked for. */
    r->is_bad = r->is_bad || (slash != NULL && len + 1 == r->rest.len);
    r->rest = slice_sub(r->rest, slash == NULL ? len : len + 1, r->rest.len);
    return name;
}

static uint64_t take_number(struct reader *r)
{
    int64_t number = 0;

    if (number_parse(take_name(r), false, &number) != 0)
        r->is_bad = true;
    return (uint64_t)number;
}

static struct slice take_path(struct reader *r)
{
    const struct slice path = r->rest;

    r->is_bad = r->is_bad || !path_is_valid(path);
    r->rest = slice_sub(r->rest, r->rest.len, r->rest.len);
    return path;
}

static void take_cut(struct reader *r, struct keyspace_key *out)
{
    const uint64_t era = take_number(r);

    r->is_bad = r->is_bad || era > UINT32_MAX;
    out->era = (uint32_t)era;
    out->number = take_number(r);
}

/* What follows "streams/". */
static void take_stream(struct reader *r, struct keyspace_key *out)
{
    out->output = take_name(r);
    if (take_text(r, SLICE_LIT("spec/"))) {
        out->kind = KEYSPACE_SPEC;
        out->number = take_number(r);
    } else if (take_text(r, SLICE_LIT("cuts/"))) {
        out->kind = KEYSPACE_CUT;
        take_cut(r, out);
    } else if (take_text(r, SLICE_LIT("held/"))) {
        out->kind = KEYSPACE_HELD;
        out->dc = take_name(r);
    } else if (take_text(r, SLICE_LIT("epochs/"))) {
        out->kind = KEYSPACE_EPOCH;
        out->dc = take_name(r);
    } else if (take_text(r, SLICE_LIT("incarnations/"))) {
        out->kind = KEYSPACE_INCARNATION;
        out->dc = take_name(r);
    } else {
        r->is_bad = true;
    }
}

/* What follows "/braid/<cluster>/". */
static void take_tail(struct reader *r, struct keyspace_key *out)
{
    if (take_text(r, SLICE_LIT("streams/"))) {
        take_stream(r, out);
    } else if (take_text(r, SLICE_LIT("nodes/"))) {
        out->kind = KEYSPACE_NODE;
        out->dc = take_name(r);
        out->name = take_name(r);
    } else if (take_text(r, SLICE_LIT("claims/"))) {
        out->kind = KEYSPACE_CLAIM;
        out->dc = take_name(r);
        out->name = take_path(r);
    } else if (take_text(r, SLICE_LIT("dcs/"))) {
        out->kind = KEYSPACE_DC;
        out->dc = take_name(r);
    } else if (take_text(r, SLICE_LIT("pauses/"))) {
        out->kind = KEYSPACE_PAUSE;
        out->name = take_path(r);
    } else if (take_text(r, SLICE_LIT("drains/"))) {
        out->kind = KEYSPACE_DRAIN;
        out->name = take_path(r);
    } else if (slice_equal(r->rest, SLICE_LIT("ops/lock"))) {
        out->kind = KEYSPACE_LOCK;
        (void)take_text(r, SLICE_LIT("ops/lock"));
    } else if (take_text(r, SLICE_LIT("ops/"))) {
        out->kind = KEYSPACE_OP;
        out->number = take_number(r);
    } else if (take_text(r, SLICE_LIT("changed"))) {
        out->kind = KEYSPACE_CHANGED;
    } else {
        r->is_bad = true;
    }
}

int keyspace_parse(struct slice text, struct keyspace_key *out)
{
    struct reader r = {.rest = text};
    struct keyspace_key key = {0};

    if (text.len > KEYSPACE_KEY_MAX || !take_text(&r, SLICE_LIT("/braid/")))
        return ERR_MALFORMED;
    key.cluster = take_name(&r);
    take_tail(&r, &key);
    if (r.is_bad || r.rest.len > 0)
        return ERR_MALFORMED;
    *out = key;
    return 0;
}
