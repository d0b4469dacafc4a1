# etcd is away for a minute. Everything is still copied and enriched, nothing is emitted, nothing is
# lost; when it is back, one cut takes all of it in.
 5s     events eqiad 2
        > takes eqiad.0/0 to 1; members: codfw eqiad
20s     etcd-down 60s
30s     events eqiad 5
40s     events codfw 5
80s     wait
        > takes codfw.0/0 to 4, eqiad.0/0 to 6; members: codfw eqiad
        > number * is eqiad's offset 6
100s    wait
