"""The report `owners`: what holders retain, held against what is cut off without them; known owners; goroutines that wait forever."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdb_gospan
from gdb_gospan.analysis.leakedgoroutines import leaked_goroutines
from gdb_gospan.analysis.ownership import object_bytes, ownership
from gdb_gospan.analysis.reach import reach
from gdb_gospan.analysis.slots import slots
from tools import cores, damage, forms, pprofs, processes, programs, shell, toolchains

KINDS = 10
"""Goroutines of each kind in the program leaks."""
FORGOTTEN = ("Receive", "Send", "Select", "Nil", "Mutex", "Group", "Chain", "Link")

pytestmark = pytest.mark.toolchain


@pytest.fixture(scope="module")
def core(go_minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("owned", go_minor))


def asked(*words: Any) -> Any:
    said = shell.inside("owners", *words, "--json")
    assert said.status == 0, said.stderr
    return json.loads(said.stdout)


def of_core(core: cores.Core, *words: Any) -> Any:
    return asked(*words, "--limit", "0", core.executable, core.path)


def stripped(core: cores.Core, folder: Path) -> Path:
    program = folder / core.executable.name
    subprocess.run(["objcopy", "--strip-all", core.executable, program], check=True)
    return program


def by_name(answer: Any) -> dict[str, Any]:
    return {row["name"]: row for row in answer["owners"] if row["depth"] == 0}


def test_known_owners(core: cores.Core) -> None:
    """By arithmetic: objects of each owner times their size class."""
    answer = of_core(core)
    rows = by_name(answer)
    expected = {
        "main.chain": (1000, 1000 * 64),
        "main.pair": (12, 12 * 64),
        "main.boxes": (121, 60 * 8 + 60 * (128 + 1024)),
        "main.ring": (5000, 5000 * 64),
        "main.single": (2, 128 + 1024),
    }
    for name, (objects, nbytes) in expected.items():
        assert (rows[name]["retained_objects"], rows[name]["retained_bytes"]) == (objects, nbytes), name
    # The list and its elements; the entries are shared with the array, which has nothing of its own.
    assert rows["main.elements"]["retained_objects"] == 501, rows["main.elements"]
    assert "main.index" not in rows
    shared = [row for row in answer["owners"] if row["kind"] == "shared"]
    assert 500 * (96 + 48) in {row["retained_bytes"] for row in shared}
    (holding,) = (
        row for row in answer["owners"] if row["kind"] == "goroutine" and "main.holding" in row["name"]
    )
    assert (holding["holders"], holding["retained_objects"]) == (3, 150)
    assert holding["retained_bytes"] == 150 * 64


@pytest.mark.ends
def test_rows_add_up(core: cores.Core) -> None:
    """All holders, and what they share, are all that is reached; a row has its own objects and those below it."""
    answer = of_core(core, "--min-bytes", "1", "--depth", "60")
    objects = json.loads(shell.inside("objects", core.executable, core.path, "--json").stdout)["totals"]
    assert answer["totals"] == {
        "objects": objects["reached"],
        "bytes": objects["reached_bytes"],
        "stranded_bytes": objects["stranded_bytes"],
    }
    top = [row for row in answer["owners"] if row["depth"] == 0]
    for name, total in (("objects", "objects"), ("bytes", "bytes"), ("stranded_bytes", "stranded_bytes")):
        assert sum(row[f"retained_{name}"] for row in top) == answer["totals"][total]
        assert sum(row[name] for row in answer["owners"]) == answer["totals"][total]
    assert not any(row["left_out"] for row in answer["owners"])
    last: list[Any] = []
    for row in answer["owners"]:
        last[row["depth"] :] = [row]
        assert row["path"] == [each["name"] for each in last]


def test_retained_is_what_is_cut_off(core: cores.Core) -> None:
    """By brute force: walk again without a node, object by object."""
    session = forms.open_in(core, "full")
    heap = session.heap
    assert session.threads is not None
    walk = reach(heap, session.threads())
    owners = ownership(heap, walk, session.variables_at)
    sizes, tree = object_bytes(heap), owners.tree
    retained = tree.order.sums(owners.of_objects(sizes))
    starts, targets = walk.graph.starts.tolist(), walk.graph.targets.tolist()
    held = list(zip(owners.holders.of.tolist(), walk.roots.target.tolist(), strict=True))

    def left_without(node: int) -> set[int]:
        going = [target for holder, target in held if holder + owners.slots != node and target != node]
        seen = set(going)
        while going:
            one = going.pop()
            new = {target for target in targets[starts[one] : starts[one + 1]] if target != node} - seen
            seen |= new
            going += new
        return seen

    every = left_without(-1)
    heavy = np.argsort(-retained)[1:15].tolist()
    some = [*heavy, *range(0, len(tree.nodes), 1 + len(tree.nodes) // 25)]
    for row in some:
        node = int(tree.nodes[row])
        if node != owners.top:
            lost = np.array(sorted(every - left_without(node)), np.int64)
            assert retained[row] == sizes[lost].sum(), node


@pytest.mark.ends
def test_stripped_is_the_same_but_for_names(core: cores.Core, tmp_path: Path) -> None:
    def without_names(answer: Any) -> Counter[Any]:
        keys = ("depth", "retained_bytes", "retained_objects", "retained_stranded_bytes")
        return Counter(tuple(row[key] for key in keys) for row in answer["owners"] if row["depth"] == 0)

    full, bare = of_core(core), asked("--limit", "0", stripped(core, tmp_path), core.path)
    assert full["totals"] == bare["totals"]
    # A variable of several words is several variables without its name.
    assert not without_names(bare) - without_names(full) or bare["total_rows"] > full["total_rows"]
    ring = by_name(full)["main.ring"]
    (same,) = (row for row in bare["owners"] if row["address"] == ring["address"])
    assert same["retained_bytes"] == ring["retained_bytes"]
    assert same["name"] == f"variable at {ring['address']}"


@pytest.mark.ends
def test_what_depth_leaves_out_is_counted(core: cores.Core) -> None:
    rows = by_name(of_core(core, "--depth", "0"))
    assert rows["main.ring"]["left_out"] == rows["main.boxes"]["left_out"] == 1
    said = shell.inside("owners", "--depth", "0", core.executable, core.path)
    assert "below these not shown" in said.stdout


@pytest.mark.ends
def test_no_such_type_or_holder(core: cores.Core) -> None:
    for words in (("--type", "main.nothing"), ("--root", "main.nothing")):
        said = shell.inside("owners", *words, core.executable, core.path)
        assert said.status == 3
        (line,) = said.stderr.splitlines()
        assert "main.nothing" in line
        assert "(try: go-spans o" in line


@pytest.mark.ends
def test_an_object_of_a_ring(core: cores.Core) -> None:
    """Its neighbours point to it, too, and are reached only through it: the variable's is the only path."""
    rows = of_core(core)["owners"]
    (first,) = (row for row in rows if row["path"] == ["main.ring", *row["path"][1:]] and row["depth"] == 1)
    answer = of_core(core, first["address"], "--paths", "0")["object"]
    (path,) = answer["paths"]
    assert len(path["steps"]) == 2
    assert answer["referrers"] == 3
    assert answer["retained_objects"] == 5000


