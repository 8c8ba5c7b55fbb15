"""The report `objects`: its sums are those of `classes` and `summary`, and its free slots those of the spans."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdb_gospan
from gdb_gospan.analysis.reach import reach
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.stranding import stranded
from gdb_gospan.errors import GoSpansError
from gdb_gospan.runtime.mgcmark import REGISTERS, STACK
from tools import cores, forms, processes, programs, shell, toolchains

SINCE = 1000
WORDS = ("-since", str(SINCE), "-list", "20000")

pytestmark = pytest.mark.toolchain


@pytest.fixture(scope="module")
def core(go_minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("objects", go_minor), *WORDS)


def asked(name: str, *words: Any) -> Any:
    said = shell.inside(name, *words, "--json", "--limit", "0")
    assert said.status == 0, said.stderr
    return json.loads(said.stdout)


def test_the_sums_are_those_of_the_other_reports(core: cores.Core) -> None:
    files = (core.executable, core.path)
    objects, classes = asked("objects", *files), asked("classes", *files)
    totals = objects["totals"]
    for name in ("spans", "objects", "object_bytes", "new_bytes"):
        assert totals[name] == classes["totals"][name], name
        by_class = {row["spanclass"]: row[name] for row in classes["classes"]}
        assert {row["spanclass"]: row[name] for row in objects["classes"]} == by_class, name
    for row in [totals, *objects["classes"], *objects["occupancies"]]:
        assert row["reached"] + row["garbage"] == row["objects"]
        assert row["reached_bytes"] + row["garbage_bytes"] == row["object_bytes"]
        assert row["unknown"] == row["unknown_bytes"] == 0
    free = {row["spanclass"]: row["free_bytes"] for row in classes["classes"]}
    kept = ("stranded_bytes", "garbage_stranded_bytes", "empty_bytes", "unknown_free_bytes")
    assert {row["spanclass"]: sum(row[name] for name in kept) for row in objects["classes"]} == free
    for name in totals:
        for rows in ("classes", "occupancies"):
            assert sum(row[name] for row in objects[rows]) == totals[name], name
    summary = json.loads(shell.inside("summary", *files, "--json").stdout)
    assert totals["object_bytes"] == summary["bytes"]["objects"]
    assert SINCE - 5 <= totals["new_garbage"] <= SINCE + 5


def test_free_slots_are_shared_by_the_objects_of_their_span(core: cores.Core) -> None:
    """By brute force: each object in turn."""
    heap = forms.open_in(core, "full").heap
    numbered, taken = slots(heap), slot_states(heap).taken
    found = stranded(heap)
    for span in range(0, len(numbered.rows), 1 + len(numbered.rows) // 300):
        some = slice(int(numbered.first[span]), int(numbered.first[span + 1]))
        held = np.flatnonzero(taken[some]).tolist()
        left = (int(numbered.nelems[span]) - len(held)) * int(numbered.elemsize[span])
        assert found[some].sum() == (left if held else 0)
        assert found[some][~taken[some]].sum() == 0
        shares = found[some][held].tolist()
        assert shares == sorted(shares, reverse=True)
        assert not shares or shares[0] - shares[-1] <= 1


def test_a_process_is_walked_in_one_stop(go_minor: str) -> None:
    """The same program, running: its figures are those of its core, but for what the two of them have allocated by chance."""
    program = programs.build("objects", go_minor)
    with processes.start(program, *WORDS, "-end", "sleep") as running:
        running.line()
        # The runtime wakes now and then, and leaves other words on its stacks.
        with processes.stopped(running.pid):
            answer = asked("objects", "--pid", running.pid)
            heap = gdb_gospan.open(pid=running.pid, needs=["objects"])
        with pytest.raises(GoSpansError, match="needs=\\['objects'\\]"):
            gdb_gospan.open(pid=running.pid).report("objects")
    assert heap.report("objects").totals.reached == answer["totals"]["reached"]
    expected = asked("objects", program, cores.kernel_core(program, *WORDS).path)["totals"]
    assert abs(answer["totals"]["reached"] - expected["reached"]) < 200
    assert abs(answer["totals"]["garbage"] - expected["garbage"]) < 20
    assert answer["target"]["pause_ms"] > 0
    assert not any(kind["unread"] for kind in answer["roots"])


def test_a_snapshot_is_refused(core: cores.Core, tmp_path: Path) -> None:
    kept = tmp_path / "heap.gospan"
    assert shell.inside("snapshot", kept, core.executable, core.path).status == 0
    said = shell.inside("objects", kept)
    assert said.status == 3
    assert said.stderr.splitlines() == [
        (
            "go-spans: objects needs the contents of objects, which a snapshot does not hold (try: a snapshot that was written "
            "with --graph, the core, or the process)"
        )
    ]


def test_without_scipy_a_line_says_how_to_get_it(core: cores.Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where NumPy is: what install.sh has installed looks nowhere else."""
    monkeypatch.setitem(sys.modules, "scipy.sparse.csgraph", None)
    said = shell.inside("objects", core.executable, core.path)
    assert said.status == 3
    (line,) = said.stderr.splitlines()
    site = str(Path(np.__file__).parents[1])
    assert line.startswith("go-spans: objects needs SciPy, which is not installed (try: python3.")
    assert line.endswith(f" -m pip install --no-deps --target {site} scipy)")


