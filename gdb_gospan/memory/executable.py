"""An ELF executable: what it is, and its read-only segments as memory."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import elfheader
from gdb_gospan.memory.buildid import build_id
from gdb_gospan.memory.elfheader import ET_DYN, ET_EXEC, elf_type, incomplete
from gdb_gospan.memory.segments import Bytes, Segments, disjoint

if TYPE_CHECKING:
    from gdb_gospan.memory.image import Image

_PAGE: Final = -1 << 12
_SHT_NOTE: Final = 7
_LONGEST_NOTE: Final = 1 << 16
"""Bytes; a build id has less than 200."""
_MOST_NOTES: Final = 64
_GO_SECTIONS: Final = (".go.buildinfo", ".gopclntab", ".data.rel.ro.gopclntab")
_DEBUG_SECTIONS: Final = (".debug_info", ".zdebug_info")


@attrs.frozen(eq=False)
class Executable:
    """An executable file.

    Attributes
    ----------
    bits, byteorder, machine, osabi
        As in its ELF header: e_machine is 62 for amd64, EI_OSABI is 9 for FreeBSD.
    entry
        Address of the first instruction, as linked.
    movable
        Whether the loader may put it anywhere (a PIE or a library).
    lowest
        Address of its first mapping, as linked: whole pages of 4 KiB.
    build_id
        GNU build id in hexadecimal; Go writes one since 1.24.
    is_go
        Whether it has sections that only Go's linker writes.
    section_names
        Of all its sections.
    has_debug_info
        Whether it has DWARF, and not in a file of its own.
    debuglink
        Name and CRC-32 of the file that has its debug information, if it tells.
    notes
        Address, as linked, and contents of its notes: build ids. A stripped copy has the same.
    """

    path: Path
    bits: int
    byteorder: Literal["little", "big"]
    machine: int
    osabi: int
    entry: int
    movable: bool
    lowest: int
    build_id: str | None
    is_go: bool
    section_names: frozenset[str]
    has_debug_info: bool
    debuglink: tuple[str, int] | None
    notes: tuple[tuple[int, bytes], ...]
    _flat: Bytes
    _segments: tuple[tuple[int, int, int], ...]

    def memory(self, bias: int = 0) -> Image:
        """Return the read-only memory of a process that runs this executable.

        Parameters
        ----------
        bias
            What the loader added to every address.
        """
        from gdb_gospan.memory.image import Image  # noqa: PLC0415  # brings what snapshots are packed with

        rows = np.array(self._segments, np.uint64).reshape(-1, 3)
        start = rows[:, 0] + np.uint64(bias % (1 << 64))
        room = np.uint64(len(self._flat)) - np.minimum(rows[:, 2], np.uint64(len(self._flat)))
        return Image(Segments(self._flat, *disjoint(start, np.minimum(rows[:, 1], room), rows[:, 2])))


def open_executable(path: Path) -> Executable:
    """Open an executable. Only a few notes are copied from it, whatever sizes it claims.

    Raises
    ------
    TargetError
        The file cannot be opened, or is no executable of ELF.
    """
    kind = elf_type(path)
    if kind not in (ET_EXEC, ET_DYN):
        raise TargetError(f"{path}: {'not an executable' if kind else 'not an ELF file'}")
    try:
        with path.open("rb") as file:
            flat = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except (OSError, ValueError) as error:  # ValueError: emptied since
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise TargetError(f"{path}: {reason.lower()}") from error
    if lacking := incomplete(flat):
        raise TargetError(f"{path}: the executable is damaged or cut off ({lacking})")
    bits, order, segments = elfheader.segments(flat)
    named = elfheader.named_sections(flat)
    byteorder: Literal["little", "big"] = "little" if order == "<" else "big"
    loads = segments[segments["type"] == elfheader.PT_LOAD]
    constant = loads[loads["flags"] & elfheader.PF_W == 0]
    own = named.get(".note.gnu.build-id")
    return Executable(
        path=path,
        bits=bits,
        byteorder=byteorder,
        machine=int.from_bytes(flat[18:20].tobytes(), byteorder),
        osabi=int(flat[7]),
        entry=elfheader.file_header(flat)[1],
        movable=kind == ET_DYN,
        lowest=min(loads["vaddr"].tolist(), default=0) & _PAGE,
        build_id=None if own is None else build_id(_short(elfheader.contents(flat, own)), order=order),
        is_go=any(name in named for name in _GO_SECTIONS),
        section_names=frozenset(named),
        has_debug_info=any(name in named for name in _DEBUG_SECTIONS),
        debuglink=_debuglink(_contents(flat, named, ".gnu_debuglink"), byteorder),
        notes=_notes(flat, segments),
        flat=flat,
        segments=tuple(
            zip(*(constant[name].tolist() for name in ("vaddr", "filesz", "offset")), strict=True)
        ),
    )


def _contents(flat: Bytes, named: Mapping[str, npt.NDArray[np.void]], name: str) -> bytes:
    """Return what a small section has; nothing when there is none, or it is none of these."""
    return _short(elfheader.contents(flat, named[name])) if name in named else b""


def _short(data: Bytes) -> bytes:
    return data.tobytes() if len(data) <= _LONGEST_NOTE else b""


def _notes(flat: Bytes, segments: npt.NDArray[np.void]) -> tuple[tuple[int, bytes], ...]:
    """Return address and contents of all notes; Go's linker leaves the GNU build id out of its PT_NOTE (1.24 to 1.27)."""
    sections = elfheader.sections(flat)[2]
    sections = sections[(sections["type"] == _SHT_NOTE) & (sections["addr"] != 0)][:_MOST_NOTES]
    segments = segments[segments["type"] == elfheader.PT_NOTE][:_MOST_NOTES]
    rows = [*sections[["addr", "offset", "size"]].tolist(), *segments[["vaddr", "offset", "filesz"]].tolist()]
    found = {
        address: _short(flat[offset : offset + size])
        for address, offset, size in rows
        if size <= _LONGEST_NOTE
    }
    return tuple(sorted((address, data) for address, data in found.items() if data))


def _debuglink(data: bytes, byteorder: Literal["little", "big"]) -> tuple[str, int] | None:
    """Return what .gnu_debuglink says: a name, padding to 4 bytes, a checksum (gdb's manual, Separate Debug Files)."""
    name, nul, _ = data.partition(b"\0")
    at = (len(name) + 4) // 4 * 4
    if not name or not nul or b"/" in name or len(data) < at + 4:
        return None
    return os.fsdecode(name), int.from_bytes(data[at : at + 4], byteorder)
