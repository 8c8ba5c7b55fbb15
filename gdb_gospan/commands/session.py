"""A look at one target: what it is, its heap, and what the checks found."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import attrs

from gdb_gospan.analysis.accounting import accounts
from gdb_gospan.analysis.transients import Frames
from gdb_gospan.analysis.verification import Check, verify
from gdb_gospan.runtime.heap import Heap

SCHEMA_VERSION = 1
_BOTTOMS = frozenset({"runtime.mcall", "runtime.mstart", "runtime.goexit"})


def at_bottom(names: Sequence[str]) -> bool:
    """Whether what a thread does ends with the last of these functions, newest first.

    mcall was called by a goroutine that the thread has left (asm_*.s); so was
    morestack, when it ended in the scheduler (stack.go, newstack: a preemption).
    """
    last = names[-1] if names else ""
    return last in _BOTTOMS or (last == "runtime.morestack" and "runtime.schedule" in names)


@attrs.frozen
class Target:
    """What is being looked at.

    Attributes
    ----------
    kind
        ``core``, ``live``, ``remote`` or ``snapshot``.
    description
        A phrase for people: ``core of frag, died of SIGABRT``.
    executable, core
        Paths as far as known.
    build_id
        Of the executable, when it has one.
    resident
        Bytes of a live process on this machine that are in memory now (RSS).
    """

    kind: Literal["core", "live", "remote", "snapshot"]
    description: str
    executable: str | None = None
    core: str | None = None
    pid: int | None = None
    build_id: str | None = None
    resident: int | None = None


def core_description(program: str, died_of: int | None) -> str:
    """Describe a core by its program and the number of the signal that ended it, if one did."""
    if not died_of:
        return f"core of {program}"
    known = died_of in set(signal.Signals)
    return f"core of {program}, died of {signal.Signals(died_of).name if known else f'signal {died_of}'}"


def no_runtime(program: str, *, is_go: bool, try_with: str) -> str:
    """Say why there is no heap to look at; `try_with` begins the next step."""
    if is_go:
        return (
            f"{program} is a Go program without symbols (-ldflags=-s or strip), so runtime.mheap_ cannot be found "
            f"(try: {try_with} of the same build, not stripped)"
        )
    return (
        f"no Go runtime in {program}: no symbol runtime.mheap_ and no Go build information "
        f"(try: {try_with} of the Go program)"
    )


class Session:
    """One target at one stop. It is valid until the target runs or changes.

    Attributes
    ----------
    frames
        How to learn where the threads stand, or None.
    started
        When the first look began, on the clock of time.perf_counter.
    """

    def __init__(self, target: Target, heap: Heap, frames: Frames | None = None) -> None:
        self.target = target
        self.heap = heap
        self.frames = frames
        self.started = time.perf_counter()

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Every identity, checked once."""
        return verify(self.heap, self.frames)

    def envelope(self, command: str) -> dict[str, Any]:
        """Start a document: what every command's JSON begins with."""
        layout = self.heap.layout
        return {
            "schema_version": SCHEMA_VERSION,
            "command": command,
            "target": {
                "kind": self.target.kind,
                "description": self.target.description,
                "executable": self.target.executable,
                "core": self.target.core,
                "pid": self.target.pid,
                "build_id": self.target.build_id,
                "resident": self.target.resident,
                "pause_ms": None,
            },
            "go": {
                "version": layout.go.raw,
                "os": layout.platform.os,
                "arch": layout.platform.arch,
                "experiments": list(layout.go.experiments),
            },
            "layout": {"source": layout.source, "tested": layout.tested, "missing": list(layout.missing)},
        }

    def provenance(self) -> dict[str, Any]:
        """End a document: what the figures rest on."""
        checks = self.checks  # first, for checking reads the rest and may meet what is unreadable
        starts, ends = self.heap.reader.losses.ranges()
        return {
            "checks": [attrs.asdict(check) for check in checks],
            "unreadable": {
                "bytes": int((ends - starts).sum()),
                "ranges": [
                    {"address": f"{start:#x}", "size": end - start}
                    for start, end in zip(starts[:100].tolist(), ends[:100].tolist(), strict=True)
                ],
            },
            "spans": self.span_counts(),
            "complete": accounts(self.heap).complete,
        }

    def span_counts(self) -> dict[str, int]:
        """Count the descriptors by what they are."""
        spans = self.heap.spans
        in_use = int(spans.in_use.sum())
        manual = int(spans.manual.sum())
        return {
            "descriptors": len(spans) + spans.lost,
            "in_use": in_use,
            "manual": manual,
            "stack": int(spans.stack.sum()),
            "work_buffer": int(spans.work_buffer.sum()),
            "user_arena": int(spans.user_arena.sum()),
            "dead": int((spans.state == 0).sum()),
            "unreadable": int((spans.state < 0).sum()) + spans.lost,
            "needzero": int((spans.records["needzero"] != 0)[spans.in_use].sum()),
            "cached": int(self.heap.cached.sum()),
            "unswept": int(spans.unswept.sum()),
        }
