/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/spec_enrich.h"

#include "proto/err.h"

static int enrichments_of(const struct spec *s, uint32_t *out)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < s->enrichments.count; i++) {
        const uint32_t bit = enrichment_find(s->enrichments.items[i]);
        if (bit == 0)
            return ERR_UNSUPPORTED;
        bits |= bit;
    }
    *out = bits;
    return 0;
}

static int where_of(const struct spec *s, struct where *out)
{
    for (size_t i = 0; i < s->where.count; i++) {
        const int rc = where_parse(s->where.items[i].name, s->where.items[i].value, &out[i]);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static const struct ask_pair *pairs_of(const struct key_pairs *pairs, struct arena *a)
{
    struct ask_pair *all = arena_calloc(a, pairs->count + 1, sizeof(*all));

    for (size_t i = 0; all != NULL && i < pairs->count; i++)
        all[i] = (struct ask_pair){pairs->items[i].name, pairs->items[i].value};
    return all;
}

static struct slice from_of(const struct spec *s, const char *name)
{
    for (size_t i = 0; i < s->from_wikis.count; i++) {
        if (slice_equal(s->from_wikis.items[i].name, slice_str(name)))
            return s->from_wikis.items[i].value;
    }
    return (struct slice){0};
}

/* A spec may be of any origin: what is no URL here is not asked. */
static int asks_of(const struct spec *s, struct arena *a, struct asks *out)
{
    *out = (struct asks){.user_domain = from_of(s, "user"),
                         .images_domain = from_of(s, "images"),
                         .entity_domain = from_of(s, "entity")};
    if (s->http.url.len > 0 && asks_url_is_valid(s->http.url)) {
        out->http.url = s->http.url;
        out->http.is_post = s->http.method == 1;
        out->http.headers = pairs_of(&s->http.headers, a);
        out->http.header_count = s->http.headers.count;
        out->http.body = s->http.body;
        out->http.token = s->http.token;
        out->http.result = s->http.result;
        out->http.place = s->http.place;
        if (out->http.headers == NULL)
            return ERR_NO_MEMORY;
    }
    if (s->score.url.len > 0 && asks_url_is_valid(s->score.url)) {
        out->score.url = s->score.url;
        out->score.model = s->score.model;
        out->score.token = s->score.token;
        out->score.langs = pairs_of(&s->score.langs, a);
        out->score.lang_count = s->score.langs.count;
        if (out->score.langs == NULL)
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int tags_of(const struct spec *s, struct arena *a, struct tag_rules *out)
{
    struct tag_rule *rules = arena_calloc(a, s->tags.count + 1, sizeof(*rules));

    if (rules == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < s->tags.count; i++) {
        struct tag_condition *conditions = arena_calloc(a, TAG_CONDITIONS_MAX, sizeof(*conditions));
        if (conditions == NULL)
            return ERR_NO_MEMORY;
        const int rc = tag_rule_parse(s->tags.items[i].value, conditions, &rules[i].count);
        if (rc != 0)
            return rc;
        rules[i].name = s->tags.items[i].name;
        rules[i].conditions = conditions;
    }
    *out = (struct tag_rules){rules, s->tags.count};
    return 0;
}

int spec_enrich(const struct spec *s, const struct domain_list *domains, struct arena *a,
                struct enrich_spec *out)
{
    int32_t *namespaces = arena_calloc(a, s->namespaces.count + 1, sizeof(*namespaces));
    struct where *where = arena_calloc(a, s->where.count + 1, sizeof(*where));
    uint32_t enrichments = 0;
    struct asks asks;
    struct tag_rules tags;

    if (namespaces == NULL || where == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < s->namespaces.count; i++)
        namespaces[i] = (int32_t)s->namespaces.items[i];
    int rc = enrichments_of(s, &enrichments);
    if (rc == 0)
        rc = where_of(s, where);
    if (rc == 0)
        rc = asks_of(s, a, &asks);
    if (rc == 0)
        rc = tags_of(s, a, &tags);
    if (rc != 0)
        return rc;
    *out = (struct enrich_spec){
        .output = s->output,
        .schema = s->output_schema,
        .wikis = s->wikis.items,
        .wiki_count = s->wikis.count,
        .namespaces = namespaces,
        .namespace_count = s->namespaces.count,
        .kinds = s->kinds.items,
        .kind_count = s->kinds.count,
        .models = s->models.items,
        .model_count = s->models.count,
        .where = where,
        .where_count = s->where.count,
        .domains = *domains,
        .asks = asks,
        .tags = tags,
        .enrichments = enrichments,
        .value_bytes_max = (size_t)s->value_bytes_max,
    };
    return 0;
}
