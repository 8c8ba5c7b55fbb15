"""`goroutines` against the program's own profile of them, on processes, cores and snapshots, stripped or not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from itertools import dropwhile, groupby
from typing import TYPE_CHECKING, Any, Final

import pytest

import gdb_gospan
from gdb_gospan.memory.image import Image
from tools import cores, processes, programs, schemas, shell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

EACH: Final = 3
KINDS: Final = {
    "main.receiver": "chan receive",
    "main.sender": "chan send",
    "main.chooser": "select",
    "main.sleeper": "sleep",
    "main.signaled": "sync.Cond.Wait",
    "main.forever": "select (no cases)",
}
"""Where a goroutine stands, and what it waits for on every release."""
OTHERS: Final = {"main.receiver": 1, "main.forever": EACH}
"""How many others stand there because it is inlined: into a closure that has labels, and into deep."""
DEEPEST: Final = 20
"""Frames to compare: until Go 1.22 the profile has 32 of a stack, and recursive calls count once here."""
ARGUMENTS: Final = ("-each", str(EACH), "-dead", "50", "-depth", "200")


@pytest.fixture(scope="module")
def waits(go_minor: str) -> Path:
    return programs.build("waits", go_minor)


def without_repeats(names: Iterable[str]) -> tuple[str, ...]:
    """Return each run of one name as one: inlined calls and recursion."""
    return tuple(name for name, _ in groupby(names))[:DEEPEST]


def profile(path: Path) -> Counter[tuple[str, ...]]:
    """Count the stacks of the program's own profile; not those of the main goroutine, which wrote it."""
    found = Counter[tuple[str, ...]]()
    for count, names in re.findall(
        r"^(\d+) @ .*\n((?:#.*\n)+)", path.read_text(encoding="utf-8"), re.MULTILINE
    ):
        stack = re.findall(r"^#\t0x\w+\t(.*)\+0x", names, re.MULTILINE)
        if "main.main" not in stack:
            found[without_repeats(stack)] += int(count)
    return found


def told(answer: Any) -> Counter[tuple[str, ...]]:
    """Count the stacks that are reported, each goroutine for itself; not those of the runtime and of main."""
    every = [each.frames for each in answer.largest if not each.system and each.state != "running"]
    return Counter(without_repeats(shown(frames)) for frames in every if frames and "main.main" not in frames)


