# A page is hidden while one DC has fetched it and the other has not. Both answers are true at their
# time; a cut that covers both takes the withheld one, in every copy.
 5s     events eqiad 2
        > number 1 is eqiad's offset 1: ok
20s     api-hides codfw 20s
21s     events eqiad 12
        > number * is eqiad's offset *: withheld:hidden, enriched in codfw
50s     wait
