# An unclean election cuts acknowledged records off codfw's own enriched topic. Others may hold what
# is gone, and codfw cannot make it again byte for byte: its strands stop and say so, and eqiad goes
# on alone. An operator gives codfw's strands a new incarnation. The next cut takes it up, nothing
# moves by it, and codfw enriches again what was above it.
 5s      events eqiad 4
         > takes eqiad.0/0 to 3; members: codfw eqiad
20s      events codfw 2
         > takes codfw.0/0 to 1; members: codfw eqiad
30s      lose-own codfw 2
         > codfw-1  enrich * ERR_DATA_LOSS (records that were read are gone: a log was truncated)
         > codfw-1  merge * ERR_DATA_LOSS (the own enriched topic lost what others may hold
         > members: eqiad; dropped codfw
40s      events eqiad 3
         > takes eqiad.0/0 to 6; members: eqiad
60s      accept-incarnation codfw 1
         > operator * gives the DC's strands incarnation 1
         > strands get a new incarnation
         > eqiad-1  merge * (its strands have a new incarnation: start again
         > codfw-1  merge * recovers from cut
         > took in codfw: it holds every strand
90s      events codfw 3
         > takes codfw.0/0 to 4; members: codfw eqiad
         > number 11 is codfw's offset 4: ok, enriched in codfw
120s     wait
