# One line of a drill's result where Braid has to stop: what was seen, and what braidctl verify said of the rest.
($verify[0]) as $v |
def found($kind): [$v.findings[]? | select(.finding == $kind)] | length;
($verdict == "" and ($v.sound // false)) as $is_good |
{
  row: $row, dc: $dc, at: $at, commit: $commit, rate: $rate, window: $window, seconds: 0,
  passed: $is_good,
  verdict: (if $is_good then "sound" elif $verdict != "" then $verdict else ($v.summary // "no audit: " + $said) end),
  detected_ms: $detected, taken_over_ms: null, gap_ms: null, gap_limit_ms: 0, is_in_limit: true,
  harmed_gap_ms: null, other_gap_ms: null, late: null, latest_ms: null, records: null,
  ended_ms: $ended, fine_ms: $fine,
  lost: found("missing"), duplicated: found("twice"), reordered: found("order"),
  other_findings: (($v.findings_count // 0) - found("missing") - found("twice") - found("order")),
  verify_exit: $verify_rc, ok_percent: $v.ok_percent, compared: $v.compared,
  failed_omitted: $v.failed_omitted, revisions_back: $v.revisions_back,
  stall_ms: $stall, disturbed: ($stall > 1000), load: ($load | tonumber), cores: $cores,
  words: $words, is_back: ($fine != null), notes: $notes, said: (if $is_good then "" else $said end)
}
