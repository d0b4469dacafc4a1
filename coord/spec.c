/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/spec.h"

#include <stddef.h>
#include <string.h>

#include "coord/tasks.h"
#include "proto/asks.h"
#include "proto/domain.h"
#include "proto/enrichment.h"
#include "proto/tags.h"
#include "proto/where.h"

#define MIB       ((int64_t)1 << 20)
#define DAY       ((int64_t)86400000)
#define AT(field) offsetof(struct spec, field)

/* The order is that of the reference and of the example file. */
static const struct key SPEC_ROWS[] = {
    {"stream", KEY_TEXT, true, NULL, 1, 200, NULL, AT(output), "mediawiki.page_content_change.v1",
     "Name of the stream; its topic is global.<stream> in every DC"},
    {"description", KEY_TEXT, false, "", 0, 2000, NULL, AT(description),
     "Page changes with the wikitext of the new revision", "What the stream is, for its readers"},
    {"owner", KEY_TEXT, false, "", 0, 200, NULL, AT(owner), "data-engineering",
     "Team that answers for the stream"},
    {"audience", KEY_CHOICE, false, "internal", 0, 0, "internal|public", AT(audience), NULL,
     "Who may read the stream"},
    {"dcs", KEY_TEXTS, false, NULL, 1, DCS_MAX, NULL, AT(dcs), "[eqiad, codfw]",
     "DCs whose events the stream has and that keep a copy of it; without this line all that "
     "have live nodes when the stream is applied"},
    {"sources[].topic", KEY_TEXTS, true, NULL, 1, SPEC_SOURCES_MAX, NULL, AT(sources),
     "mediawiki.page_change.v1",
     "Topics of events to take, without the DC prefix; 'global.' and the name of another stream: "
     "its output"},
    {"sources[].envelope", KEY_TEXTS, false, "page_change", 0, SPEC_SOURCES_MAX, SPEC_ENVELOPES,
     AT(source_keys.envelope), NULL,
     "What the records are: page changes or events of the older MediaWiki streams, any JSON, or "
     "JSON "
     "in the envelope of CloudEvents or Debezium (docs/sources.md)"},
    {"sources[].id", KEY_TEXTS, false, NULL, 0, SPEC_SOURCES_MAX, NULL, AT(source_keys.id), NULL,
     "JSON pointer to what tells an event from all others; without it meta.id, or what the "
     "envelope "
     "has"},
    {"sources[].time", KEY_TEXTS, false, NULL, 0, SPEC_SOURCES_MAX, NULL, AT(source_keys.time),
     NULL,
     "JSON pointer to the time by which events of several partitions are ordered, ISO 8601 or "
     "milliseconds; without it the record's timestamp"},
    {"sources[].key", KEY_TEXTS, false, NULL, 0, SPEC_SOURCES_MAX, NULL, AT(source_keys.key), NULL,
     "JSON pointer to the key of the enriched record; without it the source record's key"},
    {"sources[].domain", KEY_TEXTS, false, NULL, 0, SPEC_SOURCES_MAX, NULL, AT(source_keys.domain),
     NULL, "Host name of the wiki to ask about events that name none in meta.domain"},
    {"sources[].audience", KEY_TEXTS, false, "public", 0, SPEC_SOURCES_MAX, "internal|public",
     AT(source_keys.audience), NULL,
     "Who may read the source; a stream with an internal source cannot be public"},
    {"requests", KEY_CHOICE, false, "all", 0, 0, "all|retry|none", AT(requests), NULL,
     "Which further sources a new stream has for operators: those for retries and backfills, the "
     "one for "
     "retries, or none; each costs a partition in every DC"},
    {"start", KEY_TEXT, false, "latest", 1, 40, NULL, AT(start), "earliest",
     "Where a new stream starts in its sources: earliest, latest or a time such as "
     "2026-01-02T03:04:05Z; resolved once, when the stream is first applied"},
    {"enrich", KEY_TEXTS, false, NULL, 0, ENRICHMENT_COUNT, ENRICHMENT_NAMES, AT(enrichments),
     "[content]", "What is added to each event (docs/enrichments.md)"},
    {"http.url", KEY_TEXT, false, "", 0, ASKS_URL_MAX, NULL, AT(http.url), NULL,
     "Whom the enrichment http asks: https://api.example.org/p/{/page/page_id}; {/pointer} is a "
     "field of the event, escaped; the node's file "
     "must allow the server"},
    {"http.method", KEY_CHOICE, false, "GET", 0, 0, "GET|POST", AT(http.method), NULL, "How"},
    {"http.headers.*", KEY_PAIRS, false, NULL, 0, ASKS_HEADERS_MAX, NULL, AT(http.headers), NULL,
     "Headers of the request, with fields as in http.url"},
    {"http.body", KEY_TEXT, false, "", 0, 16384, NULL, AT(http.body), NULL,
     "Body of a POST; a field stands there as JSON, strings with their quotes"},
    {"http.token", KEY_TEXT, false, "", 0, 64, NULL, AT(http.token), NULL,
     "Name of a token in the node's file, sent as Authorization: Bearer"},
    {"http.result", KEY_TEXT, false, "", 0, WHERE_POINTER_MAX, NULL, AT(http.result), NULL,
     "JSON pointer into the answer: what is taken of it; empty: all"},
    {"http.place", KEY_TEXT, false, "", 0, WHERE_POINTER_MAX, NULL, AT(http.place), NULL,
     "JSON pointer: where it is put, below enrichments.http; empty: /value"},
    {"score.url", KEY_TEXT, false, "", 0, 1000, NULL, AT(score.url), NULL,
     "Server that the enrichment score asks, up to /v1/models/; the node's file must allow it"},
    {"score.model", KEY_TEXT, false, "", 0, 200, NULL, AT(score.model), NULL,
     "Model that is asked"},
    {"score.token", KEY_TEXT, false, "", 0, 64, NULL, AT(score.token), NULL,
     "Name of a token in the node's file, sent as Authorization: Bearer"},
    {"score.langs.*", KEY_PAIRS, false, NULL, 0, 1000, NULL, AT(score.langs), NULL,
     "Language that the model is told, by wiki_id; without one it is told none"},
    {"tags.*", KEY_PAIRS, false, NULL, 0, TAGS_MAX, NULL, AT(tags), NULL,
     "Names of tags, each with conditions that must all be met, '; ' between them: a JSON pointer "
     "into "
     "the event (below /enrichments into what is added), or 'added' or 'removed' for the text of "
     "the "
     "diff, and a test as in filter.where"},
    {"from.*", KEY_PAIRS, false, NULL, 0, 3, NULL, AT(from_wikis), NULL,
     "Domain of another wiki that an enrichment asks: user, images or entity"},
    {"enrich_at", KEY_CHOICE, false, "everywhere", 0, 0, "everywhere|origin", AT(enrich_at), NULL,
     "Whether every DC enriches every event, or only the DC where it arose"},
    {"filter.wikis", KEY_TEXTS, false, NULL, 0, 1000, NULL, AT(wikis), NULL,
     "Only events whose wiki_id is one of these"},
    {"filter.namespaces", KEY_NUMBERS, false, NULL, 0, 1000, NULL, AT(namespaces), NULL,
     "Only events whose page.namespace_id is one of these"},
    {"filter.kinds", KEY_TEXTS, false, NULL, 0, 6,
     "create|edit|move|delete|undelete|visibility_change", AT(kinds), NULL,
     "Only events whose page_change_kind is one of these"},
    {"filter.content_models", KEY_TEXTS, false, NULL, 0, 100, NULL, AT(models), NULL,
     "Only events whose main slot has one of these content models"},
    {"filter.where.*", KEY_PAIRS, false, NULL, 0, WHERE_MAX, NULL, AT(where), NULL,
     "Only events in which the field that this JSON pointer leads to has this value; 'has x' (a "
     "text "
     "with x in it, a list with x as an element), 'is there', 'above 5' and 'below 5' are taken, "
     "too, and 'not "
     "' "
     "before any of these; for example /performer/is_bot: not true"},
    {"output.schema", KEY_TEXT, false, "", 0, 300, NULL, AT(output_schema), NULL,
     "$schema of the enriched events; empty: as the source event has it, or, where enrich has more "
     "than content, /braid/page/change_enriched/1.0.0"},
    {"failed", KEY_CHOICE, false, "omit", 0, 0, "omit|emit", AT(failed), NULL,
     "Whether an event that could not be enriched is left out (it stands in the error topic and "
     "can be retried) or emitted as it is"},
    {"canaries", KEY_CHOICE, false, "keep", 0, 0, "keep|drop", AT(canaries), NULL,
     "Whether canary events are kept in the stream"},
    {"dedup.window", KEY_NUMBER, false, "200000", 0, 5000000, NULL, AT(dedup_window), NULL,
     "A second event with the meta.id of one of the last so many records is dropped"},
    {"merge.cut_interval", KEY_DURATION, false, "50ms", 10, 10000, NULL, AT(cut_interval_ms), NULL,
     "Shortest time between two cuts"},
    {"merge.member_timeout", KEY_DURATION, false, "3s", 500, 600000, NULL, AT(member_timeout_ms),
     NULL, "A DC whose reports stand still for so long stops being a member"},
    {"merge.member_rejoin", KEY_DURATION, false, "5s", 500, 3600000, NULL, AT(member_rejoin_ms),
     NULL, "A DC that has been caught up for so long becomes a member again"},
    {"merge.member_lag_max", KEY_DURATION, false, "30s", 1000, 3600000, NULL, AT(member_lag_max_ms),
     NULL, "A DC that lags by more than this stops being a member"},
    {"merge.min_members", KEY_NUMBER, false, "0", 0, DCS_MAX, NULL, AT(min_members), NULL,
     "With fewer members the stream waits; 0: 1 with one or two DCs, else 2"},
    {"merge.failed_grace", KEY_DURATION, false, "10s", 0, 600000, NULL, AT(failed_grace_ms), NULL,
     "How long a failed event waits for another DC to succeed"},
    {"merge.cap_records", KEY_NUMBER, false, "5000", 1, 100000, NULL, AT(cap_records), NULL,
     "A strand advances by at most so many offsets in one cut"},
    {"merge.cap_bytes", KEY_BYTES, false, "16MiB", MIB, 1024 * MIB, NULL, AT(cap_bytes), NULL,
     "A strand advances by at most so many bytes in one cut"},
    {"limits.priority", KEY_CHOICE, false, "normal", 0, 0, "low|normal|high", AT(priority), NULL,
     "Where the streams of a node share its api.in_flight: high has twice the share of normal, and "
     "normal twice that of low, of what they all want"},
    {"limits.fetches_per_s", KEY_NUMBER, false, "500", 1, 100000, NULL, AT(fetches_per_s_max), NULL,
     "Requests to the API that the nodes of a DC start in a second, together, at most"},
    {"limits.bytes_per_s", KEY_BYTES, false, "0", 0, 1024 * MIB, NULL, AT(bytes_per_s_max), NULL,
     "Bytes of answers that the nodes of a DC take in a second, together, on average; 0: no limit"},
    {"limits.in_flight", KEY_NUMBER, false, "32", 1, 1000, NULL, AT(in_flight_max), NULL,
     "Requests to the API under way at once from the nodes of a DC, together, at most"},
    {"limits.batch", KEY_NUMBER, false, "50", 1, 50, NULL, AT(batch_max), NULL,
     "Revisions asked for in one request to the API, at most"},
    {"limits.attempts", KEY_NUMBER, false, "5", 1, 100, NULL, AT(fetch_attempts_max), NULL,
     "Attempts to fetch for one event before it counts as failed"},
    {"limits.deadline", KEY_DURATION, false, "60s", 100, 3600000, NULL, AT(fetch_deadline_ms), NULL,
     "Time that all attempts for one event may take together"},
    {"limits.missing_retry", KEY_DURATION, false, "15s", 0, 3600000, NULL, AT(missing_retry_ms),
     NULL, "A revision younger than this that the API does not know yet is asked for again"},
    {"limits.value_bytes", KEY_BYTES, false, "16MiB", 1024, 256 * MIB, NULL, AT(value_bytes_max),
     NULL, "An enriched event larger than this is failed:too-large"},
    {"limits.failed_share_max", KEY_PERCENT, false, "50%", 1, 100, NULL,
     AT(failed_share_max_percent), NULL,
     "A strand with a larger share of failures stops, alarmed, unless it is the last that moves"},
};

