#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes events that name real revisions to a DC's source topic, at a steady rate: events that are
there already, of pages that still exist, with new ids. Ends at SIGTERM, too; then prints how many
were delivered."""

import argparse
import json
import signal
import subprocess
import sys
import time
import uuid


def read_all(bootstrap, topic):
    """(key, event) of each record of the topic."""
    out = subprocess.run(
        ["kcat", "-C", "-q", "-e", "-b", bootstrap, "-t", topic, "-f", "%k\t%s\n"],
        check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        key, _, value = line.partition("\t")
        event = json.loads(value)
        if event.get("meta", {}).get("domain") != "canary":
            yield key, event


def choose(records):
    """Creations and edits of pages that nothing was taken away from."""
    gone = {(e["wiki_id"], e["page"]["page_id"]) for _, e in records
            if e["page_change_kind"] in ("delete", "undelete", "visibility_change", "move")}
    return [(k, e) for k, e in records
            if e["page_change_kind"] in ("create", "edit")
            and (e["wiki_id"], e["page"]["page_id"]) not in gone]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    args = parser.parse_args()
    chosen = choose(list(read_all(args.bootstrap, args.topic)))
    if not chosen:
        sys.exit("replay_events: no event to repeat in " + args.topic)
    # Idempotent, and patient: a broker that is killed meanwhile loses and doubles nothing.
    producer = subprocess.Popen(
        ["kcat", "-P", "-q", "-b", args.bootstrap, "-t", args.topic, "-K", "\t",
         "-X", "enable.idempotence=true", "-X", "linger.ms=20",
         "-X", "reconnect.backoff.max.ms=500", "-X", "message.timeout.ms=120000"],
        stdin=subprocess.PIPE, text=True)
    start = time.monotonic()
    end = [start + args.seconds]
    signal.signal(signal.SIGTERM, lambda *_: end.__setitem__(0, 0))
    written = 0
    while time.monotonic() < end[0]:
        due = int((time.monotonic() - start) * args.rate)
        while written < due:
            key, event = chosen[written % len(chosen)]
            event["meta"]["id"] = str(uuid.uuid4())
            producer.stdin.write(
                key + "\t" + json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
            written += 1
        producer.stdin.flush()
        time.sleep(0.02)
    producer.stdin.close()
    if producer.wait() != 0:
        sys.exit("replay_events: kcat could not deliver")
    print(written)


main()
