"""Find gdb's current target, and open a session on it."""
# pathlib takes as long to load as a tenth of a report:
# ruff: noqa: PTH113, PTH119, PTH123

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import gdb

from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.debugger import stops
from gdb_gospan.debugger.files import at_hand, name_of, path_of
from gdb_gospan.debugger.files import executable as _filename
from gdb_gospan.debugger.machine import machine
from gdb_gospan.debugger.memory import choose, core_path
from gdb_gospan.debugger.modules import modules_of
from gdb_gospan.debugger.sources import sources
from gdb_gospan.debugger.text_output import said
from gdb_gospan.debugger.types import FileTypes, GdbTypes
from gdb_gospan.errors import GoSpansError, TargetError
from gdb_gospan.interrupts import Deferred
from gdb_gospan.memory import Memory
from gdb_gospan.memory.buildid import notes_of, other_build
from gdb_gospan.memory.corenotes import CoreNotes, program_name, read_notes
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.elfheader import packer, unpacking
from gdb_gospan.memory.mappings import Module
from gdb_gospan.runtime.program import open_heap
from gdb_gospan.targets.description import core_description, no_runtime

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Symbol
    from gdb_gospan.analysis.standing import Stack
    from gdb_gospan.analysis.verification import Check
    from gdb_gospan.layout.pclntab import FunctionTable
    from gdb_gospan.runtime.heap import Heap

_session: tuple[tuple[Any, ...], GdbSession] | None = None
_types: tuple[gdb.Progspace | None, str | None, GdbTypes] | None = None
_listening = False
_VDSO = "system-supplied DSO"
"""gdb's name for the kernel's vdso (symfile-mem.c)."""


