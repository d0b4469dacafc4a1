# A DC is gone for a week. etcd has forgotten the cuts of that time: the DC reads them from the other
# DC's log of cuts, writes the same stream, and is taken in again.
interval 10000
 10s     events eqiad 2
         > takes eqiad.0/0 to 1; members: codfw eqiad
 60s     crash codfw-1 604800s
600s     events eqiad 3
         > members: eqiad; dropped codfw: no report
302400s  events eqiad 3
         > takes eqiad.0/0 to 7; members: eqiad
604000s  events eqiad 3
         > takes eqiad.0/0 to 10; members: eqiad
604860s  wait
         > codfw-1  merge * recovers from cut
         > codfw-1  merge * records of cut
         > took in codfw: it holds every strand
605000s  wait
