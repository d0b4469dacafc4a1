/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec_words.h - the words that keys of a spec take, as numbers, in the order of SPEC_TABLE's choices.
 *
 * Pure: yes.
 */
#ifndef BRAID_COORD_SPEC_WORDS_H
#define BRAID_COORD_SPEC_WORDS_H

enum spec_audience {
    SPEC_INTERNAL,
    SPEC_PUBLIC
};
enum spec_enrich_at {
    SPEC_EVERYWHERE,
    SPEC_AT_ORIGIN
};
enum spec_failed {
    SPEC_FAILED_OMIT,
    SPEC_FAILED_EMIT
};
enum spec_canaries {
    SPEC_CANARIES_KEEP,
    SPEC_CANARIES_DROP
};

enum spec_priority {
    SPEC_PRIORITY_LOW,
    SPEC_PRIORITY_NORMAL,
    SPEC_PRIORITY_HIGH
};

enum spec_requests {
    SPEC_REQUESTS_ALL,
    SPEC_REQUESTS_RETRY,
    SPEC_REQUESTS_NONE
};

#endif
