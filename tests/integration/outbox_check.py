#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the events in the source topics against MediaWiki's own tables and against the schema.

Prints a line for each promise, and exits with 1 if one is broken. The validator of the schema is
python3-jsonschema, which has nothing to do with this project.
"""

import collections
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "docs/schemas/mediawiki/page/change/1.2.0.json"
STATE = pathlib.Path(os.environ["BRAID_STATE"])
WIKIS = ["testwiki", "frwiki"]
DCS = ["eqiad", "codfw"]
KINDS = ["create", "edit", "move", "delete", "undelete", "visibility_change"]
failures = 0


def check(claim, broken):
    """broken: what speaks against the claim, a list."""
    global failures
    print(f"{'not ok' if broken else 'ok'} - {claim}")
    for line in broken[:5]:
        print(f"    {line}")
    if len(broken) > 5:
        print(f"    and {len(broken) - 5} more")
    failures += bool(broken)


def read_topic(dc):
    kafka = os.environ[f"BRAID_KAFKA_{dc.upper()}"]
    topic = f"{dc}.mediawiki.page_change.v1"
    command = ["kcat", "-C", "-b", kafka, "-t", topic, "-e", "-q", "-J"]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    records = [json.loads(line) for line in output.splitlines()]
    for record in records:
        record["dc"] = dc
        record["event"] = json.loads(record["payload"])
    return sorted(records, key=lambda record: (record["partition"], record["offset"]))


def name(event):
    return f"{event['wiki_id']} page {event['page']['page_id']} rev {event['revision']['rev_id']} {event['page_change_kind']}"


def is_filled(event):
    """Made by braid-outbox from the API: MediaWiki's own have the id of the request."""
    return "request_id" not in event["meta"]


def check_schema(records):
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    broken = [
        f"{name(record['event'])}: {list(error.path)} {error.message[:120]}"
        for record in records
        for error in validator.iter_errors(record["event"])
    ]
    check(f"all {len(records)} events follow the schema", broken)
    seen = collections.Counter(record["event"]["page_change_kind"] for record in records)
    check("there are events of every kind", [kind for kind in KINDS if not seen[kind]])
    print("   ", dict(seen))


def check_keys(records):
    broken, partitions = [], {}
    for record in records:
        event = record["event"]
        key = f'{{"wiki_id":"{event["wiki_id"]}","page_id":{event["page"]["page_id"]}}}'
        if record["key"] != key:
            broken.append(f"{record['key']} is not {key}")
        partitions.setdefault((record["dc"], key), set()).add(record["partition"])
    check("keys are exactly the wiki and the page", broken)
    check(
        "all events of a page are in one partition of a topic",
        [key for key, numbers in partitions.items() if len(numbers) > 1],
    )


def check_order(records):
    """Of each page, in each topic: what came first, by its first record."""
    last, seen, broken = {}, set(), []
    for record in records:
        event = record["event"]
        if event["meta"]["id"] in seen or is_filled(event):
            continue
        seen.add(event["meta"]["id"])
        key = (record["dc"], record["key"])
        place = (event["meta"]["dt"], event["revision"]["rev_id"])
        if key in last and event["revision"]["rev_id"] < last[key][1]:
            broken.append(f"{name(event)} comes after rev {last[key][1]}")
        last[key] = place
    check("each page's events are in the order of its revisions", broken)


def check_hidden(records):
    broken = []
    for record in records:
        event = record["event"]
        revisions = [event["revision"], event.get("prior_state", {}).get("revision", {})]
        for revision in revisions:
            slots = revision.get("content_slots", {}).values()
            for flag, fields in (
                ("is_editor_visible", ["editor" in revision]),
                ("is_comment_visible", ["comment" in revision]),
                ("is_content_visible", ["rev_sha1" in revision] + ["content_sha1" in s for s in slots]),
            ):
                if revision.get(flag) is False and any(fields):
                    broken.append(f"{name(event)}: {flag} is false")
    check("nothing that is hidden stands in an event", broken)


def check_complete(records):
    """Every revision and every entry of the log that changes a page has its event."""
    by_revision, by_log = collections.defaultdict(set), collections.Counter()
    for record in records:
        event = record["event"]
        kind = event["page_change_kind"]
        if kind in ("create", "edit", "move"):
            by_revision[event["wiki_id"], event["revision"]["rev_id"]].add(event["meta"]["id"])
    for event in {record["event"]["meta"]["id"]: record["event"] for record in records}.values():
        by_log[event["wiki_id"], event["page_change_kind"]] += 1
    missing, twice, logs, unshipped, count = [], [], [], [], 0
    for wiki in WIKIS:
        database = sqlite3.connect(STATE / f"mediawiki/data/{wiki}.sqlite", timeout=30)
        # The installer made the main page, revision 1, before there was an outbox.
        revisions = [
            row[0]
            for row in database.execute(
                "SELECT rev_id FROM revision WHERE rev_id > 1"
                " UNION SELECT ar_rev_id FROM archive WHERE ar_rev_id > 1"
            )
        ]
        count += len(revisions)
        missing += [f"{wiki} rev {rev}" for rev in revisions if not by_revision[wiki, rev]]
        twice += [f"{wiki} rev {rev}" for rev in revisions if len(by_revision[wiki, rev]) > 1]
        for action, kind in (("delete", "delete"), ("restore", "undelete")):
            (entries,) = database.execute(
                "SELECT count(*) FROM logging WHERE log_type IN ('delete', 'suppress')"
                " AND log_action = ?",
                [action],
            ).fetchone()
            if entries != by_log[wiki, kind]:
                logs.append(f"{wiki}: {entries} in the log, {by_log[wiki, kind]} {kind} events")
        unshipped += [
            f"{wiki} {about}"
            for (about,) in database.execute(
                "SELECT bo_about FROM braid_outbox WHERE bo_shipped IS NULL OR bo_shipped < 0"
            )
        ]
        (rows,) = database.execute("SELECT count(*) FROM braid_outbox").fetchone()
        ids = {r["event"]["meta"]["id"] for r in records if r["event"]["wiki_id"] == wiki}
        if rows != len(ids):
            logs.append(f"{wiki}: {rows} rows, {len(ids)} different events")
    check(f"every one of {count} revisions has its event", missing)
    check("no revision has two different events", twice)
    check("every deletion and undeletion has its event, and every event its row", logs)
    check("every row has been shipped", unshipped)


def main():
    if len(sys.argv) > 1:
        print(sys.argv[1])
    records = [record for dc in DCS for record in read_topic(dc)]
    distinct = len({record["event"]["meta"]["id"] for record in records})
    filled = sum(is_filled(record["event"]) for record in records)
    print(f"    {len(records)} records, {distinct} events, {filled} filled in")
    check_schema(records)
    check_keys(records)
    check_order(records)
    check_hidden(records)
    check_complete(records)
    if os.environ.get("NONE_FILLED"):
        check("none had to be filled in: change and event were one transaction", [filled] if filled else [])
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
