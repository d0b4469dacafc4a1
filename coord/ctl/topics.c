/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/topics.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "coord/tasks.h"

#define DAY_TEXT   "86400000"
#define WEEK_TEXT  "604800000"
#define MONTH_TEXT "2592000000"
#define NO_LIMIT   "9223372036854775807"

const char *topic_global(struct arena *a, struct slice output)
{
    return text_format(a, "global.%.*s", SLICE_ARG(output));
}

const char *topic_enriched(struct arena *a, struct slice dc, struct slice output)
{
    return text_format(a, "%.*s." TASK_ENRICHED_PREFIX "%.*s", SLICE_ARG(dc), SLICE_ARG(output));
}

const char *topic_retry(struct arena *a, struct slice dc, struct slice output)
{
    return text_format(a, "%.*s." TASK_RETRY_PREFIX "%.*s", SLICE_ARG(dc), SLICE_ARG(output));
}

const char *topic_state(struct arena *a, struct slice dc, struct slice output)
{
    return text_format(a, "%.*s." TASK_STATE_PREFIX "%.*s", SLICE_ARG(dc), SLICE_ARG(output));
}

const char *topic_prefixed(struct arena *a, struct slice dc, struct slice topic)
{
    return text_format(a, "%.*s.%.*s", SLICE_ARG(dc), SLICE_ARG(topic));
}

/* ---- what there must be ----------------------------------------------------------------------- */

static void set(struct topic_wanted *t, const char *name, const char *value)
{
    assert(t->setting_count < TOPIC_SETTINGS_MAX);
    t->settings[t->setting_count++] = (struct topic_setting){.name = name, .value = value};
}

static void set_least(struct topic_wanted *t, const char *name, const char *value)
{
    set(t, name, value);
    t->settings[t->setting_count - 1].is_least = true;
}

static void set_advice(struct topic_wanted *t, const char *name, const char *value)
{
    set(t, name, value);
    t->settings[t->setting_count - 1].is_advice = true;
}

static struct topic_wanted topic_of(enum topic_kind kind, const char *name, int partitions,
                                    const char *bytes_max)
{
    struct topic_wanted t = {.kind = kind, .name = name, .partitions = partitions};

    set(&t, "cleanup.policy", kind == TOPIC_STATE ? "compact" : "delete");
    set(&t, "unclean.leader.election.enable", "false");
    set_least(&t, "max.message.bytes", bytes_max);
    switch (kind) {
    case TOPIC_COPY:
    case TOPIC_ENRICHED:
        set(&t, "message.timestamp.type", "LogAppendTime");
        set_advice(&t, "retention.ms", DAY_TEXT);
        break;
    case TOPIC_GLOBAL:
        /* The timestamp is the cut time, which may be far from the broker's clock. */
        set(&t, "message.timestamp.type", "CreateTime");
        set(&t, "message.timestamp.before.max.ms", NO_LIMIT);
        set(&t, "message.timestamp.after.max.ms", NO_LIMIT);
        set_advice(&t, "retention.ms", WEEK_TEXT);
        break;
    case TOPIC_CUTS:
        /* Recovery and verify go back to cut 0. */
        set(&t, "retention.ms", "-1");
        set(&t, "retention.bytes", "-1");
        break;
    case TOPIC_ERROR:
    case TOPIC_REQUEST:
        set_advice(&t, "retention.ms", MONTH_TEXT);
        break;
    case TOPIC_STATE:
        /* A line that a former owner writes late is seen before what it is older than is dropped. */
        set_least(&t, "min.compaction.lag.ms", DAY_TEXT);
        break;
    }
    return t;
}

static const char *bytes_text(struct arena *a, int64_t bytes)
{
    return text_format(a, "%" PRId64, bytes);
}

