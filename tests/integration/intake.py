#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Posts events to the intakes, and looks for them in Kafka: test_intake.sh.

  intake.py load SECONDS FILE   posts from eight clients to all nodes; FILE: what each was told
  intake.py topics FILE         every event that was accepted is in its DC's topic, whole, with its key
  intake.py global FILE STREAM  what is in the topics is in both DCs' copies, each once
"""
import collections
import json
import os
import random
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from confluent_kafka import Consumer, KafkaError, TopicPartition

DCS = ("eqiad", "codfw")
STREAM = "mediawiki.page_change.v1"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def brokers(dc):
    return os.environ["BRAID_KAFKA_" + dc.upper()]


def event(page):
    return {"$schema": "/mediawiki/page/change/1.2.0",
            "meta": {"stream": STREAM, "id": str(uuid.uuid4()), "domain": "test.wiki.localhost"},
            "page_change_kind": "edit", "wiki_id": "testwiki", "page": {"page_id": page, "namespace_id": 0},
            "revision": {"rev_id": 5, "rev_parent_id": 4}, "comment": "ü " * random.randrange(200)}


def client(dc, number, until, told):
    url = os.environ[f"BRAID_INTAKE_{dc.upper()}_{1 + number % 2}"] + "/v1/events"
    while time.time() < until:
        events = [event(random.randrange(50)) for _ in range(random.choice((1, 1, 1, 5, 20)))]
        bad = random.random() < 0.1
        body = events + [{"$schema": "/x", "meta": {"stream": "not.here"}}] if bad else events
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with OPENER.open(request, timeout=30) as answer:
                code, said = answer.status, answer.read()
        except urllib.error.HTTPError as e:
            code, said = e.code, e.read()
        except OSError:
            code, said = 0, b""
        accepted = events if code == 201 else []
        if code == 207:
            failed = {f["event"]["meta"].get("id") for f in json.loads(said)["error"]}
            accepted = [e for e in events if e["meta"]["id"] not in failed]
        told.append({"dc": dc, "code": code, "bad": bad, "posted": [e["meta"]["id"] for e in events],
                     "accepted": {e["meta"]["id"]: e["page"]["page_id"] for e in accepted}})


def load(seconds, path):
    told = []
    until = time.time() + seconds
    threads = [threading.Thread(target=client, args=(DCS[i % 2], i // 2, until, told)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open(path, "w", encoding="utf-8") as file:
        json.dump(told, file)
    for dc in DCS:
        print(dc, dict(sorted(collections.Counter(t["code"] for t in told if t["dc"] == dc).items())),
              sum(len(t["accepted"]) for t in told if t["dc"] == dc), "events accepted")


def read(dc, topic):
    consumer = Consumer({"bootstrap.servers": brokers(dc), "group.id": "intake", "enable.partition.eof": True,
                         "auto.offset.reset": "error", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    while True:
        message = consumer.poll(30)
        if message is None:
            sys.exit(f"{topic} in {dc} does not answer")
        if message.error():
            if message.error().code() == KafkaError._PARTITION_EOF:
                return
            sys.exit(str(message.error()))
        yield message
    consumer.close()


def ids_in(dc):
    """id: record, of what was posted (MediaWiki's own events come on top)."""
    return {json.loads(m.value())["meta"]["id"]: m for m in read(dc, f"{dc}.{STREAM}")}


def topics(told):
    problems = []
    for dc in DCS:
        there = ids_in(dc)
        accepted = {i: p for t in told if t["dc"] == dc for i, p in t["accepted"].items()}
        problems += [f"{dc}: {i} was accepted, and is not there" for i in accepted if i not in there]
        for i, page in accepted.items():
            if i not in there:
                continue
            value, key = json.loads(there[i].value()), there[i].key()
            if key != b'{"wiki_id":"testwiki","page_id":%d}' % page or value["page"]["page_id"] != page:
                problems.append(f"{dc}: {i} has the key {key}")
            if "dt" not in value["meta"]:
                problems.append(f"{dc}: {i} has no meta.dt")
        unclear = sum(len(t["posted"]) - len(t["accepted"]) for t in told if t["dc"] == dc)
        print(f"{dc}: {len(accepted)} accepted, all there; of {unclear} others "
              f"{sum(i in there for t in told if t['dc'] == dc for i in set(t['posted']) - set(t['accepted']))} too")
    return problems


def in_global(told, stream):
    wanted = set(ids_in("eqiad")) | set(ids_in("codfw"))
    problems = []
    for dc in DCS:
        seen = collections.Counter(json.loads(m.value())["meta"]["id"] for m in read(dc, f"global.{stream}"))
        problems += [f"{dc}: {i} is missing" for i in wanted - set(seen)]
        problems += [f"{dc}: {i} is there {n} times" for i, n in seen.items() if n != 1]
        print(f"{dc}: {len(seen)} events, each once")
    return problems


def main():
    if sys.argv[1] == "load":
        load(float(sys.argv[2]), sys.argv[3])
        return 0
    with open(sys.argv[2], encoding="utf-8") as file:
        told = json.load(file)
    problems = topics(told) if sys.argv[1] == "topics" else in_global(told, sys.argv[3])
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


sys.exit(main())
