/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutant.h - the rules of the core, each of which the simulator can switch off.
 *
 * MUTANT(NAME) stands in the core where a rule is applied. In what ships it is the constant
 * false and the compiler removes it. In the simulator's build one mutant may be chosen at run
 * time; the simulator must then find a broken invariant, which shows that its checks can fail.
 *
 * Pure: but for the one choice, which is set before a simulation starts and never changes in it.
 */
#ifndef BRAID_NODE_MUTANT_H
#define BRAID_NODE_MUTANT_H

#include <stdbool.h>

/* X(NAME, "the rule", "what the mutant does") */
#define MUTANT_MAP(X)                                                                              \
    X(accept_holes, "R3", "a reader accepts a record whose prev it has not seen")                  \
    X(accept_duplicates, "R3", "a reader accepts an offset that it has accepted before")           \
    X(accept_overlaps, "R3", "a reader accepts a range of which it has accepted a part")           \
    X(copy_unfiltered, "R3", "a copier copies what its filter does not accept")                    \
    X(trust_foreign, "R3", "a copier takes records of a mirror for its own DC's copies")           \
    X(place_from_output, "A1", "a reader goes on in its input with the last of its output")        \
    X(commit_ahead, "R4", "an input place is committed before its records are acknowledged")       \
    X(step_past_failure, "R2", "a writer goes on after a record that could not be delivered")      \
    X(no_grace, "R5", "a failed record is offered at once")                                        \
    X(grace_for_own_only, "A11", "grace holds for the DC's own strand only")                       \
    X(cut_any_member, "R6", "a cut goes to what one member holds, not what all hold")              \
    X(cut_without_compare, "R6", "a cut is written without comparing the cut before")              \
    X(cut_unlogged, "R6", "a merge proposes on a cut that it has not logged")                      \
    X(cut_goes_back, "R6", "a cut's position may go back to what is held")                         \
    X(join_unheld, "R7", "a DC becomes a member without holding every strand")                     \
    X(drop_stale_view, "R7", "a member is dropped without comparing its report")                   \
    X(drop_two, "A13", "one cut drops every member that it finds wanting")                         \
    X(join_unlogged, "A5", "a DC becomes a member whatever its log of cuts holds")                 \
    X(join_silent, "R7", "a DC becomes a member though it reports nothing")                        \
    X(one_clock, "A7", "a lone clock may take cut time hours ahead")                               \
    X(floor_forgotten, "A7", "a wider window counts ids that a DC may not have")                   \
    X(ignore_epochs, "R5", "a proposal does not compare the members' log epochs")                  \
    X(no_min_members, "R7", "a cut is made with fewer members than min_members")                   \
    X(emit_before_commit, "R8", "a merge emits its own proposal before it is known committed")     \
    X(emit_unheld, "R8", "a merge emits what it holds of a cut, without waiting for the rest")     \
    X(ignore_digest, "R8", "a merge does not compare its digests with the cut's")                  \
    X(rank_failed_first, "R8", "a failed record is preferred to an ok one")                        \
    X(rank_withheld_last, "R8", "an ok record is preferred to a withheld one")                     \
    X(no_time_order, "R8", "partitions are written one after the other, not merged by time")       \
    X(maximum_of_emitted, "A6", "the running maximum leaves out what gets no number")              \
    X(order_by_own_dc, "R8", "ties are broken by the emitting DC's name first")                    \
    X(no_dedup, "R9", "a repeated id is emitted again")                                            \
    X(window_by_memory, "R9", "a restarted merge begins with an empty window")                     \
    X(no_fence, "R10", "a new merge's producer does not fence the older one")                      \
    X(trust_commit, "R10", "an unclear commit counts as committed")                                \
    X(retry_unclear, "R10", "after an unclear commit the merge sends the records again")           \
    X(recover_from_line, "R11", "recovery takes the last line without looking at the tail")        \
    X(copy_from_first, "R11", "a DC copies a peer's global topic from its first record")           \
    X(no_skim, "A1", "after a copy the own topic is read with the cut's position at once")         \
    X(copy_places, "R11", "a DC takes a peer's places for those of its own logs")                  \
    X(emit_unlogged, "A5", "a cut is emitted before it is in the log of cuts")                     \
    X(delete_unlogged, "A5", "a cut leaves etcd before every member has logged it")                \
    X(report_before_tail, "A4", "a merge reports before it has read to the tail")                  \
    X(report_unnoted, "A4", "a cut is reported as emitted before its line is in the log of cuts")  \
    X(report_without_claim, "A4", "a report does not compare the claim")                           \
    X(renamed_goes_on, "A4", "a merge that lost its claim to another for a while reports on")      \
    X(ignore_truncation, "R13", "a log that ends before its place counts as complete")             \
    X(start_at_earliest, "R13", "a reader whose place is gone goes on from the log's start")       \
    X(ignore_leader_epoch, "A1", "a log that lost records and grew again is taken for the same")   \
    X(keep_log_epoch, "A4", "a DC that lost what it reported does not raise its log epoch")        \
    X(ignore_incarnation, "R13", "records of a strand's older incarnation count")                  \
    X(cross_at_held, "R13", "a new incarnation starts at what the proposer held of the old")       \
    X(cross_unemitted, "R13", "a merge goes over to new strands before it has emitted the old")    \
    X(cross_same_epoch, "A4", "with new strands a DC keeps its log epoch")                         \
    X(ignore_restored, "A12", "a merge goes on in an etcd that is older than what it knows")       \
    X(recover_own, "A12", "the chain is recovered from one DC's log of cuts, not the longest")     \
    X(era_at_head, "R13", "a new era starts at the positions of the cut that it follows in time")  \
    X(era_goes_on, "R13", "a merge emits on in an era that an operator has ended")                 \
    X(era_enters, "R13", "a DC with other records than a new era goes on from enters it")          \
    X(gap_offered, "A10", "a gap is offered like any other record")                                \
    X(skip_above_cut, "A13", "enrich writes skipped above the committed cut")                      \
    X(last_waits, "A13", "a strand with too many failures waits for others that do not move")      \
    X(write_uncut, "A2", "enrich writes on, however old what no cut covers has become")            \
    X(skip_one, "R8", "a merge leaves out one record")

enum mutant {
    MUTANT_none,
#define X(name, rule, what) MUTANT_##name,
    MUTANT_MAP(X)
#undef X
    MUTANT_COUNT
};

#ifdef BRAID_MUTANTS
bool mutant_is_on(enum mutant m);
void mutant_choose(enum mutant m);
/* MUTANT_none if there is no such name. */
enum mutant mutant_lookup(const char *name);
const char *mutant_name(enum mutant m);
const char *mutant_rule(enum mutant m);
const char *mutant_what(enum mutant m);
#define MUTANT(name) mutant_is_on(MUTANT_##name)
#else
#define MUTANT(name) false
#endif

#endif
