"""Programs at rest, at work, and dead, as cores: what the checks are judged by."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gdb_gospan.targets import process
from tools import cores, held, nonstop, processes, programs
from tools.cores import Core

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CRASH = {"GOTRACEBACK": "crash"}
"""A Go program that throws or gets a fatal signal then dies of SIGABRT."""

THROWN = {
    "miscounts": "sweep increased allocation count",
    "zombie": "found pointer to free object",
    "limited": "runtime: out of memory",
}
"""What each mode of the program dies of, by its own words."""


@dataclass(frozen=True)
class Target:
    """A program in some state.

    Attributes
    ----------
    core
        Returns its core, by Go release; made once.
    calm
        Nothing is being done: whatever is off is damage.
    parked
        And each thread of the runtime sleeps, which shows without names of functions, too.
    off
        The status of each identity that is not exact as it is; None where that depends on the moment.
    also
        Identities that may be off, too, and transient: another thread has gone on in between.
    any_moment
        Nobody has chosen it for each thread: one may be where what it does cannot be seen.
    step
        By how much each of them is off; 0 where it is not known.
    """

    name: str
    core: Callable[[str], Core]
    calm: bool = False
    parked: bool = False
    off: dict[str, str] | None = None
    step: int = 0
    any_moment: bool = False
    also: tuple[str, ...] = ()


def _verdicts(minor: str, *, cgo: bool = False) -> Path:
    return programs.build("verdicts", minor, cgo=cgo, ldflags="-linkmode=external" if cgo else "")


def asleep(minor: str, mode: str, *, cgo: bool = False) -> Core:
    """Return the core of a program whose threads all sleep."""
    return cores.cached("gcore", _verdicts(minor, cgo=cgo), (mode,), None, _dump_asleep)


def crashed(minor: str, mode: str, *, cgo: bool = False) -> Core:
    """Return the core of a program that sleeps until SIGABRT comes: each thread dies in Go's handler of signals."""
    return cores.cached("crash", _verdicts(minor, cgo=cgo), (mode,), CRASH, _dump_crashed)


def busy(minor: str) -> Core:
    """Return a core of a program that allocates in every way, with a thread that begins to sweep a span."""
    return cores.cached("gcore", programs.build("churn", minor), ("-seconds", "120"), None, _dump_busy)


def killed(minor: str) -> Core:
    """Return a core of the same program, which SIGABRT ends in the middle of an allocation."""
    return cores.crash_core(programs.build("churn", minor), "-seconds", "60")


def at_random(minor: str, folder: Path) -> Core:
    """Return a core of the same program, with several Ps, as gdb finds it at some moment; it is not kept."""
    executable = programs.build("churn", minor)
    with processes.start(executable, "-seconds", "120") as program:
        for _ in range(3):
            program.line()
        cores.gcore(program.pid, folder / "random")
    return Core("gcore", folder / "random", executable, {})


def contended(minor: str) -> Core:
    """Return a core with one thread in the page allocator, and others that wait for the lock that it holds."""
    # sysmon sends a signal to each thread that waits for long, again and again: most would stand in its handler.
    env = {"GOMAXPROCS": "8", "GODEBUG": "asyncpreemptoff=1"}
    return cores.cached("gcore", _verdicts(minor), ("contended",), env, _dump_contended)


def miscounted(minor: str) -> Core:
    """Return the core of a program whose next sweep finds more objects in a span than its allocCount says.

    What a `Core` of a program that throws about a span knows is the address of its ``descriptor``.
    """
    return cores.cached("crash", _verdicts(minor), ("miscounts",), CRASH, _dump_miscounted)


def thrown(minor: str, mode: str) -> Core:
    """Return the core of a program that throws by itself."""
    return cores.cached("crash", _verdicts(minor), (mode,), CRASH, _dump_thrown)


