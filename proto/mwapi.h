/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mwapi.h - answers of MediaWiki's action API to a question for the content of revisions
 *           (action=query, prop=revisions, revids, rvslots=*, formatversion=2).
 *
 * Promise: any bytes give an answer struct or an error, never a crash. Content is the raw JSON
 *          string token of the answer, to be copied verbatim, and its sha1 has been computed from
 *          the unescaped text. Content of a revision whose text is hidden is dropped here, whatever
 *          the account may see.
 * Pure:    yes. Two arenas: scratch may be reset on return, keep must live as long as the answer.
 * Not here: HTTP (node/io_fetch.h), retrying (node/fetch.h), comparing with an event (enrich_page.h).
 */
#ifndef BRAID_PROTO_MWAPI_H
#define BRAID_PROTO_MWAPI_H

#include "proto/base36.h"
#include "proto/json.h"

enum {
    MWAPI_BYTES_MAX = 64 * 1024 * 1024, /* of an answer; twice what 8 MiB escaped can become */
    MWAPI_DEPTH_MAX = 64,
    MWAPI_REVISIONS_MAX = 500, /* in one answer */
    MWAPI_SLOTS_MAX = 16,      /* of one revision */
    MWAPI_CODE_MAX = 64,       /* bytes of an error code that are kept, NUL included */
};

/* Of a revision's text. */
enum mwapi_visibility {
    MWAPI_VISIBLE,
    MWAPI_TEXT_HIDDEN,
    MWAPI_SUPPRESSED, /* hidden from administrators too */
};

struct mwapi_slot {
    struct slice role;    /* decoded; keep arena */
    struct slice content; /* borrowed from the answer's bytes: the token with its quotes; absent if
                             hidden, missing or not served */
    bool has_api_sha1;
    bool sha1_matches;        /* the API's sha1 is that of the content; true if it gives none */
    uint8_t sha1[SHA1_BYTES]; /* of the content; zero if there is none */
};

struct mwapi_revision {
    int64_t rev_id;
    enum mwapi_visibility visibility;
    bool is_user_hidden; /* who made it may not be named */
    bool is_comment_hidden;
    struct mwapi_slot *slots; /* keep arena */
    size_t slot_count;
};

/* What to do about an answer that is an error. */
enum mwapi_error_class {
    MWAPI_ERROR_NONE,
    MWAPI_ERROR_LIMITED,   /* nobody's fault, ask later: maxlag, ratelimited */
    MWAPI_ERROR_TRANSIENT, /* ask again later: readonly, database down, ... */
    MWAPI_ERROR_SPLIT,     /* too many at once, or one of them is to blame: ask for them singly */
    MWAPI_ERROR_PERMANENT, /* asking again the same way gives the same */
};

struct mwapi_answer {
    enum mwapi_error_class error_class;
    char error_code[MWAPI_CODE_MAX];  /* NUL-terminated; "" if none; printable ASCII only */
    bool is_truncated;                /* `continue` or a truncation warning: not all were served */
    bool has_trailer;                 /* bytes behind the JSON: an error page */
    bool has_root;                    /* of mwapi_decode_other: the member is there */
    struct mwapi_revision *revisions; /* keep arena; ascending by rev_id */
    size_t revision_count;
    int64_t *bad_rev_ids; /* keep arena; ascending: badrevids */
    size_t bad_count;
};

/*
 * Reads an answer's body. 0 (which includes a well-formed error object: see error_class);
 * ERR_MALFORMED (not JSON, or not such an answer); ERR_TOO_LARGE; ERR_UNSUPPORTED (too deep);
 * ERR_NO_MEMORY. The body must outlive the answer.
 */
int mwapi_decode(struct arena *scratch, struct arena *keep, struct slice body,
                 struct mwapi_answer *out);

/* Reads of any other answer only whether it is an error, cut short, and has the member `root` (NULL:
 * not looked for). Errors as above. */
int mwapi_decode_other(struct arena *scratch, struct slice body, const char *root,
                       struct mwapi_answer *out);

/* The class of an API error code. */
enum mwapi_error_class mwapi_classify(struct slice code);

enum mwapi_found {
    MWAPI_FOUND,    /* *out is set */
    MWAPI_MISSING,  /* the wiki does not know it: badrevids, or nowhere in a whole answer */
    MWAPI_UNSERVED, /* nothing can be said: the answer was cut short before it */
};

/* Looks a revision up by its id (answers are grouped by page, in no useful order). */
enum mwapi_found mwapi_find(const struct mwapi_answer *answer, int64_t rev_id,
                            const struct mwapi_revision **out);

/* The slot of this role, or NULL. */
const struct mwapi_slot *mwapi_slot_of(const struct mwapi_revision *revision, struct slice role);

#endif
