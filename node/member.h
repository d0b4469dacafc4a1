/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member.h - which DCs a proposer counts as members of the next cut (R7, A13).
 *
 * A member is dropped when its reports stall, when a strand that the proposer is ahead on stands
 * still in them, or when it lags too far behind; one DC in a cut at most. A DC is taken back, or
 * in, once it has held every strand up to the last cut for a while. Time counts over successful
 * re-reads of etcd only, so that a proposer that slept or was cut off blames nobody.
 *
 * Promise: never decides by a clock of another machine; a wrong guess costs delay, not safety.
 * Pure:    yes; memory from the arena at init.
 * Not here: positions (propose.h); the compare on the dropped DC's report (merge.h).
 */
#ifndef BRAID_NODE_MEMBER_H
#define BRAID_NODE_MEMBER_H

#include "node/merge.h"
#include "node/strand.h"

#define MEMBER_REASON_MAX 160
#define MEMBER_AWAIT_MS   500  /* how long cuts may stand for a DC that has yet to reach the head */
#define MEMBER_PAUSE_MS   5000 /* how long they do not, after it failed to */

struct member_track {
    char dc[DC_NAME_MAX];
    uint32_t dc_len;
    int64_t report_revision;   /* of its last report in etcd: its number starts anew with a run */
    int64_t alive_ms;          /* when a new report was last seen */
    int64_t eligible_first_ms; /* it has held all up to the head since; 0: it does not */
    int64_t eligible_last_ms;
    int64_t awaited_ms;  /* cuts have waited for it since; 0: they do not */
    int64_t awaited_end; /* when they last ceased to */
    int64_t layout_ms;   /* when its report was last of the chain's strands */
    bool is_heard;       /* it has reported since we look */
    bool is_silent;
    bool is_still;
    bool is_lagging;
    int64_t *seen;     /* read_back by strand, as last reported */
    int64_t *still_ms; /* since when it has not moved while we were ahead */
    int64_t *mark;     /* what we held at mark_ms and it does not hold yet */
    int64_t *mark_ms;
};

struct members {
    const struct merge_config *config;
    uint32_t count;
    struct member_track list[DCS_MAX];
    uint32_t strand_count;
    int64_t view_ms; /* of the last successful re-read; 0: none */
};

struct member_decision {
    uint32_t count;
    struct member members[DCS_MAX]; /* sorted; borrowed names */
    bool is_changed;
    bool includes_self;
    struct slice dropped; /* len 0: none was dropped for its silence or lag */
    int64_t dropped_revision;
    bool is_silence; /* the dropped one has not reported: the cut compares its last report */
    char reason[MEMBER_REASON_MAX];
};

int members_init(struct members *m, const struct merge_config *config, uint32_t strand_count,
                 struct arena *a);

/* Takes note of a view. */
void members_view(struct members *m, const struct merge_view *view, const struct strands *s,
                  int64_t now_ms);

/* True if the DC's report says that it holds every strand up to the view's head. */
bool member_is_eligible(const struct merge_dc_view *dc, const struct merge_view *view,
                        const struct strands *s);

/* The same for the own DC, by what it holds now. */
bool self_is_eligible(const struct merge_view *view, const struct strands *s);

/*
 * True if the next cut should go no further than the DC's report says that it holds, so that it can
 * become a member: it has caught up, but its reports are older than the cuts of those who do not
 * wait for it. For MEMBER_AWAIT_MS at a time, longer while it holds all up to the head.
 */
bool member_is_awaited(const struct members *m, struct slice dc);

/* Whom the next cut should have. False: no cut may be proposed (too few; not by us). */
bool members_next(const struct members *m, const struct merge_view *view, const struct strands *s,
                  int64_t now_ms, struct member_decision *out);

/* An operator has given the strand a new incarnation, which the next cut takes up (R13). */
bool view_replaces(const struct merge_view *view, const struct strand_name *name);
/* Any of the head's. */
bool view_crosses(const struct merge_view *view);

/* An operator has ended the head's era: in it, nothing new is begun any more (R13). */
bool view_ends_era(const struct merge_view *view);

const struct merge_dc_view *view_dc(const struct merge_view *view, struct slice dc);

bool view_has_member(const struct merge_view *view, struct slice dc);

#endif
