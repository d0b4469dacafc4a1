#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts records that nobody should send on the local cluster's topics, and looks what became of them.

    bad_input.py source FILE     every bad source record; writes to FILE what each must become
    bad_input.py check DC FILE   whether the enriched records and the error topic in DC say so
    bad_input.py foreign TOPIC DC   records without sound headers on a topic that Braid writes
    bad_input.py anew TOPIC DC   deletes a topic and makes it anew
    bad_input.py limit TOPIC DC BYTES   sets a topic's size limit
    bad_input.py sizes           events whose enriched records lie around the limit of eqiad's topic, byte
                                 by byte: whether all up to it are ok, and those above it too_large

It speaks Kafka's protocol itself: no client library sends timestamps of -1, and what is under test is
one. Lines begin with "ok" or "not ok"; exits with 1 if one is not ok.
"""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
import uuid

SOURCE = "mediawiki.page_change.v1"
OUTPUT = "mediawiki.page_content_change.v1"
YEAR_9999_MS = 253402300799000
PRODUCE, CREATE_TOPICS, DELETE_TOPICS, INCREMENTAL_ALTER_CONFIGS = 0, 19, 20, 44
TOPIC_RESOURCE = 2

# ---- a little of Kafka's protocol (https://kafka.apache.org/protocol) -------------------------------


def make_crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC32C = make_crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def varbytes(data):
    return varint(-1) if data is None else varint(len(data)) + data


def string(text):
    return struct.pack(">h", len(text)) + text.encode()


def record_batch(key, value, headers, timestamp):
    body = b"\0" + varint(0) + varint(0) + varbytes(key) + varbytes(value) + varint(len(headers))
    for name, content in headers:
        body += varbytes(name.encode()) + varbytes(content)
    body = varint(len(body)) + body
    checked = struct.pack(">hiqqqhii", 0, 0, timestamp, timestamp, -1, -1, -1, 1) + body
    return struct.pack(">qiibI", 0, len(checked) + 9, -1, 2, crc32c(checked)) + checked


class Kafka:
    def __init__(self, dc):
        host, port = os.environ[f"BRAID_KAFKA_{dc.upper()}"].split(",")[0].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20)

    def receive(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError("Kafka hung up")
            data += more
        return data

    def ask(self, key, version, body):
        request = struct.pack(">hhi", key, version, 1) + string("bad-input") + body
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        return self.receive(struct.unpack(">i", self.receive(4))[0])[4:]

    def put(self, topic, value, key=b"bad", headers=(), timestamp=1_700_000_000_000):
        """The offset of the new record in partition 0."""
        batch = record_batch(key, value, headers, timestamp)
        body = struct.pack(">hhi", -1, -1, 10000) + struct.pack(">i", 1) + string(topic)
        body += struct.pack(">iii", 1, 0, len(batch)) + batch
        answer = self.ask(PRODUCE, 7, body)
        at = 4 + 2 + len(topic) + 4 + 4
        error, offset = struct.unpack(">hq", answer[at : at + 10])
        if error != 0:
            raise RuntimeError(f"{topic}: Kafka answers with error {error}")
        return offset

    def set_topic(self, topic, name, value):
        body = struct.pack(">i", 1) + struct.pack(">b", TOPIC_RESOURCE) + string(topic)
        body += struct.pack(">i", 1) + string(name) + b"\0" + string(value) + b"\0"
        answer = self.ask(INCREMENTAL_ALTER_CONFIGS, 0, body)
        if struct.unpack(">h", answer[8:10])[0] != 0:
            raise RuntimeError(f"{topic}: Kafka does not take {name}")

    def make_anew(self, topic):
        timeout = struct.pack(">i", 10000)
        self.ask(DELETE_TOPICS, 1, struct.pack(">i", 1) + string(topic) + timeout)
        body = struct.pack(">i", 1) + string(topic) + struct.pack(">ihii", 1, 1, 0, 0) + timeout + b"\0"
        for _ in range(50):
            answer = self.ask(CREATE_TOPICS, 2, body)
            at = 4 + 4 + 2 + len(topic)
            if struct.unpack(">h", answer[at : at + 2])[0] == 0:
                return
            time.sleep(0.1)
        raise RuntimeError(f"{topic}: could not be made again")


# ---- bad source records ----------------------------------------------------------------------------


def read_event(line):
    """The event; None for what the bad records of this very test are."""
    try:
        event = json.loads(line)
        return event if isinstance(event, dict) and "page_change_kind" in event else None
    except (ValueError, RecursionError):
        return None


def a_real_event(is_good=lambda event: True):
    """The newest good edit of a page from which nothing was taken: only text of older revisions is hidden."""
    events = []
    for dc in ("eqiad", "codfw"):
        command = ["kcat", "-C", "-b", os.environ[f"BRAID_KAFKA_{dc.upper()}"], "-t", f"{dc}.{SOURCE}", "-e", "-q"]
        output = subprocess.run(command, check=True, capture_output=True).stdout
        events += [event for event in map(read_event, output.splitlines()) if event is not None]
    kinds = ("create", "edit")
    taken = {event["page"]["page_id"] for event in events if event["page_change_kind"] not in kinds}
    for event in sorted(events, key=lambda event: event["revision"]["rev_id"], reverse=True):
        if event["page_change_kind"] in kinds and event["page"]["page_id"] not in taken and is_good(event):
            return event
    raise RuntimeError("no edit of a page that is whole")


def changed(event, **parts):
    """A copy with an id of its own; parts as meta__domain=..."""
    copy = json.loads(json.dumps(event))
    copy["meta"]["id"] = str(uuid.uuid4())
    for path, value in parts.items():
        *outer, last = path.split("__")
        at = copy
        for name in outer:
            at = at[name]
        at[last] = value
    return copy


def to_bytes(event):
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def with_text(event, old, new):
    text = to_bytes(changed(event))
    assert old in text, old
    return text.replace(old, new, 1)


def slots_with_body(event):
    slots = json.loads(json.dumps(event["revision"]["content_slots"]))
    for slot in slots.values():
        slot["content_body"] = "forged"
    return slots


def bad_records(event):
    """(what, status, value or an event, other arguments of put)"""
    rev_id = b'"rev_id":%d' % event["revision"]["rev_id"]
    twice = str(uuid.uuid4())
    forged = [
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("braid-origin", b"codfw/mediawiki.page_change.v1/0/0/6/7"),
        ("braid-time", b"1"),
        ("braid-status", b"withheld:suppressed"),
        ("braid-copy", b"codfw"),
        ("braid-by", b"codfw/0"),
        ("braid-seq", b"0"),
        ("braid-cut", b"0.1"),
        ("braid-chain", b"0000000000000000"),
        ("braid-unheard-of", b"x"),
    ]
    many = [(f"h{i}", b"x" * 100) for i in range(200)]
    return [
        ("a key twice in the root", "failed:malformed", with_text(event, b'"meta":', b'"meta":{},"meta":'), {}),
        ("a key twice in meta", "failed:malformed", with_text(event, b'"domain":', b'"domain":"a","domain":'), {}),
        ("depth 10,000", "failed:too_deep", b'{"a":' + b"[" * 10000 + b"]" * 10000 + b"}", {}),
        ("depth 10,000, never closed", "failed:too_deep", b'{"a":' * 10000, {}),
        ("a byte order mark", "failed:malformed", b"\xef\xbb\xbf" + to_bytes(changed(event)), {}),
        ("a NUL in a string", "failed:malformed", with_text(event, b'"wiki_id":"', b'"wiki_id":"\0'), {}),
        ("a NUL behind the object", "failed:malformed", to_bytes(changed(event)) + b"\0", {}),
        ("a lone surrogate", "failed:malformed", with_text(event, b'"wiki_id":"', b'"comment":"\\ud800","wiki_id":"'), {}),
        ("bytes that are no UTF-8", "failed:malformed", with_text(event, b'"wiki_id":"', b'"x":"\xff\xfe","wiki_id":"'), {}),
        ("a revision of 2^53 + 1", "failed:missing", with_text(event, rev_id, b'"rev_id":9007199254740993'), {}),
        ("a revision of 2^63 - 1", "failed:missing", with_text(event, rev_id, b'"rev_id":9223372036854775807'), {}),
        ("a revision of 2^64", "failed:bad_field", with_text(event, rev_id, b'"rev_id":18446744073709551616'), {}),
        ("a revision of 1e3", "failed:bad_field", with_text(event, rev_id, b'"rev_id":1e3'), {}),
        ("an unknown integer over 2^53", "ok", changed(event, big=2**60 + 1), {}),
        ("content_body already there", "ok", changed(event, revision__content_slots=slots_with_body(event)), {}),
        ("a null value", "failed:malformed", None, {}),
        ("an empty value", "failed:malformed", b"", {}),
        ("an array", "failed:malformed", b"[]", {}),
        ("half an object", "failed:malformed", to_bytes(event)[:100], {}),
        ("an empty object", "failed:no_revision", b"{}", {}),
        ("meta that is a list", "failed:bad_field", b'{"meta":[1]}', {}),
        ("a null key", "ok", changed(event), {"key": None}),
        ("a key of 10,000 bytes", "ok", changed(event), {"key": b"k" * 10000}),
        ("a timestamp of -1", "ok", changed(event), {"timestamp": -1}),
        ("a timestamp of 0", "ok", changed(event), {"timestamp": 0}),
        ("a timestamp in the year 9999", "ok", changed(event), {"timestamp": YEAR_9999_MS}),
        ("a domain with CRLF", "failed:domain", changed(event, meta__domain="test.wiki.localhost\r\nX-Evil: 1"), {}),
        ("a foreign host", "failed:domain", changed(event, meta__domain="evil.example.org"), {}),
        ("a domain with a port", "failed:domain", changed(event, meta__domain="test.wiki.localhost:8080"), {}),
        ("forged headers", "ok", changed(event), {"headers": forged}),
        ("200 headers", "ok", changed(event), {"headers": many}),
        ("headers that are empty or null", "ok", changed(event), {"headers": [("", b""), ("null", None)]}),
        ("an id for the first time", "ok", changed(event, meta__id=twice), {}),
        ("an id for the second time", "ok", changed(event, meta__id=twice), {}),
        ("an id of 300 bytes", "failed:bad_field", changed(event, meta__id="i" * 300), {}),
        ("a canary", "canary", changed(event, meta__domain="canary"), {}),
        ("a good event behind all that", "ok", changed(event), {}),
    ]


def put_source(path):
    kafka, topic, expected = Kafka("eqiad"), f"eqiad.{SOURCE}", []
    kafka.set_topic(topic, "message.timestamp.after.max.ms", str(2**63 - 1))
    for what, status, value, arguments in bad_records(a_real_event()):
        if isinstance(value, dict):
            value = to_bytes(value)
        offset = kafka.put(topic, value, **arguments)
        expected.append({"offset": offset, "what": what, "status": status})
    with open(path, "w", encoding="utf-8") as file:
        json.dump(expected, file)


# ---- what became of them ---------------------------------------------------------------------------


def headers_by_offset(dc, topic):
    """(status, all headers) by offset in eqiad's source topic."""
    command = ["kcat", "-C", "-b", os.environ[f"BRAID_KAFKA_{dc.upper()}"], "-t", topic, "-e", "-q"]
    command += ["-f", "%o %h\n"]
    found = {}
    origin = re.compile(r"braid-origin=eqiad/[^/]*/\d+/0/-?\d+/(\d+)")
    for line in subprocess.run(command, check=True, capture_output=True).stdout.decode(errors="replace").splitlines():
        at = origin.search(line)
        status = re.search(r"braid-status=([a-z_:]+)", line)
        if at and status:
            found[int(at[1])] = (status[1], line)
    return found