const struct key_table SPEC_TABLE = {
    .title = "A stream of Braid",
    .rows = SPEC_ROWS,
    .count = sizeof(SPEC_ROWS) / sizeof(SPEC_ROWS[0]),
};

/* ---- checks across keys ----------------------------------------------------------------------- */

static void problem(struct spec_problems *p, const char *path, const char *message,
                    const char *hint)
{
    if (p->count < SPEC_PROBLEMS_MAX)
        p->items[p->count++] = (struct spec_problem){path, message, hint};
}

/* Kafka takes these in a topic's name; upper case is taken, too, as Kafka does. */
static bool is_topic_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool is_dc_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool all_of(struct slice word, bool (*is_char)(uint8_t))
{
    for (size_t i = 0; i < word.len; i++) {
        if (!is_char(word.ptr[i]))
            return false;
    }
    return word.len > 0;
}

/* An item and the one before it, if both are there. */
static void swap(struct key_texts *t, size_t at)
{
    if (at >= t->count)
        return;
    const struct slice before = t->items[at - 1];
    t->items[at - 1] = t->items[at];
    t->items[at] = before;
}

static void sort_texts(struct key_texts *t)
{
    for (size_t i = 1; i < t->count; i++) {
        struct slice moving = t->items[i];
        size_t at = i;

        for (; at > 0 && slice_compare(t->items[at - 1], moving) > 0; at--)
            t->items[at] = t->items[at - 1];
        t->items[at] = moving;
    }
}

