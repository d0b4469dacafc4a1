/* SPDX-License-Identifier: Apache-2.0 */
#include "node/outbox/options.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "proto/err.h"

enum option_type {
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_WIKI,
    OPTION_KAFKA,
};

struct option {
    const char *name;
    enum option_type type;
    size_t offset;     /* in struct outbox_options; of TEXT and NUMBER */
    const char *value; /* the default; NULL: none */
    int64_t min;       /* of NUMBER */
    int64_t max;       /* of NUMBER */
    const char *shape; /* what to write after the name */
    const char *text;
};

#define FIELD(name) offsetof(struct outbox_options, name)

static const struct option OPTIONS[] = {
    {"dc", OPTION_TEXT, FIELD(dc), NULL, 0, 0, "NAME",
     "the data centre whose rows are shipped; also the prefix of the topic"},
    {"kafka", OPTION_TEXT, FIELD(kafka), NULL, 0, 0, "HOST:PORT,...", "its Kafka"},
    {"kafka-option", OPTION_KAFKA, 0, NULL, 0, 0, "NAME=VALUE",
     "a property of librdkafka, for example security.protocol=SSL; may be repeated"},
    {"stream", OPTION_TEXT, FIELD(stream), "mediawiki.page_change.v1", 0, 0, "NAME",
     "the stream; the topic is DC.STREAM"},
    {"wiki", OPTION_WIKI, 0, NULL, 0, 0, "WIKI_ID=DOMAIN=PATH",
     "a wiki, its host name and its SQLite file; may be repeated"},
    {"api", OPTION_TEXT, FIELD(api), NULL, 0, 0, "URL",
     "api.php of the wikis, asked with their host names; without it nothing is compared"},
    {"poll-ms", OPTION_NUMBER, FIELD(poll_ms), "50", 1, 10000, "MS",
     "how often to look for new rows"},
    {"compare-ms", OPTION_NUMBER, FIELD(compare_ms), "60000", 100, 86400000, "MS",
     "how often to compare the outbox with list=recentchanges"},
    {"incomplete-ms", OPTION_NUMBER, FIELD(incomplete_ms), "5000", 0, 3600000, "MS",
     "how long MediaWiki may take to write the event of a change of visibility"},
    {"timeout-ms", OPTION_NUMBER, FIELD(timeout_ms), "10000", 100, 600000, "MS",
     "how long an answer of the API may take"},
    {"keep-days", OPTION_NUMBER, FIELD(keep_days), "35", 1, 3650, "DAYS",
     "how long shipped rows are kept, without their events, to know them again"},
};

enum {
    OPTION_COUNT = sizeof(OPTIONS) / sizeof(OPTIONS[0]),
    HELP_BYTES_MAX = 4096,
};

static const char **text_field(struct outbox_options *o, const struct option *option)
{
    return (const char **)(void *)((char *)o + option->offset);
}

static int64_t *number_field(struct outbox_options *o, const struct option *option)
{
    return (int64_t *)(void *)((char *)o + option->offset);
}

static int number_of(struct slice text, int64_t *out)
{
    int64_t value = 0;

    if (text.len == 0 || text.len > 15)
        return ERR_CONFIG;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return ERR_CONFIG;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *out = value;
    return 0;
}

void options_init(struct outbox_options *o)
{
    *o = (struct outbox_options){0};
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];

        if (option->value == NULL)
            continue;
        if (option->type == OPTION_TEXT)
            *text_field(o, option) = option->value;
        else
            (void)number_of(slice_str(option->value), number_field(o, option));
    }
}

/* Splits at the first '='. False if there is none, or one side is empty. */
static bool split(struct slice text, struct slice *out_left, struct slice *out_right)
{
    const uint8_t *at = text.len == 0 ? NULL : memchr(text.ptr, '=', text.len);
    size_t left_len;

    if (at == NULL)
        return false;
    left_len = (size_t)(at - text.ptr);
    *out_left = slice_of(text.ptr, left_len);
    *out_right = slice_of(at + 1, text.len - left_len - 1);
    return left_len > 0 && out_right->len > 0;
}

static int set_wiki(struct outbox_options *o, struct arena *a, struct slice value,
                    struct options_error *error)
{
    struct outbox_wiki *wiki = &o->wikis[o->wiki_count];
    struct slice wiki_id;
    struct slice domain;
    struct slice path;
    struct slice rest;

    if (!split(value, &wiki_id, &rest) || !split(rest, &domain, &path)) {
        (void)snprintf(error->message, sizeof(error->message),
                       "'%.*s' is not WIKI_ID=DOMAIN=PATH, as in enwiki=en.wiki.org=/srv/en.sqlite",
                       SLICE_ARG(value));
        return ERR_CONFIG;
    }
    if (o->wiki_count == OPTIONS_WIKIS_MAX || wiki_id.len > OPTIONS_NAME_BYTES_MAX) {
        (void)snprintf(error->message, sizeof(error->message),
                       "wiki '%.*s' is too many or has too long a name: at most %d wikis, %d bytes",
                       SLICE_ARG(wiki_id), OPTIONS_WIKIS_MAX, OPTIONS_NAME_BYTES_MAX);
        return ERR_CONFIG;
    }
    wiki->wiki_id = arena_strdup(a, wiki_id);
    wiki->domain = arena_strdup(a, domain);
    wiki->path = arena_strdup(a, path);
    if (wiki->wiki_id == NULL || wiki->domain == NULL || wiki->path == NULL)
        return ERR_NO_MEMORY;
    o->wiki_count++;
    return 0;
}

