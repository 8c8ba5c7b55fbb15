"""Find out what gdb is looking at, and make a session of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import gdb

from gdb_gospan.commands.session import Session, Target, at_bottom, core_description, no_runtime
from gdb_gospan.debugger.memory import choose, core_path
from gdb_gospan.debugger.types import GdbTypes
from gdb_gospan.errors import TargetError
from gdb_gospan.layout.platform import platform
from gdb_gospan.memory.procmem import resident
from gdb_gospan.runtime.program import open_heap

_FRAMES = 24
"""Frames of a thread to look at: the allocator's own call chains are shorter."""

# gdb's architecture names, by their beginning (gdb: set architecture).
_ARCHES = (
    ("i386:x86-64", "amd64"),
    ("i386", "386"),
    ("aarch64", "arm64"),
    ("arm", "arm"),
    ("riscv:rv64", "riscv64"),
    ("powerpc:common64", "ppc64le"),
    ("s390:64-bit", "s390x"),
    ("Loongarch64", "loong64"),
)

_session: tuple[tuple[Any, ...], Session] | None = None
_listening = False


def current_session() -> Session:
    """Return the session for gdb's current inferior; made anew when the target ran or changed.

    Raises
    ------
    TargetError
        No program, no process, not Go, too old, running: one line that says so.
    """
    global _session  # noqa: PLW0603  # one gdb, one current target
    _listen()
    inferior = gdb.selected_inferior()
    kind = _kind(inferior)
    key = (
        inferior.num,
        inferior.pid,
        inferior.connection_num,
        _filename(),
        core_path() if kind == "core" else None,
    )
    if _session is None or _session[0] != key:
        _session = key, _open(inferior, kind)
    return _session[1]


def forget(*_event: object) -> None:
    """Drop what was decoded: the target ran, changed or went."""
    global _session  # noqa: PLW0603
    _session = None


def _listen() -> None:
    global _listening  # noqa: PLW0603
    if _listening:
        return
    _listening = True
    for name in (
        "cont", "exited", "memory_changed", "inferior_call", "new_objfile", "clear_objfiles", "free_objfile",
        "inferior_deleted", "connection_removed", "executable_changed",
    ):  # fmt: skip
        registry = getattr(gdb.events, name, None)  # the last few are newer than gdb 12
        if registry is not None:
            registry.connect(forget)


def _kind(inferior: gdb.Inferior) -> Literal["core", "live", "remote"]:
    connection = inferior.connection
    if connection is None or inferior.pid == 0:
        if _filename() is None:
            raise TargetError("no program to look at (try: gdb PROGRAM CORE, or attach PID)")
        raise TargetError(
            f"{_name()} is not running and there is no core (try: core-file FILE, attach PID, or run)"
        )
    if connection.type == "core":
        return "core"
    if any(thread.is_running() for thread in inferior.threads()):
        raise TargetError(
            f"process {inferior.pid} is running: its heap changes under our eyes (try: interrupt)"
        )
    return "live" if connection.type == "native" else "remote"


def _filename() -> str | None:
    space = gdb.current_progspace()
    return space.filename if space else None


def _name() -> str:
    filename = _filename()
    return Path(filename).name if filename else "this program"


def _open(inferior: gdb.Inferior, kind: Literal["core", "live", "remote"]) -> Session:
    types = GdbTypes()
    anchor = types.address("runtime.mheap_")
    if anchor is None:
        raise TargetError(_no_runtime(kind))
    memory, core = choose(kind, anchor)
    heap = open_heap(memory, types, platform(_os(), _arch(inferior)), program=_name())
    target = Target(
        kind=kind,
        description=_description(inferior, kind, core),
        executable=_filename(),
        core=core,
        pid=inferior.pid,
        # Go writes one since 1.24; the first of all files that has one may be the kernel's vdso.
        build_id=next((file.build_id for file in gdb.objfiles() if file.filename == _filename()), None),
        resident=resident(inferior.pid) if kind == "live" else None,
    )
    return Session(target, heap, frames)


def _no_runtime(kind: str) -> str:
    if _filename() is None:
        return f"this {kind} has no executable loaded, so its types are not known (try: file PATH)"
    sections = gdb.execute("info files", to_string=True) or ""
    is_go = ".go.buildinfo" in sections or ".gopclntab" in sections
    return no_runtime(_name(), is_go=is_go, try_with="file PATH")


def _description(inferior: gdb.Inferior, kind: str, core: str | None) -> str:
    if kind != "core":
        return f"{_name()}, process {inferior.pid}" + (", remote" if kind == "remote" else "")
    try:
        died_of = int(gdb.parse_and_eval("$_exitsignal"))
    except gdb.error:  # void: a core of a process that lived on
        died_of = None
    return core_description(_name(), died_of) + ("" if core else ", read through gdb")


def _arch(inferior: gdb.Inferior) -> str:
    name = inferior.architecture().name()
    return next((arch for start, arch in _ARCHES if name.startswith(start)), name)


def _os() -> str:
    return "freebsd" if "FreeBSD" in (gdb.execute("show osabi", to_string=True) or "") else "linux"


def frames() -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each thread's label and innermost functions; leaves gdb's selection as it was."""
    selected = gdb.selected_thread()
    frame = gdb.selected_frame() if selected else None
    try:
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num):
            names: list[str] = []
            try:
                thread.switch()
                current: gdb.Frame | None = gdb.newest_frame()
                while current is not None and len(names) < _FRAMES and not at_bottom(names):
                    names.append(current.name() or "")
                    current = current.older()
            except gdb.error:
                pass  # a stack that cannot be unwound further still told us its top
            yield f"thread {thread.num}", names
    finally:
        if selected is not None and selected.is_valid():
            selected.switch()
            if frame is not None and frame.is_valid():
                frame.select()
