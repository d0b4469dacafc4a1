# One line of a drill's result, from what braidctl drill and braidctl verify said.
($drill[0]) as $d | ($verify[0]) as $v |
([$d.copies[]? | select($gap == "all" or ($gap == "others" and (.harmed | not))) | .largest_gap_ms] | max) as $worst |
($rc == 0 and ($v.sound // false)) as $is_good |
{
  row: $row, dc: $dc, at: $at, commit: $commit, rate: $rate, window: $window, seconds: $seconds,
  passed: $is_good,
  verdict: (if $is_good then "sound" elif $d == {} then "no report: " + $said else ($d.heading // $d.summary // $said) end),
  detected_ms: $d.detected_ms, taken_over_ms: $d.taken_over_ms, gap_ms: $worst,
  gap_limit_ms: $limit, is_in_limit: ($limit == 0 or ($worst != null and $worst < $limit)),
  harmed_gap_ms: ([$d.copies[]? | select(.harmed) | .largest_gap_ms] | max),
  other_gap_ms: ([$d.copies[]? | select(.harmed | not) | .largest_gap_ms] | max),
  late: ([$d.copies[]? | .late] | max), latest_ms: ([$d.copies[]? | .latest_ms] | max),
  records: ([$d.copies[]? | .records] | max),
  ended_ms: $d.ended_ms, fine_ms: $d.fine_again_ms,
  lost: $d.lost, duplicated: $d.duplicated, reordered: $d.reordered, other_findings: $d.other_findings,
  verify_exit: $verify_rc, ok_percent: $v.ok_percent, compared: $v.compared,
  failed_omitted: $v.failed_omitted, revisions_back: $v.revisions_back,
  stall_ms: $d.recorder_stall_ms, disturbed: ($d.disturbed // false),
  load: ($load | tonumber), cores: $cores, notes: $notes, said: (if $is_good then "" else $said end)
}