size_t topics_wanted(const struct spec *s, struct slice dc, const struct topic_source *sources,
                     size_t source_count, struct arena *a, struct topic_wanted *out)
{
    size_t count = 0;
    int most = 1;
    int64_t largest = s->value_bytes_max;
    const char *enriched_bytes = NULL;

    for (size_t i = 0; i < source_count; i++) {
        most = sources[i].partitions > most ? sources[i].partitions : most;
        /* A request is one of the other sources' records, with headers that make way for new ones. */
        if (sources[i].message_bytes_max > largest && !task_is_request(sources[i].topic))
            largest = sources[i].message_bytes_max;
    }
    enriched_bytes = bytes_text(a, largest + TOPICS_MARGIN_BYTES);
    for (size_t i = 0; i < source_count && count < TOPICS_WANTED_MAX; i++) {
        if (slice_equal(sources[i].dc, dc) && task_is_request(sources[i].topic)) {
            out[count++] =
                topic_of(TOPIC_REQUEST, topic_prefixed(a, dc, sources[i].topic),
                         sources[i].partitions, bytes_text(a, sources[i].message_bytes_max));
        } else if (!slice_equal(sources[i].dc, dc) &&
                   !slice_equal(sources[i].dc, SLICE_LIT(TASK_GLOBAL))) {
            out[count++] =
                topic_of(TOPIC_COPY, topic_prefixed(a, sources[i].dc, sources[i].topic),
                         sources[i].partitions,
                         bytes_text(a, sources[i].message_bytes_max + TOPICS_MARGIN_BYTES));
        }
    }
    for (size_t i = 0; i < s->dcs.count && count < TOPICS_WANTED_MAX; i++) {
        out[count++] = topic_of(TOPIC_ENRICHED, topic_enriched(a, s->dcs.items[i], s->output), most,
                                enriched_bytes);
    }
    if (count + 4 > TOPICS_WANTED_MAX)
        return count;
    if (spec_has_memory(s))
        out[count++] = topic_of(TOPIC_STATE, topic_state(a, dc, s->output), 1,
                                bytes_text(a, TOPICS_MARGIN_BYTES));
    out[count++] = topic_of(TOPIC_GLOBAL, topic_global(a, s->output), 1, enriched_bytes);
    out[count++] = topic_of(TOPIC_CUTS, topic_prefixed(a, dc, SLICE_LIT("braid.cuts")), 1,
                            bytes_text(a, 8 * TOPICS_MARGIN_BYTES));
    out[count++] =
        topic_of(TOPIC_ERROR, topic_prefixed(a, dc, SLICE_LIT("braid.error")), 1, enriched_bytes);
    return count;
}

static bool has_topic(const struct layout *layout, struct slice topic)
{
    for (uint32_t i = 0; i < layout->count; i++) {
        if (slice_equal(layout->names[i].from.topic, topic))
            return true;
    }
    return false;
}

size_t topics_requests(const struct spec *s, const struct layout *layout, struct arena *a,
                       struct slice *out)
{
    size_t count = 0;

    for (size_t i = 0; i <= s->sources.count; i++) {
        const bool is_retry = i == s->sources.count;
        const struct slice name = is_retry ? s->output : s->sources.items[i];
        const struct slice topic = slice_str(text_format(
            a, "%s%.*s", is_retry ? TASK_RETRY_PREFIX : TASK_BACKFILL_PREFIX, SLICE_ARG(name)));
        struct slice global;
        const bool is_wanted = !is_retry && task_source_is_global(name, &global) ? false
                               : layout != NULL ? has_topic(layout, topic)
                               : is_retry       ? s->requests != SPEC_REQUESTS_NONE
                                                : s->requests == SPEC_REQUESTS_ALL;
        if (is_wanted)
            out[count++] = topic;
    }
    return count;
}

/* ---- what is there ---------------------------------------------------------------------------- */

static const char *value_of(const struct topic_actual *actual, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(actual[i].name, name) == 0)
            return actual[i].value;
    }
    return NULL;
}

static bool is_enough(const char *value, const char *least)
{
    int64_t has = 0;
    int64_t wants = 0;

    return keys_parse_number(slice_str(value), &has) == 0 &&
           keys_parse_number(slice_str(least), &wants) == 0 && has >= wants;
}

static bool fits(const struct topic_setting *want, const char *value)
{
    if (value == NULL || want->is_advice) {
        return true; /* not known to this Kafka: nothing to be wrong */
    }
    return want->is_least ? is_enough(value, want->value) : strcmp(value, want->value) == 0;
}

size_t topics_check(const struct topic_wanted *want, int partitions,
                    const struct topic_actual *actual, size_t actual_count, struct text *out)
{
    size_t wrong = 0;

    if (partitions != want->partitions) {
        text_addf(out, "%s has %d partitions, it must have %d\n", want->name, partitions,
                  want->partitions);
        wrong++;
    }
    for (size_t i = 0; i < want->setting_count; i++) {
        const struct topic_setting *setting = &want->settings[i];
        const char *value = value_of(actual, actual_count, setting->name);

        if (fits(setting, value))
            continue;
        text_addf(out, "%s has %s=%s, it must be %s%s\n", want->name, setting->name, value,
                  setting->is_least ? "at least " : "", setting->value);
        wrong++;
    }
    return wrong;
}

size_t topics_check_source(const char *name, const struct topic_actual *actual, size_t actual_count,
                           struct text *out)
{
    const char *policy = value_of(actual, actual_count, "cleanup.policy");

    if (policy == NULL || strstr(policy, "compact") == NULL)
        return 0;
    text_addf(out, "%s is compacted (cleanup.policy=%s): a source may lose records only by age\n",
              name, policy);
    return 1;
}
