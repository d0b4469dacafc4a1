#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for servers that do not run here: a Wikibase wiki, LiftWing, any HTTP API.

  replay.py PORT        answers on loopback until it is killed; GET /asked says what was asked, how often

Shapes and errors are those of the documentation: mediawiki.org (API:Errors, Wikibase/EntityData,
Manual:Maxlag parameter), wikitech (Machine Learning/LiftWing). What an answer is hangs on the revision:
its last two digits say which error comes, for the first two askings (one of each DC) or always. The
rest of the number says the item: revision 6002 is of Q60.
"""
import collections
import http.server
import json
import socketserver
import sys
import threading
import urllib.parse

asked = collections.Counter()
lock = threading.Lock()

BIG_BYTES = 12 * 1024 * 1024
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SCHEMA = "http://schema.org/"
WD = "http://www.wikidata.org/entity/"

# What a revision's last two digits mean.
GOOD = 1  # and all that stand nowhere here
TOO_MANY = 2  # 429 with Retry-After, then good
LAG = 3  # the API says maxlag, then good
DELETED = 4  # Special:EntityData: 404
REDIRECT = 5  # the stored JSON is a redirect to another item
SEE_OTHER = 6  # Special:EntityData: 303
BAD_REVISION = 7  # Special:EntityData: 400
DOWN = 8  # 503, then good
UNKNOWN = 9  # the wiki does not know the revision; LiftWing says so
BIG = 12  # its HTML has 12 MiB


def item_of(rev):
    return f"Q{rev // 100}"


def label_of(rev):
    return f"Läbel {rev % 100} 🧵"


def stored(rev):
    if rev % 100 == REDIRECT:
        return {"entity": item_of(rev), "redirect": "Q42"}
    return {"type": "item", "id": item_of(rev), "labels": {"en": {"language": "en", "value": label_of(rev)}}}


def entity(rev):
    return {"pageid": rev // 100, "ns": 0, "title": item_of(rev), "lastrevid": rev,
            "modified": "2026-11-24T14:31:27Z", "claims": {}, "sitelinks": {}, **stored(rev)}


def triples(rev):
    """N-Triples as Wikibase writes them: one a line, in no promised order."""
    item = f"<{WD}{item_of(rev)}>"
    label = label_of(rev).encode("ascii", "backslashreplace").decode().replace("\\x", "\\u00")
    lines = [
        f"{item} <{RDF}> <http://wikiba.se/ontology#Item> .",
        f'{item} <http://www.w3.org/2000/01/rdf-schema#label> "{label}"@en .',
        f'<https://www.wikidata.org/wiki/Special:EntityData/{item_of(rev)}> <{SCHEMA}version> '
        f'"{rev}"^^<http://www.w3.org/2001/XMLSchema#integer> .',
    ]
    if rev % 2 == 0:
        lines.reverse()
    return "\n".join(lines) + "\n"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json", **headers):
        data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def page(self, status, text, **headers):
        self.reply(status, f"<!DOCTYPE html><html><body><h1>{text}</h1></body></html>", "text/html; charset=utf-8", **headers)

    def is_first(self, what, times=2):
        """True for the first askings of this thing."""
        with lock:
            asked[what] += 1
            return asked[what] <= times

    def fails_at_first(self, what, rev):
        """Errors that pass. True if one was the answer."""
        if rev % 100 == TOO_MANY and self.is_first(f"{what} {rev}"):
            self.page(429, "Too many requests", Retry_After="1")
        elif rev % 100 == DOWN and self.is_first(f"{what} {rev}"):
            self.page(503, "Service unavailable")
        else:
            self.is_first(f"{what} {rev}")
            return False
        return True

    # ---- the wiki --------------------------------------------------------------------------------

    def api(self, query):
        revs = [int(r) for r in query.get("revids", ["0"])[0].split("|")]
        if any(r % 100 == LAG for r in revs) and self.is_first(f"maxlag {max(revs)}"):
            self.reply(200, {"error": {"code": "maxlag", "info": "Waiting for db1: 6.2 seconds lagged.", "lag": 6.2}},
                       Retry_After="1", MediaWiki_API_Error="maxlag")
            return
        pages = collections.defaultdict(list)
        for r in revs:
            if r % 100 != UNKNOWN:
                pages[r // 100].append(r)
        answer = {"pages": [
            {"pageid": page, "ns": 0, "title": f"Q{page}", "revisions": [
                {"revid": r, "parentid": 0, "slots": {"main": {
                    "contentmodel": "wikibase-item", "contentformat": "application/json",
                    "content": json.dumps(stored(r), ensure_ascii=False)}}} for r in of]}
            for page, of in pages.items()]}
        missing = [r for r in revs if r % 100 == UNKNOWN]
        if missing:
            answer["badrevids"] = {str(r): {"revid": r, "missing": True} for r in missing}
        self.reply(200, {"batchcomplete": True, "query": answer})

    def entity_data(self, title, query):
        name, form = title.rsplit("/", 1)[1].rsplit(".", 1)
        rev = int(query["revision"][0])
        if self.fails_at_first(f"EntityData.{form}", rev):
            return
        if rev % 100 == DELETED or name != item_of(rev):
            self.page(404, "Not Found")
        elif rev % 100 == SEE_OTHER:
            self.page(303, "See Other", Location=f"/wiki/Special:EntityData/Q42.{form}")
        elif rev % 100 == BAD_REVISION:
            self.page(400, "Bad Request: the revision is of another entity")
        elif form == "nt" and query.get("flavor") == ["dump"]:
            self.reply(200, triples(rev), "application/n-triples; charset=UTF-8")
        else:
            self.reply(200, {"entities": {name: entity(rev)}})

    def html(self, rev):
        size = BIG_BYTES if rev % 100 == BIG else 100
        head = f"<!DOCTYPE html>\n<html><head><title>{rev}</title></head><body>"
        tail = "</body></html>"
        self.reply(200, head + "x" * (size - len(head) - len(tail)) + tail, "text/html; charset=utf-8")

    # ---- others ----------------------------------------------------------------------------------

    def predict(self, model, body):
        rev = body.get("rev_id", 0)
        if self.fails_at_first("predict", rev):
            return
        if rev % 100 == UNKNOWN:
            self.reply(400, {"error": f"The MW API does not have any info related to the rev-id provided as input ({rev}), "
                             "therefore it is not possible to extract features properly."})
        elif rev % 100 == BAD_REVISION:
            self.reply(400, {"error": "Missing lang in input data."})
        else:
            self.reply(200, {"model_name": model, "model_version": "3", "wiki_db": body.get("lang", "") + "wiki", "revision_id": rev,
                             "output": {"prediction": False, "probabilities": {"true": 0.2302, "false": 0.7698}}})

    def views(self, rev):
        if self.fails_at_first("views", rev):
            return
        if rev % 100 == DELETED:
            self.reply(404, {"detail": "The date(s) you used are valid, but we either do not have data for those date(s)"})
        elif rev % 100 == SEE_OTHER:
            self.page(301, "Moved", Location="/views/1")
        elif rev % 100 == BAD_REVISION:
            self.reply(400, {"detail": "bad"})
        else:
            self.reply(200, {"items": {"views": rev % 100}, "agent": self.headers.get("User-Agent", "")})

    def route(self, body):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if body and self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            query.update(urllib.parse.parse_qs(body.decode()))
        parts = url.path.split("/")
        if url.path == "/w/api.php":
            self.api(query)
        elif url.path == "/w/index.php" and query.get("title", [""])[0].startswith("Special:EntityData/"):
            self.entity_data(query["title"][0], query)
        elif url.path.startswith("/w/rest.php/v1/revision/") and parts[-1] == "html":
            self.html(int(parts[-2]))
        elif url.path.startswith("/v1/models/") and url.path.endswith(":predict"):
            self.predict(parts[-1].split(":")[0], json.loads(body))
        elif url.path.startswith("/views/"):
            self.views(int(parts[-1]))
        elif url.path == "/asked":
            self.reply(200, dict(asked))
        else:
            self.page(404, "Not Found")

    def do_GET(self):
        self.route(b"")

    def do_POST(self):
        self.route(self.rfile.read(int(self.headers.get("Content-Length", "0"))))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