@pytest.mark.ends
def test_where_memory_is_missing_nobody_waits_for_ever(core: cores.Core) -> None:
    """What could not be read may lead to whom they wait for: then it is not known, and said so."""
    leaks = cores.kernel_core(programs.build("leaks", toolchains.NEWEST))
    session = forms.open_in(leaks, "full")
    heap, memory = session.heap, session.heap.reader.memory
    assert session.threads is not None
    numbered = slots(heap)
    scan = np.flatnonzero(numbered.spanclass & 1 == 0)
    lost = numbered.base[scan[:1]]

    class Without:
        def __getattr__(self, name: str) -> Any:
            return getattr(memory, name)

        def read_many(self, addresses: Any, size: int) -> Any:
            rows = memory.read_many(addresses, size)
            rows.readable[np.isin(np.asarray(addresses), lost)] = False
            return rows

    whole = leaked_goroutines(heap, reach(heap, session.threads()), session.threads())
    assert whole is not None
    assert len(whole.rows) == KINDS * len(FORGOTTEN)
    again = forms.open_in(leaks, "full").heap
    again.reader.memory = Without()  # type: ignore[assignment]
    assert leaked_goroutines(again, reach(again, session.threads()), session.threads()) is None


@pytest.mark.ends
def test_the_owners_of_fragmentation(core: cores.Core) -> None:
    answer = of_core(core, "--stranded")
    top = [row for row in answer["owners"] if row["depth"] == 0]
    weights = [row["retained_stranded_bytes"] for row in top]
    assert answer["by"] == "stranded_bytes"
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == answer["totals"]["stranded_bytes"] > 0


