"""The stacks of the threads, from gdb."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import gdb

from gdb_gospan.analysis.rules import VDSO_CALLERS
from gdb_gospan.analysis.standing import FRAMES, Stack, at_bottom
from gdb_gospan.debugger.files import at_hand, executable
from gdb_gospan.debugger.memory import GdbMemory
from gdb_gospan.debugger.sources import library_of
from gdb_gospan.debugger.symbols import place_of
from gdb_gospan.debugger.text_output import said
from gdb_gospan.errors import TargetError
from gdb_gospan.layout.pclntab import FunctionTable
from gdb_gospan.memory import Memory, procstatus
from gdb_gospan.memory.mappings import Module
from gdb_gospan.memory.registers import Thread
from gdb_gospan.targets.frames import stacks, walked

if TYPE_CHECKING:
    from gdb_gospan.layout.variabletypes import Pointing
    from gdb_gospan.runtime.record import U64

_POINTERS: dict[str, tuple[int, tuple[str, ...]]] = {
    "i386:x86-64": (62, ("rbp", "rsp")),
    "aarch64": (183, ("x29", "sp", "x30")),
}
"""e_machine (elf.h), where Go keeps frame pointers, the stack pointer, and the link register if there is one, by gdb's
names of architectures."""

_LOST_BELOW = (*VDSO_CALLERS, "runtime.systemstack")
"""Functions below which gdb shows no callers of theirs."""

_found: list[tuple[str, list[str], Thread]] = []
_elsewhere: list[Module] = []
_stopped: list[KeyboardInterrupt] = []


def frames(
    stripped: Memory | None = None, module: Module | None = None, elsewhere: Sequence[Module] = ()
) -> list[Stack]:
    """Return each thread with its innermost functions; gdb's selection stays unchanged.

    Parameters
    ----------
    stripped
        Memory of a program without symbols, of whose stacks gdb knows next to nothing: they
        are walked by frame pointers, and the functions have the names of Go's own table.
    module
        That has the table; None for the executable.
    elsewhere
        The modules of other Go runtimes: a function there is named with its file, ``liba.so:runtime.mallocgc``, for
        it says nothing of this runtime.
    """
    _elsewhere[:] = elsewhere
    # Some gdbs warn of each thread of a core when its registers are read; as output of a command it is caught.
    gdb.execute(f"python __import__({__name__!r}, fromlist=['_guarded'])._guarded()", to_string=True)
    if _stopped:
        raise _stopped.pop()
    if stripped is None:
        return [Stack(label, tuple(names), thread.lwp) for label, names, thread in _found]
    by_pointers = stacks(stripped, [thread for _, _, thread in _found], code(module))
    # What gdb says of a thread that is in C code, of a library that has symbols, is better than nothing.
    return [
        Stack(label, ours.functions or tuple(names), thread.lwp)
        for (label, names, thread), ours in zip(_found, by_pointers, strict=True)
    ]


def lwps() -> tuple[int, ...]:
    """Return the ids of all threads in the process's own pid namespace, if known."""
    inferior = gdb.selected_inferior()
    numbers = tuple(thread.ptid[1] for thread in inferior.threads())
    native = inferior.connection is not None and inferior.connection.type == "native"
    return procstatus.own_numbers(inferior.pid, numbers) if native else numbers


def code(module: Module | None) -> FunctionTable:
    """Return Go's own table of the functions of a module, or of the executable."""
    return FunctionTable.of_executable(*_file(module))


def variable_types(module: Module | None, addresses: U64) -> Iterable[Pointing]:
    """Return what the debug information of a module, or of the executable, says of pointers in its variables."""
    from gdb_gospan.layout.dwarf import DwarfTypes
    from gdb_gospan.layout.variabletypes import pointing

    path, bias = _file(module)
    return pointing(DwarfTypes(Path(path), bias), addresses)


