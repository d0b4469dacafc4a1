# A DC dies in the middle of the work, with events that have not crossed yet. The other waits for
# member_timeout, drops it, and goes on alone. When the DC is back it first writes what it missed,
# then the events that only it had come in, once, and then it counts again.
 5s     events codfw 3
        > cut * takes codfw.0/0 to 2; members: codfw eqiad
        > number 2 is codfw's offset 2
10s     events eqiad 4
10s     events codfw 4
10.02s  cut-off codfw 30s
        > members: eqiad; dropped codfw: no report
20s     events eqiad 2
        > takes eqiad.0/0 to 5; members: eqiad
40s     wait
        > takes codfw.0/0 to 6; members: eqiad
        > number 12 is codfw's offset 6
        > members: codfw eqiad; took in codfw: it holds every strand
60s     wait
