#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A member of a consumer group that takes so many records of a global stream, prints their numbers,
commits its place and leaves (kcat commits more than it prints).

group_reader.py BROKERS TOPIC GROUP COUNT
"""
import sys
from confluent_kafka import Consumer, KafkaException

brokers, topic, group, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False,
                     "auto.offset.reset": "earliest", "session.timeout.ms": 20000})
consumer.subscribe([topic])
last, taken = None, 0
while taken < count and (message := consumer.poll(60)) is not None:
    if message.error():
        raise KafkaException(message.error())
    number = dict(message.headers() or {}).get("braid-seq")
    if number is not None:
        print(number.decode(), flush=True)
        last, taken = message, taken + 1
if last is not None:
    consumer.commit(message=last, asynchronous=False)
consumer.close()
sys.exit(taken < count)
