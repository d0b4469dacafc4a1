/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/event_text.h"

#include <assert.h>
#include <stdio.h>

#include "bench/chance.h"

static const char *const WIKIS[EVENT_TEXT_WIKIS][2] = {
    {"wikidatawiki", "www.wikidata.bench"}, {"enwiki", "en.wikipedia.bench"},
    {"commonswiki", "commons.bench"},       {"dewiki", "de.wikipedia.bench"},
    {"frwiki", "fr.wikipedia.bench"},       {"eswiki", "es.wikipedia.bench"},
    {"arwiki", "ar.wikipedia.bench"},       {"zhwiki", "zh.wikipedia.bench"},
};

const char *event_text_domain(uint32_t wiki)
{
    assert(wiki < EVENT_TEXT_WIKIS);
    return WIKIS[wiki][1];
}

void event_source_init(struct event_source *s, uint64_t seed, const struct texts *texts,
                       uint32_t bytes)
{
    s->seed = seed;
    s->texts = texts;
    s->bytes = bytes;
    s->pages = EVENT_TEXT_PAGES;
    chance_zipf_fill(s->zipf, EVENT_TEXT_PAGES);
}

/* Days since 1970 to a date (Howard Hinnant's civil_from_days). */
static void date_of(int64_t days, int *y, int *m, int *d)
{
    const int64_t z = days + 719468;
    const int64_t era = z / 146097;
    const int64_t doe = z - era * 146097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t mp = (5 * doy + 2) / 153;

    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = (int)(yoe + era * 400 + (*m <= 2 ? 1 : 0));
}

static void time_text(int64_t ms, char out[64])
{
    const int64_t s = ms / 1000;
    int y;
    int m;
    int d;

    date_of(s / 86400, &y, &m, &d);
    (void)snprintf(out, 64, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", y, m, d, (int)(s / 3600 % 24),
                   (int)(s / 60 % 60), (int)(s % 60), (int)(ms % 1000));
}

struct parts {
    uint64_t a; /* chance */
    uint64_t b;
    uint32_t page;
    uint32_t wiki;
    int64_t rev_id;
    char time[64];
};

/* Up to the comment, whose length makes up the event's size. */
static int write_head(const struct parts *p, uint8_t *out)
{
    return snprintf(
        (char *)out, 2048,
        "{\"$schema\":\"/mediawiki/page/change/1.3.0\",\"changelog_kind\":\"update\","
        "\"page_change_kind\":\"edit\",\"dt\":\"%.19sZ\",\"wiki_id\":\"%s\","
        "\"meta\":{\"uri\":\"https://%s/wiki/Page_number_%u\","
        "\"request_id\":\"%08x-0000-4000-8000-%012llx\",\"id\":\"%08x-%04x-4%03x-8%03x-%012llx\","
        "\"dt\":\"%s\",\"domain\":\"%s\",\"stream\":\"mediawiki.page_change.v1\"},"
        "\"page\":{\"page_id\":%u,\"page_title\":\"Page_number_%u\",\"namespace_id\":0,"
        "\"is_redirect\":false},\"performer\":{\"user_text\":\"Editor %u\","
        "\"groups\":[\"autoreview\",\"editor\",\"*\",\"user\",\"autoconfirmed\"],"
        "\"is_bot\":%s,\"user_id\":%u,\"registration_dt\":\"2009-07-02T19:41:05Z\","
        "\"edit_count\":%u,\"is_system\":false,\"is_temp\":false},\"comment\":\"",
        p->time, WIKIS[p->wiki][0], WIKIS[p->wiki][1], p->page, (uint32_t)(p->a >> 32),
        (unsigned long long)(p->b >> 16), (uint32_t)p->a, (uint32_t)(p->a >> 48),
        (uint32_t)(p->a >> 36) & 0xfff, (uint32_t)(p->b >> 52),
        (unsigned long long)(p->b & 0xffffffffffffu), p->time, WIKIS[p->wiki][1], p->page + 1,
        p->page, (uint32_t)(p->b % 50000), p->a % 4 == 0 ? "true" : "false",
        (uint32_t)(p->b % 50000), (uint32_t)(p->a % 90000));
}

static int write_tail(const struct parts *p, const struct text_of_page *text, char *out)
{
    return snprintf(
        out, 2048,
        "\",\"revision\":{\"rev_id\":%lld,\"rev_dt\":\"%.19sZ\",\"is_minor_edit\":false,"
        "\"rev_sha1\":\"%s\",\"rev_size\":%u,\"comment\":\"\",\"editor\":{\"user_text\":\"Editor "
        "%u\",\"user_id\":%u},\"is_content_visible\":true,\"is_editor_visible\":true,"
        "\"is_comment_visible\":true,\"content_slots\":{\"main\":{\"slot_role\":\"main\","
        "\"content_model\":\"wikitext\",\"content_sha1\":\"%s\",\"content_size\":%u,"
        "\"content_format\":\"text/x-wiki\",\"origin_rev_id\":%lld}},\"rev_parent_id\":%lld},"
        "\"prior_state\":{\"revision\":{\"rev_id\":%lld,\"rev_size\":%u}}}",
        (long long)p->rev_id, p->time, text->sha1_36, text->size, (uint32_t)(p->b % 50000),
        (uint32_t)(p->b % 50000), text->sha1_36, text->size, (long long)p->rev_id,
        (long long)p->rev_id - 1, (long long)p->rev_id - 1, text->size);
}

void event_text(const struct event_source *s, uint64_t n, int64_t time_ms, uint8_t *out,
                struct event_made *made)
{
    struct parts p = {.a = chance_at(s->seed, 2 * n), .b = chance_at(s->seed, 2 * n + 1)};
    char tail[2048];

    assert(s->pages > 0);
    p.page = chance_zipf(s->zipf, EVENT_TEXT_PAGES, chance_at(s->seed ^ 5, n)) % s->pages;
    p.wiki = p.page % EVENT_TEXT_WIKIS;
    p.rev_id = EVENT_TEXT_REV_FIRST + (int64_t)n;
    time_text(time_ms, p.time);
    const int head_len = write_head(&p, out);
    const int tail_len = write_tail(&p, texts_of(s->texts, p.rev_id), tail);
    assert(head_len > 0);
    assert(tail_len > 0);
    const size_t bare = (size_t)head_len + (size_t)tail_len;
    const size_t fill = s->bytes > bare ? s->bytes - bare : 0;
    assert(bare + fill <= EVENT_TEXT_BYTES_MAX);
    for (size_t i = 0; i < fill; i++)
        out[(size_t)head_len + i] = (uint8_t)("rewrote the lead, see talk; "[i % 28]);
    memcpy(out + (size_t)head_len + fill, tail, (size_t)tail_len);
    made->len = bare + fill;
    made->page = p.page;
    made->key_len =
        (size_t)snprintf(made->key, sizeof made->key, "{\"page_id\":%u,\"wiki_id\":\"%s\"}",
                         p.page + 1, WIKIS[p.wiki][0]);
}
