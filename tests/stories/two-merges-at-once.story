# Two merges of one DC run at once, as after an expired lease. The newer producer fences the older,
# whose claim is gone as well; the numbers go on without a gap and without a double.
nodes 2
10s     events eqiad 5
        > number 4 is eqiad's offset 4
20s     merge-twice eqiad
        > eqiad-* merge * starts a run
20.01s  events eqiad 5
        > ends its run: ERR_FENCED
        > number 9 is eqiad's offset 9
40s     wait
