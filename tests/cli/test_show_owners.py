"""The option --owners of show, list, classes, pages and doctor: planted owners, and what a walk object by object finds for every span."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdb_gospan
from gdb_gospan.analysis.ownerpaths import Paths
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.errors import GoSpansError
from gdb_gospan.memory import Unreadable
from gdb_gospan.reports.holding import Holding, holding
from tools import cores, forms, gdbs, processes, programs, shell, toolchains

SINCE = ("-since", "1000", "-list", "20000")
"""As in test_objects, so that it is the same core."""
QUESTIONS = (["list"], ["classes"], ["pages", "--blockers"], ["doctor"])

pytestmark = pytest.mark.toolchain


@pytest.fixture(scope="module")
def core() -> cores.Core:
    return cores.kernel_core(programs.build("owned", toolchains.NEWEST))


@pytest.fixture(scope="module")
def held(core: cores.Core) -> Holding:
    return holding(forms.open_in(core, "full"))


def asked(name: str, *words: Any) -> Any:
    said = shell.inside(name, *words, "--json")
    assert said.status == 0, said.stderr
    return json.loads(said.stdout)


def shown(core: cores.Core, place: str) -> Any:
    return asked("show", place, "--owners", core.executable, core.path)


def objects_by_span(held: Holding) -> dict[int, tuple[Counter[Any], Counter[str]]]:
    """Return the bytes of each span by type and by owner, in the order of their numbers: each object alone."""
    numbered, names = slots(held.heap), held.names
    paths = Paths(held.heap, held.owners, held.walk.graph, held.walk.roots)
    found: dict[int, tuple[Counter[Any], Counter[str]]] = defaultdict(lambda: (Counter(), Counter()))
    for slot in np.flatnonzero(held.walk.reached).tolist():
        span = int(numbered.spans_of(np.array([slot]))[0])
        number, size = int(held.types.number[slot]), int(numbered.elemsize[span])
        outermost = paths.dominators(slot)[0]
        shared = "" if outermost >= held.owners.slots else "shared: "
        types, owners = found[span]
        types[held.types.types[number].name if number else None] += size
        owners[f"{shared}{names.title(outermost)}"] += size
    return found


def test_an_object_of_one_owner(core: cores.Core) -> None:
    """A box is 128 bytes, and its bytes 1,024."""
    answer = shown(core, "main.single")
    box = answer["object"]
    assert (box["type"], box["known_by"], box["reached"]) == ("main.box", "edges", True)
    assert (box["retained_objects"], box["retained_bytes"]) == (2, 128 + 1024)
    assert box["owner"]["path"] == ["main.single", "main.box"]
    assert (box["owner"]["kind"], box["owner"]["retained_bytes"]) == ("variable", 128 + 1024)
    (referrer,) = box["first_referrers"]
    assert (referrer["kind"], referrer["name"], referrer["through"]) == ("variable", "main.single", "")
    assert [(step["name"], step["count"]) for step in box["path"]] == [("main.single", 1), ("main.box", 1)]
    assert answer["kept"]["types"][0]["name"] == "main.box"
    assert answer["kept"]["owners"][0] == {"kind": "variable", "name": "main.boxes", "bytes": 60 * 128}
    assert answer["incomplete"] is False
    text = shell.inside("show", "main.single", "--owners", core.executable, core.path).stdout
    for line in (
        "  owner     main.single → main.box · retains 1,152 B\n",
        "  span has  ",
        "  kept by   ",
    ):
        assert line in text


def test_each_referrer_has_the_pointer_in_its_field(core: cores.Core, held: Holding) -> None:
    """The first node of a ring: the variable, and both neighbours, each by another field."""
    ring = shown(core, "main.ring")
    found = ring["object"]
    address = int(ring["slot"]["address"], 16)
    assert found["referrers"] == 3
    assert [each["name"] for each in found["first_referrers"]] == ["main.ring", "main.node", "main.node"]
    offsets = {"": 0, ".next": 0, ".other": 8}
    assert {each["through"] for each in found["first_referrers"]} == set(offsets)
    for each in found["first_referrers"]:
        data = held.heap.reader.read(int(each["address"], 16) + offsets[each["through"]], 8)
        assert not isinstance(data, Unreadable)
        assert int.from_bytes(data, "little") == address
    (bytes_of,) = (
        each["object"]
        for each in [
            shown(
                core,
                asked("owners", core.executable, core.path, "--root", "main.single")["owners"][2]["address"],
            )
        ]
    )
    assert bytes_of["type"] == "[]uint8"
    assert [each["through"] for each in bytes_of["first_referrers"]] == [".bytes"]
    assert bytes_of["owner"]["path"] == ["main.single", "main.box", "[]uint8"]


def test_a_long_list_is_one_step(core: cores.Core, held: Holding) -> None:
    """The last of the 1,000 nodes of a chain: no line for each on the way."""
    numbered, retained = slots(held.heap), held.owners.tree
    chain = next(
        node for node in range(held.owners.slots, held.owners.top) if held.names.title(node) == "main.chain"
    )
    row = int(np.searchsorted(retained.nodes, chain))
    place = int(retained.order.place[row])
    below = retained.order.nodes[place : place + int(retained.order.size[place])]
    deepest = int(below[np.argmax(retained.order.depth[retained.order.place[below]])])
    last = int(numbered.addresses(np.array([retained.nodes[deepest]], np.int64))[0])
    found = shown(core, hex(last))["object"]
    assert [(step["name"], step["count"], step["through"]) for step in found["path"]] == [
        ("main.chain", 1, ""),
        ("main.node", 1000, None),
    ]
    assert found["path_left_out"] == 0
    assert found["owner"]["path"] == ["main.chain", "main.node"]
    assert (found["retained_objects"], found["referrers"]) == (1, 1)


def test_garbage_has_no_owner() -> None:
    other = cores.kernel_core(programs.build("objects", toolchains.NEWEST), *SINCE)
    found = holding(forms.open_in(other, "full"))
    dead = np.flatnonzero(slot_states(found.heap).taken & ~found.walk.reached)
    assert len(dead) > 100
    for address in slots(found.heap).addresses(dead[:2]).tolist():
        answer = shown(other, hex(address))["object"]
        assert answer["reached"] is False
        assert answer["owner"] is answer["retained_bytes"] is None
        assert answer["path"] == []
    said = shell.inside("show", hex(address), "--owners", other.executable, other.path)
    assert "garbage: no root that could be read leads to it" in " ".join(said.stdout.split())


def test_every_span_against_each_of_its_objects(core: cores.Core, held: Holding) -> None:
    """What has most bytes, and how many; in list, of a descriptor in show, and added up by class."""
    numbered, expected = slots(held.heap), objects_by_span(held)
    files = (core.executable, core.path)
    listed = {
        row["descriptor"]: row
        for row in asked("list", "--state", "all", "--limit", "0", "--owners", *files)["list"]
    }
    by_class: dict[int, tuple[Counter[Any], Counter[str]]] = defaultdict(lambda: (Counter(), Counter()))
    assert len(numbered.rows) > 100
    for span, row in enumerate(numbered.rows.tolist()):
        types, owners = expected.get(span, (Counter(), Counter()))
        found = listed.pop(hex(int(held.heap.spans.addresses[row])))
        most(found, types, owners)
        for total, part in zip(by_class[int(numbered.spanclass[span])], (types, owners), strict=True):
            total.update(part)
        if len(owners) > 3:
            kept = shown(core, found["descriptor"])["kept"]
            assert kept["reached_bytes"] == sum(owners.values())
            largest = sorted(owners.values(), reverse=True)[:3]
            assert [each["bytes"] for each in kept["owners"]] == largest
            assert all(
                each["bytes"] == owners[("shared: " if each["kind"] == "shared" else "") + each["name"]]
                for each in kept["owners"]
            )
    assert listed
    assert not any(
        "reached_bytes" in row or "top_type" in row or "top_owner" in row for row in listed.values()
    )
    for row in asked("classes", "--limit", "0", "--owners", *files)["classes"]:
        most(row, *by_class.pop(row["spanclass"]))
    assert not by_class


def most(row: Any, types: Counter[Any], owners: Counter[str]) -> None:
    """Hold a row against the sums: one of those that have most."""
    assert row["reached_bytes"] == sum(owners.values()) == sum(types.values())
    if not row["reached_bytes"]:
        assert "top_owner" not in row
        return
    assert row["top_owner_bytes"] == owners[row["top_owner"]] == max(owners.values())
    if row.get("top_type") is not None:
        assert row["top_type_bytes"] == types[row["top_type"]]
    assert row["top_type_bytes"] <= max(types.values())


def test_the_spans_that_block_are_those_of_list() -> None:
    frag = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "100000")
    files = (frag.executable, frag.path)
    listed = asked("list", "--state", "all", "--limit", "0", "--owners", *files)["list"]
    names = ("reached_bytes", "top_type", "top_type_bytes", "top_owner", "top_owner_bytes")
    expected = {row["descriptor"]: [row.get(name) for name in names] for row in listed}
    blockers = asked("pages", "--blockers", "--owners", "--limit", "0", *files)["blockers"]
    spans = [span for block in blockers["rows"] for span in block["spans"]]
    assert len(spans) > 3
    assert [[span.get(name) for name in names] for span in spans] == [
        expected[span["descriptor"]] for span in spans
    ]
    assert any(span.get("top_owner") for span in spans)
    text = shell.inside("pages", "--owners", *files).stdout
    some = next(span for span in spans if span.get("top_owner"))
    assert f"{some['start']} (" in " ".join(text.split())
    bare = asked("pages", "--blockers", "--limit", "0", *files)["blockers"]
    assert not any("reached_bytes" in span for block in bare["rows"] for span in block["spans"])


def test_doctor_names_type_and_owner_of_what_strands_most(core: cores.Core) -> None:
    """Nearly all free slots are of one class, in spans that the program's sessions keep."""
    words = ("-rate", "4096", "-burst", "1500000", "-usual")  # as in test_blame
    other = cores.kernel_core(programs.build("stranded", toolchains.NEWEST), *words)
    files = (other.executable, other.path)
    found = evidence("class-waste", *files)
    free = next(
        row["free_bytes"]
        for row in asked("classes", "--limit", "0", *files)["classes"]
        if (row["elemsize"], row["noscan"]) == (found["elemsize"], False)
    )
    sessions = next(
        row for row in asked("owners", "--stranded", *files)["owners"] if row["name"] == "main.sessions"
    )
    assert (found["stranded_type"], found["stranded_owner"]) == ("main.session", "main.sessions")
    assert free * 0.99 < found["stranded_owner_bytes"] <= min(free, sessions["retained_stranded_bytes"])
    assert free * 0.99 < found["stranded_type_bytes"] <= free
    assert found["stranded_in"] == "main.keep"
    text = " ".join(shell.inside("doctor", "--owners", *files).stdout.split())
    assert re.search(
        r"Objects of type main\.session strand [\d.]+ MiB of it; main\.sessions keeps objects that strand [\d.]+ MiB\.",
        text,
    )
    alone = asked("doctor", *files)["verdicts"]
    assert not any("owner" in each["name"] for verdict in alone for each in verdict["evidence"])
    healthy = evidence("healthy", core.executable, core.path)
    ring = asked("owners", "--limit", "1", "--depth", "0", core.executable, core.path)["owners"][0]
    assert (healthy["kept_owner"], healthy["kept_owner_bytes"]) == ("main.ring", ring["retained_bytes"])


