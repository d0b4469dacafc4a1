/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_verify_content.c - are the contents in the stream what MediaWiki has? Fetches revisions spread
 * evenly over the range once more, one by one, with no code of the enrichment.
 */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "coord/ctl/io_places.h"
#include "coord/ctl/io_verify.h"

enum {
    ANSWER_BYTES_MAX = 128 << 20,
    FETCH_TIMEOUT_S = 30,
    FETCH_ATTEMPTS = 3
};

struct answer {
    char *bytes; /* owned */
    size_t len;
    bool is_too_large;
};

struct comparing {
    CURL *curl;       /* owned */
    const char *base; /* address of the API */
    uint64_t wanted;
    uint64_t taken;
    int64_t first;
    int64_t end;
    int rc;
};

static size_t take_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct answer *answer = arg;
    size_t len = size * count;
    char *grown = NULL;

    if (answer->len + len > ANSWER_BYTES_MAX) {
        answer->is_too_large = true;
        return 0;
    }
    grown = realloc(answer->bytes, answer->len + len + 1);
    if (grown == NULL)
        return 0;
    memcpy(grown + answer->len, bytes, len);
    answer->bytes = grown;
    answer->len += len;
    return len;
}

/* ---- fetching --------------------------------------------------------------------------------- */

/* A wiki's name may stand in a Host header if it has nothing but a host's letters. */
static bool domain_is_sound(const char *domain)
{
    return domain[0] != '\0' &&
           strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(domain);
}

static bool fetch_once(struct comparing *c, const char *url, const char *host,
                       struct answer *answer)
{
    struct curl_slist *headers = curl_slist_append(NULL, host);
    long status = 0;
    CURLcode rc = CURLE_OK;

    answer->len = 0;
    curl_easy_reset(c->curl);
    /* These fail only for options that this libcurl does not know. */
    (void)curl_easy_setopt(c->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take_bytes);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long)FETCH_TIMEOUT_S);
    (void)curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "braidctl-verify/" BRAID_VERSION);
    (void)curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    rc = curl_easy_perform(c->curl);
    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return rc == CURLE_OK && status == 200;
}

/* The API's answer for one revision, or NULL: said. */
static yyjson_doc *fetch(struct verify *v, struct comparing *c, const char *domain, int64_t rev)
{
    struct answer answer = {0};
    const char *host = text_format(&v->session->arena, "Host: %s", domain);
    const char *url = text_format(&v->session->arena,
                                  "%s?action=query&prop=revisions&revids=%" PRId64
                                  "&rvprop=ids%%7Ccontent&rvslots=*&format=json&formatversion=2",
                                  c->base, rev);
    yyjson_doc *doc = NULL;

    for (int i = 0; i < FETCH_ATTEMPTS && doc == NULL; i++) {
        if (fetch_once(c, url, host, &answer))
            doc = yyjson_read(answer.bytes, answer.len, 0);
    }
    free(answer.bytes);
    if (doc == NULL) {
        output_error(&v->session->output, "cannot fetch revision %" PRId64 " of %s from %s", rev,
                     domain, c->base);
    }
    return doc;
}

/* ---- comparing -------------------------------------------------------------------------------- */

static yyjson_val *at(yyjson_val *object, const char *name)
{
    return object == NULL ? NULL : yyjson_obj_get(object, name);
}

/* The revision in the answer, or NULL where the wiki does not show it (any more). */
static yyjson_val *revision_in(yyjson_doc *doc)
{
    yyjson_val *pages = at(at(yyjson_doc_get_root(doc), "query"), "pages");
    yyjson_val *revisions = at(yyjson_arr_get_first(pages), "revisions");

    return yyjson_arr_get_first(revisions);
}

/* Compares one slot: 1 equal, 0 different, -1 the wiki does not show it. */
static int compare_slot(yyjson_val *revision, const char *role, yyjson_val *body)
{
    yyjson_val *slot = at(at(revision, "slots"), role);
    yyjson_val *content = at(slot, "content");

    if (slot == NULL || content == NULL)
        return at(slot, "texthidden") != NULL || slot != NULL ? -1 : 0;
    if (!yyjson_is_str(content))
        return 0;
    return yyjson_get_len(content) == yyjson_get_len(body) &&
           memcmp(yyjson_get_str(content), yyjson_get_str(body), yyjson_get_len(body)) == 0;
}