def test_what_stacks_alone_lead_to(core: cores.Core) -> None:
    """A stale word may hold a dead object: at most so many bytes more are garbage. Counted again, object by object."""
    session = forms.open_in(core, "full")
    heap = session.heap
    assert session.threads is not None
    walk = reach(heap, tuple(session.threads()))
    kinds, targets = walk.roots.kind.tolist(), walk.roots.target.tolist()
    going = [target for kind, target in zip(kinds, targets, strict=True) if kind not in (STACK, REGISTERS)]
    starts, pointers, seen = walk.graph.starts.tolist(), walk.graph.targets.tolist(), set(going)
    while going:
        one = going.pop()
        found = set(pointers[starts[one] : starts[one + 1]]) - seen
        seen |= found
        going += found
    alone = sorted(set(np.flatnonzero(walk.reached).tolist()) - seen)
    numbered = slots(heap)
    expected = int(numbered.elemsize[numbered.spans_of(np.array(alone, np.int64))].sum())
    answer = asked("objects", core.executable, core.path)
    assert expected > 0
    assert answer["by_stacks_alone_bytes"] == expected


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_what_is_not_known_is_said(minor: str) -> None:
    """Without the executable: variables and types are guessed at, and what waits to be run is not found."""
    core = cores.kernel_core(programs.build("objects", minor), *WORDS)
    said = shell.inside("objects", core.path)
    assert said.status == 0, said.stderr
    assert "some roots were not found: finalizers waiting" in said.stdout
    assert "every word counts as a pointer: initialized variables, variables" in said.stdout
    assert ("the types of" in said.stdout) == (minor == toolchains.NEWEST)


def test_a_bitmap_that_is_lost_is_no_garbage(core: cores.Core) -> None:
    """Of objects whose span has no bitmap it is not known what they are: they are in neither sum."""
    session = forms.open_in(core, "full")
    heap, memory = session.heap, session.heap.reader.memory
    numbered = slots(heap)
    span = int(np.argmax(numbered.nelems))
    lost = int(heap.spans.records["allocBits"][numbered.rows[span]])

    class Without:
        def __getattr__(self, name: str) -> Any:
            return getattr(memory, name)

        def read_many(self, addresses: Any, size: int) -> Any:
            rows = memory.read_many(addresses, size)
            rows.readable[np.asarray(addresses) == np.uint64(lost)] = False
            return rows

    heap.reader.memory = Without()
    states = slot_states(heap)
    some = slice(int(numbered.first[span]), int(numbered.first[span + 1]))
    assert not states.known[span]
    assert not states.taken[some].any()
    from gdb_gospan.analysis.objectsums import objects_by_span

    assert session.threads is not None
    found = objects_by_span(heap, reach(heap, session.threads()))
    assert found.sums["unknown"].sum() == heap.spans.records["allocCount"][numbered.rows[span]]