def in_user_arenas(minor: str, place: str, commands: tuple[str, ...]) -> Core:
    """Return the core of a program that works with user arenas, where these commands of gdb have stopped it."""
    program = programs.build("verdicts", minor, experiments="arenas")
    dump = functools.partial(_dump_in_user_arenas, commands)
    return cores.cached("gcore", program, ("arenas",), {"STOPS": place}, dump)


_COUNTED = ("heap-alloc", "heap-objects", "class-objects", "span-slots", "central-lists")
_WAITED_FOR = ("heap-free", "heap-released", "page-holders")
_TAKEN_AWAY = ("heap-inuse", "heap-alloc", "heap-objects", "class-objects", "address-space", "committed")
_GROWN = ("heap-released", "address-space", "heap-stats-released")

_CLEARS = (
    "tbreak 'runtime.(*mheap).allocUserArenaChunk'",
    "continue",
    "break runtime.memclrNoHeapPointers if $rbx > 8000000",  # its second argument, on amd64
    "continue",
)
_FAULTS = ("break runtime.sysFaultOS", "continue")

ARENAS = {
    target.name: target
    for target in (
        Target("clears a chunk", lambda minor: in_user_arenas(minor, "clears", _CLEARS), any_moment=True),
        Target(
            "takes a chunk away",
            lambda minor: in_user_arenas(minor, "faults", _FAULTS),
            any_moment=True,
            off=dict.fromkeys(_TAKEN_AWAY, "transient"),
            also=("central-lists", "central-entries"),  # main has begun the next cycle, which sweeps first
        ),
    )
}
"""A program with GOEXPERIMENT=arenas (Go 1.20 on) that a breakpoint stops in the middle of a step."""

TARGETS = {
    target.name: target
    for target in (
        Target("idle", lambda minor: asleep(minor, "idle"), calm=True, parked=True, off={}),
        Target("crashed", lambda minor: crashed(minor, "idle"), calm=True, off={}),
        Target("cgo", lambda minor: asleep(minor, "parked", cgo=True), calm=True, parked=True, off={}),
        Target("cgo crashed", lambda minor: crashed(minor, "parked", cgo=True), calm=True, off={}),
        Target("busy", busy),
        Target("killed", killed),
        Target("contended", contended, off=dict.fromkeys(_WAITED_FOR, "transient")),
        # The throw is about that span: the sweep that found it excuses nothing of it.
        Target("miscounted", miscounted, off=dict.fromkeys(_COUNTED, "broken")),
        Target("zombie", lambda minor: thrown(minor, "zombie"), off={"central-lists": "broken"}),
        # (*mheap).grow had begun a step of 4 MiB, the size of a chunk (mheap.go, sysMap of h.curArena).
        Target(
            "limited",
            lambda minor: thrown(minor, "limited"),
            off=dict.fromkeys(_GROWN, "transient"),
            step=4 << 20,
        ),
    )
}