@pytest.mark.ends
def test_only_some(core: cores.Core) -> None:
    (row,) = (row for row in of_core(core, "--root", "main.ch")["owners"] if row["depth"] == 0)
    assert row["name"] == "main.chain"
    least = of_core(core, "--min-bytes", "64000")["owners"]
    assert least
    assert all(row["retained_bytes"] >= 64000 for row in least)
    kind = next(
        row["name"] for row in of_core(core)["owners"] if row["path"][0] == "main.ring" and row["depth"] == 1
    )
    if "object of" not in kind:  # a type
        answer = of_core(core, "--type", kind)
        rows = by_name(answer)
        assert rows["main.ring"]["retained_objects"] == 5000
        assert rows["main.chain"]["retained_objects"] == 1000
        assert "main.boxes" not in rows
        assert answer["totals"]["bytes"] == 64 * answer["totals"]["objects"]


def test_one_object(core: cores.Core) -> None:
    """Each step of a path is a word in the core that leads to the next one."""
    rows = of_core(core)["owners"]
    (boxes,) = (
        row
        for row in rows
        if (row["path"][0] == "main.boxes" and row["depth"] == 3)
        or (row["path"][0] == "main.boxes" and row["retained_bytes"] == 61440)
    )
    answer = of_core(core, boxes["address"])["object"]
    assert answer["reached"]
    assert (answer["retained_objects"], answer["retained_bytes"], answer["size"]) == (1, 1024, 1024)
    assert answer["referrers"] == 1
    (path,) = answer["paths"]
    names = [step["kind"] for step in path["steps"]]
    assert names == ["variable", "objects", "objects", "objects"]
    assert path["steps"][0]["name"] == "main.boxes"
    assert path["steps"][-1]["address"] == answer["address"] == boxes["address"]
    assert [step["address"] for step in answer["dominators"]] == [step["address"] for step in path["steps"]]
    assert [step["retained_bytes"] for step in answer["dominators"]][-2:] == [128 + 1024, 1024]
    inner = f"{int(answer['address'], 16) + 100:#x}"
    again = of_core(core, inner)["object"]
    assert (again["address"], again["asked"]) == (answer["address"], inner)


@pytest.mark.ends
def test_a_path_through_a_list_has_both_ends(core: cores.Core) -> None:
    """Of a list, as long as it is, a few hundred steps are in the document, and a screen shows it."""
    (first,) = (row for row in of_core(core, "--root", "main.chain")["owners"] if row["depth"] == 1)
    heap, node = forms.open_in(core, "full").heap, int(first["address"], 16)
    for _ in range(990):
        node = damage.value_at(heap, node, 8)
    answer = of_core(core, hex(node))["object"]
    (path,) = answer["paths"]
    assert answer["retained_objects"] == 10
    for steps, left_out in (
        (path["steps"], path["left_out"]),
        (answer["dominators"], answer["dominators_left_out"]),
    ):
        assert len(steps) + left_out == 992
        assert len(steps) == 400
        assert [steps[0]["name"], steps[1]["address"], steps[-1]["address"]] == [
            "main.chain",
            first["address"],
            hex(node),
        ]
        nodes = [int(step["address"], 16) for step in steps]
        for half in (nodes[1:200], nodes[200:]):
            assert half[1:] == [damage.value_at(heap, each, 8) for each in half[:-1]]
    shown = shell.inside("owners", hex(node), core.executable, core.path).stdout
    assert len(shown.splitlines()) < 25
    assert re.findall("… (.*) more …", shown) == ["989", "988"]


@pytest.mark.ends
def test_where_no_object_is(core: cores.Core) -> None:
    session = forms.open_in(core, "full")
    numbered = slots(session.heap)
    from gdb_gospan.analysis.slotbits import slot_states

    free = np.flatnonzero(~slot_states(session.heap).taken)[:1]
    address = f"{int(numbered.addresses(free)[0]):#x}"
    for place, words in (
        (address, "is in a free slot"),
        ("0x10", "is in no object"),
        ("seven", "is not an address"),
    ):
        said = shell.inside("owners", place, core.executable, core.path)
        assert said.status in (2, 3)
        (line,) = said.stderr.splitlines()
        assert words in line or "no variable" in line or "not an address or a variable" in line
        assert "(try: " in line


