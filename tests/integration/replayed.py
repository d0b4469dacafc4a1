#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Events about a wiki that replay.py stands in for, and what the streams must say of them.

  replayed.py topics           makes the source topic test.data_change.v1 in both DCs
  replayed.py feed             writes the events of every kind of answer
  replayed.py load             writes many edits of few items, in both DCs, for some seconds
  replayed.py lost             deletes eqiad's state topic of the RDF stream
  replayed.py size STREAM      bytes of the largest value in the stream
  replayed.py check            reads the streams in both DCs, one line for a promise

What an answer should be is computed here from replay.py's own tables. Uses the variables that
`cluster env` prints.
"""
import json
import re
import sys
import time
import uuid
from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
import replay
import schemas
from sources import DCS, Writer, brokers

SOURCE = "test.data_change.v1"
ENTITY, RDF, SCORE, VIEWS = "wikibase.entity_change.v1", "wikibase.rdf_change.v1", "mediawiki.page_score_change.v1", "test.views.v1"
BIG = ("test.big_as_it_is.v1", "test.big_one_less.v1")
STATE = f"eqiad.braid.state.{RDF}"
failed = 0


def iso():
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%03dZ" % (now % 1 * 1000)


def event(kind, rev, parent=None):
    page, now = rev // 100, iso()
    parent = 0 if kind == "create" else rev - 1 if parent is None else parent
    slot = {"slot_role": "main", "content_model": "wikibase-item", "content_format": "application/json",
            "content_size": 100, "content_sha1": "0" * 31, "origin_rev_id": rev}
    del slot["content_sha1"]
    return {
        "$schema": "/mediawiki/page/change/1.2.0", "changelog_kind": "delete" if kind == "delete" else "update", "dt": now,
        "meta": {"stream": SOURCE, "id": str(uuid.uuid4()), "domain": "data.wiki.localhost", "dt": now, "request_id": str(uuid.uuid4())},
        "page_change_kind": kind, "wiki_id": "datawiki",
        "page": {"page_id": page, "page_title": f"Q{page}", "namespace_id": 0, "is_redirect": False},
        "revision": {"rev_id": rev, "rev_parent_id": parent, "rev_dt": now, "is_content_visible": True, "is_editor_visible": True,
                     "is_comment_visible": True, "content_slots": {"main": slot}}}


def write(dc, events):
    writer = Writer(dc)
    for e in events:
        key = json.dumps({"wiki_id": "datawiki", "page_id": e["page"]["page_id"]}).encode()
        writer.put(SOURCE, e, key=key)
    writer.flush()


def topics():
    for dc in DCS:
        admin = AdminClient({"bootstrap.servers": brokers(dc)})
        for future in admin.create_topics([NewTopic(f"{dc}.{SOURCE}", 1, 1)]).values():
            future.result(30)


def feed():
    """One partition, so that the order is this one."""
    write("eqiad", [
        event("create", 6001),
        event("edit", 6000 + replay.TOO_MANY),
        event("edit", 6000 + replay.LAG),
        event("edit", 6000 + replay.DOWN, 6003),
        event("edit", 6011, 6008),
        event("edit", 6010, 6008),  # comes late
        event("edit", 6000 + replay.BIG, 6011),
        event("create", 6101),
        event("edit", 6100 + replay.DELETED),
        event("edit", 6100 + replay.REDIRECT),
        event("edit", 6100 + replay.SEE_OTHER),
        event("edit", 6100 + replay.BAD_REVISION),
        event("edit", 6100 + replay.UNKNOWN),
        event("edit", 6110),
        event("edit", 7002, 7001),  # the stream has not had its parent
        event("edit", 7110, 7100 + replay.DELETED),  # nor has the wiki
        event("delete", 6012, 6011),
        event("undelete", 6013, 6012),
    ])


def load():
    """A revision counts up from each DC in turn; each item's in one DC."""
    for n in range(10, 40):
        for dc, first in zip(DCS, (80, 90)):
            write(dc, [event("create" if n == 10 else "edit", 100 * page + n) for page in range(first, first + 5)])
        time.sleep(0.4)


def lost():
    admin = AdminClient({"bootstrap.servers": brokers("eqiad")})
    for future in admin.delete_topics([STATE]).values():
        future.result(30)