/* The sources are sorted with what is said of each. */
static void sort_sources(struct spec *s)
{
    struct spec_source_keys *k = &s->source_keys;
    struct key_texts *const with[] = {&k->envelope, &k->id,     &k->time,
                                      &k->key,      &k->domain, &k->audience};

    for (size_t i = 1; i < s->sources.count; i++) {
        for (size_t at = i;
             at > 0 && slice_compare(s->sources.items[at - 1], s->sources.items[at]) > 0; at--) {
            swap(&s->sources, at);
            for (size_t w = 0; w < sizeof(with) / sizeof(with[0]); w++)
                swap(with[w], at);
        }
    }
}

static void check_twice(const struct key_texts *t, const char *path, struct arena *a,
                        struct spec_problems *out)
{
    for (size_t i = 1; i < t->count; i++) {
        if (slice_equal(t->items[i - 1], t->items[i])) {
            problem(out, path, text_format(a, "'%.*s' is given twice", SLICE_ARG(t->items[i])),
                    NULL);
        }
    }
}

static void check_dcs(const struct spec *s, struct arena *a, struct spec_problems *out)
{
    for (size_t i = 0; i < s->dcs.count; i++) {
        struct slice dc = s->dcs.items[i];

        if (!all_of(dc, is_dc_char) || dc.len > DC_NAME_MAX) {
            problem(out, "dcs", text_format(a, "'%.*s' is no name of a DC", SLICE_ARG(dc)),
                    "small letters, digits and '-', at most 32 of them");
        }
        if (slice_equal(dc, SLICE_LIT(TASK_GLOBAL)))
            problem(out, "dcs", "'global' is the prefix of merged streams, not a DC", NULL);
    }
}

