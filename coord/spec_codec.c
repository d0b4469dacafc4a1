/* SPDX-License-Identifier: Apache-2.0 */
/* spec_codec.c - a spec as the bytes that etcd keeps, and back. */
#include "coord/spec.h"

#include <string.h>

#include "coord/spec_enrich.pb-c.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    SPEC_BYTES_MAX = 2 << 20
};

static void *pb_alloc(void *arena, size_t len)
{
    return arena_alloc(arena, len);
}

/* The arena gives everything back at once. */
static void pb_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

static char **strings_of(struct arena *a, const struct key_texts *t)
{
    char **strings = arena_calloc(a, t->count + 1, sizeof(*strings));

    for (size_t i = 0; strings != NULL && i < t->count; i++) {
        strings[i] = arena_strdup(a, t->items[i]);
        if (strings[i] == NULL)
            return NULL;
    }
    return strings;
}

static bool texts_of(struct arena *a, char **strings, size_t count, struct key_texts *out)
{
    out->items = arena_calloc(a, count + 1, sizeof(*out->items));
    if (out->items == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        out->items[i] = slice_str(strings[i]);
    out->count = count;
    return true;
}

/* An item as a string; "" where there is none. NULL: no memory. */
static char *string_at(struct arena *a, const struct key_texts *t, size_t index)
{
    const bool is_there = index < t->count && t->items[index].ptr != NULL;

    return arena_strdup(a, is_there ? t->items[index] : SLICE_LIT(""));
}

static bool encode_source(const struct spec *s, size_t i, struct arena *a, Braid__SourceTopic *pb)
{
    const struct spec_source_keys *k = &s->source_keys;

    braid__source_topic__init(pb);
    pb->topic = arena_strdup(a, s->sources.items[i]);
    pb->envelope = string_at(a, &k->envelope, i);
    pb->id = string_at(a, &k->id, i);
    pb->time = string_at(a, &k->time, i);
    pb->key = string_at(a, &k->key, i);
    pb->domain = string_at(a, &k->domain, i);
    pb->audience = string_at(a, &k->audience, i);
    return pb->topic != NULL && pb->envelope != NULL && pb->id != NULL && pb->time != NULL &&
           pb->key != NULL && pb->domain != NULL && pb->audience != NULL;
}

static bool encode_sources(const struct spec *s, struct arena *a, Braid__Spec *pb)
{
    Braid__SourceTopic *topics = arena_calloc(a, s->sources.count + 1, sizeof(*topics));

    pb->sources = arena_calloc(a, s->sources.count + 1, sizeof(*pb->sources));
    if (topics == NULL || pb->sources == NULL)
        return false;
    for (size_t i = 0; i < s->sources.count; i++) {
        if (!encode_source(s, i, a, &topics[i]))
            return false;
        pb->sources[i] = &topics[i];
    }
    pb->n_sources = s->sources.count;
    return true;
}

static bool encode_pairs(const struct key_pairs *pairs, struct arena *a, size_t *out_count,
                         Braid__FieldCondition ***out)
{
    Braid__FieldCondition *all = arena_calloc(a, pairs->count + 1, sizeof(*all));

    *out = arena_calloc(a, pairs->count + 1, sizeof(**out));
    if (all == NULL || *out == NULL)
        return false;
    for (size_t i = 0; i < pairs->count; i++) {
        braid__field_condition__init(&all[i]);
        all[i].pointer = arena_strdup(a, pairs->items[i].name);
        all[i].value = arena_strdup(a, pairs->items[i].value);
        if (all[i].pointer == NULL || all[i].value == NULL)
            return false;
        (*out)[i] = &all[i];
    }
    *out_count = pairs->count;
    return true;
}

static int decode_pairs(Braid__FieldCondition **pairs, size_t count, struct arena *a,
                        struct key_pairs *out)
{
    out->items = arena_calloc(a, count + 1, sizeof(*out->items));
    if (out->items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        out->items[i] = (struct key_pair){.name = slice_str(pairs[i]->pointer),
                                          .value = slice_str(pairs[i]->value)};
    out->count = count;
    return 0;
}

static bool encode_http(const struct spec *s, struct arena *a, Braid__Spec *pb)
{
    Braid__HttpAsk *http = arena_calloc(a, 1, sizeof(*http));

    if (http == NULL)
        return false;
    braid__http_ask__init(http);
    http->url = arena_strdup(a, s->http.url);
    http->is_post = s->http.method == 1;
    http->body = arena_strdup(a, s->http.body);
    http->token = arena_strdup(a, s->http.token);
    http->result = arena_strdup(a, s->http.result);
    http->place = arena_strdup(a, s->http.place);
    pb->http = s->http.url.len > 0 ? http : NULL;
    return http->url != NULL && http->body != NULL && http->token != NULL && http->result != NULL &&
           http->place != NULL &&
           encode_pairs(&s->http.headers, a, &http->n_headers, &http->headers);
}

static bool encode_score(const struct spec *s, struct arena *a, Braid__Spec *pb)
{
    Braid__ScoreAsk *score = arena_calloc(a, 1, sizeof(*score));

    if (score == NULL)
        return false;
    braid__score_ask__init(score);
    score->url = arena_strdup(a, s->score.url);
    score->model = arena_strdup(a, s->score.model);
    score->token = arena_strdup(a, s->score.token);
    pb->score = s->score.url.len > 0 ? score : NULL;
    return score->url != NULL && score->model != NULL && score->token != NULL &&
           encode_pairs(&s->score.langs, a, &score->n_langs, &score->langs);
}

static bool encode_asks(const struct spec *s, struct arena *a, Braid__Spec *pb)
{
    return encode_http(s, a, pb) && encode_score(s, a, pb) &&
           encode_pairs(&s->from_wikis, a, &pb->n_from_wikis, &pb->from_wikis) &&
           encode_pairs(&s->where, a, &pb->n_where, &pb->where);
}

static int decode_asks(const Braid__Spec *pb, struct arena *a, struct spec *s)
{
    int rc = decode_pairs(pb->where, pb->n_where, a, &s->where);

    if (rc == 0)
        rc = decode_pairs(pb->from_wikis, pb->n_from_wikis, a, &s->from_wikis);
    if (rc == 0 && pb->http != NULL) {
        s->http = (struct spec_http){.url = slice_str(pb->http->url),
                                     .method = pb->http->is_post,
                                     .body = slice_str(pb->http->body),
                                     .token = slice_str(pb->http->token),
                                     .result = slice_str(pb->http->result),
                                     .place = slice_str(pb->http->place)};
        rc = decode_pairs(pb->http->headers, pb->http->n_headers, a, &s->http.headers);
    }
    if (rc == 0 && pb->score != NULL) {
        s->score = (struct spec_score){.url = slice_str(pb->score->url),
                                       .model = slice_str(pb->score->model),
                                       .token = slice_str(pb->score->token)};
        rc = decode_pairs(pb->score->langs, pb->score->n_langs, a, &s->score.langs);
    }
    return rc;
}

static bool encode_texts(const struct spec *s, struct arena *a, Braid__Spec *pb)
{
    pb->output = arena_strdup(a, s->output);
    pb->yaml = arena_strdup(a, s->yaml);
    pb->output_schema = arena_strdup(a, s->output_schema);
    pb->owner = arena_strdup(a, s->owner);
    pb->description = arena_strdup(a, s->description);
    pb->applied_by = arena_strdup(a, s->applied_by);
    pb->reason = arena_strdup(a, s->reason);
    pb->audience =
        arena_strdup(a, s->audience == SPEC_PUBLIC ? SLICE_LIT("public") : SLICE_LIT("internal"));
    pb->dcs = strings_of(a, &s->dcs);
    pb->enrichments = strings_of(a, &s->enrichments);
    pb->wikis = strings_of(a, &s->wikis);
    pb->kinds = strings_of(a, &s->kinds);
    pb->content_models = strings_of(a, &s->models);
    pb->namespaces = arena_calloc(a, s->namespaces.count + 1, sizeof(*pb->namespaces));
    if (pb->output == NULL || pb->yaml == NULL || pb->output_schema == NULL || pb->owner == NULL ||
        pb->description == NULL || pb->applied_by == NULL || pb->reason == NULL ||
        pb->audience == NULL || pb->dcs == NULL || pb->enrichments == NULL || pb->wikis == NULL ||
        pb->kinds == NULL || pb->namespaces == NULL || pb->content_models == NULL)
        return false;
    pb->n_dcs = s->dcs.count;
    pb->n_enrichments = s->enrichments.count;
    pb->n_wikis = s->wikis.count;
    pb->n_kinds = s->kinds.count;
    pb->n_content_models = s->models.count;
    pb->n_namespaces = s->namespaces.count;
    for (size_t i = 0; i < s->namespaces.count; i++)
        pb->namespaces[i] = (int32_t)s->namespaces.items[i];
    return true;
}

static void encode_numbers(const struct spec *s, Braid__Spec *pb)
{
    pb->version = s->version;
    pb->enrich_at_origin = s->enrich_at == SPEC_AT_ORIGIN;
    pb->failed_emit = s->failed == SPEC_FAILED_EMIT;
    pb->canaries_drop = s->canaries == SPEC_CANARIES_DROP;
    pb->dedup_window = (uint64_t)s->dedup_window;
    pb->min_members = (uint32_t)s->min_members;
    pb->cut_interval_ms = (uint32_t)s->cut_interval_ms;
    pb->member_timeout_ms = (uint32_t)s->member_timeout_ms;
    pb->member_rejoin_ms = (uint32_t)s->member_rejoin_ms;
    pb->member_lag_max_ms = (uint32_t)s->member_lag_max_ms;
    pb->failed_grace_ms = (uint32_t)s->failed_grace_ms;
    pb->cap_records = (uint32_t)s->cap_records;
    pb->cap_bytes = (uint32_t)s->cap_bytes;
    pb->bytes_per_s_max = (uint32_t)s->bytes_per_s_max;
    pb->fetches_per_s_max = (uint32_t)s->fetches_per_s_max;
    pb->in_flight_max = (uint32_t)s->in_flight_max;
    pb->batch_max = (uint32_t)s->batch_max;
    pb->fetch_attempts_max = (uint32_t)s->fetch_attempts_max;
    pb->fetch_deadline_ms = (uint32_t)s->fetch_deadline_ms;
    pb->missing_retry_ms = (uint32_t)s->missing_retry_ms;
    pb->value_bytes_max = (uint32_t)s->value_bytes_max;
    pb->failed_share_max_percent = (uint32_t)s->failed_share_max_percent;
    pb->applied_ms = s->applied_ms;
    pb->requests = (uint32_t)s->requests;
}

/* Fields of the same message: docs are in spec_enrich.proto. */
static bool encode_more(const struct spec *s, struct arena *a, Braid__SpecEnrich *pb)
{
    Braid__SpecPair *pairs = arena_calloc(a, s->tags.count + 1, sizeof(*pairs));

    braid__spec_enrich__init(pb);
    pb->tags = arena_calloc(a, s->tags.count + 1, sizeof(*pb->tags));
    if (pairs == NULL || pb->tags == NULL)
        return false;
    for (size_t i = 0; i < s->tags.count; i++) {
        braid__spec_pair__init(&pairs[i]);
        pairs[i].name = arena_strdup(a, s->tags.items[i].name);
        pairs[i].value = arena_strdup(a, s->tags.items[i].value);
        if (pairs[i].name == NULL || pairs[i].value == NULL)
            return false;
        pb->tags[i] = &pairs[i];
    }
    pb->n_tags = s->tags.count;
    pb->priority = (uint32_t)s->priority + 1;
    return true;
}

static int decode_more(struct slice bytes, ProtobufCAllocator *allocator, struct arena *a,
                       struct spec *s)
{
    const Braid__SpecEnrich *pb = braid__spec_enrich__unpack(allocator, bytes.len, bytes.ptr);

    if (pb == NULL)
        return ERR_MALFORMED;
    s->tags.items = arena_calloc(a, pb->n_tags + 1, sizeof(*s->tags.items));
    if (s->tags.items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < pb->n_tags; i++)
        s->tags.items[i] = (struct key_pair){.name = slice_str(pb->tags[i]->name),
                                             .value = slice_str(pb->tags[i]->value)};
    s->tags.count = pb->n_tags;
    s->priority = pb->priority == 0 || pb->priority > SPEC_PRIORITY_HIGH + 1
                      ? SPEC_PRIORITY_NORMAL
                      : (int)pb->priority - 1;
    return 0;
}

int spec_encode(const struct spec *s, struct arena *a, struct slice *out)
{
    Braid__Spec pb;
    Braid__SpecEnrich more;
    uint8_t *bytes = NULL;
    size_t len = 0;

    braid__spec__init(&pb);
    if (!encode_texts(s, a, &pb) || !encode_sources(s, a, &pb) || !encode_asks(s, a, &pb) ||
        !encode_more(s, a, &more))
        return ERR_NO_MEMORY;
    encode_numbers(s, &pb);
    len = braid__spec__get_packed_size(&pb);
    const size_t more_len = braid__spec_enrich__get_packed_size(&more);
    bytes = arena_alloc(a, len + more_len + 1);
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    (void)braid__spec__pack(&pb, bytes); /* cannot fail: the sizes were asked for */
    (void)braid__spec_enrich__pack(&more, bytes + len);
    *out = slice_of(bytes, len + more_len);
    return 0;
}

/* An empty string is an absent item. */
static struct slice text_or_none(const char *text)
{
    return text[0] == '\0' ? (struct slice){0} : slice_str(text);
}

static int decode_sources(const Braid__Spec *pb, struct arena *a, struct spec *s)
{
    struct spec_source_keys *k = &s->source_keys;
    struct key_texts *const fields[] = {&s->sources, &k->envelope, &k->id,      &k->time,
                                        &k->key,     &k->domain,   &k->audience};

    for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
        fields[f]->items = arena_calloc(a, pb->n_sources + 1, sizeof(struct slice));
        fields[f]->count = pb->n_sources;
        if (fields[f]->items == NULL)
            return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < pb->n_sources; i++) {
        const Braid__SourceTopic *source = pb->sources[i];
        s->sources.items[i] = slice_str(source->topic);
        k->envelope.items[i] = text_or_none(source->envelope);
        k->id.items[i] = text_or_none(source->id);
        k->time.items[i] = text_or_none(source->time);
        k->key.items[i] = text_or_none(source->key);
        k->domain.items[i] = text_or_none(source->domain);
        k->audience.items[i] = text_or_none(source->audience);
    }
    return 0;
}

static int decode_texts(const Braid__Spec *pb, struct arena *a, struct spec *s)
{
    if (!texts_of(a, pb->dcs, pb->n_dcs, &s->dcs) ||
        !texts_of(a, pb->enrichments, pb->n_enrichments, &s->enrichments) ||
        !texts_of(a, pb->wikis, pb->n_wikis, &s->wikis) ||
        !texts_of(a, pb->kinds, pb->n_kinds, &s->kinds) ||
        !texts_of(a, pb->content_models, pb->n_content_models, &s->models))
        return ERR_NO_MEMORY;
    s->namespaces.items = arena_calloc(a, pb->n_namespaces + 1, sizeof(*s->namespaces.items));
    if (s->namespaces.items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < pb->n_namespaces; i++)
        s->namespaces.items[i] = pb->namespaces[i];
    s->namespaces.count = pb->n_namespaces;
    s->output = slice_str(pb->output);
    s->yaml = slice_str(pb->yaml);
    s->output_schema = slice_str(pb->output_schema);
    s->owner = slice_str(pb->owner);
    s->description = slice_str(pb->description);
    s->applied_by = slice_str(pb->applied_by);
    s->reason = slice_str(pb->reason);
    s->audience = strcmp(pb->audience, "public") == 0 ? SPEC_PUBLIC : SPEC_INTERNAL;
    return 0;
}

static void decode_numbers(const Braid__Spec *pb, struct spec *s)
{
    s->version = pb->version;
    s->enrich_at = pb->enrich_at_origin ? SPEC_AT_ORIGIN : SPEC_EVERYWHERE;
    s->failed = pb->failed_emit ? SPEC_FAILED_EMIT : SPEC_FAILED_OMIT;
    s->canaries = pb->canaries_drop ? SPEC_CANARIES_DROP : SPEC_CANARIES_KEEP;
    s->dedup_window = pb->dedup_window > INT32_MAX ? INT32_MAX : (int64_t)pb->dedup_window;
    s->min_members = pb->min_members;
    s->cut_interval_ms = pb->cut_interval_ms;
    s->member_timeout_ms = pb->member_timeout_ms;
    s->member_rejoin_ms = pb->member_rejoin_ms;
    s->member_lag_max_ms = pb->member_lag_max_ms;
    s->failed_grace_ms = pb->failed_grace_ms;
    s->cap_records = pb->cap_records;
    s->cap_bytes = pb->cap_bytes;
    s->bytes_per_s_max = pb->bytes_per_s_max;
    s->fetches_per_s_max = pb->fetches_per_s_max;
    s->in_flight_max = pb->in_flight_max;
    s->batch_max = pb->batch_max;
    s->fetch_attempts_max = pb->fetch_attempts_max;
    s->fetch_deadline_ms = pb->fetch_deadline_ms;
    s->missing_retry_ms = pb->missing_retry_ms;
    s->value_bytes_max = pb->value_bytes_max;
    s->failed_share_max_percent = pb->failed_share_max_percent;
    s->applied_ms = pb->applied_ms;
    s->requests = pb->requests > SPEC_REQUESTS_NONE ? SPEC_REQUESTS_NONE : (int)pb->requests;
}

int spec_decode(struct slice bytes, struct arena *a, struct spec *out)
{
    ProtobufCAllocator allocator = {.alloc = pb_alloc, .free = pb_free, .allocator_data = a};
    struct spec s = {0};
    Braid__Spec *pb = NULL;
    int rc = 0;

    if (bytes.len > SPEC_BYTES_MAX)
        return ERR_TOO_LARGE;
    pb = braid__spec__unpack(&allocator, bytes.len, bytes.ptr);
    if (pb == NULL)
        return ERR_MALFORMED;
    if (pb->n_dcs > DCS_MAX || pb->n_sources > SPEC_SOURCES_MAX || pb->n_dcs == 0 ||
        pb->n_sources == 0 || pb->output[0] == '\0')
        return ERR_MALFORMED;
    rc = decode_texts(pb, a, &s);
    if (rc == 0)
        rc = decode_sources(pb, a, &s);
    if (rc == 0)
        rc = decode_asks(pb, a, &s);
    if (rc == 0)
        rc = decode_more(bytes, &allocator, a, &s);
    if (rc != 0)
        return rc;
    decode_numbers(pb, &s);
    *out = s;
    return 0;
}
