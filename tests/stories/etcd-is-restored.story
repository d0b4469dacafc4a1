# All of etcd is restored from a backup that is older than what was made since. Each merge sees it,
# stops and pauses the chain: the stream stands still, and no cut is made a second time. An operator
# brings the chain forward to the newest cut that any DC has logged; the merges go on behind it, and
# what came in the meantime is emitted with the next numbers.
 5s      events eqiad 3
         > takes eqiad.0/0 to 2; members: codfw eqiad
10s      etcd-backup
         > is backed up at cut
15s      events codfw 4
         > takes codfw.0/0 to 3; members: codfw eqiad
25s      etcd-restore
         > is restored from the backup
         > merge * ERR_RESTORED
         > merge * ERR_RESTORED
30s      events eqiad 2
90s      recover-chain
         > recovers the chain: it goes on after cut
         > eqiad-1  merge * recovers from cut
         > takes eqiad.0/0 to 4
         > number 8 is eqiad's offset 4
120s     wait