/* Length of a leading "<dc>." of one of the stream's DCs, or of "global."; 0 if there is none. */
static size_t prefix_len(const struct spec *s, struct slice name)
{
    for (size_t i = 0; i < s->dcs.count; i++) {
        struct slice dc = s->dcs.items[i];

        if (slice_starts_with(name, dc) && name.len > dc.len && name.ptr[dc.len] == '.')
            return dc.len + 1;
    }
    return slice_starts_with(name, SLICE_LIT("global.")) ? strlen("global.") : 0;
}

static void check_topic(const struct spec *s, const char *path, struct slice name, struct arena *a,
                        struct spec_problems *out)
{
    size_t prefix = prefix_len(s, name);

    if (!all_of(name, is_topic_char) || name.len > 200) {
        problem(out, path, text_format(a, "'%.*s' is no name of a topic", SLICE_ARG(name)),
                "letters, digits, '.', '_' and '-', at most 200 of them");
    } else if (prefix > 0) {
        problem(out, path,
                text_format(a, "'%.*s' has a DC's prefix; Braid adds it", SLICE_ARG(name)),
                text_format(a, "write '%.*s'", SLICE_ARG(slice_sub(name, prefix, name.len))));
    } else if (slice_starts_with(name, SLICE_LIT("braid."))) {
        problem(out, path, "names that begin with 'braid.' are Braid's own", NULL);
    }
}

static void check_pointers(const struct key_texts *pointers, const char *path, struct arena *a,
                           struct spec_problems *out)
{
    struct where where;

