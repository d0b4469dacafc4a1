# A node stands still for 25 s with fetches under way. Its lease ends, another takes over its work
# and writes the records. The first one wakes, does not know that it owns nothing any more, and
# writes its own version of the same records, with other bytes. The filter takes the first in the
# log, everywhere: the stream does not change.
nodes 2
 5s      events eqiad 2
         > number 1 is eqiad's offset 1
15s      events eqiad 6
15.02s   pause eqiad-1 25s
         > number 7 is eqiad's offset 7
         > cut * moves what was behind
40s      wait
         > a second version of eqiad's offset * nobody takes it
60s      wait
