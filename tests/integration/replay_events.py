#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes events that name real revisions to a DC's source topic, at a steady rate: events that are
there already, of pages that still exist, with new ids. Ends at SIGTERM, too; then prints how many
were written."""

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


def start_producer(args):
    """Idempotent. kcat gives up when its only broker is down; what it held is then lost here,
    before any consumer saw it."""
    return subprocess.Popen(
        ["kcat", "-P", "-q", "-b", args.bootstrap, "-t", args.topic, "-K", "\t",
         "-X", "enable.idempotence=true", "-X", "linger.ms=20",
         "-X", "reconnect.backoff.max.ms=500", "-X", "message.timeout.ms=120000"],
        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def write_some(producer, chosen, written, due):
    for i in range(written, due):
        key, event = chosen[i % len(chosen)]
        event["meta"]["id"] = str(uuid.uuid4())
        producer.stdin.write(
            key + "\t" + json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
    producer.stdin.flush()


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
    start = time.monotonic()
    end = [start + args.seconds]
    signal.signal(signal.SIGTERM, lambda *_: end.__setitem__(0, 0))
    producer = start_producer(args)
    written = 0
    while time.monotonic() < end[0]:
        due = int((time.monotonic() - start) * args.rate)
        try:
            write_some(producer, chosen, written, due)
        except BrokenPipeError:
            producer.wait()
            time.sleep(0.5)
            producer = start_producer(args)
        written = due
        time.sleep(0.02)
    try:
        producer.stdin.close()
    except BrokenPipeError:
        pass
    producer.wait()
    print(written)


main()