    for (size_t i = 0; i < pointers->count; i++) {
        const struct slice pointer = pointers->items[i];
        if (pointer.ptr != NULL && where_parse(pointer, SLICE_LIT(""), &where) != 0) {
            problem(out, path, text_format(a, "'%.*s' is no JSON pointer", SLICE_ARG(pointer)),
                    "for example: /meta/id");
        }
    }
}

static void check_sources(const struct spec *s, struct arena *a, struct spec_problems *out)
{
    for (size_t i = 0; i < s->sources.count; i++) {
        struct slice name = s->sources.items[i];
        const bool is_global = task_source_is_global(name, &name);

        check_topic(s, "sources[].topic", name, a, out);
        if (is_global && s->enrich_at == SPEC_AT_ORIGIN) {
            problem(out, "enrich_at", "a global source arises in no DC: every DC enriches it",
                    "write 'enrich_at: everywhere'");
        }
        if (slice_equal(name, s->output)) {
            problem(out, "sources[].topic", "a stream cannot be its own source",
                    "give the stream another name");
        }
    }
    check_pointers(&s->source_keys.id, "sources[].id", a, out);
    check_pointers(&s->source_keys.time, "sources[].time", a, out);
    check_pointers(&s->source_keys.key, "sources[].key", a, out);
}

/* As Wikimedia names them: mediawiki.page_change.private.v1. */
static bool is_of_private_wikis(struct slice topic)
{
    return topic.len > 0 && memmem(topic.ptr, topic.len, ".private.", strlen(".private.")) != NULL;
}

/* A stream shows what its sources show. */
static void check_audience(const struct spec *s, struct arena *a, struct spec_problems *out)
{
    for (size_t i = 0; i < s->sources.count && s->audience == SPEC_PUBLIC; i++) {
        const struct slice topic = s->sources.items[i];
        const bool is_internal =
            i < s->source_keys.audience.count &&
            slice_equal(s->source_keys.audience.items[i], SLICE_LIT("internal"));
        if (is_internal || is_of_private_wikis(topic)) {
            problem(out, "audience",
                    text_format(a, "the source '%.*s' is internal: the stream cannot be public",
                                SLICE_ARG(topic)),
                    "write 'audience: internal', or make a stream without that source");
        }
    }
}

static void check_start(const struct spec *s, struct spec_problems *out)
{
    int64_t ms = 0;

    if (slice_equal(s->start, SLICE_LIT("earliest")) || slice_equal(s->start, SLICE_LIT("latest")))
        return;
    if (keys_parse_time(s->start, &ms) != 0) {
        problem(out, "start", "'start' takes earliest, latest or a time in UTC",
                "for example: 2026-01-02T03:04:05Z");
    }
}

static bool has_enrichment(const struct spec *s, const char *name)
{
    for (size_t i = 0; i < s->enrichments.count; i++) {
        if (slice_equal(s->enrichments.items[i], slice_str(name)))
            return true;
    }
    return false;
}

/* What it compares with must hang on one order alone, which is the same in every DC. */
static void check_memory(const struct spec *s, struct spec_problems *out)
{
    struct slice output;

    if (!spec_has_memory(s))
        return;
    if (s->sources.count != 1 || !task_source_is_global(s->sources.items[0], &output)) {
        problem(out, "enrich", "'rdf_diff' needs one source, which is another stream's output",
                "for example: sources: [{topic: global.wikibase.entity_change.v1}]");
    }
    if (s->requests != SPEC_REQUESTS_NONE)
        problem(out, "requests", "'rdf_diff' follows one order: no retries or backfills come in",
                "write 'requests: none', and retry in the source stream");
    if (s->wikis.count + s->namespaces.count + s->kinds.count + s->models.count + s->where.count >
        0) {
        problem(out, "filter", "'rdf_diff' compares with what the source has: filter there", NULL);
    }
}

/* What is added to an event has no place in the schema of its source. */
static void check_enrichments(struct spec *s, struct arena *a, struct spec_problems *out)
{
    check_memory(s, out);
    check_twice(&s->enrichments, "enrich", a, out);
    for (size_t i = 0; i < s->enrichments.count && s->output_schema.len == 0; i++) {
        if (!slice_equal(s->enrichments.items[i], SLICE_LIT("content")))
            s->output_schema = SLICE_LIT(ENRICHMENT_SCHEMA);
    }
    if (s->output_schema.len > 0 && s->output_schema.ptr[0] != '/') {
        problem(out, "output.schema", "a schema is named by its path",
                "for example: /mediawiki/page/change/1.2.0");
    }
}

