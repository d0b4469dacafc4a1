#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Partitions that are an hour behind beside partitions that are not: test_priority.sh.

  backlog.py server PORT   answers each GET with a number, after a while, until it is killed
  backlog.py feed          makes the topic, and writes what is an hour old into half of its partitions
  backlog.py run           writes live events into the others, while that is enriched, and says how
                           long each took

The events name a revision that MediaWiki has: the newest in the topic of page changes. Uses the
variables that `cluster env` prints.
"""
import http.server
import json
import socketserver
import sys
import threading
import time
import uuid
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from sources import brokers, read

DC, STREAM = "eqiad", "behind.v1"
TOPIC = f"{DC}.test.behind.v1"
PARTITIONS, OLD, ROUNDS = 8, 100, 5  # old ones in each partition, rounds of live ones
DELAY_S, WAIT_S = 0.1, 180


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        time.sleep(DELAY_S)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b'{"n":1}')


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def put(producer, like, partition, kind, ms):
    value = like | {"meta": like["meta"] | {"id": f"{kind}-{uuid.uuid4()}"}}
    producer.produce(TOPIC, json.dumps(value).encode(), partition=partition, timestamp=ms)


def like():
    events = [json.loads(m.value()) for m in read(DC, f"{DC}.mediawiki.page_change.v1")]
    return [e for e in events if e["page_change_kind"] == "create"][-1]


def feed():
    admin = AdminClient({"bootstrap.servers": brokers(DC)})
    for made in admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)]).values():
        made.result(30)
    producer = Producer({"bootstrap.servers": brokers(DC)})
    event, hour_ago = like(), int(time.time() * 1000) - 3600000
    for partition in range(0, PARTITIONS, 2):
        for n in range(OLD):
            put(producer, event, partition, "old", hour_ago + n)
    if producer.flush(60) != 0:
        sys.exit("not all records were taken")


def send_live():
    producer, event = Producer({"bootstrap.servers": brokers(DC), "linger.ms": 0}), like()
    for _ in range(ROUNDS):
        for partition in range(1, PARTITIONS, 2):
            put(producer, event, partition, "live", int(time.time() * 1000))
        producer.flush(60)
        time.sleep(0.5)


def arrivals():
    """(kind, when it was written, when it was seen) of each record of the stream, as they come."""
    consumer = Consumer({"bootstrap.servers": brokers(DC), "group.id": "backlog", "auto.offset.reset": "error",
                         "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(f"global.{STREAM}", 0, 0)])
    until = time.time() + WAIT_S
    while time.time() < until:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        headers = dict(message.headers())
        yield headers["braid-id"].decode().split("-")[0], int(headers["braid-time"]) / 1000, time.time()
    sys.exit(f"not all came within {WAIT_S} s")


def run():
    wanted = {"old": OLD * PARTITIONS // 2, "live": ROUNDS * PARTITIONS // 2}
    seen, took, first, last = {"old": 0, "live": 0}, [], 0, 0
    live = threading.Thread(target=send_live)
    for kind, written, now in arrivals():
        seen[kind] += 1
        if kind == "live":
            took.append(now - written)
        elif seen["old"] == 1:
            first = now
            live.start()
        else:
            last = now
        if seen == wanted:
            break
    live.join()
    print(f"{seen['old']} old ones took {last - first:.1f} s, each of {len(took)} live ones at most {max(took):.2f} s")
    return 0 if max(took) < (last - first) / 3 else 1


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    if sys.argv[1] == "server":
        Server(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
    sys.exit({"feed": feed, "run": run}[sys.argv[1]]())
