#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes pages for every enrichment, and holds what the streams say of them against MediaWiki.

  enrichments.py edit           edits; prints a JSON object: what was made
  enrichments.py size           bytes of the largest value with content
  enrichments.py check MADE     reads all streams of deploy/streams in both DCs, one line for a promise

Schemas are checked by schemas.py, and what must be in an event is asked of MediaWiki here by other
code: neither has anything to do with this project's C. Uses the variables that `cluster env` prints.
"""

import http.client
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

import schemas

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOST = "test.wiki.localhost"
SLOT_MAX = 2048 * 1024  # $wgMaxArticleSize
DCS = ("eqiad", "codfw")
LESS = "test.one_byte_less_of_content.v1"  # a name as long as that of the stream with content
OF_GLOBAL = "test.of_global.v1"
failed = 0


def edits_module():
    loader = importlib.machinery.SourceFileLoader("edits", str(ROOT / "deploy/local/edits"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("edits", loader))
    loader.exec_module(module)
    return module


def address():
    parts = urllib.parse.urlsplit(os.environ["BRAID_MEDIAWIKI_EQIAD"])
    return parts.hostname, parts.port


def get(path):
    connection = http.client.HTTPConnection(*address(), timeout=60)
    connection.request("GET", path, headers={"Host": HOST})
    return connection.getresponse().read()


def api(**params):
    params |= {"format": "json", "formatversion": "2"}
    return json.loads(get("/w/api.php?" + urllib.parse.urlencode(params)))


# ---- edits ---------------------------------------------------------------------------------------


def edit():
    session = edits_module().Session(address(), HOST, 60)
    made = {}

    def save(name, title, text):
        answer = session.change(action="edit", title=title, text=text, summary="s")["edit"]
        made[name] = {"rev": answer["newrevid"], "page": answer["pageid"], "title": answer["title"]}

    run = f"{int(time.time())}"
    save("template", f"Template:Box {run}", "<b>{{{1|}}}</b> [[Target of box]] [[Category:Boxed]]")
    save(
        "create",
        f"Rich {run}",
        f"Intro [[Bar]] [[Category:Stuff]] {{{{Box {run}|x}}}} [[File:Missing.png|thumb|cap]] "
        "[https://example.org/a?b=1&c=2 ex]\n\n== Früh ==\n\"quoted\" [[fr:Autre]]\n=== Sub ===\nmore",
    )
    save(
        "edit",
        f"Rich {run}",
        f"Intro [[Bär]] [[Qux#Frag]] [[Category:Stuff|key]] {{{{Box {run}|y}}}} {{{{Nope}}}} "
        "[[File:Other Pic.jpg]] [https://example.org/new ex]\n\n== Früh ==\nchanged 🧵\n== Late ==\nx",
    )
    for number in (1, 2):
        answer = session.change(
            action="braidslots", title=f"Slots {run}", text=f"main {number}", extra=f'{{"v":{number}}}'
        )["braidslots"]
        made[f"slots{number}"] = {"rev": answer["newrevid"]}
    # Two slots of two million bytes each: more than the stream with a small limit takes. No article,
    # so that only some streams have it parsed.
    answer = session.change(
        action="braidslots", title=f"User:Big {run}", text=("word ü " * 25 + "\n") * 10433 + "x" * 119,
        extra=json.dumps({"v": "x" * (SLOT_MAX - 12)}),  # stored with line ends
    )["braidslots"]
    made["big"] = {"rev": answer["newrevid"]}
    save("target", f"Target {run}", "where redirects lead")
    save("target2", f"Another {run}", "where they lead then")
    save("redirect", f"Redir {run}", f"#REDIRECT [[Target {run}#Early]]")
    save("redirect2", f"Redir {run}", f"#REDIRECT [[Another {run}]]")
    save("lost", f"Lost redir {run}", f"#REDIRECT [[Another {run}]]")
    save("cited", f"Cited {run}", "A<ref>First [https://example.org/1 book] ü</ref>"
         "B<ref name=x>Second https://example.org/2</ref>")
    save("cited2", f"Cited {run}", "B<ref name=x>Second https://example.org/2</ref>"
         "C<ref>''Third''</ref>")
    save("uncited", f"Cited {run}", "B<ref name=x>Second https://example.org/2</ref>C, no!!!")
    save("moved", f"From {run}", "to be moved")
    session.change(**{"action": "move", "from": f"From {run}", "to": f"To {run}", "reason": "r"})
    save("carried", f"Carried {run}", "to be moved, too, and nothing hidden")
    session.change(**{"action": "move", "from": f"Carried {run}", "to": f"Carried away {run}", "reason": "r"})
    save("gone", f"Gone {run}", "soon gone [[Bar]]")
    time.sleep(5)
    session.change(action="delete", title=f"Gone {run}", reason="r")
    session.change(action="delete", title=f"Lost redir {run}", reason="r")
    time.sleep(2)
    session.change(action="undelete", title=f"Gone {run}", reason="r")
    session.change(action="undelete", title=f"Lost redir {run}", reason="r")
    session.change(
        action="revisiondelete", type="revision", ids=made["moved"]["rev"], hide="content", reason="r"
    )
    save("hidden", f"Hidden {run}", "who did it is hidden")
    time.sleep(2)
    session.change(
        action="revisiondelete",
        type="revision",
        ids=made["hidden"]["rev"],
        hide="user|comment",
        reason="r",
    )
    print(json.dumps(made))


# ---- checks --------------------------------------------------------------------------------------


def check(sentence, problems):
    global failed
    problems = list(problems)
    if problems:
        failed += 1
    print(f"  {'FAILED' if problems else 'ok    '} {sentence}")
    for problem in problems[:5]:
        print(f"         {str(problem)[:600]}")


def values(records):
    return [r["value"] for r in records if r["value"] is not None]


def read_errors(dc):
    out = subprocess.run(
        ["kcat", "-C", "-q", "-e", "-b", os.environ[f"BRAID_KAFKA_{dc.upper()}"], "-t", f"{dc}.braid.error",
         "-o", "beginning", "-X", "isolation.level=read_committed"],
        check=True, capture_output=True, text=True,
    ).stdout
    return [json.loads(line) for line in out.splitlines()]


def read(stream, dc):
    broker = os.environ[f"BRAID_KAFKA_{dc.upper()}"]
    out = subprocess.run(
        ["kcat", "-C", "-q", "-e", "-J", "-b", broker, "-t", f"global.{stream}", "-o", "beginning",
         "-X", "isolation.level=read_committed"],
        check=True, capture_output=True, text=True,
    ).stdout
    records = []
    for line in out.splitlines():
        record = json.loads(line)
        headers = record["headers"]
        record["headers"] = dict(zip(headers[::2], headers[1::2]))
        if "braid-seq" in record["headers"]:
            record["value"] = json.loads(record["payload"]) if record["payload"] else None
            records.append(record)
    return records


def streams():
    names = {}
    for file in sorted((ROOT / "deploy/streams").glob("*.yaml")):
        if "\n# needs: " in file.read_text():
            continue  # of a server that does not run here
        for line in file.read_text().splitlines():
            if line.startswith("stream: "):
                names[file.stem] = line[len("stream: "):]
    return names


def of(records, rev, kind=None):
    """The enrichments of the one event about a revision."""
    found = [
        r for r in records
        if r["value"] and r["value"]["revision"]["rev_id"] == rev
        and r["value"]["wiki_id"] == "testwiki"
        and r["value"]["page_change_kind"] in ([kind] if kind else ["create", "edit", "move"])
    ]
    return found[0] if len(found) == 1 else {"value": {}, "headers": {}, "found": len(found)}


def parse(rev, *props):
    return api(action="parse", oldid=rev, prop="|".join(props))["parse"]


def differs(what, got, wanted):
    return [] if got == wanted else [f"{what}: {got!r}, not {wanted!r}"]


def titles(items):
    return sorted(item["title"] for item in items)


def link_problems(event, rev, parent):
    links = event.get("enrichments", {}).get("links", {})
    now, before = (parse(r, "links", "externallinks") if r else {"links": [], "externallinks": []}
                   for r in (rev, parent))
    yield from differs("pages", titles(links.get("pages", [])), titles(now["links"]))
    yield from differs("external", sorted(links.get("external", [])), sorted(now["externallinks"]))
    a, b = set(titles(now["links"])), set(titles(before["links"]))
    yield from differs("added", titles(links.get("added", {}).get("pages", [])), sorted(a - b))
    yield from differs("removed", titles(links.get("removed", {}).get("pages", [])), sorted(b - a))
    templates = event.get("enrichments", {}).get("templates", {}).get("templates", [])
    yield from differs("templates", titles(templates), titles(parse(rev, "templates")["templates"]))
    categories = event.get("enrichments", {}).get("categories", {}).get("categories", [])
    yield from differs(
        "categories", sorted(c["category"] for c in categories),
        sorted(c["category"] for c in parse(rev, "categories")["categories"]),
    )


def diff_problems(event, rev, parent, slots):
    diff = event.get("enrichments", {}).get("diff", {})
    wanted = json.loads(get(f"/w/rest.php/v1/revision/{parent}/compare/{rev}"))["diff"]
    got = {slot["slot_role"]: slot for slot in diff.get("slots", [])}
    yield from differs("slots", sorted(got), slots)
    yield from differs("main", got.get("main", {}).get("diff"), wanted)
    yield from differs("parent", diff.get("parent_rev_id"), parent)


def check_made(all_records, made):
    links = all_records["page_links"]
    create, change = made["create"]["rev"], made["edit"]["rev"]
    check("links, templates and categories of a creation are MediaWiki's, all of them added",
          link_problems(of(links, create)["value"], create, None))
    check("those of an edit, too, with what it added and removed",
          link_problems(of(links, change)["value"], change, create))
    html = of(all_records["page_html"], change)["value"].get("enrichments", {}).get("html", {})
    # The front ends of the DCs differ in the port that stands in addresses.
    wanted, got = (re.sub(r"localhost:\d+", "localhost", body) for body in
                   (get(f"/w/rest.php/v1/revision/{change}/html").decode(), html.get("body", "")))
    check("the HTML is Parsoid's", [] if got == wanted else [f"{got[-300:]}, not {wanted[-300:]}"])
    sections = of(all_records["page_sections"], change)["value"]
    check("sections are MediaWiki's", differs(
        "sections", sections.get("enrichments", {}).get("sections", {}).get("sections"),
        parse(change, "sections")["sections"]))
    check("the diff is REST compare's", diff_problems(sections, change, create, ["main"]))
    check("of a page of two slots both are compared", diff_problems(
        of(all_records["page_sections"], made["slots2"]["rev"])["value"],
        made["slots2"]["rev"], made["slots1"]["rev"], ["extra", "main"]))
    images = of(all_records["page_images"], change)["value"].get("enrichments", {}).get("images", {})
    check("images are named and described", [
        *differs("names", images.get("names"), ["Other_Pic.jpg"]),
        *differs("files", images.get("files"),
                 [{"title": "File:Other Pic.jpg", "repository": "", "info": None}]),
        *differs("removed", images.get("removed"), {"names": ["Missing.png"]})])
    user = of(all_records["page_user"], change)["value"].get("enrichments", {}).get("user") or {}
    known = api(action="query", list="users", ususers="Loombot", usprop="editcount|groups")
    known = known["query"]["users"][0]
    check("the user is described", [
        *differs("user_id", user.get("user_id"), known["userid"]),
        *differs("groups", user.get("groups"), known["groups"]),
        *([] if 0 < user.get("edit_count", 0) <= known["editcount"] else [user.get("edit_count")]),
        *([] if any(c["revid"] == change for c in user.get("contributions", []))
          else ["the edit itself is not among the contributions"])])


def redirect_of(all_records, made, name, kind=None):
    value = of(all_records["page_redirect"], made[name]["rev"], kind)["value"]
    return value.get("enrichments", {}).get("redirect") or {}


def end_problems(end, target, redirect, listed):
    """A target must be this page, and the redirect among what leads there or not."""
    end = end or {}
    yield from differs("target", end.get("page_id"), target["page"])
    ids = [r["page_id"] for r in end.get("redirects", [])]
    yield from differs("list", redirect["page"] in ids, listed)


def check_redirects(all_records, made):
    new, change = (redirect_of(all_records, made, n) for n in ("redirect", "redirect2"))
    # When its stream came to the creation, the change may have been there already: then it says so.
    check("a new redirect is among those that lead to its target", [
        *end_problems(new.get("target"), made["target"], made["redirect"], new.get("complete")),
        *differs("parent", new.get("parent_target", 0), None)])
    gone, back = (redirect_of(all_records, made, "lost", kind) for kind in ("delete", "undelete"))
    check("one that leads elsewhere comes with both targets", [
        *end_problems(change.get("target"), made["target2"], made["redirect"], True),
        *end_problems(change.get("parent_target"), made["target"], made["redirect"], False),
        *differs("fragment", (change.get("parent_target") or {}).get("fragment"), "Early"),
        *differs("complete", change.get("complete"), True)])
    check("a deleted one tells where it led", [
        *differs("target", gone.get("target", 0), None),
        *differs("led to", (gone.get("parent_target") or {}).get("page_id"), made["target2"]["page"])])
    # MediaWiki writes its table of redirects anew only when an undeletion's jobs run, and here none do.
    check("an undeleted one leads there again", [
        *end_problems(back.get("target"), made["target2"], made["lost"], back.get("complete"))])


def check_citations(all_records, made):
    cited = of(all_records["page_citations"], made["cited2"]["rev"])["value"]
    cited = cited.get("enrichments", {}).get("citations", {})
    check("references are Parsoid's, with what the edit added and removed", [
        *differs("texts", [r["text"] for r in cited.get("references", [])],
                 ["Second https://example.org/2", "Third"]),
        *differs("added", [r["text"] for r in cited.get("added", {}).get("references", [])], ["Third"]),
        *differs("removed", cited.get("removed", {}).get("urls"), ["https://example.org/1"])])


def tags_of(value):
    """The rules of page_tags.yaml, by other code."""
    made, performer = value["enrichments"], value.get("performer", {})
    texts = {0: [], 1: []}  # added, removed
    for slot in made["diff"].get("slots", []):
        for line in slot.get("diff", []):
            if line["type"] in (1, 2):
                texts[line["type"] - 1].append(line["text"])
            for span in line.get("highlightRanges", []) if line["type"] in (3, 5) else []:
                piece = line["text"].encode()[span["start"]:span["start"] + span["length"]].decode()
                texts[span["type"]].append(piece)
    added, removed = (any("<ref" in text for text in texts[side]) for side in (0, 1))
    if made["links"].get("added", {}).get("external") and performer.get("is_bot") is not True:
        yield "new-web-address"
    if removed and not added:
        yield "reference-removed"
    if any("!!!" in text for text in texts[0]):
        yield "shouting"
    if value["page_change_kind"] == "edit" and value["revision"]["rev_size"] < 10:
        yield "blanked"
    if "bot" in performer.get("groups", []):
        yield "by-a-bot"


def check_tags(all_records, made):
    tagged = [r["value"] for r in all_records["page_tags"] if r["value"] and "enrichments" in r["value"]]
    problems = [problem for value in tagged for problem in differs(
        value["revision"]["rev_id"], value["enrichments"]["tags"]["tags"], list(tags_of(value)))]
    def tags(name):
        value = of(all_records["page_tags"], made[name]["rev"])["value"]
        return value.get("enrichments", {}).get("tags", {}).get("tags", ["none"])
    check(f"tags are those of the rules, in {len(tagged)} records", [
        *problems,
        *([] if "reference-removed" in tags("uncited") else [f"a reference removed: {tags('uncited')}"]),
        *([] if "shouting" in tags("uncited") else [f"!!!: {tags('uncited')}"]),
        *([] if "reference-removed" not in tags("cited2") else ["one came for it"])])


def check_big(all_records, made):
    rev = made["big"]["rev"]
    big = of(all_records["page_content"], rev)
    slots = big["value"].get("revision", {}).get("content_slots", {})
    wanted = api(action="query", prop="revisions", revids=rev, rvslots="*", rvprop="content")
    wanted = wanted["query"]["pages"][0]["revisions"][0]["slots"]
    check("a page of 2 MiB in each of two slots comes through whole", [
        *differs("status", big["headers"].get("braid-status"), "ok"),
        *differs("bytes", sorted(len(s["content"].encode()) for s in wanted.values()), [SLOT_MAX] * 2),
        *([] if {r: s.get("content_body") for r, s in slots.items()}
          == {r: s["content"] for r, s in wanted.items()} else ["the contents differ"])])
    small = of(read(LESS, "eqiad"), rev)
    check("where one byte less is allowed, it is failed:too_large, without content", [
        *differs("status", small["headers"].get("braid-status"), "failed:too_large"),
        *differs("content", "content_body" in json.dumps(small["value"]), False)])


def check_kinds(all_records, made):
    content, links = all_records["page_content"], all_records["page_links"]
    gone = made["gone"]["rev"]
    deletion, undeletion = of(links, gone, "delete"), of(links, gone, "undelete")
    check("a deletion carries no content and no enrichments", [
        *differs("status", deletion["headers"].get("braid-status"), "ok"),
        *differs("enrichments", deletion["value"].get("enrichments"), None),
        *([] if "content_body" not in json.dumps(of(content, gone, "delete")["value"]) else ["body"])])
    check("an undeletion is fetched again", [
        *differs("status", undeletion["headers"].get("braid-status"), "ok"),
        *differs("content", of(content, gone, "undelete")["value"]["revision"]["content_slots"]
                 ["main"].get("content_body"), "soon gone [[Bar]]"),
        *differs("links", titles(undeletion["value"].get("enrichments", {}).get("links", {})
                                 .get("pages", [])), ["Bar"])])
    hidden = of(links, made["hidden"]["rev"], "visibility_change")["value"]
    check("a change of visibility carries nothing hidden", [
        *differs("kind", hidden.get("page_change_kind"), "visibility_change"),
        *differs("editor", hidden.get("revision", {}).get("editor"), None),
        *differs("comment", hidden.get("revision", {}).get("comment"), None)])
    moves = [r["value"] for r in links if r["value"] and r["value"]["page_change_kind"] == "move"
             and r["value"]["page"]["page_id"] == made["moved"]["page"]]
    check("a move has its enrichments", [] if len(moves) == 1 and "enrichments" in moves[0]
          else [len(moves)])
    moved = [r["value"] for r in all_records["page_sections"] if r["value"] and r["value"]["page_change_kind"] == "move"
             and r["value"]["page"]["page_id"] == made["carried"]["page"]]
    check("and its diff", [problem for e in moved for problem in diff_problems(
        e, e["revision"]["rev_id"], made["carried"]["rev"], ["main"])] if len(moved) == 1 else [len(moved)])


def main():
    if sys.argv[1] == "edit":
        edit()
        return 0
    if sys.argv[1] == "size":
        print(max(len((r["payload"] or "").encode()) for r in read("mediawiki.page_content_change.v1", "eqiad")))
        return 0
    made = json.loads(pathlib.Path(sys.argv[2]).read_text())
    all_records = {}
    for name, stream in streams().items():
        copies = {dc: read(stream, dc) for dc in DCS}
        all_records[name] = copies["eqiad"]
        bare = [[(r["key"], r["payload"], r["headers"]) for r in copies[dc]] for dc in DCS]
        check(f"both copies of {stream} are equal, {len(bare[0])} records",
              [] if bare[0] == bare[1] and bare[0] else ["they differ, or are empty"])
        check("and each record follows its schema", schemas.problems(values(copies["eqiad"])))
    for stream in (OF_GLOBAL, LESS):
        records = values(read(stream, "codfw"))
        check(f"so does each of {stream}, {len(records)} records", [*schemas.problems(records), *([] if records else ["none"])])
    errors = [e for dc in DCS for e in read_errors(dc)]
    check(f"and each error event, {len(errors)} of them", schemas.problems(errors))
    check_made(all_records, made)
    check_redirects(all_records, made)
    check_citations(all_records, made)
    check_tags(all_records, made)
    check_big(all_records, made)
    check_kinds(all_records, made)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
