"""What a Linux core says about its process: who died, of what, and where its threads stood."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Final

import attrs

from gdb_gospan.memory import elfheader
from gdb_gospan.memory.elfcore import CoreFile

_PT_NOTE: Final = 4
_NT_PRSTATUS: Final = 1
_NT_PRPSINFO: Final = 3
_NT_AUXV: Final = 6
_NT_FILE: Final = 0x46494C45
_AT_ENTRY: Final = 9

_CURSIG: Final = 12
"""Offset of pr_cursig, two bytes, in struct elf_prstatus (linux/elfcore.h), for 32 bits too."""

# Offsets by the number of bits: of pr_pid and of the registers in elf_prstatus, of pr_pid in elf_prpsinfo.
_PID: Final = {64: 32, 32: 24}
_REGISTERS: Final = {64: 112, 32: 72}
_PSINFO_PID: Final = {64: 24, 32: 12}

# Frame pointer and program counter in the registers that ptrace gives (elf_gregset_t), by e_machine.
_POINTERS: Final = {62: (4, 16), 183: (29, 32)}


@attrs.frozen
class Thread:
    """A thread at the end.

    Attributes
    ----------
    lwp
        Its number in the kernel.
    pc, frame
        Program counter and frame pointer; 0 where this architecture's are not known.
    """

    lwp: int
    pc: int
    frame: int


@attrs.frozen
class CoreNotes:
    """What the notes say; None and empty where they do not.

    Attributes
    ----------
    signal
        That the process died of; 0 or None when it lived on (gcore).
    entry
        Address of the program's first instruction, where it was loaded.
    program
        Path of the file that `entry` was mapped from.
    threads
        In the order of the core; the first is the one that died.
    """

    pid: int | None = None
    signal: int | None = None
    entry: int | None = None
    program: str | None = None
    threads: tuple[Thread, ...] = ()


def read_notes(core: CoreFile) -> CoreNotes:
    """Read the notes of a core; what is cut off or not of Linux is not there."""
    form = ("<" if core.byteorder == "little" else ">") + ("Q" if core.bits == 64 else "I")
    pid = signal = entry = None
    files: list[tuple[int, int, str]] = []
    threads: list[Thread] = []
    for kind, data in _notes(core):
        if kind == _NT_PRSTATUS and len(data) > _REGISTERS[core.bits]:
            signal = signal or struct.unpack_from(form[0] + "H", data, _CURSIG)[0]
            threads.append(_thread(core, data, form))
        elif kind == _NT_PRPSINFO and len(data) >= _PSINFO_PID[core.bits] + 4:
            (pid,) = struct.unpack_from(form[0] + "I", data, _PSINFO_PID[core.bits])
        elif kind == _NT_AUXV:
            vector = _rows(data, form, 2, len(data))
            entry = next((value for key, value in vector if key == _AT_ENTRY), None)
        elif kind == _NT_FILE:
            files = _files(data, form)
    if pid is None and threads:
        pid = threads[0].lwp
    program = next((path for start, end, path in files if entry is not None and start <= entry < end), None)
    return CoreNotes(pid, signal, entry, program, tuple(threads))


def _thread(core: CoreFile, data: bytes, form: str) -> Thread:
    (lwp,) = struct.unpack_from(form[0] + "I", data, _PID[core.bits])
    registers = [word for (word,) in _rows(data[_REGISTERS[core.bits] :], form, 1, len(data))]
    frame, pc = _POINTERS.get(core.machine, (0, 0))
    if not 0 < pc < len(registers):
        return Thread(lwp, 0, 0)
    return Thread(lwp, registers[pc], registers[frame])


def _rows(data: bytes, form: str, columns: int, count: int) -> list[tuple[int, ...]]:
    """Return the first `count` rows of words, or as many as there are."""
    row = struct.Struct(form[0] + form[1] * columns)
    count = min(count, len(data) // row.size)
    return list(row.iter_unpack(data[: count * row.size]))


def _files(data: bytes, form: str) -> list[tuple[int, int, str]]:
    """Return start, end and path of each mapping of a file (fs/binfmt_elf.c, fill_files_note)."""
    header = _rows(data, form, 2, 1)
    count = header[0][0] if header else 0
    body = data[2 * struct.calcsize(form) :]
    rows = _rows(body, form, 3, count)
    paths = body[3 * struct.calcsize(form) * count :].split(b"\0")
    return [(start, end, os.fsdecode(path)) for (start, end, _), path in zip(rows, paths, strict=False)]


def _notes(core: CoreFile) -> Iterator[tuple[int, bytes]]:
    """Yield type and contents of each note of the kernel's that is there as a whole."""
    flat = core.segments.flat
    headers = elfheader.decode(flat, str(core.path))
    header = struct.Struct(("<" if core.byteorder == "little" else ">") + "3I")
    for i in (headers.type == _PT_NOTE).nonzero()[0].tolist():
        begin = int(headers.offset[i])
        data = flat[begin : begin + int(headers.filesz[i])].tobytes()
        at = 0
        while at + header.size <= len(data):
            name_size, size, kind = header.unpack_from(data, at)
            name = data[at + header.size : at + header.size + name_size]
            at += header.size + _padded(name_size)
            if name == b"CORE\0" and at + size <= len(data):
                yield kind, data[at : at + size]
            at += _padded(size)


def _padded(size: int) -> int:
    return (size + 3) // 4 * 4