static void compare_slots(struct verify *v, int64_t seq, yyjson_val *slots, yyjson_val *revision,
                          int64_t rev)
{
    size_t index = 0;
    size_t max = 0;
    yyjson_val *role = NULL;
    yyjson_val *slot = NULL;

    yyjson_obj_foreach(slots, index, max, role, slot)
    {
        yyjson_val *body = at(slot, "content_body");

        if (!yyjson_is_str(body))
            continue;
        if (compare_slot(revision, yyjson_get_str(role), body) == 0) {
            audit_add(
                v->audit, AUDIT_CONTENT, (struct slice){0}, seq,
                text_format(&v->arena, "revision %" PRId64 ", slot %s", rev, yyjson_get_str(role)));
        }
    }
}

static bool has_content(yyjson_val *slots)
{
    size_t index = 0;
    size_t max = 0;
    yyjson_val *role = NULL;
    yyjson_val *slot = NULL;

    if (!yyjson_is_obj(slots))
        return false;
    yyjson_obj_foreach(slots, index, max, role, slot)
    {
        if (yyjson_is_str(at(slot, "content_body")))
            return true;
    }
    return false;
}

/* True if the record was one with content: fetched and compared, or not to be had (*rc). */
static bool compare_record(struct verify *v, struct comparing *c, int64_t seq, struct slice value)
{
    yyjson_doc *doc = yyjson_read((const char *)value.ptr, value.len, 0);
    yyjson_val *root = doc == NULL ? NULL : yyjson_doc_get_root(doc);
    yyjson_val *revision = at(root, "revision");
    yyjson_val *slots = at(revision, "content_slots");
    yyjson_val *domain = at(at(root, "meta"), "domain");
    int64_t rev = yyjson_get_sint(at(revision, "rev_id"));
    bool is_one = has_content(slots) && yyjson_is_str(domain) && rev > 0 &&
                  domain_is_sound(yyjson_get_str(domain));
    yyjson_doc *answer = is_one ? fetch(v, c, yyjson_get_str(domain), rev) : NULL;

    if (is_one && answer == NULL)
        c->rc = EXIT_REFUSED;
    if (answer != NULL && revision_in(answer) == NULL)
        v->content_skipped++;
    if (answer != NULL && revision_in(answer) != NULL) {
        compare_slots(v, seq, slots, revision_in(answer), rev);
        v->content_compared++;
    }
    yyjson_doc_free(answer);
    yyjson_doc_free(doc);
    return is_one;
}

/* The number from which the next record with content is taken: `wanted` of them, evenly spread. */
static int64_t next_wanted(const struct comparing *c)
{
    return c->first + (int64_t)((double)(c->end - c->first) * (double)c->taken / (double)c->wanted);
}

static bool take(struct verify *v, void *arg, const struct kafka_record *r)
{
    struct comparing *c = arg;
    struct audit_record parsed;

    audit_record_parse(&r->raw, &parsed);
    if (!parsed.has_seq || parsed.seq < next_wanted(c))
        return true;
    if (parsed.seq >= c->end)
        return false;
    if (parsed.status == STATUS_OK && r->raw.value.len > 0 &&
        compare_record(v, c, parsed.seq, r->raw.value)) {
        c->taken++;
        output_progress(&v->session->output, "content: %" PRIu64 " of %" PRIu64, c->taken,
                        c->wanted);
    }
    return c->rc == 0 && c->taken < c->wanted;
}

int verify_content(struct verify *v, uint64_t count)
{
    struct verify_site *site = &v->sites[0];
    struct comparing c = {.wanted = count, .first = v->first_seq};
    struct audit_result result;
    int64_t offset = 0;
    int64_t end = 0;
    int rc = 0;

    if (count == 0)
        return 0;
    audit_peek(v->audit, &result);
    c.end = result.shortest;
    c.base = place_mediawiki(v->session, v->snap, site->dc);
    if (c.base == NULL || !kafka_bounds(site->reader, v->global, 0, &offset, &end))
        return EXIT_REFUSED;
    if (v->first_seq > 0 && !kafka_find_seq(site->reader, v->global, v->first_seq, &offset))
        return EXIT_REFUSED;
    c.curl = curl_easy_init();
    if (c.curl == NULL)
        return EXIT_REFUSED;
    if (end > offset)
        rc = verify_read(v, (struct verify_log){site->reader, v->global, 0, offset}, take, &c);
    curl_easy_cleanup(c.curl);
    return rc != 0 ? rc : c.rc;
}
