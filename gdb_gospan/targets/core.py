"""A session on an executable and its core, without a debugger."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Final

from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.errors import LayoutError, MemoryReadError, TargetError, UsageError, cut_off
from gdb_gospan.layout.compilers import refuse_gccgo_library, refuse_other_compiler
from gdb_gospan.layout.debugfile import FOLDERS, find_debug_file
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.functions import Lines, functions_of, go_names
from gdb_gospan.layout.machine import elf_platform
from gdb_gospan.memory.buildid import build_id, other_build
from gdb_gospan.memory.corecontents import core_contents
from gdb_gospan.memory.coredump_filter import refuse_filtered
from gdb_gospan.memory.corenotes import CoreNotes, program_name, read_notes
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.elfheader import ET_CORE, ET_DYN, ET_EXEC, elf_type
from gdb_gospan.memory.executable import Executable, open_executable
from gdb_gospan.memory.mappings import Mapped, Module, modules
from gdb_gospan.memory.model import Tell
from gdb_gospan.runtime.program import open_heap
from gdb_gospan.targets.description import core_description, no_runtime
from gdb_gospan.targets.frames import stacks
from gdb_gospan.targets.variables import by_debug_information, by_symbols, variables_at

_PROGRAM: Final = (ET_EXEC, ET_DYN)


def open_session(
    files: Sequence[str],
    debug_folders: Sequence[Path] = FOLDERS,
    telling: Callable[[str], AbstractContextManager[Tell | None]] = lambda _what: nullcontext(),
    runtime: str | None = None,
) -> Session:
    """Open a core, and the executable that belongs to it if there is one; `files` names them in either order.

    Instead of the executable, a library of the process can be given: then the library's runtime is read.

    Parameters
    ----------
    debug_folders
        Where split debug information may be, besides around the executable.
    telling
        Makes a progress callback for a step: unpacking a compressed core.
    runtime
        Which of several Go runtimes to read, by number or name; None for the largest.

    Raises
    ------
    GoSpansError
        There is no core, a file is something else, the two do not belong together, or the program is not a Go
        program that can be decoded.
    """
    program_path, core_path = _sort(files)
    with telling(f"unpacking {core_path.name}") as tell:
        core = CoreFile(core_path, tell=tell)
    notes = read_notes(core)
    there = modules(core.mappings(notes.files))
    executable = None if program_path is None else open_executable(program_path)
    if executable is not None:
        refuse_other_compiler(executable, executable.path.name)
    library = None if executable is None else _library(executable, core, notes, there)
    types: DwarfTypes | None = None
    bias = 0
    if executable is not None:
        bias = _matching(executable, core, notes) if library is None else library.start - executable.lowest
        core.fallback = executable.memory(bias)
        types = DwarfTypes(find_debug_file(executable, debug_folders) or executable.path, bias)
    refuse_filtered(core, notes)
    name = program_name(notes) if executable is None or library is not None else executable.path.name
    system = elf_platform(
        core.machine, core.bits, core.byteorder, 0 if executable is None else executable.osabi
    )
    if runtime is None and library is not None and executable is not None and executable.is_go:
        runtime = library.path
    try:
        opened = open_heap(
            core,
            () if types is None else (types,),
            system,
            program=name,
            modules=lambda: there,
            runtime=runtime,
        )
    except (MemoryReadError, LayoutError) as error:
        refuse_gccgo_library(there, name)
        if not core.truncated:
            raise
        raise type(error)(cut_off(core_path, core.truncated, error)) from error
    if opened is None:
        refuse_gccgo_library(there, name)
        raise TargetError(_no_heap(core, executable, name))
    # A C program may have loaded a Go library; then the core must have been dumped by that program.
    if executable is not None and not executable.is_go and program_name(notes)[:15] != name[:15]:
        raise TargetError(
            f"{program_path} is not a Go program and not the executable of {core_path}{_made_by(notes)}"
        )
    target = Target(
        kind="core",
        description=core_description(name, notes.signal),
        executable=None if program_path is None else os.path.realpath(program_path),
        core=os.path.abspath(core_path),  # noqa: PTH100  # like gdb: symbolic links stay
        pid=notes.pid,
        build_id=None if executable is None else executable.build_id,
        missing=core.truncated,
        runtimes=opened.runtimes,
    )

    def functions() -> Lines | None:
        # With several runtimes, the functions of one prove nothing about another.
        if types is None or executable is None or (len(opened.runtimes) > 1 and opened.source is None):
            return None
        return functions_of(types.symbols, executable.path, bias)

    def code() -> Lines | None:
        named = functions()
        return None if named is None else go_names(named)

    opened.heap.variables = None if types is None else by_debug_information((types,))
    return Session(
        target,
        opened.heap,
        lambda: stacks(core, notes.threads, functions()),
        lwps=lambda: tuple(thread.lwp for thread in notes.threads),
        variables=by_symbols(
            () if types is None else (types,), "" if executable is None else str(executable.path)
        ),
        variables_at=variables_at(() if types is None else (types,)),
        code=code,
        contents=partial(core_contents, core, notes),
        mapped=lambda: Mapped(core.code(notes.files), _build_ids(executable, library, notes)),
        threads=lambda: notes.threads,
    )


def _build_ids(
    executable: Executable | None, library: Module | None, notes: CoreNotes
) -> dict[str, str | None]:
    """Return the build id of the file that was given, by its path in the core."""
    path = notes.program if library is None else library.path
    return {} if executable is None or path is None else {path: executable.build_id}


def _library(
    executable: Executable, core: CoreFile, notes: CoreNotes, there: Sequence[Module]
) -> Module | None:
    """Return the file's module if it is a library of the process, not its executable.

    Its notes, the build id among them, are in the memory of the module that it is; of a file whose notes are nowhere to
    be found, the name decides.
    """
    if not executable.movable or (
        notes.entry is not None and _is_at(executable, core, notes.entry - executable.entry)
    ):
        return None
    libraries = [module for module in there if module.path and module.path != notes.program]
    own = (module for module in libraries if _is_at(executable, core, module.start - executable.lowest))
    named = (
        module
        for module in libraries
        if notes.program is not None
        and module.name == executable.path.name
        and not other_build(executable.notes, core, module.start - executable.lowest)
    )
    return next(own, None) or next(named, None)


def _is_at(executable: Executable, core: CoreFile, bias: int) -> bool:
    """Whether all notes of the file, with a build id among them, are in memory there."""
    identified = any(build_id(data) or build_id(data, b"Go\0\0") for _, data in executable.notes)
    return identified and all(
        core.read(address + bias, len(data)) == data for address, data in executable.notes
    )


def _matching(executable: Executable, core: CoreFile, notes: CoreNotes) -> int:
    """Return the load bias of the executable, after checking that it belongs to the core."""
    if (core.machine, core.bits, core.byteorder) != (
        executable.machine,
        executable.bits,
        executable.byteorder,
    ):
        raise TargetError(f"{core.path} and {executable.path} have different architectures{_made_by(notes)}")
    bias = _bias(executable, notes, core.path)
    other = other_build(executable.notes, core, bias)
    if other:
        raise TargetError(f"{executable.path} is not the executable of {core.path}: {other}{_made_by(notes)}")
    return bias


def _no_heap(core: CoreFile, executable: Executable | None, name: str) -> str:
    """Return the message that no Go runtime was found."""
    if core.truncated:
        return cut_off(core.path, core.truncated, f"no Go runtime of {name} in the remaining part")
    return no_runtime(name, is_go=executable is not None and executable.is_go, try_with="the executable")


def _sort(files: Sequence[str]) -> tuple[Path | None, Path]:
    """Tell the executable from the core by their headers."""
    if not files:
        raise UsageError("no program given (try: go-spans summary ./program core, or --pid N)")
    if len(files) > 2:
        raise UsageError(f"expected an executable and its core, got {len(files)} files: {' '.join(files)}")
    if len(files) == 1:
        return None, _only(Path(files[0]))
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


def _only(path: Path) -> Path:
    """Return the one file if it is a core."""
    kind = elf_type(path)
    if kind in _PROGRAM:
        raise TargetError(
            f"{path} is an executable: its core is needed too "
            "(to get one: ulimit -c unlimited; GOTRACEBACK=crash; or gcore PID)"
        )
    return path  # whatever else it is, the reader of cores says so


def _made_by(notes: CoreNotes) -> str:
    """Return which program dumped the core, if the core has it."""
    return f" (the core was dumped by {notes.program})" if notes.program else ""


def _bias(executable: Executable, notes: CoreNotes, core: str | os.PathLike[str]) -> int:
    """Return the load bias of the executable."""
    if not executable.movable:
        return 0
    if notes.entry is None:
        raise TargetError(
            f"{core}: does not say where {executable.path.name} was loaded: it "
            "has no auxiliary vector (is it cut off? try: gdb PROGRAM CORE)"
        )
    return notes.entry - executable.entry
