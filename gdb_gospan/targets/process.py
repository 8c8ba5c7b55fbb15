"""A session on a running process on this machine, without a debugger: it is stopped once, to be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import numpy as np

from gdb_gospan.analysis.session import Pause, Session, Target
from gdb_gospan.analysis.standing import Stack
from gdb_gospan.analysis.verification import warm
from gdb_gospan.errors import GoSpansError, LayoutError, MemoryReadError, TargetError
from gdb_gospan.layout.compilers import refuse_gccgo_library, refuse_other_compiler
from gdb_gospan.layout.debugfile import FOLDERS, find_debug_file
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.functions import Lines, functions_of, go_names
from gdb_gospan.layout.machine import elf_platform
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Memory, procstatus
from gdb_gospan.memory.capture import Filling, Plan, appeared, between
from gdb_gospan.memory.executable import Executable, open_executable
from gdb_gospan.memory.heldstill import HeldStill
from gdb_gospan.memory.mappings import Mapped, Mapping, mappings_of, modules
from gdb_gospan.memory.procmem import ProcessMemory, resident
from gdb_gospan.memory.ptrace import Stop
from gdb_gospan.memory.registers import Thread
from gdb_gospan.memory.residency import Residency, read_residency
from gdb_gospan.memory.segments import NOWHERE
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.program import open_heap
from gdb_gospan.targets.contents import ContentsCopy
from gdb_gospan.targets.description import no_runtime
from gdb_gospan.targets.frames import stack_pages, stacks
from gdb_gospan.targets.libraries import go_libraries
from gdb_gospan.targets.rehearsal import plan
from gdb_gospan.targets.search import Search
from gdb_gospan.targets.stopping import (
    ended_instead,
    no_job_control,
    refuse_halves,
    standing_still,
    stopped,
)
from gdb_gospan.targets.variables import by_debug_information, by_symbols, variables_at

_AT_ENTRY: Final = 9
_DELETED: Final = " (deleted)"


@attrs.frozen
class _Loaded:
    """The executable of a process, as the kernel loaded it.

    Attributes
    ----------
    path
        Of the executable, as /proc/PID/exe has it.
    deleted
        The file has been removed or replaced since.
    vector
        The auxiliary vector: it has addresses and random bytes of this exec, so an equal one is the same.
    """

    path: str
    deleted: bool
    vector: bytes

    def entry(self, executable: Executable) -> int | None:
        """Return the address of its first instruction, or None if it is unknown."""
        width = executable.bits // 8
        words = [
            int.from_bytes(self.vector[at : at + width], executable.byteorder)
            for at in range(0, len(self.vector), width)
        ]
        return dict(zip(words[::2], words[1::2], strict=False)).get(_AT_ENTRY)


class ProcessSession(Session):
    """A running process, stopped only during its single `capture`; it is resumed whatever happens."""

    def __init__(self, target: Target, heap: Heap, memory: ProcessMemory, opened: _Opened) -> None:
        super().__init__(
            target,
            heap,
            self._stacks,
            lwps=lambda: tuple(each.lwp for each in self._threads),
            variables=by_symbols(opened.types, target.executable or "the executable"),
            variables_at=variables_at(opened.types),
            code=lambda: go_names(opened.functions),
            residency=self._residency,
            mapped=lambda: opened.mapped,
            threads=lambda: self._threads,
        )
        self._memory = memory
        self._opened = opened
        self._threads: tuple[Thread, ...] = ()
        self._stop: Stop | HeldStill | None = None
        self._mappings: list[Mapping] = []
        self._capture_begun = self._captured = self._lacked = False
        self._wants_residency = False
        self._seen: Residency | None = None

    @contextmanager
    def capture(
        self, rehearse: Callable[[Session], object] | None = None, pause: Pause | None = None
    ) -> Iterator[None]:
        """Stop the process for this block or, with a rehearsal, only while what that has read is copied.

        Raises
        ------
        TargetError
            It cannot be stopped, runs another program by now, or ended in the block; or the pause would take longer than
            it may.
        """
        pid = self._memory.pid
        if self._capture_begun:
            raise TargetError(f"process {pid} has run since it was read (try: open a new session)")
        warm()
        taken = None if rehearse is None else self._plan(rehearse)
        copied = None if rehearse is None or pause is None else self._contents_copy(taken, rehearse, pause)
        before, self._capture_begun = self.pause_ms or 0.0, True
        with no_job_control(), ended_instead(pid):
            self._stop = stop = stopped(pid)
            try:
                self._begin(stop)
                if taken is not None:
                    self._take(taken, stop, copied)
                elif self._opened.search is not None:
                    self.heap.symbols = self._opened.search.again(self._memory, self.heap.symbols)
                yield
            except GoSpansError as error:
                stop.release()
                refuse_halves(stop, error)
                raise
            finally:
                stop.release()
                self.pause_ms = before + 1000 * stop.seconds
                self._memory.close()  # what is read from now on would be of another moment
        refuse_halves(stop)

    def recapture(self) -> bool:
        """Prepare a second stop, in which the report reads directly: the copy lacks something that it needs.

        With the contents of objects it is another copy, and with what masks of types are made of.
        """
        if not self._captured:
            return False
        self._capture_begun, self._captured, self._lacked = False, False, True
        self._seen = None
        self._memory = ProcessMemory(self._memory.pid)
        tried, begins = self.heap, self.heap.trail.begins
        self.heap = Heap(self._memory, tried.layout, tried.symbols, tried.evidence)
        self.heap.image = tried.image
        self.heap.trail.begins = begins
        for name in ("checks", "all_checks", "tracebacks"):
            self.__dict__.pop(name, None)
        return True

    def _plan(self, rehearse: Callable[[Session], object]) -> Plan | None:
        """Learn what to copy, while the process runs."""
        search, symbols = self._opened.search, self.heap.symbols
        others = [] if search is None else [lambda memory: search.near(memory, symbols)]
        self._mappings = list(mappings_of(self._memory.pid))
        return plan(self, self._memory, self._mappings, rehearse, *others)

    def _contents_copy(
        self, taken: Plan | None, rehearse: Callable[[Session], object], pause: Pause
    ) -> ContentsCopy:
        """Make ready for the copy of the contents of objects, and announce the pause."""
        pid = self._memory.pid
        if taken is None:
            raise TargetError(
                f"{pause.report}: process {pid} has too many spans to be copied (try: the core that gcore makes)"
            )
        copied = ContentsCopy(self, self._memory, self._mappings, taken, pause, rehearse, masks=self._lacked)
        expected = copied.rehearse()
        if self.announce is not None and not procstatus.held(pid):
            self.announce(expected)
        return copied

    def _take(self, taken: Plan, stop: Stop | HeldStill, copied: ContentsCopy | None) -> None:
        """Copy what is planned, resume the process, and use the copy."""
        if self._wants_residency:  # first, for reading the process makes more of it resident
            self._see(stop)
        now = self._mappings
        search = self._opened.search

        def more(memory: Filling) -> None:
            nonlocal now
            now = mappings_of(stop.pid)
            stacks_of = np.fromiter(stack_pages(self._memory, self._threads), np.uint64)
            taken.take_more(memory, stacks_of, appeared(self._mappings, now, taken.arenas))

        def symbols(memory: Memory) -> Symbols:
            if search is not None:
                self.heap.symbols = search.again(memory, self.heap.symbols)
            return self.heap.symbols

        if copied is None:
            taken.take(self._memory)
            more(self._memory)
        else:
            copied.take(stop, self._threads, more, symbols)
        stop.release()
        self._memory.close()
        refuse_halves(stop)
        self._captured = True
        # A variable that was recognised where it is not leads to nowhere: then another stop must find it.
        unmapped = between(now) if search is None or copied is not None else NOWHERE
        memory = taken.sealed(self._memory, unmapped) if copied is None else copied.sealed(unmapped)
        self.heap.memory = self.heap.reader.memory = memory
        if search is not None and copied is None:
            self.heap.symbols = search.in_copy(memory, self.heap.symbols, now)

    def _residency(self) -> Residency | None:
        """Return what of the process is resident; in a rehearsal only note that it is wanted."""
        self._wants_residency = True
        if self._seen is None and self._stop is not None and not self._captured and not self._memory.closed:
            self._see(self._stop)
        return self._seen

    def _see(self, stop: Stop | HeldStill) -> None:
        """Read what of the process is resident, while it stands still."""
        self._seen = read_residency(stop.pid, tuple(each.stack for each in self._threads))

    def release(self) -> None:
        """Resume the process early; its memory is closed, since it may change from now on."""
        if self._captured or self._memory.closed:
            return
        seen = list(self._stacks())
        self.frames = lambda: seen
        if self._stop is not None:  # always, in a capture
            self._stop.release()
            self._memory.close()
            refuse_halves(self._stop)

    def _begin(self, stop: Stop | HeldStill) -> None:
        """Read what is known only while the process is stopped."""
        if _loaded(stop.pid).vector != self._opened.loaded.vector:
            raise TargetError(f"process {stop.pid} has just executed another program (try: again)")
        executable = self._opened.executable
        kind = executable.machine, executable.bits, executable.byteorder
        numbers = procstatus.own_numbers(stop.pid, stop.threads)
        self._threads = tuple(
            stop.thread(tid, number, *kind) for tid, number in zip(stop.threads, numbers, strict=True)
        )
        self.target = attrs.evolve(self.target, resident=resident(stop.pid))

    def _stacks(self) -> Iterator[Stack]:
        return stacks(self.heap.memory, self._threads, self._opened.functions)


@attrs.frozen
class _Opened:
    """What is known of the program before the process is stopped.

    Attributes
    ----------
    types
        Of the executable, then of the libraries in Go.
    search
        For the runtime's variables; None where there are symbols.
    mapped
        What a program has loaded stays where it is. There are the build ids of the executable and of libraries in Go.
    """

    loaded: _Loaded
    executable: Executable
    functions: Lines
    types: tuple[DwarfTypes, ...]
    search: Search | None
    mapped: Mapped


def open_session(
    pid: int, debug_folders: Sequence[Path] = FOLDERS, *, runtime: str | None = None
) -> ProcessSession:
    """Learn as much as possible about a process while it runs; only the stop and the reading remain.

    Parameters
    ----------
    debug_folders
        Where split debug information may be, besides around the executable.
    runtime
        Which of several Go runtimes to read, by number or name; None for the largest.

    Raises
    ------
    GoSpansError
        There is no such process, it may not be read, or it is not a Go program
        that can be decoded.
    """
    status = procstatus.examined(pid)
    with ended_instead(pid):
        return _opened(status, debug_folders, runtime)


def _opened(status: procstatus.Status, debug_folders: Sequence[Path], runtime: str | None) -> ProcessSession:
    pid = status.process
    loaded = _loaded(pid)
    executable = open_executable(Path(f"/proc/{pid}/exe"))
    name = os.path.basename(loaded.path) or status.name  # noqa: PTH119  # of a name that is no file any more
    refuse_other_compiler(executable, name)
    memory = ProcessMemory(pid)
    bias = _bias(pid, executable, loaded)
    own = DwarfTypes(find_debug_file(executable, debug_folders) or executable.path, bias)
    system = elf_platform(executable.machine, executable.bits, executable.byteorder, executable.osabi)
    mappings = mappings_of(pid)
    there = modules(mappings)
    libraries = list(go_libraries(pid, memory, there, loaded.path, debug_folders))
    opening = partial(
        open_heap,
        memory,
        (own, *(library.types for library in libraries)),
        system,
        program=name,
        modules=lambda: there,
        runtime=runtime,
    )
    # The layout is resolved and tested on the running process, since that is slow and needs no stop. If it is recognised
    # by memory contents, a change in between may make it seem wrong.
    try:
        opened = opening()
    except (LayoutError, MemoryReadError):
        refuse_gccgo_library(there, name)
        with no_job_control(), standing_still(pid):
            opened = opening()
    if opened is None:
        refuse_gccgo_library(there, name)
        raise TargetError(_no_runtime(pid, name, executable))
    tried = opened.heap
    heap = Heap(memory, tried.layout, tried.symbols, tried.evidence)
    heap.image = tried.image
    types = (own, *(library.types for library in libraries))
    heap.variables = by_debug_information(types)
    symbols, path, added = own.symbols, executable.path, bias
    for library in libraries:
        if opened.module is library.module:
            symbols, path, added = library.types.symbols, library.path, library.types.bias
    functions = functions_of(symbols, path, added)
    functions.function(0)  # sorts them, once
    target = Target(
        kind="live",
        description=f"{name}, process {pid}" + (", executable deleted" if loaded.deleted else ""),
        executable=loaded.path,
        pid=pid,
        build_id=executable.build_id,
        resident=resident(pid),
        runtimes=opened.runtimes,
    )
    search = Search(heap, opened.module, name) if tried.layout.source == "none" and opened.module else None
    ids = {loaded.path: executable.build_id} | {each.module.path: each.build_id for each in libraries}
    known = _Opened(loaded, executable, functions, types, search, Mapped(mappings, ids))
    return ProcessSession(target, heap, memory, known)


def _loaded(pid: int) -> _Loaded:
    """Return the executable of the process; `TargetError` if the kernel does not tell, or the process has ended."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115  # a text, not a file
        vector = Path(f"/proc/{pid}/auxv").read_bytes()
    except PermissionError as error:
        raise procstatus.forbidden(pid) from error
    except OSError as error:
        raise procstatus.gone(pid) from error
    deleted = path.endswith(_DELETED) and not os.path.exists(path)  # noqa: PTH110  # as above
    return _Loaded(path.removesuffix(_DELETED) if deleted else path, deleted, vector)


def _bias(pid: int, executable: Executable, loaded: _Loaded) -> int:
    """Return the load bias of the executable."""
    if not executable.movable:
        return 0
    entry = loaded.entry(executable)
    if entry is None:
        raise TargetError(f"process {pid}: /proc/{pid}/auxv does not say where its executable was loaded")
    return entry - executable.entry


def _no_runtime(pid: int, name: str, executable: Executable) -> str:
    if name.startswith("qemu-"):
        return (
            f"process {pid} is {name}, which runs a program of another architecture "
            f"(try: {name} -g PORT PROGRAM, and gdb-multiarch with target remote)"
        )
    way = f"gdb PROGRAM {pid} with an executable" if executable.is_go else "the process id"
    return no_runtime(name, is_go=executable.is_go, try_with=way)
