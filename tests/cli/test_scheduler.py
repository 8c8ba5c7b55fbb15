"""Goroutines, threads and their stacks: what `stacks` says of them, and the identities, each seen to break."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.analysis.verification import of_scheduler
from gdb_gospan.memory import procstatus
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS
from gdb_gospan.targets import core as coredump
from gdb_gospan.targets import process
from tools import answers, cores, programs, schemas, targets, toolchains
from tools.damage import CopiedCore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gdb_gospan.analysis.session import Session
    from gdb_gospan.runtime.heap import Heap
    from tools.cores import Core
    from tools.damage import Change

STACKS = next(command for command in COMMANDS if command.name == "stacks")
PLAIN = Style(width=100, colour=False, unicode=True, exact=True, room=100)
CODES = [identity.code for identity in of_scheduler()]


@pytest.fixture(scope="module")
def exited(go_minor: str) -> Core:
    """A core of a program three of whose threads have exited."""
    return cores.kernel_core(programs.build("exited", go_minor))


def report(session: Session) -> dict[str, Any]:
    document = answers.document(session, STACKS, parse(STACKS, []))
    assert schemas.errors(document) == []
    return document


def off(document: dict[str, Any]) -> dict[str, str]:
    return {check["code"]: check["status"] for check in document["checks"] if check["status"] != "exact"}


@pytest.mark.parametrize("alone", [False, True], ids=["with the executable", "alone"])
def test_stacks_of_threads_that_have_exited_are_named(exited: Core, go_minor: str, alone: bool) -> None:
    """They wait on sched.freem. Each g0 has 8 KiB up to Go 1.20, 16 KiB since (proc.go, allocm)."""
    files = [str(exited.path)] if alone else [str(exited.executable), str(exited.path)]
    document = report(coredump.open_session(files))
    assert off(document) == {}
    totals, threads = document["totals"], document["threads"]
    each = 8192 if go_minor in ("1.19", "1.20") else 16384
    assert (threads["exited"], totals["exited_bytes"]) == (3, 3 * each)
    assert totals["other_bytes"] == 0
    assert totals["dead_goroutine_bytes"] > 0
    shown = answers.text(document, PLAIN)
    assert "threads that have exited (sched.freem)" in shown
    assert "dead goroutines, kept for reuse" in shown
    assert "3 exited" in shown
    assert "other" not in shown


def test_the_first_thread_too(go_minor: str) -> None:
    """m0 stays on allm when its thread has nothing more to do (proc.go, mexit)."""
    core = cores.kernel_core(programs.build("exited", go_minor), "-threads", "2", "-first")
    session = coredump.open_session([str(core.executable), str(core.path)])
    assert off(report(session)) == {}
    ms = session.heap.ms
    assert ms is not None
    assert ms.counted == len(ms.number) - 1


@pytest.mark.toolchain
@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_threads_of_c_are_counted_apart(minor: str) -> None:
    """One sleeps that Go does not know, one that a goroutine has called; an extra M waits for a third to call Go."""
    core = targets.asleep(minor, "parked", cgo=True)
    session = coredump.open_session([str(core.executable), str(core.path)])
    document = report(session)
    assert off(document) == {}
    assert session.lwps is not None
    assert document["threads"]["c"] == 1
    assert document["threads"]["go"] == len(session.lwps()) - 1
    assert "1 of C, without an M" in answers.text(document, PLAIN)


def number(heap: Heap, struct: str, path: str, address: int, value: int) -> Change:
    """Return the change of one field to a value."""
    field = heap.layout[struct][path]
    return address + field.offset, (value % (1 << 8 * field.size)).to_bytes(field.size, "little")


def waiting(heap: Heap) -> list[int]:
    """Goroutines that wait: nobody is changing them."""
    gs = heap.goroutines.gs
    return [int(address) for address in gs.addresses[heap.goroutines.status == 4]]


def value(heap: Heap, struct: str, path: str, address: int) -> int:
    found, known = heap.reader.numbers(struct, path, np.array([address], np.uint64))
    assert known.all()
    return int(found[0])


def unknown_state(heap: Heap) -> Change:
    return number(heap, "g", "atomicstatus", waiting(heap)[0], 4282380095)


def state_of_a_later_release(heap: Heap) -> Change:
    return number(heap, "g", "atomicstatus", waiting(heap)[0], 12)


def same_goid(heap: Heap) -> Change:
    one, other = waiting(heap)[:2]
    return number(heap, "g", "goid", one, value(heap, "g", "goid", other))


def stack_beside(heap: Heap) -> Change:
    one = waiting(heap)[0]
    return number(heap, "g", "stack.lo", one, value(heap, "g", "stack.lo", one) + 64)


def endless_stack(heap: Heap) -> Change:
    return number(heap, "g", "stack.hi", waiting(heap)[0], 1 << 47)


def stack_nowhere(heap: Heap) -> Change:
    return number(heap, "g", "stack.lo", waiting(heap)[0], 1 << 46)


def no_exited(heap: Heap) -> Change:
    return number(heap, "schedt", "freem", heap.symbols["sched"], 0)


def no_stack(heap: Heap) -> Change:
    """A thread has no signal stack."""
    thread = heap.reader.word(heap.symbols["allm"])
    assert thread
    return number(heap, "m", "gsignal", thread, 0)


def another_one_s_signal_stack(heap: Heap) -> Change:
    m, size = heap.layout["m"], heap.layout.platform.pointer_size
    first = heap.reader.word(heap.symbols["allm"])
    assert first
    second = heap.reader.word(first + m["alllink"].offset)
    assert second
    theirs = heap.reader.word(second + m["gsignal"].offset)
    assert theirs
    return first + m["g0"].offset, theirs.to_bytes(size, "little")


def one_more_made(heap: Heap) -> Change:
    sched = heap.symbols["sched"]
    return number(heap, "schedt", "mnext", sched, value(heap, "schedt", "mnext", sched) + 1)


def no_such_thread(heap: Heap) -> Change:
    thread = heap.reader.word(heap.symbols["allm"])
    assert thread
    return number(heap, "m", "procid", thread, (1 << 22) - 1)


def another_one_s_thread(heap: Heap) -> Change:
    first = heap.reader.word(heap.symbols["allm"])
    assert first
    second = heap.reader.word(first + heap.layout["m"]["alllink"].offset)
    assert second
    return number(heap, "m", "procid", first, value(heap, "m", "procid", second))


#: What each damage must put off, and what else it may.
DAMAGES = {
    unknown_state: {"goroutine-states"},
    state_of_a_later_release: {"goroutine-states"},
    same_goid: {"goroutine-ids"},
    stack_beside: {"goroutine-stacks", "stack-use"},
    endless_stack: {"goroutine-stacks", "stack-use"},
    stack_nowhere: {"goroutine-stacks", "stack-use"},
    no_exited: {"stack-use"},
    no_stack: {"stack-use"},
    another_one_s_signal_stack: {"stack-use"},
    one_more_made: {"thread-count"},
    no_such_thread: {"thread-numbers"},
    another_one_s_thread: {"thread-numbers"},
}


@pytest.fixture(scope="module")
def copy(exited: Core, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CopiedCore]:
    folder = tmp_path_factory.mktemp("damaged")
    yield CopiedCore(exited.path, folder / "core")
    shutil.rmtree(folder)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_broken_and_never_a_row(exited: Core, copy: CopiedCore, damage: Any) -> None:
    """Of a program whose only thread that does something has died of a signal that it sent itself."""
    files = [str(exited.executable), str(copy.path)]
    change = damage(coredump.open_session(files).heap)
    with copy.changed(change):
        document = report(coredump.open_session(files))
        found = off(document)
        assert {code: found.get(code) for code in DAMAGES[damage]} == dict.fromkeys(DAMAGES[damage], "broken")
        assert set(found) <= set(CODES)
        assert_sane(document)
        alone = off(report(coredump.open_session([str(copy.path)])))
        assert {alone.get(code) for code in DAMAGES[damage]} <= {"broken", "unknown"}


def assert_sane(document: dict[str, Any]) -> None:
    """No state that there is not, and no size beyond the whole."""
    whole = document["totals"]["span_bytes"]
    assert all(size is None or 0 <= size <= whole for size in document["totals"].values())
    states = {row["state"] for row in document["goroutines"]}
    assert states <= {"running", "waiting", "dead", "runnable", "in a system call"}
    assert all(0 <= row["stack_bytes"] <= whole for row in document["goroutines"])
    assert "state 4282380095" not in answers.text(document, PLAIN)


def test_every_identity_of_the_scheduler_is_seen_to_break() -> None:
    """Two stacks at one place are seen in a snapshot: in a core they would be the same bytes."""
    assert set().union(*DAMAGES.values()) | {"stack-holders"} == set(CODES)


def test_a_stack_of_two(exited: Core, copy: CopiedCore) -> None:
    files = [str(exited.executable), str(copy.path)]
    heap = coredump.open_session(files).heap
    gs = heap.goroutines.gs
    small = [
        g for g in waiting(heap) if value(heap, "g", "stack.hi", g) - value(heap, "g", "stack.lo", g) == 2048
    ]
    assert len(small) > 1, gs
    one, other = small[:2]
    low = number(heap, "g", "stack.lo", one, value(heap, "g", "stack.lo", other))
    high = number(heap, "g", "stack.hi", one, value(heap, "g", "stack.hi", other))
    with copy.changed(low), copy.changed(high):
        document = report(coredump.open_session(files))
        assert off(document) == {"stack-holders": "broken"}
        (check,) = (check for check in document["checks"] if check["code"] == "stack-holders")
        assert check["expected"] == check["observed"] + 1
        assert f"{value(heap, 'g', 'stack.lo', other):#x}" in check["note"]


@pytest.mark.live
@pytest.mark.toolchain
def test_a_process_in_a_pid_namespace_of_its_own() -> None:
    """As in a container: Go knows its threads by other numbers than we do."""
    program = programs.build("exited", toolchains.NEWEST)
    command = ["unshare", "--pid", "--fork", "--kill-child", str(program), "-end", "sleep"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            if not started.stdout.readline():
                pytest.skip(f"no pid namespaces here: {started.communicate()[1].strip()}")
            (pid,) = _children(started.pid)
            session = process.open_session(pid)
            document = report(session)
        finally:
            started.kill()
    assert off(document) == {}
    assert session.lwps is not None
    assert 1 in session.lwps()
    assert pid not in session.lwps()
    assert document["threads"]["c"] == 0


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_numbers_are_the_same_where_there_is_no_other_namespace() -> None:
    tids = procstatus.threads(os.getpid())
    assert procstatus.own_numbers(os.getpid(), tids) == tids