def _file(module: Module | None) -> tuple[str | Path, int]:
    """Return the file of a module, or of the executable, and what the loader added to its addresses."""
    library = None if module is None else library_of(module)
    if library is not None:
        return library
    # pyelftools takes 30 ms to import, and few stops need this.
    from gdb_gospan.memory.executable import open_executable

    path = Path(at_hand(executable()) or "")
    try:
        file = open_executable(path)
        entry = re.search(r"AT_ENTRY\b.*(0x[0-9a-f]+)", said("info auxv")) if file.movable else None
    except (TargetError, gdb.error):  # no file, or a remote side that has no auxiliary vector
        return path, 0
    return path, int(entry[1], 16) - file.entry if entry else 0


def _pointers(frame: gdb.Frame, lwp: int) -> Thread:
    """Return where the thread whose newest frame this is stands, as far as its registers tell."""
    machine, registers = _POINTERS.get(frame.architecture().name(), (0, ()))
    try:
        pointers = [int(frame.read_register(register)) % (1 << 64) for register in registers]
        if not pointers:
            return Thread(lwp, frame.pc(), 0)
        own, stack, link = (*pointers, 0)[:3]
        return Thread(lwp, frame.pc(), own, machine, stack, link)
    except (gdb.error, ValueError):
        return Thread(lwp, 0, 0)


def _guarded() -> None:
    """Collect, and keep a Ctrl-C: gdb takes what leaves a command of Python for a defect of it."""
    try:
        _collect()
    except KeyboardInterrupt as stopped:
        _stopped.append(stopped)


def _collect() -> None:
    _found.clear()
    selected = gdb.selected_thread()
    frame = gdb.selected_frame() if selected else None
    try:
        own = dict(zip((thread.num for thread in gdb.selected_inferior().threads()), lwps(), strict=True))
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num):
            names: list[str] = []
            here = Thread(own[thread.num], 0, 0)
            with suppress(gdb.error):  # a stack that cannot be unwound further still told us its top
                thread.switch()
                here = _pointers(gdb.newest_frame(), here.lwp)
                _unwind(names)
            _lengthen(names, here)
            _found.append((f"thread {thread.num}", names, here))
    finally:
        if selected is not None and selected.is_valid():
            selected.switch()
            if frame is not None and frame.is_valid():
                frame.select()


def _unwind(names: list[str]) -> None:
    """Ask gdb for the functions of the selected thread, as far down as its tables are right.

    Below systemstack they are not: the caller is on another stack, and gdb shows what an older call has left on this one.
    """
    current: gdb.Frame | None = gdb.newest_frame()
    while (
        current is not None
        and len(names) < FRAMES
        and not (at_bottom(names) or (names and names[-1] in _LOST_BELOW))
    ):
        names.append(_placed(current.name() or "", current.pc()))
        current = current.older()


def _placed(name: str, address: int) -> str:
    """Return the name of a function, with its file when that has another Go runtime."""
    other = next((each for each in _elsewhere if each.start <= address < each.end), None)
    return name if other is None else f"{other.name}:{name}"


def _lengthen(names: list[str], here: Thread) -> None:
    """Go on by frame pointers where gdb lost its way.

    Go's unwinding tables end where the stack changes, below systemstack; and until Go 1.20 gdb does not know
    the function that ends a signal handler, so it sees nothing of what the signal interrupted.
    """
    known = names[: names.index("")] if "" in names else names
    if not here.machine or not known or len(known) >= FRAMES or at_bottom(known):
        return
    found = walked(GdbMemory("core"), here, _Symbols())
    # gdb has inlined functions besides, so the last that it knows is the place to go on from.
    places = [at for at, name in enumerate(found) if name == known[-1]]
    nth = known.count(known[-1]) - 1
    if nth < len(places):
        names[:] = known + found[places[nth] + 1 :]


class _Symbols:
    """gdb's symbols, for the walk along frame pointers."""

    def function(self, address: int) -> str | None:
        """Return the name of the function that the code at ``address`` belongs to, or None."""
        found = place_of(address)
        return _placed(found.name, address) if found else None

    def depth(self, _address: int) -> int | None:
        """Return None: gdb has unwound the newest function by its own tables."""
        return None
