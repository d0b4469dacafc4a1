# codfw is cut off, and eqiad goes on alone. Then eqiad is lost, with events that it has emitted and
# codfw never saw. codfw waits: it must not guess. An operator declares eqiad lost, by name, and the
# stream goes on in era 1 from what codfw has emitted. When eqiad is back, it emits nothing behind what
# nobody else has; its global topic is made anew and copied from codfw, and the events that only it
# had come in with new numbers.
 5s      events codfw 3
         > takes codfw.0/0 to 2; members: codfw eqiad
10s      cut-off codfw 30s
12s      events eqiad 4
         > takes eqiad.0/0 to 3; members: eqiad; dropped codfw: no report
         > number 6 is eqiad's offset 3
25s      lose eqiad 1
         > the DC is lost
50s      events codfw 2
120s     declare-lost eqiad 1
         > operator * declares the DC lost: the stream goes on in era 1
         > era 1 goes on from cut * next number 3
         > members: codfw; an operator began a new era
         > takes codfw.0/0 to 4; members: codfw
         > number 4 is codfw's offset 4
150s     come-back eqiad 1
         > eqiad-1  merge * ERR_DIVERGED (the stream goes on in era 1 without what this DC has emitted: its global topic differs from number 3 on
         > number 8 is eqiad's offset 3
160s     look eqiad 1
         > makes the DC's global topic anew
         > eqiad-1  merge * copies codfw's global topic
         > members: codfw eqiad; took in eqiad: it holds every strand
200s     wait