def read(topic, dc):
    reader = Consumer({"bootstrap.servers": brokers(dc), "group.id": "check", "isolation.level": "read_committed",
                       "enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "earliest",
                       "fetch.message.max.bytes": 1 << 25})
    reader.assign([TopicPartition(topic, 0, 0)])
    records = []
    while True:
        message = reader.poll(30)
        if message is None:
            sys.exit(f"{topic} in {dc} brings nothing")
        if message.error():
            if message.error().code() == KafkaError._PARTITION_EOF:
                break
            sys.exit(str(message.error()))
        headers = {name: value.decode() for name, value in message.headers() or []}
        records.append((headers, message.key(), message.value()))
    reader.close()
    return records


def check(sentence, problems):
    global failed
    problems = list(problems)
    failed += bool(problems)
    print(f"  {'FAILED' if problems else 'ok    '} {sentence}")
    for problem in problems[:5]:
        print(f"         {str(problem)[:600]}")


def differs(what, got, wanted):
    return [] if got == wanted else [f"{what}: {got!r}, not {wanted!r}"]


def by_rev(records, name):
    """What the stream says of each revision of the first items: (kind, enrichment)."""
    found = {}
    for headers, _, value in records:
        e = json.loads(value)
        if e["page"]["page_id"] < 80:
            found[e["revision"]["rev_id"]] = (headers["braid-status"], e.get("enrichments", {}).get(name, "none"))
    return found


def errors(stream):
    """Why events of a stream stand in the error topic, by revision."""
    why = {}
    for headers, _, value in read("eqiad.braid.error", "eqiad"):
        e = json.loads(value)
        if headers.get("braid-status", "").startswith("failed") and stream in e.get("emitter_id", ""):
            rev = re.search(r'\\?"rev_id\\?":\s*(\d+)', e["raw_event"])
            why[int(rev[1])] = headers["braid-status"][len("failed:"):]
    return why


def check_entity(records):
    found, why = by_rev(records, "entity"), errors(ENTITY)
    good = [6001, 6002, 6003, 6008, 6010, 6011, 6012, 6101, 6110, 7002, 7110]
    check("each item is the one of its revision, also after 429, maxlag and 503", [
        p for r in good if r != 6012 for p in differs(r, (found.get(r, (0, {}))[1] or {}).get("entity"), replay.entity(r))])
    check("a revision that redirects to another item has none", differs("6105", found.get(6105), ("ok", None)))
    check("a deletion carries none", differs("6012", found.get(6012), ("ok", "none")))
    check("404 of an item, and a revision that is not there, are missing; 303 and 400 are refused", differs(
        "errors", why, {6104: "missing", 6106: "refused", 6107: "refused", 6109: "missing"}))


def check_rdf(records):
    found = by_rev(records, "rdf_diff")

    def sets(rev):
        return set(replay.triples(rev).splitlines()) if rev else set()

    def problems(rev, how, base):
        got = found.get(rev, (0, {}))[1] or {}
        yield from differs(f"{rev} from", (got.get("from"), got.get("from_rev_id", 0)), (how, base))
        yield from differs(f"{rev} added", got.get("added"), sorted(sets(rev) - sets(base), key=str.encode))
        yield from differs(f"{rev} removed", got.get("removed"), sorted(sets(base) - sets(rev), key=str.encode))

    check("triples of a new item are all added", [*problems(6001, "nothing", 0), *problems(6101, "nothing", 0)])
    check("those of an edit are compared with the last revision that the stream had, not the parent's", [
        *problems(6002, "emitted", 6001), *problems(6003, "emitted", 6002), *problems(6008, "emitted", 6003),
        *problems(6011, "emitted", 6008), *problems(6110, "emitted", 6105)])
    check("of an item that it has not had, with the parent", problems(7002, "parent", 7001))
    check("where that is gone, it is said", [
        *differs("7110", {k: v for k, v in (found.get(7110, (0, {}))[1] or {}).items() if k != "as_of"},
                 {"from": "parent", "from_rev_id": 7104, "from_unknown": "missing"})])
    check("a revision that comes late changes nothing", differs("6010", found.get(6010), ("ok", {"from": "newer", "from_rev_id": 6011})))
    check("after a deletion all is added again", problems(6013, "nothing", 0))


