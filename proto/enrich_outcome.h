/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrich_outcome.h - what one answer means for one event, and how a question ended.
 *
 * Pure:    yes.
 * Not here: what becomes of the event (enrich_page.h).
 */
#ifndef BRAID_PROTO_ENRICH_OUTCOME_H
#define BRAID_PROTO_ENRICH_OUTCOME_H

#include "proto/mwapi.h"
#include "proto/reason.h"

/* What one answer of the API means for one event. */
enum enrich_verdict {
    ENRICH_VERDICT_OK,
    ENRICH_VERDICT_HIDDEN,   /* reason says how; final */
    ENRICH_VERDICT_MISSING,  /* ask again while the event is young */
    ENRICH_VERDICT_EARLY,    /* good, but ask again while the event is young */
    ENRICH_VERDICT_UNSERVED, /* answer cut short; ask again, it was not its turn */
    ENRICH_VERDICT_SUSPECT,  /* reason says why (sha1, slot_missing); ask again, then give up */
};

/* Beside its text, what else of a revision is hidden by now. */
struct enrich_hidden {
    bool user;
    bool comment;
};

struct enrich_judgement {
    enum enrich_verdict verdict;
    enum reason reason;                    /* of HIDDEN and SUSPECT */
    struct enrich_hidden hidden;           /* with OK and HIDDEN */
    const struct mwapi_revision *revision; /* of OK; lives as long as the answer */
};

/* The end of a fetch. */
struct enrich_outcome {
    enum reason reason; /* REASON_NONE: revision or body is set */
    bool ask_again;     /* nothing is said by this: the question must be put once more, unshared */
    const struct mwapi_revision *revision; /* of QUESTION_REVISION, its contents those of the event;
                                              borrowed until the caller releases the fetch */
    struct slice body;                     /* of other questions; borrowed likewise */
    int64_t at_ms;                         /* wall clock, when the answer came */
    struct enrich_hidden hidden;           /* taken out of the event */
    uint32_t attempts;                     /* calls to the API that were about this event */
    uint32_t http_status;                  /* of the last one; 0 if there was no answer */
    char api_error[MWAPI_CODE_MAX];        /* of the last one; "" if none */
    uint32_t ms;                           /* from submission to the end */
};

#endif