static int set_kafka(struct outbox_options *o, struct arena *a, struct slice value,
                     struct options_error *error)
{
    struct kafka_option *option = &o->kafka_options[o->kafka_option_count];
    struct slice name;
    struct slice setting;

    if (o->kafka_option_count == OPTIONS_KAFKA_MAX || !split(value, &name, &setting)) {
        (void)snprintf(error->message, sizeof(error->message),
                       "'%.*s' is not NAME=VALUE, or there are more than %d of them",
                       SLICE_ARG(value), OPTIONS_KAFKA_MAX);
        return ERR_CONFIG;
    }
    option->name = arena_strdup(a, name);
    option->value = arena_strdup(a, setting);
    if (option->name == NULL || option->value == NULL)
        return ERR_NO_MEMORY;
    o->kafka_option_count++;
    return 0;
}

static int set_number(struct outbox_options *o, const struct option *option, struct slice value,
                      struct options_error *error)
{
    int64_t number;

    if (number_of(value, &number) != 0 || number < option->min || number > option->max) {
        (void)snprintf(error->message, sizeof(error->message),
                       "'%.*s' is not a number from %" PRId64 " to %" PRId64 " for '%s'",
                       SLICE_ARG(value), option->min, option->max, option->name);
        return ERR_CONFIG;
    }
    *number_field(o, option) = number;
    return 0;
}

int options_set(struct outbox_options *o, struct arena *a, struct slice name, struct slice value,
                struct options_error *error)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        char *copy;

        if (!slice_equal(name, slice_str(option->name)))
            continue;
        switch (option->type) {
        case OPTION_WIKI:
            return set_wiki(o, a, value, error);
        case OPTION_KAFKA:
            return set_kafka(o, a, value, error);
        case OPTION_NUMBER:
            return set_number(o, option, value, error);
        case OPTION_TEXT:
            copy = arena_strdup(a, value);
            if (copy == NULL)
                return ERR_NO_MEMORY;
            *text_field(o, option) = copy;
            return 0;
        }
    }
    (void)snprintf(error->message, sizeof(error->message), "there is no option '%.*s'",
                   SLICE_ARG(name));
    return ERR_CONFIG;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct slice trim(struct slice s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = slice_sub(s, 1, s.len);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

int options_set_file(struct outbox_options *o, struct arena *a, struct slice file,
                     struct options_error *error)
{
    size_t line_number = 0;

    while (file.len > 0) {
        const uint8_t *end = memchr(file.ptr, '\n', file.len);
        size_t len = end == NULL ? file.len : (size_t)(end - file.ptr);
        struct slice line = trim(slice_of(file.ptr, len));
        struct options_error inner;
        size_t name_len = 0;
        int rc;

        file = slice_sub(file, end == NULL ? len : len + 1, file.len);
        line_number++;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        while (name_len < line.len && !is_blank(line.ptr[name_len]))
            name_len++;
        rc = options_set(o, a, slice_sub(line, 0, name_len),
                         trim(slice_sub(line, name_len, line.len)), &inner);
        if (rc == ERR_CONFIG)
            (void)snprintf(error->message, sizeof(error->message), "line %zu: %.480s", line_number,
                           inner.message);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int options_check(const struct outbox_options *o, struct options_error *error)
{
    const char *missing = NULL;

    if (o->dc == NULL || o->dc[0] == '\0')
        missing = "dc";
    else if (o->kafka == NULL || o->kafka[0] == '\0')
        missing = "kafka";
    else if (o->wiki_count == 0)
        missing = "wiki";
    if (missing != NULL) {
        (void)snprintf(error->message, sizeof(error->message), "--%s is missing", missing);
        return ERR_CONFIG;
    }
    if (strlen(o->dc) > OPTIONS_NAME_BYTES_MAX || strlen(o->stream) > 180) {
        (void)snprintf(error->message, sizeof(error->message),
                       "the names of the data centre and the stream are too long for a topic");
        return ERR_CONFIG;
    }
    for (size_t i = 0; i < o->wiki_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(o->wikis[i].wiki_id, o->wikis[k].wiki_id) != 0)
                continue;
            (void)snprintf(error->message, sizeof(error->message), "wiki '%s' is there twice",
                           o->wikis[i].wiki_id);
            return ERR_CONFIG;
        }
    }
    return 0;
}

const char *options_help(struct arena *a)
{
    char *out = arena_alloc(a, HELP_BYTES_MAX);
    size_t at = 0;

    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &OPTIONS[i];
        int len =
            snprintf(out + at, HELP_BYTES_MAX - at, "  --%s %s\n        %s%s%s%s\n", option->name,
                     option->shape, option->text, option->value == NULL ? "" : " (",
                     option->value == NULL ? "" : option->value, option->value == NULL ? "" : ")");

        if (len < 0 || (size_t)len >= HELP_BYTES_MAX - at)
            return NULL;
        at += (size_t)len;
    }
    return out;
}
