/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checker.h - what the checker itself remembers; shared by its own files only.
 */
#ifndef BRAID_SIM_CHECKER_H
#define BRAID_SIM_CHECKER_H

#include "tests/sim/check.h"
#include "tests/sim/world.h"

/* What a record's headers say, read by the checker's own parser. */
struct facts {
    bool has_origin;
    uint32_t origin; /* index of the origin partition */
    int64_t prev;
    int64_t offset;
    int64_t time_ms;
    uint32_t by; /* enriching DC; UINT32_MAX: none */
    uint32_t by_incarnation;
    struct slice status;
    struct slice id;
    struct slice chain;
    bool has_seq;
    uint64_t seq;
    uint32_t era;
    uint64_t cut;
};

/* A list by offset that grows. */
struct by_offset {
    const struct krec **list; /* NULL: nothing there */
    size_t count;
    size_t capacity;
};

struct times {
    int64_t *list; /* microseconds, by offset */
    size_t count;
    size_t capacity;
};

struct parsed_cut {
    struct slice bytes;
    uint32_t era;
    bool continues; /* names what its era goes on from */
    uint64_t from_number;
    uint64_t from_seq;
    uint64_t from_chain;
    uint64_t number;
    uint64_t previous_hash;
    int64_t time_ms;
    uint64_t dedup_window;
    uint64_t dedup_floor;
    bool failed_emit;
    bool canaries_drop;
    bool is_member[SIM_DCS];
    uint32_t incarnation[SIM_DCS];    /* log epochs of the members */
    uint32_t by_incarnation[SIM_DCS]; /* of each DC's strands */
    uint32_t proposer;                /* DC */
    struct slice reason;              /* of a change of members */
    uint32_t silent;                  /* DC that it drops for want of reports, as its reason says */
    uint32_t strand_count;
    int64_t *positions; /* by strand */
    int64_t *furthest;  /* by origin partition */
};

struct parsed_report {
    uint32_t incarnation;
    uint64_t number;
    int64_t clock_ms;
    uint64_t layout;
    uint64_t emitted_number; /* of its last cut */
    uint64_t next_seq;
    int64_t read_back[SIM_STRANDS];
    int64_t offer[SIM_STRANDS];
};

struct check {
    struct violation verdict;
    struct by_offset sources[ORIGINS_MAX];   /* visible source records */
    struct by_offset accepted[SIM_STRANDS];  /* of each strand, in the enriching DC's own log */
    struct by_offset lost[SIM_STRANDS];      /* ... and what it lost of that, uncut */
    struct by_offset again[SIM_STRANDS];     /* ... and has now instead of what others had copied */
    int64_t held[SIM_DCS][SIM_STRANDS];      /* what the DC's own Kafka holds without a hole */
    uint64_t emitted_cut[SIM_DCS];           /* all of it is in the DC's copy */
    int64_t read_back[SIM_DCS][SIM_STRANDS]; /* as last reported */
    int64_t offered[SIM_DCS][SIM_STRANDS];
    struct times came[SIM_DCS][SIM_STRANDS]; /* when a record was there to be read */
    uint32_t late_writer[SIM_STRANDS];       /* the run that wrote the strand last ... */
    uint32_t late[SIM_STRANDS];              /* ... and how much, while it had to stand still */
    int64_t report_claim[SIM_DCS];
    int64_t reported_us[SIM_DCS];
    int64_t dropped_us;           /* when a cut last sent away a silent member */
    int64_t clock_ms[SIM_DCS][8]; /* as last reported, the newest in turn */
    uint32_t clock_turn[SIM_DCS];
    struct parsed_cut *cuts;
    size_t cut_count;
    size_t cut_capacity;
    const struct krec **stream; /* the one global stream, by sequence number */
    size_t stream_count;
    size_t stream_capacity;
    uint64_t stream_cut;                /* of its last record */
    int64_t emitted[ORIGINS_MAX];       /* last offset in the stream */
    uint64_t next[SIM_DCS];             /* number that each copy needs next */
    uint64_t next_uncommitted[SIM_DCS]; /* the same for a reader of everything */
    uint32_t writer[SIM_DCS];           /* the producer that was initialised last */
    int64_t unsettled_us[SIM_DCS];      /* until then the DC cannot know what it lost */
    bool looks[SIM_DCS];                /* a log lost records, and somebody does not know yet */
    bool begins_anew[SIM_DCS];          /* a copy is empty, and may begin where another does */
    bool global_lost[SIM_DCS];          /* a copy lost its end; its merge has not written since */
    uint32_t lost_in[SIM_DCS];          /* log epoch when it last lost something of its own */
    bool own_lost;                      /* an own enriched topic lost what it had acknowledged */
    uint32_t era;
    bool is_apart[SIM_DCS];           /* its copy is of an era that is over, and differs */
    bool is_restored;                 /* etcd was, from a backup */
    bool is_beyond_repair;            /* ... and somebody could not be helped by an operator */
    uint32_t by_incarnation[SIM_DCS]; /* of each DC's strands ... */
    int64_t floor[SIM_STRANDS];       /* ... and where it began */
};

struct facts facts_read(const struct world *w, const struct body *b);
/* The same, read once: what a record says never changes. */
const struct facts *facts_of(struct world *w, const struct body *b);

void by_offset_put(struct world *w, struct by_offset *list, int64_t offset, const struct krec *k);
void times_put(struct world *w, struct times *list, int64_t offset, int64_t at_us);
const struct krec *by_offset_get(const struct by_offset *list, int64_t offset);
/* From `first` to before `end`. */
void by_offset_drop(struct by_offset *list, int64_t first, int64_t end);

/* After an unclean election the DC cannot know yet what it lost; or a cut stands on a report from
 * before, since it could not send another. */
bool check_is_unsettled(const struct world *w, uint32_t dc);
bool check_may_not_know(const struct world *w, uint32_t dc);

/* What a DC holds of a strand: in its log; after a loss also what its copy of the stream has. */
int64_t check_held_of(struct world *w, uint32_t dc, uint32_t strand);

/* After a loss: whether some DC has all that is cut, in its logs or in its copy of the stream. If
 * none has, only a new era helps. */
void check_repair(struct world *w, const struct parsed_cut *cut);

/* A cut takes the strand on: what its members had read of it before it was lost counts; if the
 * enriching DC is one that has looked since, what it has instead. */
void check_covered(struct world *w, uint32_t strand, const struct parsed_cut *cut);

/* The strand has a new incarnation from this position on: what the old one has above it is void. */
void check_crossed(struct world *w, uint32_t strand, uint32_t by_incarnation, int64_t position);

/* False: not a cut. */
bool cut_read(struct world *w, struct slice bytes, struct parsed_cut *out);
/* False: not a report. */
bool report_read(const struct world *w, struct slice bytes, struct parsed_report *out);

enum verdict {
    VERDICT_NONE, /* no cut decides it */
    VERDICT_EMITTED,
    VERDICT_DUPLICATE,
    VERDICT_OMITTED, /* filtered, failed or a canary, as the spec says */
    VERDICT_GAP,
};

/* A record of a strand was accepted in its DC's own log. */
void check_uncut(struct world *w, uint32_t strand, const struct krec *k);

/* The plain merge over the final strands and cuts: compares with the stream (I8), and tells what
 * became of each source record (I3). */
void reference_check(struct world *w);

#endif