static void check_pointer(const char *path, struct slice pointer, struct arena *a,
                          struct spec_problems *out)
{
    struct where where;

    if (pointer.len > 0 && where_parse(pointer, SLICE_LIT("x"), &where) != 0)
        problem(out, path, text_format(a, "'%.*s' is no JSON pointer", SLICE_ARG(pointer)),
                "for example: /output/prediction");
}

static bool is_word(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_topic_char(text.ptr[i]))
            return false;
    }
    return true;
}

static void check_headers(const struct spec *s, struct spec_problems *out)
{
    for (size_t i = 0; i < s->http.headers.count; i++) {
        const struct key_pair *header = &s->http.headers.items[i];
        if (!is_word(header->name) || header->name.len == 0 ||
            header->value.len > ASKS_HEADER_MAX ||
            memchr(header->value.ptr, '\n', header->value.len) != NULL ||
            memchr(header->value.ptr, '\r', header->value.len) != NULL)
            problem(out, "http.headers.*", "this is no header", "one line, at most 400 bytes");
    }
}

static void check_http(const struct spec *s, struct arena *a, struct spec_problems *out)
{
    const bool is_wanted = has_enrichment(s, "http");

    if (is_wanted != (s->http.url.len > 0))
        problem(out, "http.url", "http.url and the enrichment http go together", NULL);
    else if (is_wanted && !asks_url_is_valid(s->http.url))
        problem(out, "http.url", "this cannot be asked",
                "http:// or https://, a server, and fields of the event only behind it");
    if (!is_word(s->http.token))
        problem(out, "http.token", "letters, digits, '.', '_' and '-'", NULL);
    check_headers(s, out);
    check_pointer("http.result", s->http.result, a, out);
    check_pointer("http.place", s->http.place, a, out);
}

static void check_score(const struct spec *s, struct spec_problems *out)
{
    const bool is_wanted = has_enrichment(s, "score");

    if (is_wanted != (s->score.url.len > 0) || is_wanted != (s->score.model.len > 0))
        problem(out, "score.url", "score.url, score.model and the enrichment score go together",
                NULL);
    else if (is_wanted && (!asks_url_is_valid(s->score.url) || !is_word(s->score.model) ||
                           memchr(s->score.url.ptr, '{', s->score.url.len) != NULL))
        problem(out, "score.url", "this cannot be asked", "http:// or https://, and a server");
    if (!is_word(s->score.token))
        problem(out, "score.token", "letters, digits, '.', '_' and '-'", NULL);
}

/* Revisions are those of the event's own wiki; of another, only these can be asked. */
static void check_from(const struct spec *s, struct arena *a, struct spec_problems *out)
{
    for (size_t i = 0; i < s->from_wikis.count; i++) {
        const struct key_pair *from = &s->from_wikis.items[i];
        if (!slice_equal(from->name, SLICE_LIT("user")) &&
            !slice_equal(from->name, SLICE_LIT("images")) &&
            !slice_equal(from->name, SLICE_LIT("entity")))
            problem(out, "from.*",
                    text_format(a, "'%.*s' cannot ask another wiki", SLICE_ARG(from->name)),
                    "user, images or entity");
        else if (!domain_is_hostname(from->value))
            problem(out, "from.*", "this is no host name", "for example: commons.wikimedia.org");
    }
}

static bool is_rule(struct slice text)
{
    struct tag_condition conditions[TAG_CONDITIONS_MAX];
    size_t count;

    return text.len <= TAG_RULE_BYTES_MAX && tag_rule_parse(text, conditions, &count) == 0;
}

/* What is added is known to its enrichment only. */
static void check_tags(const struct spec *s, struct arena *a, struct spec_problems *out)
{
    if (has_enrichment(s, "tags") != (s->tags.count > 0))
        problem(out, "tags.*", "rules and the enrichment tags go together", NULL);
    for (size_t i = 0; i < s->tags.count; i++) {
        const struct key_pair *tag = &s->tags.items[i];
        const bool is_diff =
            tag->value.len > 0 && (memmem(tag->value.ptr, tag->value.len, "added: ", 7) != NULL ||
                                   memmem(tag->value.ptr, tag->value.len, "removed: ", 9) != NULL);
        if (!is_word(tag->name) || !is_rule(tag->value))
            problem(out, "tags.*", text_format(a, "'%.*s' is no rule", SLICE_ARG(tag->name)),
                    "for example: '/performer/is_bot: not true; added: has <ref'");
        else if (is_diff && !has_enrichment(s, "diff"))
            problem(out, "tags.*", "'added' and 'removed' need the enrichment diff", NULL);
    }
}

