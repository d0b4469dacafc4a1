#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a global stream from any DC's copy and keeps its place with its state: docs/consumers.md.

reader.py STREAM BROKERS STATE.json [uncommitted]   counts events by kind, until all is read
"""
import json
import os
import sys
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

stream, brokers, path = sys.argv[1:4]
topic = "global." + stream
consumer = Consumer({
    "bootstrap.servers": brokers, "group.id": "reader-example", "enable.auto.commit": False,
    "enable.partition.eof": True, "auto.offset.reset": "error",
    "isolation.level": "read_uncommitted" if len(sys.argv) > 4 else "read_committed"})

def load():
    if not os.path.exists(path):
        return {"seq": -1, "time": 0, "kinds": {}, "redacted": []}
    with open(path) as file:
        return json.load(file)

def save(state):  # the place and what was made of the events, in one step
    with open(path + ".new", "w") as file:
        json.dump(state, file)
    os.replace(path + ".new", path)

def start(state):  # offsets differ from DC to DC; sequence numbers and times do not
    if state["seq"] < 0:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[0]
    return consumer.offsets_for_times([TopicPartition(topic, 0, state["time"])], timeout=10)[0].offset

def take(state, event, status):
    if status == "canary" or event is None:
        return
    if status == "redaction":  # forget what an earlier record showed
        state["redacted"].append(event["revision"]["rev_id"])
    kind = event.get("page_change_kind", "other")
    state["kinds"][kind] = state["kinds"].get(kind, 0) + 1

state = load()
before = state["seq"]
consumer.assign([TopicPartition(topic, 0, start(state))])
while (message := consumer.poll(10)) is not None:
    if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
        break  # all is read; a service would go on
    if message.error():
        raise KafkaException(message.error())
    headers = {name: value.decode() for name, value in message.headers() or []}
    seq = int(headers.get("braid-seq", -1))
    if seq <= state["seq"]:  # read before, or written again after a fault (uncommitted), or not ours
        continue
    if -1 < state["seq"] < seq - 1:
        sys.exit(f"number {state['seq'] + 1} is gone: retention has passed this reader")
    take(state, json.loads(message.value() or "null"), headers["braid-status"])
    state.update(seq=seq, time=message.timestamp()[1])
save(state)  # a service saves every so often
print(json.dumps(state), f"it was {state['seq'] - before} behind")  # offsets have gaps: lag is in numbers
