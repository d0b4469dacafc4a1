# codfw's API fails at once, eqiad's answers slowly. A failed record waits for its grace, so that the
# DC that fails fastest does not win: the stream has eqiad's answers.
 5s     events eqiad 2
        > number 1 is eqiad's offset 1: ok
20s     api-fails codfw 20s
21s     events eqiad 6
        > number * is eqiad's offset 7: ok, enriched in eqiad
# Where both fail, the stream says so when the grace is over, and goes on (failed: omit).
40s     api-fails codfw 20s
40s     api-fails eqiad 20s
41s     events eqiad 2
        > takes eqiad.0/0 to 9
60s     events eqiad 1
        > number * is eqiad's offset 10: ok
80s     wait
