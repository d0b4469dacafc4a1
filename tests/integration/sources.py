#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The sources of deploy/streams/mixed/wiki_activity.yaml, made, fed and checked: test_sources.sh.

  sources.py topics            makes the source topics in both DCs
  sources.py feed              writes events of every kind in both DCs; prints how many records the
                               stream must have of them
  sources.py retry N           writes the views that failed again, mended, as the N-th retry
  sources.py backfill          writes two views for this stream and one for another
  sources.py check             reads both DCs' copies, one line for a promise
  sources.py page ACTION TITLE  edits, deletes, undeletes or moves (to "TITLE moved") a page of the wiki
"""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import urllib.parse
import sys
import time
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
import schemas

STREAM = "wiki_activity.v1"
DCS = ("eqiad", "codfw")
TOPICS = {"mediawiki.revision-create": 1, "mediawiki.page-delete": 1, "pageview.v1": 2, "score.v1": 1, "rows.v1": 1}
VIEWS = 40
T0 = 1767323045000  # of the first view


def brokers(dc):
    return os.environ["BRAID_KAFKA_" + dc.upper()]


def iso(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + ".%03dZ" % (ms % 1000)


def make_topics():
    for dc in DCS:
        admin = AdminClient({"bootstrap.servers": brokers(dc)})
        made = admin.create_topics([NewTopic(f"{dc}.{name}", num_partitions=count, replication_factor=1)
                                    for name, count in TOPICS.items()])
        for future in made.values():
            future.result(30)


class Writer:
    def __init__(self, dc):
        self.dc = dc
        self.producer = Producer({"bootstrap.servers": brokers(dc), "acks": "all", "enable.idempotence": True})

    def put(self, topic, value, partition=0, headers=None, key=None):
        body = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        self.producer.produce(f"{self.dc}.{topic}", value=body, key=key, partition=partition, headers=headers or [])

    def flush(self):
        if self.producer.flush(60) != 0:
            sys.exit("not all records were taken")


def view(dc, i, dt=None):
    return {"request": {"id": f"{dc}-{i}"}, "dt": dt or iso(T0 + 1000 * i), "page_id": i % 7, "page": "Main"}


def older(schema, rev, **more):
    return {"$schema": f"/mediawiki/{schema}", "meta": {"stream": "x", "id": f"{schema}-{rev}", "domain": "test.wiki.localhost"},
            "database": "testwiki", "page_id": 1, "page_title": "A", "page_namespace": 0, "rev_id": rev, **more}


def feed():
    wanted = 0
    for dc in DCS:
        w = Writer(dc)
        for i in range(VIEWS):
            w.put("pageview.v1", view(dc, i), partition=i % 2)
            wanted += 1
        w.put("pageview.v1", view(dc, VIEWS, dt="yesterday"))  # fails
        w.put("pageview.v1", b"\xff\xfe{")  # fails, and is no UTF-8
        w.put("pageview.v1", view(dc, 0))  # a repeat: dropped
        for i in range(5):
            w.put("mediawiki.revision-create", older("revision/create/2.0.0", 100 + i + 50 * (dc == "codfw")))
            w.put("mediawiki.page-delete", older("page/delete/1.0.0", 200 + i + 50 * (dc == "codfw")))
            w.put("score.v1", {"specversion": "1.0", "source": f"//{dc}", "id": str(i), "subject": f"p{i}",
                               "time": iso(T0 + 500 + 1000 * i), "data": {"score": i / 10}})
            w.put("rows.v1", {"payload": {"op": "u", "before": None, "after": {"page_id": i, "page_latest": 9},
                                          "source": {"name": dc, "db": "testwiki", "table": "page", "file": "f",
                                                     "pos": 100 + i, "row": 0}}})
            wanted += 4
        w.put("rows.v1", None, key=b"k")  # a tombstone: filtered
        w.flush()
    print(wanted)


def retry(number):
    for dc in DCS:
        w = Writer(dc)
        w.put(f"braid.retry.{STREAM}", view(dc, VIEWS), key=b"kept",
              headers=[("braid-retry", str(number).encode()), ("braid-source", b"pageview.v1"), ("trace", b"t")])
        w.flush()


def backfill():
    w = Writer("eqiad")
    for i in (1000, 1001):
        w.put("braid.backfill.pageview.v1", view("eqiad", i), headers=[("braid-backfill", STREAM.encode())])
    w.put("braid.backfill.pageview.v1", view("eqiad", 2000), headers=[("braid-backfill", b"another.v1")])
    w.flush()


def page(action, title):
    file = pathlib.Path(__file__).resolve().parents[2] / "deploy/local/edits"
    loader = importlib.machinery.SourceFileLoader("edits", str(file))
    edits = importlib.util.module_from_spec(importlib.util.spec_from_loader("edits", loader))
    loader.exec_module(edits)
    at = urllib.parse.urlsplit(os.environ["BRAID_MEDIAWIKI_EQIAD"])
    session = edits.Session((at.hostname, at.port), "test.wiki.localhost", 60)
    more = {"text": "a page"} if action == "edit" else {"reason": "r"}
    what = {"from": title, "to": title + " moved", "noredirect": "1"} if action == "move" else {"title": title}
    print(json.dumps(session.change(action=action, **what, **more)))


class Record:
    def __init__(self, message):
        self.headers = {name: value.decode() for name, value in message.headers() or []}
        self.key, self.bytes = message.key(), message.value()
        self.time, self.raw = message.timestamp()[1], message.headers()
        self.value = json.loads(message.value()) if message.value() else None
        self.status = self.headers["braid-status"]
        self.origin = self.headers["braid-origin"].split("/")
        self.id = self.headers.get("braid-id")


def read(dc, topic):
    consumer = Consumer({"bootstrap.servers": brokers(dc), "group.id": "sources", "enable.partition.eof": True,
                         "auto.offset.reset": "error", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = []
    while True:
        message = consumer.poll(30)
        if message is None:
            sys.exit(f"{topic} of {dc} cannot be read")
        if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
            consumer.close()
            return messages
        if message.error():
            sys.exit(str(message.error()))
        messages.append(message)


def event_of(value):
    """The event inside its envelope."""
    return value["data"] if "specversion" in value else value.get("payload", value)


def promise(sentence, holds, why=""):
    print(f"  {'ok    ' if holds else 'FAILED'} {sentence}{'' if holds else ': ' + str(why)}")


def check():
    copies = {dc: [Record(m) for m in read(dc, "global." + STREAM)] for dc in DCS}
    one, two = copies["eqiad"], copies["codfw"]
    promise("both DCs have the same stream of all sources",
            [(r.raw, r.key, r.bytes, r.time) for r in one] == [(r.raw, r.key, r.bytes, r.time) for r in two], "they differ")
    by_topic = {}
    for r in one:
        by_topic.setdefault(r.origin[1], []).append(r)
    counts = {topic: len(records) for topic, records in by_topic.items()}
    promise("of each source all events are there, repeats once",
            all(counts.get(t, 0) == n for t, n in {"pageview.v1": 2 * VIEWS, "mediawiki.revision-create": 10,
                                                   "mediawiki.page-delete": 10, "score.v1": 10, "rows.v1": 10}.items()), counts)
    promise("page changes are between them", counts.get("mediawiki.page_change.v1", 0) > 0, counts)
    views = by_topic.get("pageview.v1", [])
    promise("a view has its own id, time and key",
            all(r.id == r.value["request"]["id"] and r.key == str(r.value["page_id"]).encode() and
                iso(int(r.headers["braid-time"])) == r.value["dt"] for r in views), "one has not")
    promise("what is added to a CloudEvent stands inside it",
            all(r.value["data"]["meta"]["stream"] == STREAM and "meta" not in r.value and
                r.id == f"{r.value['source']}/{r.value['id']}" for r in by_topic.get("score.v1", [])), "one is not so")
    promise("a row's event has the place in the log as its id",
            all(r.id == f"{r.value['payload']['source']['name']}/testwiki/page/f/{r.value['payload']['source']['pos']}/0"
                for r in by_topic.get("rows.v1", [])), "one has not")
    retries = by_topic.get("braid.retry." + STREAM, [])
    promise("a retry is there once for each of its numbers, after all that it repeats",
            sorted(r.id for r in retries) == sorted(f"{dc}-{VIEWS}#{n}" for dc in DCS for n in (1, 2)) and
            all(r.status == "ok" and r.headers.get("trace") == "t" for r in retries), [(r.id, r.status) for r in retries])
    promise("nothing of what an operator's tool said goes to readers",
            not any(h.startswith(("braid-retry", "braid-source", "braid-backfill")) for r in one for h, _ in r.raw), "it does")
    fills = by_topic.get("braid.backfill.pageview.v1", [])
    promise("a backfill is there if it is for this stream",
            sorted(r.id for r in fills) == ["eqiad-1000", "eqiad-1001"], [r.id for r in fills])
    newest = max((int(r.headers["braid-time"]) for r in one if r not in fills), default=0)
    promise("and comes after what was there when it was written", [r for r in one[-2:] if r in fills] == fills, newest)
    wrong = list(schemas.problems((event_of(r.value) for r in one if r.value), "/braid/event/enriched/1.0.0"))
    promise("each event follows its schema, or that of events from anywhere", not wrong, wrong[:3])
    errors = [json.loads(m.value()) for dc in DCS for m in read(dc, f"{dc}.braid.error")]
    wrong = list(schemas.problems(errors))
    promise("and so does each error event", not wrong, wrong[:3])
    promise("what failed stands in the error topic, and what is no UTF-8 is there whole",
            any(e["error_type"] == "bad_field" for e in errors) and
            any(e.get("raw_event") == "base64://57" for e in errors), [e.get("raw_event") for e in errors])


def main():
    sys.dont_write_bytecode = True
    command = sys.argv[1]
    if command == "page":
        page(*sys.argv[2:])
        return
    {"topics": make_topics, "feed": feed, "backfill": backfill, "check": check}.get(command, lambda: retry(int(sys.argv[2])))()


if __name__ == "__main__":
    main()