def shown(frames: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the newest functions of the runtime, as the profile does (runtime/pprof, printStackRecord)."""
    return tuple(dropwhile(lambda name: name.startswith(("runtime.", "internal/runtime/")), frames))


def held(file: Path, text: bytes) -> bool:
    """Whether the memory in a snapshot, or what is said about it, has this text."""
    image, meta = Image.load(str(file))
    return text in image.segments.flat.tobytes() or text in json.dumps(meta).encode()


def stripped(executable: Path, folder: Path) -> Path:
    copy = folder / "stripped"
    shutil.copy(executable, copy)
    subprocess.run(["strip", "--strip-all", copy], check=True)
    return copy


@pytest.mark.parametrize("bare", [False, True], ids=["symbols", "stripped"])
def test_the_goroutines_are_those_of_the_program_s_own_profile(
    waits: Path, tmp_path: Path, bare: bool
) -> None:
    """Idle, so that nothing moves between the profile and the look; every stack, of every goroutine."""
    own = tmp_path / "profile"
    program = stripped(waits, tmp_path) if bare else waits
    with processes.start(program, *ARGUMENTS, "-profile", str(own), "-end", "sleep") as running:
        running.line()
        with gdb_gospan.open(pid=running.pid) as heap:
            answer = heap.report("goroutines", limit=0, largest=1000, system=True)
    wanted = profile(own)
    assert len(wanted) >= len(KINDS) + 5
    assert told(answer) == wanted
    groups = [group for group in answer.groups if not group.system]
    own_count = sum(wanted.values()) + 1  # the main goroutine
    assert sum(group.count for group in groups) == own_count
    assert answer.totals.goroutines - answer.totals.system == own_count
    for function, reason in KINDS.items():
        alike = [group for group in groups if group.function == function]
        counts = [EACH, *([OTHERS[function]] if function in OTHERS else [])]
        assert [(group.count, group.wait_reason) for group in alike] == [(count, reason) for count in counts]
        for group in alike:
            assert group.started_by == "main.main"
            assert group.started_file.endswith("waits.go")
            assert group.waited_ns is not None
            assert 0 < group.used_bytes <= group.stack_bytes


def test_stacks_and_labels_of_single_goroutines(waits: Path) -> None:
    with processes.start(waits, *ARGUMENTS, "-end", "sleep") as running:
        running.line()
        answer = json.loads(
            shell.inside("goroutines", "--pid", running.pid, "--largest", 1000, "--json").stdout
        )
        stacks = json.loads(shell.inside("stacks", "--pid", running.pid, "--json").stdout)["totals"]
    assert schemas.errors(answer) == []
    first, dead = answer["largest"][0], answer["dead"]
    assert first["function"] == "main.forever"  # which is inlined into deep
    assert first["frames"].count("main.deep") >= 100
    assert first["stack_bytes"] >= 64 << 10  # 200 frames of more than a quarter of a KiB
    assert 200 * 256 < first["used_bytes"] < first["stack_bytes"]
    labelled = [each["labels"] for each in answer["largest"] if each["labels"] and not each["system"]]
    assert labelled == [[{"key": "job", "value": "import"}, {"key": "tenant", "value": "blue"}]]
    assert dead["count"] >= 40
    assert dead["stack_bytes"] == stacks["dead_goroutine_bytes"]
    # What the living have, and what the dead keep, is all that goroutines have.
    assert answer["totals"]["stack_bytes"] + dead["stack_bytes"] == stacks["goroutine_bytes"]


def test_a_descriptor_of_a_dead_goroutine_takes_a_slot(waits: Path) -> None:
    """Counted by the allocator: gs are objects of one size class, of which few others are."""
    core = cores.kernel_core(waits, *ARGUMENTS)
    heap = gdb_gospan.open(str(core.path), executable=str(core.executable))
    dead = heap.report("goroutines").dead
    session = heap._session
    spans, gs = session.heap.spans, session.heap.goroutines.gs
    gone = gs.addresses[session.heap.goroutines.dead]
    slots = {int(spans.records["elemsize"][spans.find(int(address))]) for address in gone.tolist()}
    assert len(slots) == 1
    assert dead.descriptor_bytes == dead.count * slots.pop()


def test_core_and_snapshot_tell_the_same(waits: Path, tmp_path: Path) -> None:
    core = cores.kernel_core(waits, *ARGUMENTS)
    file = tmp_path / "waits.gospan"
    assert shell.inside("snapshot", file, core.executable, core.path).status == 0
    heap = gdb_gospan.open(str(core.path), executable=str(core.executable))
    of_core = heap.report("goroutines", limit=0, largest=1000, system=True)
    of_snapshot = gdb_gospan.open(snapshot=str(file)).report("goroutines", limit=0, largest=1000, system=True)
    assert repr(of_core.groups) == repr(of_snapshot.groups)
    assert repr(of_core.totals) == repr(of_snapshot.totals)
    assert [each.frames for each in of_core.largest] == [each.frames for each in of_snapshot.largest]
    assert not held(file, b"tenant")
    assert Counter(each.labels for each in of_snapshot.largest)[None] == 1


def test_without_the_executable_there_are_no_names(waits: Path) -> None:
    core = cores.kernel_core(waits, *ARGUMENTS)
    answer = shell.inside("goroutines", core.path)
    assert answer.status == 0
    assert "without the executable functions have no names" in answer.stdout
    document = gdb_gospan.open(str(core.path)).report("goroutines", limit=0)
    assert document.totals.unwound is None
    assert document.totals.system is None
    whole = gdb_gospan.open(str(core.path), executable=str(core.executable)).report("goroutines")
    assert document.totals.used_bytes == whole.totals.used_bytes > 0
    reasons = Counter[str]()
    for group in document.groups:
        reasons[group.wait_reason or group.state] += group.count
    assert reasons["chan send"] == EACH
    assert reasons["sync.Cond.Wait"] == EACH


def test_large_stacks_have_a_row_for_each_size(waits: Path) -> None:
    core = cores.kernel_core(waits, "-each", "3", "-depth", "400")
    answer = gdb_gospan.open(str(core.path), executable=str(core.executable)).report("stacks")
    (together,) = (row for row in answer.sizes if row.large)
    assert together.size == 0
    rows = {row.size: row for row in answer.large_sizes}
    assert all(size & (size - 1) == 0 and size >= 32 << 10 for size in rows)
    for name in ("spans", "span_bytes", "given_out", "free"):
        assert sum(getattr(row, name) for row in rows.values()) == getattr(together, name), name
    assert all(row.span_bytes == row.spans * row.size for row in rows.values())
    deep = rows[128 << 10]  # 400 frames of more than a quarter of a KiB
    assert deep.given_out == 3