def _dump_asleep(
    folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    with processes.start(executable, *arguments, env=env) as program:
        program.line()
        nonstop.wait_for(program.pid, lambda states: set(states) == {"S"})
        cores.gcore(program.pid, folder / "core")
    (folder / "stdout.json").write_text("{}")


def _dump_crashed(
    folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    with processes.start(
        executable, *arguments, env=env, cwd=folder, core=True, stderr=subprocess.DEVNULL
    ) as program:
        program.line()
        nonstop.wait_for(program.pid, lambda states: set(states) == {"S"})
        cores.kill(program, folder, folder / "core")
    (folder / "stdout.json").write_text("{}")


def _dump_busy(
    folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    with held.at("runtime.(*sweepLocked).sweep", executable, *arguments, env=env) as program:
        cores.gcore(program.pid, folder / "core")
    (folder / "stdout.json").write_text("{}")


def _dump_thrown(
    folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    _throw(folder, executable, arguments, env, lambda line, pid: {})


def _dump_miscounted(
    folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    _throw(folder, executable, arguments, env, _miscount)


def _throw(
    folder: Path,
    executable: Path,
    arguments: tuple[str, ...],
    env: Mapping[str, str] | None,
    prepare: Callable[[str, int], dict[str, Any]],
) -> None:
    """Let a program go on when it is prepared, and take its core when it has died of a throw."""
    stderr = folder / "stderr"
    with (
        stderr.open("wb") as said,
        processes.start(
            executable, *arguments, env=env, cwd=folder, core=True, stdin=subprocess.PIPE, stderr=said
        ) as program,
    ):
        known = prepare(program.line(), program.pid)
        cores.died(program, folder, folder / "core", program.go_on)
    words = stderr.read_text(errors="replace")
    stderr.unlink()
    thrown = re.search(r"^fatal error: (.*)$", words, re.MULTILINE)
    assert thrown, f"{executable.name} {' '.join(arguments)} did not throw:\n{words}"
    assert thrown[1] == THROWN[arguments[0]], f"{executable.name} threw something else:\n{words}"
    if named := re.search(r"^runtime: marked free object in span 0x([0-9a-f]+)", words, re.MULTILINE):
        known["descriptor"] = int(named[1], 16)
    (folder / "stdout.json").write_text(json.dumps(known))


def _miscount(line: str, pid: int) -> dict[str, Any]:
    """Have the span of the object at the address that was printed count two objects; its descriptor is known then."""
    descriptor, field, size = _alloc_count(pid, int(line))
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        memory.seek(field)
        memory.write((2).to_bytes(size, "little"))
    return {"descriptor": descriptor}


def _alloc_count(pid: int, address: int) -> tuple[int, int, int]:
    """Return the descriptor of the span that an address is in, and where its allocCount is, and the bytes of it."""
    session = process.open_session(pid)
    with session.capture():
        spans = session.heap.spans
        inside = (
            spans.in_use & (spans.start <= address) & (spans.start + spans.nbytes.astype(np.uint64) > address)
        )
        (row,) = np.flatnonzero(inside).tolist()
        descriptor = int(spans.addresses[row])
        place = session.heap.layout["mspan"]["allocCount"]
        session.release()
    return descriptor, descriptor + place.offset, place.size


def _dump_in_user_arenas(
    commands: tuple[str, ...],
    folder: Path,
    executable: Path,
    arguments: tuple[str, ...],
    env: Mapping[str, str] | None,
) -> None:
    with processes.start(executable, *arguments, env=env, stdin=subprocess.PIPE) as program:
        program.line()
        program.go_on()
        cores.gcore(program.pid, folder / "core", *commands)
    (folder / "stdout.json").write_text("{}")


def _dump_contended(
    folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    """Stop one thread that holds the lock of the heap, and let the others go on until all that allocate wait for it.

    Each thread is stopped before that where it takes pages from its P's cache: no P has a descriptor in stock then,
    so that those who wait have taken pages that no span has yet (mheap.go, allocSpan).
    """
    with processes.start(executable, *arguments, env=env, stdin=subprocess.PIPE) as program:
        program.line()
        with nonstop.attached(executable, program.pid) as say:
            say("break 'runtime.(*pageCache).alloc'")
            say("continue -a &")
            program.go_on()
            nonstop.wait_for(
                program.pid, lambda states: states.count("t") > 2 and "R" not in states, asleep=False
            )
            say("delete")
            say("break 'runtime.(*fixalloc).alloc'")
            say("continue -a &")
            nonstop.wait_for(program.pid, lambda states: set(states) == {"S", "t"}, asleep=False)
            say("interrupt -a")
            nonstop.wait_for(program.pid, lambda states: set(states) == {"t"})
            stacks = say("thread apply all -q backtrace")
            assert len(re.findall(r"\bruntime\.lock2 \(", stacks)) > 1, (
                f"nobody waits for the lock:\n{stacks}"
            )
            with cores.staged(folder / "core") as path:
                say(f"gcore {path}")
    (folder / "stdout.json").write_text("{}")
