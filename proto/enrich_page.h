/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrich_page.h - what becomes of one page-change event: status, value and headers of its record.
 *
 * Promise: every source record gets exactly one status, whatever its bytes and whatever the API
 *          says. The story: enrich_page_open decodes and decides; if the status is PENDING then, the
 *          caller takes questions from enrich_page_ask until there is none, and passes each outcome
 *          to enrich_page_settle, after which there may be more questions; when enrich_page_is_done,
 *          enrich_page_value and enrich_page_write give the bytes. Nothing that the wiki hides is in
 *          them.
 * Pure:    yes.
 * Not here: fetching (node/io_fetch.h), origin headers, Kafka.
 */
#ifndef BRAID_PROTO_ENRICH_PAGE_H
#define BRAID_PROTO_ENRICH_PAGE_H

#include "proto/domain.h"
#include "proto/enrich_outcome.h"
#include "proto/enrichment.h"
#include "proto/splice.h"
#include "proto/time_text.h"
#include "proto/where.h"

enum {
    ENRICH_STATUS_MAX = 48, /* bytes of the texts below, NUL included */
    ENRICH_FETCH_MAX = 128,
};

/* What a spec says about enriching pages. All borrowed, must outlive every struct enrich_page. */
struct enrich_spec {
    struct slice output;       /* the stream's name, for meta.stream */
    struct slice schema;       /* for $schema; absent or empty: as the source has it */
    const struct slice *wikis; /* filters; count 0 lets all pass */
    size_t wiki_count;
    const int32_t *namespaces;
    size_t namespace_count;
    const struct slice *kinds;
    size_t kind_count;
    const struct slice *models; /* content model of the main slot */
    size_t model_count;
    const struct where *where; /* all must be met */
    size_t where_count;
    struct domain_list domains; /* from the node's file: wikis that may be asked */
    struct asks asks;
    struct tag_rules tags;
    uint32_t enrichments;   /* bits (enrichment.h); 0: none, then nothing is asked */
    size_t value_bytes_max; /* 0: no limit */
};

enum enrich_status {
    ENRICH_PENDING, /* a fetch is needed; never on a record */
    ENRICH_OK,
    ENRICH_WITHHELD,
    ENRICH_FAILED,
    ENRICH_CANARY,
    ENRICH_FILTERED, /* key kept, value empty */
};

/* Must not be moved or copied while in use. About 6 KB. */
struct enrich_page {
    const struct enrich_spec *spec; /* borrowed */
    struct arena *keep;             /* borrowed: texts of questions and what is made of answers */
    struct slice source;            /* borrowed: the source record's value; absent if null */
    enum enrich_status status;
    enum reason reason;
    char detail[EVENT_DETAIL_MAX]; /* for people: explain, the error topic; "" if none */
    bool is_decoded;               /* event is set */
    struct event event;
    uint32_t wanted;   /* bits of enrichments that this event can have */
    uint32_t due;      /* bits of questions */
    uint32_t asked;    /* of them, given out or found to be needless */
    uint32_t answered; /* of those, settled */
    struct answer answers[QUESTION_COUNT];
    struct slice made;             /* value of `enrichments`, in keep; absent if none */
    struct enrich_outcome outcome; /* of the revision; of the question that failed; attempts and ms
                                      are of all */
    struct splice splice;          /* set by enrich_page_value */
    uint8_t time_token[TIME_TEXT_LEN];
};

/* ERR_CONFIG if output or schema are not plain printable ASCII; ask once, before any open. */
int enrich_spec_check(const struct enrich_spec *spec);

/* What a page works with. */
struct enrich_memory {
    struct arena *scratch; /* reset by each call that is given it */
    struct arena *keep; /* must live as long as the page; nothing is taken before the first ask */
};

/* Decodes and decides. Returns true if something must be asked; the status is ENRICH_PENDING then,
 * and final otherwise. ERR_NO_MEMORY cannot happen: what does not fit into the scratch arena is
 * failed:too_large. `value` must outlive `p`. */
bool enrich_page_open(struct enrich_page *p, const struct enrich_spec *spec,
                      const struct enrich_memory *memory, struct slice value);

/* The same of a source with a shape, which must outlive `p`. */
bool enrich_page_open_as(struct enrich_page *p, const struct enrich_spec *spec,
                         const struct event_shape *shape, const struct enrich_memory *memory,
                         struct slice value);

/* In the place of open: the record is meant for another stream, it is filtered here. */
void enrich_page_skip(struct enrich_page *p, const struct enrich_spec *spec, struct slice value);

/* The next question that can be put now. False: none before another answer comes, or none at all. */
bool enrich_page_ask(struct enrich_page *p, struct arena *scratch, struct question *out);

/* Takes the answer to a question that was given out. */
void enrich_page_settle(struct enrich_page *p, enum question_kind kind,
                        const struct enrich_outcome *outcome, struct arena *scratch);

/* The status is final, and no answer is outstanding. */
bool enrich_page_is_done(const struct enrich_page *p);

/* Judges what an answer says about this event. */
struct enrich_judgement enrich_page_judge(const struct event *event,
                                          const struct mwapi_answer *answer);

/* The same of one revision, which the answer has. */
struct enrich_judgement enrich_page_judge_revision(const struct event *event,
                                                   const struct mwapi_revision *revision);

/* How many bytes the value has, with meta.dt = now_ms. A page whose enriched value would exceed the
 * spec's limit becomes failed:too_large here, so ask for the status afterwards. *out_is_null: the
 * value is null, because the source's was, or because even without content it exceeds the limit.
 * The value of a filtered one is empty. */
size_t enrich_page_value(struct enrich_page *p, int64_t now_ms, bool *out_is_null);

/* Writes what enrich_page_value measured. */
void enrich_page_write(const struct enrich_page *p, uint8_t *out);

/* Text of `braid-status` ("ok", "withheld:text_hidden") and of `braid-fetch`
 * ("attempts=1 http=200 error=- ms=12"), NUL-terminated; return the length without the NUL. */
size_t enrich_page_status_text(const struct enrich_page *p, char out[ENRICH_STATUS_MAX]);
size_t enrich_page_fetch_text(const struct enrich_page *p, char out[ENRICH_FETCH_MAX]);

#endif