static void check_where(const struct spec *s, struct arena *a, struct spec_problems *out)
{
    struct where where;

    for (size_t i = 0; i < s->where.count; i++) {
        const struct key_pair *pair = &s->where.items[i];
        if (where_parse(pair->name, pair->value, &where) != 0) {
            problem(out, "filter.where.*",
                    text_format(a, "'%.*s' is no JSON pointer", SLICE_ARG(pair->name)),
                    "for example: /performer/is_bot");
        }
    }
}

static void check_merge(struct spec *s, struct arena *a, struct spec_problems *out)
{
    if (s->min_members > (int64_t)s->dcs.count && s->dcs.count > 0) {
        problem(out, "merge.min_members",
                text_format(a, "more members than the stream has DCs (%zu)", s->dcs.count), NULL);
    }
    if (s->min_members == 0 && s->dcs.count > 0)
        s->min_members = s->dcs.count > 2 ? 2 : 1;
    if (s->member_timeout_ms < 4 * s->cut_interval_ms) {
        problem(out, "merge.member_timeout",
                "shorter than four cut intervals: members would come and go", NULL);
    }
    if (s->member_lag_max_ms < s->member_timeout_ms)
        problem(out, "merge.member_lag_max", "shorter than merge.member_timeout", NULL);
}

void spec_check(struct spec *s, struct arena *a, struct spec_problems *out)
{
    out->count = 0;
    sort_texts(&s->dcs);
    sort_sources(s);
    sort_texts(&s->enrichments);
    check_twice(&s->dcs, "dcs", a, out);
    check_twice(&s->sources, "sources[].topic", a, out);
    check_dcs(s, a, out);
    if (s->output.len > 0)
        check_topic(s, "stream", s->output, a, out);
    check_sources(s, a, out);
    check_audience(s, a, out);
    check_start(s, out);
    check_where(s, a, out);
    check_enrichments(s, a, out);
    check_http(s, a, out);
    check_score(s, out);
    check_tags(s, a, out);
    check_from(s, a, out);
    check_merge(s, a, out);
}

static struct slice item(const struct key_texts *t, size_t index)
{
    return index < t->count ? t->items[index] : (struct slice){0};
}

struct event_shape spec_shape(const struct spec *s, size_t index)
{
    static const char *const ENVELOPES[] = {"page_change", "json", "cloudevents", "debezium"};
    const struct spec_source_keys *k = &s->source_keys;
    struct event_shape shape = {
        .id = item(&k->id, index),
        .time = item(&k->time, index),
        .key = item(&k->key, index),
        .domain = item(&k->domain, index),
    };

    for (size_t i = 0; i < sizeof(ENVELOPES) / sizeof(ENVELOPES[0]); i++) {
        if (slice_equal(item(&k->envelope, index), slice_str(ENVELOPES[i])))
            shape.envelope = (enum event_envelope)i;
    }
    return shape;
}

size_t spec_source_find(const struct spec *s, struct slice topic)
{
    size_t i = 0;

    while (i < s->sources.count && !slice_equal(s->sources.items[i], topic))
        i++;
    return i;
}

bool spec_has_memory(const struct spec *s)
{
    return has_enrichment(s, "rdf_diff");
}

bool spec_has_dc(const struct spec *s, struct slice dc)
{
    for (size_t i = 0; i < s->dcs.count; i++) {
        if (slice_equal(s->dcs.items[i], dc))
            return true;
    }
    return false;
}

struct merge_params spec_merge_params(const struct spec *s, uint32_t rules_version)
{
    return (struct merge_params){
        .dedup_window = (uint64_t)s->dedup_window,
        .cap_records = (uint32_t)s->cap_records,
        .cap_bytes = (uint32_t)s->cap_bytes,
        .rules_version = rules_version,
        .failed_emit = s->failed == SPEC_FAILED_EMIT,
        .canaries_drop = s->canaries == SPEC_CANARIES_DROP,
        .enrich_at_origin = s->enrich_at == SPEC_AT_ORIGIN,
    };
}
