/* SPDX-License-Identifier: Apache-2.0 */
/* io_cmd_config.c - a stream as the stream catalogue has it. */
#include "coord/ctl/catalogue.h"
#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/ctl/topics.h"

int cmd_streamconfig(struct session *s)
{
    struct snapshot snap;
    struct view v = view_new(&s->arena, "StreamConfig");
    const struct snapshot_stream *st = NULL;
    struct text json = text_in(&s->arena);
    const char *pattern = NULL;
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    st = stream_wanted(s, &snap);
    if (st == NULL)
        return EXIT_REFUSED;
    if (!st->has_spec) {
        output_error(&s->output, "'%.*s' has no spec", SLICE_ARG(st->output));
        return EXIT_REFUSED;
    }
    pattern = catalogue_mirror_pattern(&st->spec, &s->arena);
    text_adds(&json, "{\n  \"apiVersion\": \"" VIEW_API_VERSION "\",\n"
                     "  \"kind\": \"StreamConfig\",\n  \"mirrors_leave_out\": ");
    view_print_json_string(slice_str(pattern), &json);
    text_adds(&json, ",\n  \"streams\": {\n    ");
    view_print_json_string(st->output, &json);
    text_adds(&json, ": ");
    catalogue_print_json(&st->spec, &json);
    text_adds(&json, "\n  }\n}\n");
    v.json = text_slice(&json);
    v.yaml = v.json; /* JSON is YAML */
    view_text(&v, "stream", st->output);
    view_text(&v, "topics", slice_str(topic_global(&s->arena, st->output)));
    view_null(&v, "topic_prefixes");
    view_bool(&v, "canary_events_enabled", false);
    view_text(&v, "message_key_fields", SLICE_LIT("wiki_id: wiki_id, page_id: page.page_id"));
    view_text(&v, "mirrors_leave_out", slice_str(pattern));
    output_view(&s->output, &v);
    return EXIT_DONE;
}
