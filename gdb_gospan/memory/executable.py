"""An ELF executable: what it is, and its read-only segments as memory."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final, Literal

import attrs
import numpy as np
from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.elfheader import ET_DYN, ET_EXEC, elf_type
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.segments import Bytes, Segments, disjoint

_PF_W: Final = 2
_PAGE: Final = -1 << 12
_GO_SECTIONS: Final = (".go.buildinfo", ".gopclntab", ".data.rel.ro.gopclntab")
_DEBUG_SECTIONS: Final = (".debug_info", ".zdebug_info")

# What pyelftools raises over a file that is not what it should be.
_DAMAGE: Final = (AssertionError, ConstructError, ELFError, LookupError, OverflowError, ValueError)


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
    has_debug_info: bool
    debuglink: tuple[str, int] | None
    notes: tuple[tuple[int, bytes], ...]
    _flat: Bytes
    _segments: tuple[tuple[int, int, int], ...]

    def memory(self, bias: int = 0) -> Image:
        """Return what a process that runs it has at its addresses and cannot change.

        Parameters
        ----------
        bias
            What the loader added to every address.
        """
        rows = np.array(self._segments, np.uint64).reshape(-1, 3)
        start = rows[:, 0] + np.uint64(bias % (1 << 64))
        room = np.uint64(len(self._flat)) - np.minimum(rows[:, 2], np.uint64(len(self._flat)))
        return Image(Segments(self._flat, *disjoint(start, np.minimum(rows[:, 1], room), rows[:, 2])))


def open_executable(path: Path) -> Executable:
    """Open an executable.

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
            elf = ELFFile(file)
            return Executable(
                path=path,
                bits=elf.elfclass,
                byteorder="little" if elf.little_endian else "big",
                machine=int.from_bytes(flat[18:20].tobytes(), "little" if elf.little_endian else "big"),
                osabi=int(flat[7]),
                entry=elf["e_entry"],
                movable=kind == ET_DYN,
                lowest=min((each["p_vaddr"] for each in elf.iter_segments("PT_LOAD")), default=0) & _PAGE,
                build_id=_build_id(elf),
                is_go=any(elf.get_section_by_name(name) for name in _GO_SECTIONS),
                has_debug_info=any(elf.get_section_by_name(name) for name in _DEBUG_SECTIONS),
                debuglink=_debuglink(elf),
                notes=_notes(elf),
                flat=flat,
                segments=tuple(
                    (segment["p_vaddr"], segment["p_filesz"], segment["p_offset"])
                    for segment in elf.iter_segments("PT_LOAD")
                    if not segment["p_flags"] & _PF_W
                ),
            )
    except OSError as error:
        raise TargetError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except _DAMAGE as error:
        raise TargetError(
            f"{path}: the executable is damaged or cut off ({type(error).__name__}: {error})"
        ) from error


def _notes(elf: ELFFile) -> tuple[tuple[int, bytes], ...]:
    """Return address and contents of all notes; Go's linker leaves the GNU build id out of its PT_NOTE (1.24 to 1.27)."""
    segments = {segment["p_vaddr"]: segment.data() for segment in elf.iter_segments("PT_NOTE")}
    sections = {
        section["sh_addr"]: section.data() for section in elf.iter_sections("SHT_NOTE") if section["sh_addr"]
    }
    return tuple(sorted((sections | segments).items()))


def _debuglink(elf: ELFFile) -> tuple[str, int] | None:
    """Return what .gnu_debuglink says: a name, padding to 4 bytes, a checksum (gdb's manual, Separate Debug Files)."""
    section = elf.get_section_by_name(".gnu_debuglink")
    data = section.data() if section else b""
    name, nul, _ = data.partition(b"\0")
    at = (len(name) + 4) // 4 * 4
    if not name or not nul or b"/" in name or len(data) < at + 4:
        return None
    return os.fsdecode(name), int.from_bytes(data[at : at + 4], "little" if elf.little_endian else "big")


def _build_id(elf: ELFFile) -> str | None:
    section = elf.get_section_by_name(".note.gnu.build-id")
    if isinstance(section, NoteSection):
        for note in section.iter_notes():
            if note["n_type"] == "NT_GNU_BUILD_ID":
                return str(note["n_desc"])
    return None
