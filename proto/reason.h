/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason.h - every reason that stands behind withheld: or failed: in `braid-status`.
 *
 * Promise: a reason is one word of this list and never anything else: it is a metric's label and
 *          people search for it. Particulars (which field, which API error) go into a detail text.
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_REASON_H
#define BRAID_PROTO_REASON_H

/* X(code, class, word, sentence) */
#define REASON_MAP(X)                                                                              \
    X(REASON_NONE, NONE, "", "nothing to say")                                                     \
    X(REASON_CONTENT_HIDDEN, WITHHELD, "content_hidden", "the event says its content is hidden")   \
    X(REASON_TEXT_HIDDEN, WITHHELD, "text_hidden", "the wiki hides the text of this revision")     \
    X(REASON_SUPPRESSED, WITHHELD, "suppressed", "the wiki has suppressed this revision")          \
    X(REASON_MALFORMED, FAILED, "malformed", "the source record is not a sound JSON object")       \
    X(REASON_TOO_LARGE, FAILED, "too_large", "the record, or what it would become, is too large")  \
    X(REASON_TOO_DEEP, FAILED, "too_deep", "the source record is nested too deeply")               \
    X(REASON_BAD_FIELD, FAILED, "bad_field", "a field that is needed has the wrong type")          \
    X(REASON_DOMAIN, FAILED, "domain", "meta.domain is absent, no host name or not allowed")       \
    X(REASON_NO_REVISION, FAILED, "no_revision", "the event names no revision")                    \
    X(REASON_NO_SLOTS, FAILED, "no_slots", "the event names no content slot")                      \
    X(REASON_MISSING, FAILED, "missing", "the wiki does not know this revision")                   \
    X(REASON_SLOT_MISSING, FAILED, "slot_missing", "the wiki gives no content for a named slot")   \
    X(REASON_SHA1, FAILED, "sha1", "content does not have the sha1 that was announced")            \
    X(REASON_TIMEOUT, FAILED, "timeout", "no answer from the API before the deadline")             \
    X(REASON_UNAVAILABLE, FAILED, "unavailable", "the API was down, lagged or limiting")           \
    X(REASON_REFUSED, FAILED, "refused", "the API refuses the request for good")                   \
    X(REASON_BAD_ANSWER, FAILED, "bad_answer", "the API's answer makes no sense")                  \
    X(REASON_STOPPED, FAILED, "stopped", "the node gave up the task; never written to a record")

enum reason {
#define X(code, class, word, sentence) code,
    REASON_MAP(X)
#undef X
    REASON_COUNT,
};

enum reason_class {
    REASON_CLASS_NONE,
    REASON_CLASS_WITHHELD, /* hidden or suppressed on the wiki: final */
    REASON_CLASS_FAILED,   /* could not be enriched: another DC or a retry may succeed */
};

enum reason_class reason_class(enum reason reason);

/* The word after the colon; "" for REASON_NONE. Static storage. */
const char *reason_word(enum reason reason);

/* A sentence for people. Static storage. */
const char *reason_text(enum reason reason);

#endif