def reference(records):
    """(from, from_rev_id) of each number of the source, by its order alone; None: nothing is told."""
    last, told = {}, []
    for _, _, value in records:
        e = json.loads(value)
        page, rev, parent = e["page"]["page_id"], e["revision"]["rev_id"], e["revision"]["rev_parent_id"]
        before = last.get(page, -1)
        base = before if before >= 0 else parent
        if e["page_change_kind"] == "delete":
            last[page] = 0
            told.append(None)
            continue
        how = "newer" if before >= rev else "nothing" if base == 0 else "emitted" if before >= 0 else "parent"
        told.append(None if rev % 100 == replay.REDIRECT else (how, base or None))
        last[page] = max(before, rev)
    return told


def check_states(records):
    """What each DC enriched, whether it was taken or not."""
    told = reference(records)
    for dc in DCS:
        problems, count = [], 0
        for headers, _, value in read(f"{dc}.braid.enriched.{RDF}", dc):
            if headers["braid-status"] != "ok":
                continue  # skipped: the other DC's was emitted already
            got = json.loads(value).get("enrichments", {}).get("rdf_diff")
            seq = int(headers["braid-origin"].rsplit("/", 1)[1])
            count += 1
            problems += differs(seq, got and (got["from"], got.get("from_rev_id")), told[seq])
        check(f"what {dc} compared with follows from the source's order, state lost or not: {count} events",
              problems or ([] if count > 100 else ["too few"]))


def check_others(scores, views):
    found, why = by_rev(scores, "score"), errors(SCORE)
    check("scores are the model's answers, also after 429 and 503", [
        p for r in (6001, 6002, 6008, 6110) for p in differs(r, (found.get(r, (0, {}))[1] or {}).get("answer", {}).get("revision_id"), r)])
    check("a revision that the models' wiki does not know has none; another 400 is refused", [
        *differs("unknown to the wiki itself", why.get(6109), "missing"), *differs("6107", why.get(6107), "refused")])
    found, why = by_rev(views, "http"), errors(VIEWS)
    check("any server's answer is put where the spec says, also after 429 and 503", [
        p for r in (6001, 6002, 6008, 6110)
        for p in differs(r, {k: v for k, v in (found.get(r, (0, {}))[1] or {}).items() if k != "as_of"}, {"views": r % 100})])
    check("404 of it is nothing; a redirect is not followed, 400 refused", [
        *differs("6104", found.get(6104), ("ok", None)), *differs("6106", why.get(6106), "refused"), *differs("6107", why.get(6107), "refused")])


def check_big():
    for stream, wanted in zip(BIG, ("ok", "failed:too_large")):
        records = [(h, json.loads(v)) for h, _, v in read(f"global.{stream}", "codfw")]
        h, e = next(((h, e) for h, e in records if e["revision"]["rev_id"] == 6000 + replay.BIG and e["page_change_kind"] == "edit"), ({}, {}))
        size = len(e.get("enrichments", {}).get("html", {}).get("body", "").encode())
        check(f"a page with 12 MiB of HTML is {wanted}", [
            *differs("status", h.get("braid-status"), wanted), *differs("bytes", size, replay.BIG_BYTES if wanted == "ok" else 0)])


def check_all():
    records = {}
    for stream in (ENTITY, RDF, SCORE, VIEWS, *BIG):
        copies = [read(f"global.{stream}", dc) for dc in DCS]
        records[stream] = copies[0]
        check(f"both copies of {stream} are equal, {len(copies[0])} records", [] if copies[0] == copies[1] and copies[0] else ["they differ, or are empty"])
        check("and each record follows its schema", schemas.problems(json.loads(v) for _, _, v in copies[0] if v))
    failures = [json.loads(v) for dc in DCS for _, _, v in read(f"{dc}.braid.error", dc)]
    check(f"and each error event, {len(failures)} of them", [*schemas.problems(failures), *([] if failures else ["none"])])
    check_entity(records[ENTITY])
    check_rdf(records[RDF])
    check_states(records[ENTITY])
    check_others(records[SCORE], records[VIEWS])
    check_big()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    what = sys.argv[1]
    if what == "size":
        print(max(len(v or b"") for _, _, v in read(f"global.{sys.argv[2]}", "eqiad")))
    else:
        sys.exit({"topics": topics, "feed": feed, "load": load, "lost": lost, "check": check_all}[what]())
