/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/catalogue.h"

#include <string.h>

#include "coord/ctl/topics.h"
#include "coord/ctl/view.h"
#include "coord/tasks.h"

/* A name in a regular expression: names have letters, digits, '.', '_', '-' and ':'. */
static void add_escaped(struct text *out, struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '.')
            text_adds(out, "\\");
        text_add(out, slice_sub(name, i, i + 1));
    }
}

static void add_choice(struct text *out, const struct key_texts *names)
{
    text_adds(out, "(");
    for (size_t i = 0; i < names->count; i++) {
        if (i > 0)
            text_adds(out, "|");
        add_escaped(out, names->items[i]);
    }
    text_adds(out, ")");
}

const char *catalogue_mirror_pattern(const struct spec *s, struct arena *a)
{
    struct text t = text_in(a);

    text_adds(&t, "^(global\\.");
    add_escaped(&t, s->output);
    text_adds(&t, "|");
    add_choice(&t, &s->dcs);
    text_adds(&t, "\\.(braid\\..+");
    /* Enriched at its origin alone, a source is not copied. */
    for (size_t i = 0; s->enrich_at != SPEC_AT_ORIGIN && i < s->sources.count; i++) {
        struct slice global;
        if (task_source_is_global(s->sources.items[i], &global))
            continue; /* the pattern of its own stream has it */
        text_adds(&t, "|");
        add_escaped(&t, s->sources.items[i]);
    }
    text_adds(&t, "))$");
    return text_string(&t);
}

struct slice catalogue_schema_title(struct slice schema)
{
    if (schema.len > 0 && schema.ptr[0] == '/')
        schema = slice_sub(schema, 1, schema.len);
    for (size_t i = schema.len; i > 0; i--) {
        if (schema.ptr[i - 1] == '/')
            return slice_sub(schema, 0, i - 1);
    }
    return schema;
}

void catalogue_print_json(const struct spec *s, struct text *out)
{
    struct slice title = catalogue_schema_title(s->output_schema);

    if (title.len == 0)
        title = SLICE_LIT("mediawiki/page/change");
    text_adds(out, "{\n      \"stream\": ");
    view_print_json_string(s->output, out);
    text_adds(out, ",\n      \"description\": ");
    view_print_json_string(s->description, out);
    text_adds(out, ",\n      \"schema_title\": ");
    view_print_json_string(title, out);
    text_adds(out, ",\n      \"topics\": [");
    view_print_json_string(slice_str(topic_global(out->arena, s->output)), out);
    /* Braid passes on the sources' canaries and makes none; no intake writes here. */
    text_adds(out, "],\n      \"topic_prefixes\": null,\n"
                   "      \"canary_events_enabled\": false,\n"
                   "      \"message_key_fields\": {\"wiki_id\": \"wiki_id\", \"page_id\": "
                   "\"page.page_id\"},\n"
                   "      \"audience\": ");
    view_print_json_string(s->audience == SPEC_PUBLIC ? SLICE_LIT("public") : SLICE_LIT("internal"),
                           out);
    text_adds(out, ",\n      \"owner\": ");
    view_print_json_string(s->owner, out);
    text_adds(out, "\n    }");
}