def leaked(answer: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in answer["leaked"]:
        found[row["function"]] += row["count"]
    return found


@pytest.mark.parametrize("form", ["full", "stripped"])
def test_goroutines_that_wait_forever(go_minor: str, form: str, tmp_path: Path) -> None:
    """All that are forgotten, and none that something may still wake."""
    core = cores.kernel_core(programs.build("leaks", go_minor))
    program = core.executable if form == "full" else stripped(core, tmp_path)
    answer = asked("--limit", "0", program, core.path)
    assert leaked(answer) == {f"main.forgotten{name}": KINDS for name in FORGOTTEN}
    assert all(row["stack_bytes"] > 0 for row in answer["leaked"])
    # What the senders send, and the channels, mutexes and groups.
    assert KINDS * (1024 + 5 * 96) < answer["leaked_bytes"] < KINDS * (1024 + 40 * 96)


@pytest.mark.live
def test_as_the_runtime_finds_them() -> None:
    """Go 1.26 and newer can do it themselves: the same goroutines, by where they were started."""
    program = programs.build("leaks", toolchains.NEWEST)
    with processes.start(program, "-profile", "-end", "sleep") as running:
        profile = []
        while not (line := running.line()).startswith("{"):
            profile.append(line)
        answer = asked("--limit", "0", "--pid", running.pid)
    own = Counter[str]()
    number = 0
    for line in profile:
        if match := re.match(r"(\d+) @ ", line):
            number = int(match[1])
        elif match := re.match(r"#\s+0x[0-9a-f]+\s+(main\.forgotten\w+)\+", line):
            own[match[1]] += number
    assert own
    assert leaked(answer) == own


@pytest.mark.live
@pytest.mark.ends
def test_a_process(go_minor: str) -> None:
    program = programs.build("owned", go_minor)
    with processes.start(program, "-end", "sleep") as running:
        running.line()
        answer = asked("--limit", "0", "--pid", running.pid)
        api = gdb_gospan.open(pid=running.pid, needs=["owners"]).report("owners")
    assert by_name(answer)["main.ring"]["retained_objects"] == 5000
    assert api.totals.bytes > 0


@pytest.mark.ends
def test_a_snapshot_is_refused(core: cores.Core, tmp_path: Path) -> None:
    kept = tmp_path / "heap.gospan"
    assert shell.inside("snapshot", kept, core.executable, core.path).status == 0
    said = shell.inside("owners", kept)
    assert said.status == 3
    assert "owners needs the contents of objects" in said.stderr


@pytest.mark.ends
def test_a_file_for_pprof(core: cores.Core, tmp_path: Path) -> None:
    """What pprof adds up at a name is what the rows of that name have; a holder's sum is what it retains."""
    file = tmp_path / "owners.pb.gz"
    answer = of_core(core, "--pprof", file, "--min-bytes", "1", "--depth", "60")
    assert answer["written"] == {"file": str(file), "bytes": file.stat().st_size}
    found = pprofs.read(file.read_bytes())
    assert found.sample_types == [("objects", "count"), ("alive", "bytes"), ("stranded", "bytes")]
    assert found.default_sample_type == "alive"
    flat, cumulated = Counter[str](), Counter[str]()
    for values, stack in zip(found.values, found.stacks, strict=True):
        names = [found.calls[place][0].function for place in stack]
        flat[names[0]] += values[1]
        cumulated.update(dict.fromkeys(names, values[1]))
    small = flat.pop("(smaller owners)", 0)
    assert sum(flat.values()) + small == answer["totals"]["bytes"]
    rows = Counter[str]()
    for row in answer["owners"]:
        rows[row["name"]] += row["bytes"]
    assert small < 0.01 * answer["totals"]["bytes"]
    assert all(abs(rows[name] - flat[name]) <= small for name in rows)
    for name in ("main.ring", "main.boxes", "main.chain"):
        assert cumulated[name] == by_name(answer)[name]["retained_bytes"]
    words = ("-top", "-unit=B", "-nodefraction=0", "-nodecount=1000", file)
    # Types and variables are no code, so the file names no executable.
    said = pprofs.pprof(
        toolchains.ensure(toolchains.NEWEST), *words, told="Main binary filename not available."
    )
    of_ring = next(line.split() for line in said.splitlines() if line.endswith(" main.ring"))
    assert (of_ring[0], of_ring[3]) == ("0", "320000B")
    again = shell.inside("owners", "--pprof", file, core.executable, core.path)
    assert again.status == 3
    assert "exists, and is not replaced" in again.stderr


@pytest.mark.ends
def test_what_is_not_sure_is_said(core: cores.Core) -> None:
    """Stale words keep what goroutines seem to; and without the executable not all roots are found."""
    whole = shell.inside("owners", core.executable, core.path).stdout
    assert "goroutine in main.holding" in whole
    assert "stacks are read word by word" in whole
    assert "could not be read" not in whole
    assert (
        "stacks are read word by word"
        not in shell.inside("owners", "--root", "main.ring", core.executable, core.path).stdout
    )
    alone = shell.inside("owners", core.path)
    assert alone.status == 0
    assert "some roots or objects could not be read" in alone.stdout
    assert json.loads(shell.inside("owners", core.path, "--json").stdout)["unread_roots"]
