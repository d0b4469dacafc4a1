/* SPDX-License-Identifier: Apache-2.0 */
/*
 * missing.h - which changes of a wiki a stream has: told from its page change events, asked about
 * what MediaWiki lists.
 *
 * Promise: a revision is known by its wiki and number, whatever kind of change made it; a change of
 *          visibility by these and its kind; deletions and restorations, which name no revision in
 *          MediaWiki's list, by wiki, kind, title and second (of a restoration, two seconds off at
 *          most). Of each page the last revision that the events name is known.
 * Pure:    yes; memory comes from the arena given at the start.
 * Not here: reading Kafka and asking MediaWiki (io_cmd_backfill.c); lists of changes (change.h).
 */
#ifndef BRAID_COORD_CTL_MISSING_H
#define BRAID_COORD_CTL_MISSING_H

#include "coord/change.h"
#include "coord/spec.h"

enum {
    MISSING_WIKIS_MAX = 1000
};

struct missing_wiki {
    struct slice wiki_id; /* owned by the arena, as the next */
    struct slice domain;
};

/* A page's revision. */
struct missing_page {
    uint64_t hash; /* of wiki and page; 0: free */
    int64_t rev_id;
    int64_t rev_ms; /* when it was made */
};

/* The hashes of changes that are known, and pages; 64 bits, open addressing. */
struct missing {
    struct arena *arena; /* borrowed */
    uint64_t *slots;     /* 0: free */
    size_t room;         /* a power of two */
    size_t count;
    struct missing_page *pages;
    size_t page_room; /* a power of two */
    size_t page_count;
    struct missing_wiki wikis[MISSING_WIKIS_MAX];
    size_t wiki_count;
};

/* False: no memory. */
bool missing_init(struct missing *m, struct arena *a);

/* Notes the change that a page change event tells of, and its wiki; what is no such event is left
 * out. False: no memory. The scratch arena is reset. */
bool missing_note(struct missing *m, struct arena *scratch, struct slice event);

/* The event inside an error event (its raw_event), noted likewise. */
bool missing_note_error(struct missing *m, struct arena *scratch, struct slice error_event);

/* A move without rev_id is known by its old title and its time, like deletions. */
bool missing_has(const struct missing *m, struct slice wiki_id, const struct change *c);

/* The last revision of a page, by its change's page_id; NULL: no event tells of the page. */
const struct missing_page *missing_page(const struct missing *m, struct slice wiki_id,
                                        const struct change *c);

/* True if the spec wants changes of this kind and namespace of this wiki. */
bool missing_is_wanted(const struct spec *s, struct slice wiki_id, const struct change *c);

/* An event whose content is its parent's: what MediaWiki notes for a protection or an import, of
 * which no event tells. */
bool missing_is_null_edit(struct arena *scratch, struct slice event);

#endif
