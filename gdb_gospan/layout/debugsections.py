"""Read and unpack the debug sections of an ELF file, within a size that the file can plausibly hold."""

from __future__ import annotations

import io
import mmap
import struct
import zlib
from pathlib import Path
from typing import Final, Literal

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.errors import LayoutError
from gdb_gospan.memory import elfheader
from gdb_gospan.memory.cost import allowance
from gdb_gospan.memory.segments import Bytes

_WANTED: Final = ("info", "abbrev", "str", "line_str", "str_offsets", "addr")
_SHF_COMPRESSED: Final = 0x800
_ELFCOMPRESS_ZLIB: Final = 1
_GNU: Final = b"ZLIB"
"""Begins a section whose name begins with ``.z``; its unpacked size follows, in big-endian order."""
_PIECE: Final = 1 << 20
"""Bytes to unpack at once: what is unpacked is there once, not twice."""


@attrs.frozen
class DebugSections:
    """The debug sections of one file.

    Attributes
    ----------
    bits, byteorder
        Of the file.
    sections
        Contents by the name without ``.debug_``.
    """

    bits: int
    byteorder: Literal["little", "big"]
    sections: dict[str, io.BytesIO]


@attrs.frozen
class _Section:
    name: str
    data: Bytes
    size: int
    packed: bool


def read_debug_sections(path: Path) -> DebugSections:
    """Read all debug sections and unpack the compressed ones.

    Raises
    ------
    LayoutError
        They claim to be larger than the file can be believed to hold, or are packed in a way that is not known.
    OSError, ValueError, struct.error, zlib.error
        The file cannot be read, or is damaged.
    """
    with path.open("rb") as file:
        data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        most = allowance(file.fileno())
    bits, order, _ = elfheader.sections(data)
    if lacking := elfheader.incomplete(data):
        raise ValueError(lacking)
    named = elfheader.named_sections(data)
    found = [
        _section(path, name, data, named[name], bits, order)
        for kind in _WANTED
        for name in (f".debug_{kind}", f".zdebug_{kind}")
        if name in named
    ]
    size = sum(section.size for section in found)
    if size > most:
        largest = max(found, key=lambda section: section.size)
        raise LayoutError(
            f"{path}: {largest.name} claims {largest.size:,} bytes, more than a file of this size can hold "
            "(is the file damaged? try: the original executable)"
        )
    kinds = {section.name.rpartition("debug_")[2]: _contents(section) for section in found}
    return DebugSections(bits, "little" if order == "<" else "big", kinds)


def _section(
    path: Path, name: str, data: Bytes, header: npt.NDArray[np.void], bits: int, order: str
) -> _Section:
    """Return where a section's contents are, and how large they claim to be."""
    there = elfheader.contents(data, header)
    if int(header["flags"][0]) & _SHF_COMPRESSED:
        form = f"{order}IIQQ" if bits == 64 else f"{order}III"  # Elf64_Chdr, Elf32_Chdr
        kind, *_, size, _ = struct.unpack_from(form, there[: struct.calcsize(form)].tobytes())
        if kind != _ELFCOMPRESS_ZLIB:
            raise LayoutError(
                f"{path}: {name} is compressed with a method other than zlib (try: objcopy --decompress-debug-sections)"
            )
        return _Section(name, there[struct.calcsize(form) :], size, packed=True)
    if there[: len(_GNU)].tobytes() == _GNU and name.startswith(".z"):
        (size,) = struct.unpack_from(">Q", there[len(_GNU) : len(_GNU) + 8].tobytes())
        return _Section(name, there[len(_GNU) + 8 :], size, packed=True)
    size = int(header["size"][0])
    if size > len(there):
        raise ValueError(f"{name} ends beyond the end of the file")
    return _Section(name, there, size, packed=False)


def _contents(section: _Section) -> io.BytesIO:
    contents = io.BytesIO()
    if not section.packed:
        contents.write(section.data.data)
        return contents
    stream = zlib.decompressobj()
    for begin in range(0, len(section.data), _PIECE):
        piece = section.data[begin : begin + _PIECE].tobytes()
        while piece and contents.tell() <= section.size:
            contents.write(stream.decompress(piece, _PIECE))
            piece = stream.unconsumed_tail
    if not stream.eof or contents.tell() != section.size:
        raise ValueError(f"{section.name} unpacks to {contents.tell():,} bytes, not {section.size:,}")
    return contents
