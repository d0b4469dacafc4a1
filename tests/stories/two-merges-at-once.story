# Two merges of one DC run at once, as after an expired lease. The newer producer fences the older,
# whose claim is gone as well; the numbers go on without a gap and without a double. The second ends,
# too, and the node that should have the merge claims it again.
nodes 2
10s     events eqiad 5
        > number 4 is eqiad's offset 4
19.5s   events eqiad 5
20.1s   merge-twice eqiad
        > eqiad-* merge * starts a run
        > ends its run: ERR_FENCED
        > number 9 is eqiad's offset 9
        > eqiad-* merge * starts a run
60s     events eqiad 5
        > number 14 is eqiad's offset 14