def value_of(dc, topic, log_offset):
    command = ["kcat", "-C", "-b", os.environ[f"BRAID_KAFKA_{dc.upper()}"], "-t", topic, "-p", "0"]
    command += ["-o", log_offset, "-c", "1", "-e", "-q", "-f", "%s"]
    return subprocess.run(command, check=True, capture_output=True).stdout


failures = 0


def say(is_ok, claim, detail=""):
    global failures
    failures += not is_ok
    print(f"{'ok' if is_ok else 'not ok'} - {claim}{'' if is_ok else ': ' + detail}")


def check(dc, path):
    with open(path, encoding="utf-8") as file:
        expected = json.load(file)
    enriched = f"{dc}.braid.enriched.{OUTPUT}"
    found, errors = headers_by_offset(dc, enriched), headers_by_offset(dc, f"{dc}.braid.error")
    for record in expected:
        status, line = found.get(record["offset"], ("nothing", ""))
        say(status == record["status"], f"{dc}: {record['what']} becomes {record['status']}", f"it is {status}")
        is_noted = record["offset"] in errors
        if is_noted != status.startswith("failed"):
            say(False, f"{dc}: {record['what']} stands in the error topic if it failed", f"is it there: {is_noted}")
        if record["what"] == "forged headers":
            say("braid-seq" not in line and "unheard-of" not in line and "braid-copy" not in line and "traceparent=00-0af" in line,
                f"{dc}: forged headers are dropped, others kept", line)
        if record["what"] == "content_body already there" and status == "ok":
            say(b"forged" not in value_of(dc, enriched, line.split()[0]), f"{dc}: content that came along is replaced")


