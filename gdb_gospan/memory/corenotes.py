"""The notes of a Linux core: which process died, of which signal, and where its threads were."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Final

import attrs

from gdb_gospan.memory import elfheader
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.registers import Thread, thread

_NT_PRSTATUS: Final = 1
_NT_PRPSINFO: Final = 3
_NT_AUXV: Final = 6
_NT_FILE: Final = 0x46494C45
_AT_ENTRY: Final = 9

_LONGEST: Final = {_NT_PRSTATUS: 1 << 11, _NT_PRPSINFO: 1 << 9, _NT_AUXV: 1 << 12, _NT_FILE: 1 << 24}
"""Bytes read from each kind of note. The kernel leaves NT_FILE out beyond 4 MiB (MAX_FILE_NOTE_SIZE);
the others have less than half of this."""
_ONE_OF: Final = (_NT_PRPSINFO, _NT_AUXV, _NT_FILE)
"""There is one for the whole process."""
_OWNER: Final = b"CORE\0"
_MOST_NOTES: Final = 1 << 20
"""In all: each thread has about six."""

_CURSIG: Final = 12
"""Offset of pr_cursig, two bytes, in struct elf_prstatus (linux/elfcore.h), for 32 bits too."""

# Offsets by the number of bits: of pr_pid and of the registers in elf_prstatus, of pr_pid in elf_prpsinfo.
_PID: Final = {64: 32, 32: 24}
_REGISTERS: Final = {64: 112, 32: 72}
_PSINFO_PID: Final = {64: 24, 32: 12}
_PSINFO_NAME: Final = 16
"""Offset of pr_fname from pr_pid, past pr_ppid, pr_pgrp and pr_sid."""


@attrs.frozen(repr=False)
class CoreNotes:
    """What the notes say; None or empty where they say nothing.

    Attributes
    ----------
    signal
        That the process died of; 0 or None when it lived on (gcore).
    entry
        Address of the program's first instruction, where it was loaded.
    program
        Path of the file that `entry` was mapped from.
    name
        What the kernel calls the program: at most 15 characters of its name.
    files
        Start, end and path of each mapping of a file, and where in the file it begins.
    threads
        In the order of the core; the first is the one that died.
    """

    pid: int | None = None
    signal: int | None = None
    entry: int | None = None
    program: str | None = None
    name: str | None = None
    files: tuple[tuple[int, int, str, int], ...] = ()
    threads: tuple[Thread, ...] = ()


def read_notes(core: CoreFile) -> CoreNotes:
    """Read the notes of a core; notes that are cut off or not Linux's are skipped."""
    form = ("<" if core.byteorder == "little" else ">") + ("Q" if core.bits == 64 else "I")
    pid = signal = entry = name = None
    files: list[tuple[int, int, str, int]] = []
    threads: list[Thread] = []
    for kind, data in _notes(core):
        if kind == _NT_PRSTATUS and len(data) > _REGISTERS[core.bits]:
            signal = signal or struct.unpack_from(form[0] + "H", data, _CURSIG)[0]
            threads.append(_thread(core, data, form))
        elif kind == _NT_PRPSINFO and len(data) >= _PSINFO_PID[core.bits] + 4:
            (pid,) = struct.unpack_from(form[0] + "I", data, _PSINFO_PID[core.bits])
            begin = _PSINFO_PID[core.bits] + _PSINFO_NAME
            name = os.fsdecode(data[begin : begin + 16].split(b"\0")[0]) or None
        elif kind == _NT_AUXV:
            vector = _rows(data, form, 2, len(data))
            entry = next((value for key, value in vector if key == _AT_ENTRY), None)
        elif kind == _NT_FILE:
            files = _files(data, form)
    if pid is None and threads:
        pid = threads[0].lwp
    program = next(
        (path for start, end, path, _ in files if entry is not None and start <= entry < end), None
    )
    return CoreNotes(pid, signal, entry, program, name, tuple(files), tuple(threads))


def program_name(notes: CoreNotes) -> str:
    """Return the name of the program that dumped a core, if the core has it (cores that Delve dumps do not)."""
    return os.path.basename(notes.program) if notes.program else notes.name or "an unnamed program"  # noqa: PTH119


def _thread(core: CoreFile, data: bytes, form: str) -> Thread:
    (lwp,) = struct.unpack_from(form[0] + "I", data, _PID[core.bits])
    return thread(lwp, data[_REGISTERS[core.bits] :], core.machine, core.bits, core.byteorder)


def _rows(data: bytes, form: str, columns: int, count: int) -> list[tuple[int, ...]]:
    """Return the first `count` rows of words, or as many as there are."""
    row = struct.Struct(form[0] + form[1] * columns)
    count = min(count, len(data) // row.size)
    return list(row.iter_unpack(data[: count * row.size]))


def _files(data: bytes, form: str) -> list[tuple[int, int, str, int]]:
    """Return start, end, path and offset of each mapping of a file (fs/binfmt_elf.c, fill_files_note)."""
    header = _rows(data, form, 2, 1)
    count, page = header[0] if header else (0, 0)
    body = data[2 * struct.calcsize(form) :]
    rows = _rows(body, form, 3, count)
    paths = body[3 * struct.calcsize(form) * count :].split(b"\0", len(rows))
    return [
        (start, end, os.fsdecode(path), pages * page)
        for (start, end, pages), path in zip(rows, paths, strict=False)
    ]


def _notes(core: CoreFile) -> Iterator[tuple[int, bytes]]:
    """Yield type and contents of each note of the kernel's that is there as a whole, as far as they are of interest.

    A note without a name, such as a hole in the file is full of, ends its segment: nothing is read for what a segment
    only claims to hold.
    """
    flat, headers = core.segments.flat, core.headers
    header = struct.Struct(("<" if core.byteorder == "little" else ">") + "3I")
    seen: set[int] = set()
    left = _MOST_NOTES
    for i in (headers.type == elfheader.PT_NOTE).nonzero()[0].tolist():
        at = int(headers.offset[i])
        end = min(at + int(headers.filesz[i]), len(flat))
        while at + header.size <= end and left:
            left -= 1
            name_size, size, kind = header.unpack(flat[at : at + header.size].tobytes())
            if not name_size:
                break
            name, begin = at + header.size, at + header.size + _padded(name_size)
            at = begin + _padded(size)
            if name_size != len(_OWNER) or kind not in _LONGEST or kind in seen or begin + size > end:
                continue
            if flat[name : name + name_size].tobytes() == _OWNER:
                if kind in _ONE_OF:
                    seen.add(kind)
                yield kind, flat[begin : begin + min(size, _LONGEST[kind])].tobytes()


def _padded(size: int) -> int:
    return (size + 3) // 4 * 4
