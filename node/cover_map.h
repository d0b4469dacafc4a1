/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cover_map.h - the list behind cover.h: each branch that the simulation must have taken.
 *
 * Pure: yes.
 */
#ifndef BRAID_NODE_COVER_MAP_H
#define BRAID_NODE_COVER_MAP_H

/* X(NAME, "the rule", "what happened", "why it may stay below COVER_LEAST" or "") */
#define COVER_MAP(X)                                                                               \
    /* line.c: copiers and enrichers */                                                            \
    X(line_from_beginning, "R4", "a line has no saved place and reads its output whole", "")       \
    X(line_from_place, "R4", "a line reads its output from a saved place", "")                     \
    X(line_foreign, "R3", "an input record is not Braid's, or a mirror's copy", "")                \
    X(line_accepts, "R3", "a line's filter accepts a record", "")                                  \
    X(line_duplicate, "R3", "a line's filter drops a duplicate", "")                               \
    X(line_hole, "R3", "a line's filter meets a hole", "")                                         \
    X(line_own_duplicate, "R3", "a line meets a duplicate in its own output", "")                  \
    X(line_own_hole, "R3", "a line meets a hole in its own output", "")                            \
    X(line_already_there, "R4", "an accepted record is in the output already", "")                 \
    X(line_place_used, "A1", "a line goes on in its input from a saved pair", "")                  \
    X(line_place_refused, "A1", "a saved place claims what the output lacks", "")                  \
    X(line_incarnation, "R13", "a line of a later incarnation begins where the log does", "")      \
    X(line_gap_made, "A10", "retention took source records: a gap record is made", "")             \
    X(line_gap_passed, "A10", "an enricher passes a gap record on", "")                            \
    X(line_skips, "A13", "enrich skips what a cut has decided", "")                                \
    X(line_skip_grows, "A13", "a skipped record takes in the next offset", "")                     \
    X(line_old, "A2", "an enricher waits: what no cut covers is too old", "")                      \
    X(failing_waits, "R5", "a failed record of a failing strand waits for another", "")            \
    X(failing_skips, "R5", "cuts have passed a failed record of a failing strand", "")             \
    X(failing_last, "A13", "a failing strand is the last that moves: it goes on", "")              \
    X(line_undelivered, "R2", "a permanent delivery failure ends a line's run", "")                \
    X(line_not_read_back, "A13", "acknowledged records cannot be read back in time", "")           \
    X(line_commits, "R4", "a line saves its places", "")                                           \
    /* strand.c: what a DC holds */                                                                \
    X(held_foreign, "R3", "a merge meets a foreign record", "")                                    \
    X(held_void, "R13", "a merge meets a record of an older incarnation", "")                      \
    X(held_accepts, "R5", "a merge accepts a record for held", "")                                 \
    X(held_duplicate, "R3", "a merge drops a duplicate", "")                                       \
    X(held_hole, "R3", "a merge meets a hole", "")                                                 \
    X(held_full, "I9", "a strand's ring is full: what follows waits in Kafka", "")                 \
    X(held_paused, "I9", "a log waits until its strands have room", "")                            \
    X(held_reads_on, "I9", "a log that waited is read on", "")                                     \
    X(held_skims, "A1", "after a copy the own topic is skimmed up to the cut's position", "")      \
    X(held_decided, "R6", "a record arrives whose offset a cut has decided", "")                   \
    X(gap_waits, "A10", "the offer stops before a gap", "")                                        \
    X(gap_passes, "A10", "a gap is offered, as nothing is lost by it", "")                         \
    X(grace_waits, "R5", "the offer stops before a failed record", "")                             \
    X(grace_ends_in_time, "R5", "a failed record is offered when its grace is over", "")           \
    X(grace_ends_by_other, "R5", "a failed record is offered as another strand is past it", "")    \
    X(grace_alone, "R5", "a failed record of an only strand is offered at once", "")               \
    /* member.c: who counts */                                                                     \
    X(member_silent, "R7", "a member is dropped: no report", "")                                   \
    X(member_still, "R7", "a member is dropped: a strand stands still", "")                        \
    X(member_lags, "A13", "a member is dropped: it lags too far behind", "")                       \
    X(member_depooled, "R7", "a member is dropped: depooled", "")                                  \
    X(member_one_a_cut, "A13", "a cut would drop a second member", "the first is gone at once")    \
    X(member_forgiven, "R7", "a proposer that did not look blames nobody", "")                     \
    X(member_joins, "R7", "a DC is taken in", "")                                                  \
    X(member_waits, "R7", "a DC holds all, but not for long enough yet", "")                       \
    X(member_unlogged, "A5", "a DC may not join: its log of cuts is too short", "")                \
    X(member_wanting, "R7", "a DC may not join: it is silent, stands still or lags", "")           \
    X(member_not_held, "R7", "a DC may not join: it does not hold a strand", "")                   \
    X(member_too_few, "R7", "fewer than min_members: the stream waits", "")                        \
    X(member_not_self, "R7", "a merge that is no member does not propose", "")                     \
    /* propose.c: the next cut */                                                                  \
    X(cut_moves, "R6", "a cut moves a furthest position", "")                                      \
    X(cut_for_members, "R7", "a cut changes the members only", "")                                 \
    X(cut_for_spec, "R9", "a cut changes the parameters only", "")                                 \
    X(cut_for_strand, "A13", "a cut moves a strand that is behind", "")                            \
    X(cut_nothing, "R6", "nothing changed: no cut", "")                                            \
    X(cut_capped, "R6", "a position stops at the cap", "")                                         \
    X(cut_offer_used, "R6", "a member's offer holds a position back", "")                          \
    X(cut_awaits, "R7", "a cut waits for a DC that has caught up", "")                             \
    X(cut_offer_void, "A4", "a member's report is of no use: the head's position counts", "")      \
    X(cut_crosses, "R13", "a cut takes up strands of a new incarnation", "")                       \
    X(time_moves, "A7", "cut time moves on", "")                                                   \
    X(time_stands, "A7", "cut time does not go back", "")                                          \
    X(time_step_agreed, "A7", "two clocks agree on a step of over an hour", "")                    \
    X(time_step_refused, "A7", "a lone clock's step of over an hour is refused", "")               \
    X(base_own, "A5", "a cut's base is the proposer's", "")                                        \
    X(base_kept, "A5", "a cut keeps the base of the one before", "")                               \
    X(floor_rises, "A7", "a wider window raises the floor", "")                                    \
    X(spec_older, "A5", "a proposer with an older spec keeps the chain's parameters", "")          \
    /* merge_report.c: reports and proposals */                                                    \
    X(report_sent, "R6", "a report is sent", "")                                                   \
    X(report_heartbeat, "R6", "a report repeats as a heartbeat", "")                               \
    X(report_not_current, "R6", "no proposal: the last one's outcome is not known", "")            \
    X(report_unlogged, "R6", "no proposal: the head is not in the own log of cuts", "")            \
    X(report_too_many, "A5", "no proposal: too many cuts are not logged everywhere",               \
      "a member that logs nothing is dropped long before")                                         \
    X(cuts_deleted, "A5", "cuts that all members have logged leave etcd", "")                      \
    X(view_late, "R12", "a late answer is ignored", "the shells drop it first")                    \
    X(claim_gone, "A4", "a merge sees that its claim is gone", "")                                 \
    X(successor_reported, "A4", "another had the claim and has reported", "it comes and goes")     \
    /* merge_emit.c: from cuts to transactions */                                                  \
    X(cut_from_view, "R12", "the next cut is the head of the view", "")                            \
    X(cut_asked, "R12", "a cut between is asked for by number", "")                                \
    X(cut_logged, "A5", "a cut is logged before it is emitted", "")                                \
    X(emit_waits_for_log, "A5", "emission waits for the log of cuts", "")                          \
    X(emit_waits_for_held, "R8", "emission waits for what the cut covers", "")                     \
    X(emit_part, "R10", "a transaction is asked for", "")                                          \
    X(emit_again, "R11", "part of a cut is in the topic already", "")                              \
    X(emit_all_there, "R11", "all of a part is in the topic already", "")                          \
    X(emit_empty, "R11", "a cut emits nothing and is noted", "")                                   \
    X(unclear, "R10", "a commit's outcome is unknown: a new producer", "")                         \
    X(unclear_was_written, "R10", "the tail shows that the unclear commit took place", "")         \
    X(unclear_was_not, "R10", "the tail shows that the unclear commit did not", "")                \
    X(fenced, "R10", "a newer merge has fenced this one", "")                                      \
    /* merge_start.c: recovery */                                                                  \
    X(start_without_line, "R11", "recovery finds no line: the stream's first run here", "")        \
    X(start_at_tail, "R11", "the last line agrees with the end of the topic", "")                  \
    X(start_before_tail, "R11", "the topic goes on after the last line", "")                       \
    X(start_emptied, "A5", "retention emptied the topic: the line counts", "after quiet minutes")  \
    X(window_rebuilt, "R9", "the window of ids is rebuilt from the log of cuts", "")               \
    X(bounds_emptied, "A2", "an empty log counts as its cut's position", "at a start only")        \
    X(caught_up, "A4", "a merge has read to the tail and begins to report", "")                    \
    X(place_of_cut, "R11", "a strand stands where the cut that was copied has it", "")             \
    /* merge_cross.c, merge_era.c: strands of a new incarnation, a new era */                      \
    X(cross_asks, "R13", "a merge starts behind a crossing: it asks whose strands it had", "")     \
    X(cross_waits, "R13", "a crossing waits until all before it is emitted", "")                   \
    X(cross_done, "R13", "a merge goes over to the new strands", "")                               \
    X(cross_without, "R13", "what the own topic lost is not missed", "few seeds lose any")         \
    X(era_ends, "R13", "nothing is begun in an era that ends", "few seeds lose a DC for ever")     \
    X(era_enters, "R13", "it goes on from what was emitted", "few seeds lose a DC for ever")       \
    X(era_other, "R13", "a copy differs from the era", "few seeds lose a DC for ever")             \
    X(era_behind, "R13", "an older copy is brought up", "few seeds lose a DC for ever")            \
    /* merge_copy.c, peer_copy.c: what only a peer has */                                          \
    X(copy_from_peer, "R11", "a peer's global topic is copied", "")                                \
    X(copy_for_hole, "R11", "nobody fills a hole: a peer's topic is copied", "holes are filled")   \
    /* plan.c: the order */                                                                        \
    X(choose_by_rank, "R8", "the better status wins", "")                                          \
    X(choose_by_origin, "R8", "the origin DC's record wins", "")                                   \
    X(choose_by_name, "R8", "the first DC's name wins", "")                                        \
    X(withheld_wins, "I11", "withheld wins over ok", "")                                           \
    X(failed_loses, "R5", "ok wins over failed", "")                                               \
    X(maximum_holds, "R8", "an earlier record's later time holds", "")                             \
    X(order_by_time, "R8", "another partition's earlier time comes first", "")                     \
    X(order_by_index, "R8", "equal times: the partition's place decides", "")                      \
    X(no_number_filtered, "A6", "a filtered record gets no number", "")                            \
    X(no_number_canary, "R8", "a canary gets no number", "")                                       \
    X(no_number_failed, "R8", "a failed record gets no number", "")                                \
    X(number_canary, "R8", "a canary gets a number", "")                                           \
    X(number_failed, "R8", "a failed record gets a number", "")                                    \
    X(duplicate_dropped, "R9", "a repeated id is dropped", "")                                     \
    X(duplicate_too_old, "R9", "a repeated id is outside the window", "")                          \
    X(no_id, "R9", "a record without an id is never a duplicate", "")

#endif