# ---- foreign records -------------------------------------------------------------------------------


def put_foreign(topic, dc):
    kafka = Kafka(dc)
    kafka.put(topic, b"no headers at all")
    kafka.put(topic, None, key=None)
    kafka.put(topic, b"x", headers=[("braid-origin", b"nonsense"), ("braid-time", b"now")])
    kafka.put(topic, b"x", headers=[("braid-origin", b"eqiad/mediawiki.page_change.v1/0/0/-1/99999999999999999999")])
    kafka.put(topic, b"x", headers=[("braid-origin", None), ("braid-status", b"\xff"), ("braid-by", b"//")])


# ---- at the limit, byte by byte --------------------------------------------------------------------

STEPS = 30


def enriched_from(offset):
    """The records in eqiad's enriched topic of events at this offset of its source topic, or above."""
    command = ["kcat", "-C", "-b", os.environ["BRAID_KAFKA_EQIAD"], "-t", f"eqiad.braid.enriched.{OUTPUT}", "-e", "-q", "-J"]
    found = {}
    for line in subprocess.run(command, check=True, capture_output=True).stdout.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # a key or value that is no UTF-8
        pairs = record.get("headers", [])  # foreign records have none
        headers = list(zip(pairs[::2], pairs[1::2]))
        origin = dict(headers).get("braid-origin", "").split("/")
        if len(origin) == 6 and origin[0] == "eqiad" and origin[5].isdigit() and int(origin[5]) >= offset:
            found.setdefault(int(origin[5]), (record["key"], record["payload"], headers))
    return found