def evidence(code: str, *files: Path) -> Any:
    """Return the figures of a verdict of doctor, by name."""
    verdicts = {each["code"]: each for each in asked("doctor", "--owners", *files)["verdicts"]}
    return {
        each["name"]: each["number"] if each["text"] is None else each["text"]
        for each in verdicts[code]["evidence"]
    }


def test_without_the_option_nothing_is_added(core: cores.Core) -> None:
    files = (core.executable, core.path)
    answer = asked("show", "main.single", *files)
    assert not {"object", "kept", "incomplete"} & answer.keys()
    for name in ("list", "classes"):
        answer = asked(name, *files)
        assert "incomplete" not in answer
        assert "top_owner" not in answer[name][0]
        assert "top owner" not in shell.inside(name, *files).stdout
        assert "top owner" in shell.inside(name, "--owners", *files).stdout
    said = shell.inside("show", "main.single", "--max-pause", "2", *files)
    assert (said.status, len(said.stderr.splitlines())) == (2, 1)
    assert "(try: show --owners --max-pause 2)" in said.stderr


def test_what_is_missing_is_said(core: cores.Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the executable not all roots and no type; a snapshot has no contents; and SciPy may not be there."""
    files = (core.executable, core.path)
    box = asked("show", "main.single", *files)["slot"]["address"]
    alone = asked("show", box, "--owners", core.path)
    assert alone["incomplete"] is True
    assert (alone["object"]["known_by"], alone["object"]["type"]) == ("unknown", "object of 128 B, pointers")
    for words in (["show", box], *QUESTIONS[:2]):
        text = shell.inside(*words, "--owners", core.path).stdout
        assert "some roots or objects could not be read" in " ".join(text.split()), words
    listed = asked("list", "--owners", core.path)["list"]
    assert not any("top_type" in row for row in listed)
    assert any(row["top_type_bytes"] for row in listed)
    kept = tmp_path / "heap.gospan"
    assert shell.inside("snapshot", kept, *files).status == 0
    for words in (["show", box], *QUESTIONS):
        assert shell.inside(*words, kept).status == 0
        said = shell.inside(*words, "--owners", kept)
        assert said.status == 3
        (line,) = said.stderr.splitlines()
        assert line.startswith(
            f"go-spans: {words[0]} --owners needs the contents of objects, which a snapshot"
        )
    monkeypatch.setitem(sys.modules, "scipy.sparse.csgraph", None)
    for words in (["show", box], *QUESTIONS):
        assert shell.inside(*words, *files).status == 0
        said = shell.inside(*words, "--owners", *files)
        assert said.status == 3
        (line,) = said.stderr.splitlines()
        assert line.startswith(f"go-spans: {words[0]} --owners needs SciPy, which is not installed (try: ")


@pytest.mark.live
def test_a_process() -> None:
    """In one stop, which is announced; from Python only where the contents are asked for when it is opened."""
    with processes.start(programs.build("owned", toolchains.NEWEST), "-end", "sleep") as running:
        running.line()
        with processes.stopped(running.pid):
            said = shell.inside("show", "main.single", "--owners", "--json", "--pid", running.pid)
            listed = asked("list", "--owners", "--limit", "0", "--pid", running.pid)["list"]
            judged = asked("doctor", "--owners", "--pid", running.pid)
            heap = gdb_gospan.open(pid=running.pid, needs=["list", "owners"])
            bare = gdb_gospan.open(pid=running.pid, needs=["list"])
        short = shell.inside("list", "--owners", "--max-pause", "0.000001", "--pid", running.pid)
    assert said.stderr.startswith("go-spans: show pauses process")
    found = json.loads(said.stdout)
    assert found["object"]["owner"]["path"] == ["main.single", "main.box"]
    assert found["target"]["pause_ms"] > 0
    assert judged["base"] == "rss"
    assert "main.ring" in {each["text"] for verdict in judged["verdicts"] for each in verdict["evidence"]}
    api = {row.descriptor: row for row in heap.report("list", owners=True, limit=0).list}
    owners = {row["descriptor"]: row.get("top_owner") for row in listed}
    assert {"main.ring", "main.boxes", "main.chain"} <= set(owners.values())
    assert {hex(address): row.top_owner for address, row in api.items()} == owners
    with pytest.raises(GoSpansError, match="needs=\\['list', 'owners'\\]"):
        bare.report("list", owners=True)
    assert short.status == 3
    assert "the limit is 1e-06 s" in short.stderr


@pytest.mark.gdb
def test_gdb_says_the_same(core: cores.Core) -> None:
    questions = (["show", "main.single"], ["list"], ["classes"], ["pages"], ["doctor"])
    lines = [" ".join(["go-spans", *words, "--owners", "--json"]) for words in questions]
    said = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), lines, exe=core.executable, core=core.path)
    for words, printed, error in zip(questions, said.stdout, said.stderr, strict=True):
        assert error == ""
        assert printed == shell.inside(*words, "--owners", "--json", core.executable, core.path).stdout