class GdbSession(Session):
    """One stop of gdb's program.

    Attributes
    ----------
    types
        Where the runtime's types came from; gdb may know more than that.
    """

    def __init__(self, *arguments: Any, types: object, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self.types = types

    def gdb_type(self, name: str) -> gdb.Type | None:
        """Return gdb's type for a struct of package runtime; None if gdb has none, or one of another size."""
        layout = self.heap.layout
        known = self.types if isinstance(self.types, (GdbTypes, FileTypes)) else GdbTypes()
        found = known.gdb_type(f"runtime.{name}")
        if layout.source != "dwarf" and found is not None and found.sizeof != layout[name].size:
            return None
        return found


def current_session(runtime: str | None = None) -> GdbSession:
    """Return the session for gdb's current inferior; a new one if the target ran or changed.

    Parameters
    ----------
    runtime
        Which of several Go runtimes to read, by number or name; None for the largest.

    Raises
    ------
    UsageError
        There is no such runtime.
    TargetError
        No program, no process, not Go, too old, running: one line that says so.
    """
    global _session  # noqa: PLW0603  # one gdb, one current target
    target = which()
    if target[-1] is None:
        warm_up()  # before the clock: what Python has to load is not the target's business
    began = time.perf_counter()
    _listen()
    key = *target, runtime
    if _session is None or _session[0] != key:
        inferior = gdb.selected_inferior()
        _session = key, _open(inferior, _kind(inferior), runtime)
        _session[1].opened_in = time.perf_counter() - began
        _session[1].stood = stops.seconds
    return _session[1]


def which() -> tuple[Any, ...]:
    """Return a key that identifies gdb's current target; `TargetError` if there is none."""
    inferior = gdb.selected_inferior()
    kind = _kind(inferior)
    core = core_path() if kind == "core" else None
    return inferior.num, inferior.pid, inferior.connection_num, _filename(), core


def forget(*_event: object) -> None:
    """Drop what was decoded: the target ran, changed or is gone."""
    global _session  # noqa: PLW0603
    from gdb_gospan.debugger import last_rows

    last_rows.forget()
    if _session is not None:
        _session[1].end()
    _session = None


def _forget_types(event: Any) -> None:
    """Drop what was decoded and what was read from gdb's objfiles; the vdso's comes with each process."""
    global _types  # noqa: PLW0603
    file = getattr(event, "new_objfile", None) or getattr(event, "objfile", None)
    if file is None or not (name_of(file) or "").startswith(_VDSO):
        _types = None
    forget()


_EVENTS = {
    forget: ("cont", "exited", "memory_changed", "inferior_call", "inferior_deleted", "connection_removed"),
    _forget_types: ("new_objfile", "clear_objfiles", "free_objfile", "executable_changed"),
}


def _listen() -> None:
    global _listening  # noqa: PLW0603
    if _listening:
        return
    with Deferred():
        _listening = True
        for what, names in _EVENTS.items():
            for name in names:
                registry = getattr(gdb.events, name, None)  # the last few are newer than gdb 12
                if registry is not None:
                    registry.connect(what)


def _known_types() -> GdbTypes:
    """Return gdb's types of the program; they are looked up once for all stops."""
    global _types  # noqa: PLW0603
    key = gdb.current_progspace(), _filename()
    if _types is None or _types[:2] != key:
        _types = *key, GdbTypes()
    return _types[2]


def _kind(inferior: gdb.Inferior) -> Literal["core", "live", "remote"]:
    connection = inferior.connection
    if connection is None or inferior.pid == 0:
        if _filename() is None:
            raise TargetError("no program is loaded (try: gdb PROGRAM CORE, or attach PID)")
        raise TargetError(
            _compressed()
            or f"{_name()} is not running and there is no core (try: core-file FILE, attach PID, or run)"
        )
    if connection.type == "core":
        return "core"
    if connection.type == "native":
        from gdb_gospan.memory import procstatus

        if procstatus.ended(inferior.pid):
            raise TargetError(
                f"process {inferior.pid} has ended, which gdb has not noticed yet (try: continue)"
            )
    if any(thread.is_running() for thread in inferior.threads()):
        raise TargetError(f"process {inferior.pid} is running, so its heap changes (try: interrupt)")
    return "live" if connection.type == "native" else "remote"


def _compressed() -> str | None:
    """Return how to unpack a compressed core that gdb was started with: gdb cannot open it, and does not say why."""
    with open("/proc/self/cmdline", "rb") as file:
        names = file.read().split(b"\0")[1:]
    for name in names:
        path = os.fsdecode(name).removeprefix("--core=").removeprefix("-core=")
        with contextlib.suppress(OSError, ValueError):
            if os.path.isfile(path) and (tool := packer(_start(path))):
                return (
                    f"{path} is compressed, and gdb "
                    f"cannot open compressed cores (try: {unpacking(path, tool)}; then: core-file {path}.unpacked)"
                )
    return None


def _start(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(16)


def _name() -> str:
    filename = _filename()
    return os.path.basename(path_of(filename)) if filename else "this program"


def _open(inferior: gdb.Inferior, kind: Literal["core", "live", "remote"], runtime: str | None) -> GdbSession:
    types = _known_types()
    memory, core = choose(kind, types.address("runtime.mheap_"))
    notes = read_notes(memory) if isinstance(memory, CoreFile) else None
    filename = _filename()
    name = program_name(notes) if filename is None and notes and core else _name()
    if notes and (path := at_hand(filename)) and (other := _other_build(path, memory, notes)) and _is_go():
        raise TargetError(f"{name} is not the executable of this core or process: {other} (try: file PATH)")
    system = machine(inferior)
    there, lacking = _modules(memory, notes)
    try:
        opened = open_heap(
            memory if kind == "core" else _stopped(memory),
            sources(types, there, system.pointer_size),
            system,
            program=name,
            modules=lambda: _told(there, lacking),
            runtime=runtime,
        )
    except GoSpansError:
        _refuse_other_compiler(there, name)
        raise
    if opened is None:
        _refuse_other_compiler(there, name)
        raise TargetError(_no_runtime(kind))
    heap = opened.heap
    # A C program may have loaded a Go library; then the core must have been dumped by that program.
    if (
        notes
        and filename
        and heap.layout.source == "none"
        and program_name(notes)[:15] != name[:15]
        and not _is_go()
    ):
        raise TargetError(
            f"{name} is not a Go program and not the executable of this core, which was dumped by {program_name(notes)} (try: file PATH)"
        )
    target = Target(
        kind=kind,
        description=_description(inferior, kind, core, name, notes),
        executable=None if filename is None else path_of(filename),
        core=core,
        pid=inferior.pid,
        # Go writes one since 1.24; the first of all files that has one may be the kernel's vdso.
        build_id=next((file.build_id for file in gdb.objfiles() if name_of(file) == filename), None),
        resident=_resident(inferior.pid) if kind == "live" else None,
        missing=memory.truncated if isinstance(memory, CoreFile) else 0,
        runtimes=opened.runtimes,
    )
    stripped = memory if heap.layout.source == "none" else None
    source = opened.source
    mspan = (
        source.gdb_type("runtime.mspan")
        if heap.layout.source == "dwarf" and isinstance(source, (GdbTypes, FileTypes))
        else None
    )
    samples = None if mspan is None else partial(_sample, heap, mspan)
    heap.variables = partial(_late, "threads", "variable_types", opened.module)
    return GdbSession(
        target,
        heap,
        lambda: _frames(stripped, opened.module, opened.elsewhere),
        _symbol_at,
        samples,
        lwps=partial(_late, "threads", "lwps"),
        code=lambda: _code(opened.module),
        residency=partial(_late, "resident", "residency_of", inferior.pid) if kind == "live" else None,
        contents=partial(_late, "resident", "contents_of", memory, notes)
        if isinstance(memory, CoreFile) and notes
        else None,
        mapped=partial(_late, "modules", "mapped", memory, notes),
        threads=partial(_late, "registers", "threads_of", notes),
        types=source,
    )


# Modules that many reports do not need are imported on first use; for a stopped process, by `warm_up`.


def warm_up() -> None:
    """Import what reading a process may need, before anything is read."""
    from gdb_gospan.analysis.verification import warm
    from gdb_gospan.debugger import expressions, samples, threads
    from gdb_gospan.memory import procmem, residency, stopped

    warm()
    del expressions, samples, threads, procmem, residency, stopped


def _late(module: str, name: str, *words: object) -> Any:
    with Deferred():
        found = importlib.import_module(f"gdb_gospan.debugger.{module}")
    return getattr(found, name)(*words)


def _stopped(memory: Memory) -> Memory:
    from gdb_gospan.memory.stopped import Stopped

    return Stopped(memory)


def _resident(pid: int) -> int | None:
    from gdb_gospan.memory.procmem import resident

    return resident(pid)


def _frames(stripped: Memory | None, module: Module | None, elsewhere: Sequence[Module]) -> list[Stack]:
    from gdb_gospan.debugger.threads import frames

    return frames(stripped, module, elsewhere)


def _code(module: Module | None) -> FunctionTable | None:
    from gdb_gospan.debugger.threads import code

    return code(module) or None


def _symbol_at(address: int) -> Symbol | None:
    from gdb_gospan.debugger.expressions import symbol_at

    return symbol_at(address)


def _sample(heap: Heap, mspan: gdb.Type, most: int | None = None) -> Check:
    from gdb_gospan.debugger.samples import sample

    return sample(heap, mspan, most)


def _refuse_other_compiler(there: list[Module], name: str) -> None:
    """Raise a `TargetError` if the file shows that the program was not built by Go's own compiler."""
    from pathlib import Path

    from gdb_gospan.layout.compilers import refuse_gccgo_library, refuse_other_compiler
    from gdb_gospan.memory.executable import open_executable

    executable = None
    with contextlib.suppress(TargetError):  # of another machine, say
        executable = open_executable(Path(_filename() or ""))
    if executable is not None:
        refuse_other_compiler(executable, name)
    refuse_gccgo_library(there, name)


def _modules(memory: Memory, notes: CoreNotes | None) -> tuple[list[Module], TargetError | None]:
    """Return the modules of the program, or why they are not known."""
    try:
        return modules_of(memory, notes), None
    except TargetError as error:
        return [], error


def _told(there: list[Module], lacking: TargetError | None) -> list[Module]:
    """Return the modules; raise gdb's error if it does not know them."""
    if lacking is not None:
        raise lacking
    return there


def _other_build(executable: str, memory: Memory, notes: CoreNotes) -> str:
    """Return why the executable is not that of the core, which gdb does not always notice; empty if it may be."""
    found, entry = notes_of(executable)
    if entry is not None and notes.entry is None:
        return ""
    return other_build(found, memory, 0 if entry is None or notes.entry is None else notes.entry - entry)


def _no_runtime(kind: str) -> str:
    if _filename() is None:
        return f"no Go runtime in this {kind}: no executable is loaded (try: file PATH)"
    return no_runtime(_name(), is_go=_is_go(), try_with="file PATH")


def _is_go() -> bool:
    """Whether the executable has sections that only Go's linker writes."""
    sections = said("info files")
    return ".go.buildinfo" in sections or ".gopclntab" in sections


def _description(
    inferior: gdb.Inferior, kind: str, core: str | None, name: str, notes: CoreNotes | None
) -> str:
    if kind != "core":
        return f"{name}, process {inferior.pid}" + (", remote" if kind == "remote" else "")
    died_of = notes.signal if notes else None
    # Void for a core of a process that survived, and if gdb's current thread does not have it.
    with contextlib.suppress(gdb.error):
        told = gdb.convenience_variable("_exitsignal")
        died_of = died_of if told is None else int(told)
    return core_description(name, died_of) + ("" if core else ", read through gdb")