def await_enriched(offset, count):
    for _ in range(120):
        found = enriched_from(offset)
        if len(found) >= count:
            return found
        time.sleep(0.5)
    raise RuntimeError(f"{len(found)} records enriched, not {count}")


def batch_size(key, value, headers, status):
    as_bytes = [(n, status.encode() if n == "braid-status" else v.encode()) for n, v in headers]
    return len(record_batch(key.encode(), value.encode(), as_bytes, 0))


def check_sizes():
    kafka, topic = Kafka("eqiad"), f"eqiad.{SOURCE}"
    names = [dict(headers) for _, _, headers in enriched_from(0).values()]
    good = {n.get("braid-id") for n in names if n.get("braid-status") == "ok"}
    event = a_real_event(lambda event: event["meta"]["id"] in good)  # not one of the bad records
    first = kafka.put(topic, to_bytes(changed(event, pad="")))
    key, value, headers = await_enriched(first, 1)[first]
    limit = batch_size(key, value, headers, "ok") + STEPS // 2
    kafka.set_topic(f"eqiad.braid.enriched.{OUTPUT}", "max.message.bytes", str(limit))
    for step in range(STEPS):
        kafka.put(topic, to_bytes(changed(event, pad="x" * step)))
    found = await_enriched(first + 1, STEPS)
    sizes = {"ok": [], "failed:too_large": []}
    for step in range(STEPS):
        key, payload, headers = found[first + 1 + step]
        # What was refused has the length of the first, and its own padding and headers.
        length = "x" * (len(value.encode()) + step)
        status = dict(headers)["braid-status"]
        size = batch_size(key, length, headers, "ok")
        sizes.setdefault(status, []).append(size)
        is_right = status == ("ok" if size <= limit else "failed:too_large")
        say(is_right and (payload is None) == (status != "ok"), f"{size} bytes of {limit}: {status}", "it should not be")
    say(len(sizes["ok"]) > 3 and len(sizes["failed:too_large"]) > 3 and max(sizes["ok"]) + 3 > limit
        and min(sizes["failed:too_large"]) < limit + 4, "the limit is used to the byte, or nearly", str(sizes))


def main():
    if sys.argv[1:2] == ["source"] and len(sys.argv) == 3:
        put_source(sys.argv[2])
    elif sys.argv[1:2] == ["check"] and len(sys.argv) == 4:
        check(sys.argv[2], sys.argv[3])
    elif sys.argv[1:2] == ["foreign"] and len(sys.argv) == 4:
        put_foreign(sys.argv[2], sys.argv[3])
    elif sys.argv[1:2] == ["anew"] and len(sys.argv) == 4:
        Kafka(sys.argv[3]).make_anew(sys.argv[2])
    elif sys.argv[1:2] == ["limit"] and len(sys.argv) == 5:
        Kafka(sys.argv[3]).set_topic(sys.argv[2], "max.message.bytes", sys.argv[4])
    elif sys.argv[1:] == ["sizes"]:
        check_sizes()
    else:
        sys.exit(__doc__)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
