"""A session of an executable and its core, without a debugger."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from gdb_gospan.commands.session import Session, Target, at_bottom, core_description, no_runtime
from gdb_gospan.errors import MemoryReadError, TargetError, UsageError
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.layout.platform import platform
from gdb_gospan.memory import Memory, Unreadable
from gdb_gospan.memory.corenotes import CoreNotes, Thread, read_notes
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.elfheader import ET_CORE, ET_DYN, ET_EXEC, elf_type
from gdb_gospan.memory.executable import Executable, open_executable
from gdb_gospan.runtime.program import open_heap

# GOARCH by e_machine (elf.h), class and byte order.
_ARCHES: Final = {
    (3, 32, "little"): "386",
    (8, 64, "big"): "mips64",
    (8, 64, "little"): "mips64le",
    (21, 64, "big"): "ppc64",
    (21, 64, "little"): "ppc64le",
    (22, 64, "big"): "s390x",
    (40, 32, "little"): "arm",
    (62, 64, "little"): "amd64",
    (183, 64, "little"): "arm64",
    (243, 64, "little"): "riscv64",
    (258, 64, "little"): "loong64",
}
_OSABI_FREEBSD: Final = 9
_PROGRAM: Final = (ET_EXEC, ET_DYN)
_FRAMES: Final = 24
"""Frames of a thread to look at: the allocator's own call chains are shorter."""


def open_session(files: Sequence[str]) -> Session:
    """Open the executable and the core that `files` names, in either order.

    Raises
    ------
    GoSpansError
        One of the two is missing, is something else, or does not belong to the
        other; or it is no Go program that can be decoded.
    """
    program_path, core_path = _sort(files)
    executable = open_executable(program_path)
    core = CoreFile(core_path)
    notes = read_notes(core)
    name = program_path.name
    if (core.machine, core.bits, core.byteorder) != (
        executable.machine,
        executable.bits,
        executable.byteorder,
    ):
        raise TargetError(f"{core_path} and {program_path} are of different architectures{_made_by(notes)}")
    bias = _bias(executable, notes, core_path)
    if not _same_build(executable, core, bias):
        raise TargetError(
            f"{program_path} is not the executable of {core_path}: their build ids differ{_made_by(notes)}"
        )
    core.fallback = executable.memory(bias)
    types = DwarfTypes(program_path, bias)
    if types.address("runtime.mheap_") is None:
        raise TargetError(no_runtime(name, is_go=executable.is_go, try_with="the executable"))
    key = executable.machine, executable.bits, executable.byteorder
    os_name = "freebsd" if executable.osabi == _OSABI_FREEBSD else "linux"
    system = platform(os_name, _ARCHES.get(key, f"e_machine {executable.machine}"))
    try:
        heap = open_heap(core, types, system, program=name)
    except MemoryReadError as error:
        if not core.truncated:
            raise
        raise MemoryReadError(
            f"{core_path} is cut off, {core.truncated:,} bytes are missing: {error}"
        ) from error
    target = Target(
        kind="core",
        description=core_description(name, notes.signal),
        executable=os.path.realpath(program_path),
        core=os.path.abspath(core_path),  # noqa: PTH100  # like gdb: symbolic links stay
        pid=notes.pid,
        build_id=executable.build_id,
    )
    return Session(target, heap, lambda: _frames(core, notes, types.symbols))


def _sort(files: Sequence[str]) -> tuple[Path, Path]:
    """Tell which file is the executable and which the core, as far as their headers show it."""
    if not files:
        raise UsageError("no program to look at (try: go-spans summary ./program core)")
    if len(files) > 2:
        raise UsageError(f"an executable and its core are needed, not {len(files)} files: {' '.join(files)}")
    if len(files) == 1:
        raise TargetError(_only(Path(files[0])))
    program, core = Path(files[0]), Path(files[1])
    kinds = elf_type(program), elf_type(core)
    if kinds[0] not in _PROGRAM and (kinds[0] == ET_CORE or kinds[1] in _PROGRAM):
        program, core, kinds = core, program, kinds[::-1]
    if kinds == (ET_CORE, ET_CORE):
        raise TargetError(f"{files[0]} and {files[1]} are both cores: one must be the executable")
    if kinds[0] in _PROGRAM and kinds[1] in _PROGRAM:
        raise TargetError(
            f"{files[0]} and {files[1]} are both executables: one must be a core "
            "(to get one: ulimit -c unlimited; GOTRACEBACK=crash; or gcore PID)"
        )
    return program, core


def _only(path: Path) -> str:
    """Say what is missing when there is one file only."""
    kind = elf_type(path)
    if kind == ET_CORE:
        return f"{path} is a core: its executable is needed too{_made_by(read_notes(CoreFile(path)))}"
    if kind in _PROGRAM:
        return (
            f"{path} is an executable: a core of it is needed too "
            "(to get one: ulimit -c unlimited; GOTRACEBACK=crash; or gcore PID)"
        )
    return f"{path} is neither an executable nor a core (try: go-spans summary ./program core)"


def _made_by(notes: CoreNotes) -> str:
    """Say which program the core is of, where the core tells."""
    return f" (the core is of {notes.program})" if notes.program else ""


def _bias(executable: Executable, notes: CoreNotes, core: Path) -> int:
    """Return what the loader added to the addresses of the executable."""
    if not executable.movable:
        return 0
    if notes.entry is None:
        raise TargetError(
            f"{core}: does not say where {executable.path.name} was loaded, for it has no auxiliary vector "
            "(cut off? try: gdb PROGRAM CORE)"
        )
    return notes.entry - executable.entry


def _same_build(executable: Executable, core: CoreFile, bias: int) -> bool:
    """Compare the notes of the executable, where the core has that page: the kernel adds it by default."""
    for address, wanted in executable.notes:
        found = core.read(address + bias, len(wanted))
        if not isinstance(found, Unreadable) and found != wanted:
            return False
    return True


def _frames(core: CoreFile, notes: CoreNotes, symbols: SymbolTable) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each thread's label and innermost functions, as frame pointers tell them.

    Go keeps frame pointers on amd64 and arm64, but for functions without a frame
    of their own, whose caller is passed over.
    """
    for number, thread in enumerate(notes.threads, 1):
        names: list[str] = []
        for counter in _counters(core, thread):
            name = symbols.function(counter)
            if name is None:
                break  # past the bottom of the stack
            names.append(name.removesuffix(".abi0"))
            if at_bottom(names):
                break
        yield f"thread {number}", names


def _counters(core: Memory, thread: Thread) -> Iterator[int]:
    """Yield where the thread is, then the return addresses up its stack."""
    yield thread.pc
    frame = thread.frame
    for _ in range(_FRAMES - 1):
        record = core.read(frame, 16) if frame else Unreadable(0, 16, "no frame")
        if isinstance(record, Unreadable):
            return
        frame = int.from_bytes(record[:8], "little")
        yield int.from_bytes(record[8:], "little") - 1  # a call may be the last instruction of its function
