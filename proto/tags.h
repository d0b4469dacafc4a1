/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tags.h - rules that give an event tags: each a name and conditions on the event, on what was added to
 *          it, and on the text that the edit added or removed.
 *
 * Promise: a rule is a line of conditions, all of which must be met, in the words of filter.where:
 *          "/performer/is_bot: not true; added: has <ref". "added" and "removed" are the lines of the
 *          diff, the pieces of them that changed where only a piece did: one of them must meet the condition, with "not" none may.
 *          Pointers below /enrichments lead into what the stream adds. What is hidden by now meets no
 *          condition but one of "not".
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_TAGS_H
#define BRAID_PROTO_TAGS_H

#include "proto/where.h"

enum {
    TAGS_MAX = 64,           /* rules of a spec */
    TAG_CONDITIONS_MAX = 16, /* of a rule */
    TAG_RULE_BYTES_MAX = 2000
};

enum tag_field {
    TAG_FIELD_EVENT,
    TAG_FIELD_MADE, /* below /enrichments */
    TAG_FIELD_ADDED,
    TAG_FIELD_REMOVED,
};

struct tag_condition {
    enum tag_field field;
    struct where where;
};

/* Everything borrowed. */
struct tag_rule {
    struct slice name;
    const struct tag_condition *conditions;
    size_t count;
};

struct tag_rules {
    const struct tag_rule *list;
    size_t count;
};

/* Reads the conditions of a rule. ERR_MALFORMED; ERR_TOO_LARGE: too many. */
int tag_rule_parse(struct slice text, struct tag_condition out[TAG_CONDITIONS_MAX],
                   size_t *out_count);

/* What rules look at. */
struct tag_view {
    yyjson_val *event;
    yyjson_val *made; /* value of `enrichments` */
    bool is_user_hidden;
    bool is_comment_hidden;
};

bool tag_rule_holds(const struct tag_rule *rule, const struct tag_view *view);

#endif
