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

int spec_enrich(const struct spec *s, const struct domain_list *domains, struct arena *a,
                struct enrich_spec *out)
{
    int32_t *namespaces = arena_calloc(a, s->namespaces.count + 1, sizeof(*namespaces));
    struct where *where = arena_calloc(a, s->where.count + 1, sizeof(*where));
    uint32_t enrichments = 0;

    if (namespaces == NULL || where == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < s->namespaces.count; i++)
        namespaces[i] = (int32_t)s->namespaces.items[i];
    int rc = enrichments_of(s, &enrichments);
    if (rc == 0)
        rc = where_of(s, where);
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
        .enrichments = enrichments,
        .value_bytes_max = (size_t)s->value_bytes_max,
    };
    return 0;
}
