"""Check whether memory belongs to an executable, by the build ids in its notes."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from typing import Final

import numpy as np

from gdb_gospan.memory.elfheader import ET_DYN, PT_NOTE, file_header, segments
from gdb_gospan.memory.model import Memory, Unreadable

_START: Final = 1 << 16
"""Bytes of an executable in which its program headers and their notes are."""


def build_id(notes: bytes, owner: bytes = b"GNU\0", order: str = "<") -> str | None:
    """Return the build id among the notes of an executable, or None.

    Parameters
    ----------
    owner
        ``GNU``, whose id is given in hexadecimal, or ``Go``, whose id is text (cmd/link, -buildid).
    order
        Byte order, as the struct module writes it.
    """
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from(f"{order}3I", notes, at)
        begin = at + 12 + (name_size + 3) // 4 * 4
        if notes[at + 12 : at + 12 + name_size] == owner and kind == _BUILD_ID_TYPES[owner]:
            found = notes[begin : begin + size]
            return found.hex() if owner == b"GNU\0" else found.decode("utf-8", "replace").rstrip("\0")
        at = begin + (size + 3) // 4 * 4
    return None


_BUILD_ID_TYPES: Final = {b"GNU\0": 3, b"Go\0\0": 4}


def other_build(notes: Iterable[tuple[int, bytes]], memory: Memory, bias: int) -> str:
    """Compare the notes of an executable with memory that has them: by default the kernel adds their page to a core.

    Parameters
    ----------
    notes
        Addresses, as linked, and contents.
    bias
        What the loader added to these addresses.

    Returns
    -------
    str
        Both build ids when they differ, as far as they are known; empty when they match or are unknown.
    """
    read = [(wanted, memory.read(address + bias, len(wanted))) for address, wanted in notes]
    known = [(wanted, found) for wanted, found in read if not isinstance(found, Unreadable)]
    if all(wanted == found for wanted, found in known):
        return ""
    wanted, found = (b"".join(side) for side in zip(*known, strict=True))
    for owner in (b"GNU\0", b"Go\0\0"):
        ids = build_id(wanted, owner), build_id(found, owner)
        if all(ids) and ids[0] != ids[1]:
            return f"their build ids differ, {ids[0]} and {ids[1]}"
    return "their build ids differ"


def notes_of(path: str | os.PathLike[str]) -> tuple[list[tuple[int, bytes]], int | None]:
    """Return the notes that the program headers of an executable name, and its entry if the loader may move it.

    Faster than `open_executable`. A file that is not ELF, or is unusual, has none.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # as in elfsymbols
            data = np.frombuffer(file.read(_START), np.uint8)
    except OSError:
        return [], None
    kind, entry = file_header(data)
    found = []
    for header in segments(data)[2]:
        offset, size = int(header["offset"]), int(header["filesz"])
        if header["type"] == PT_NOTE and offset + size <= len(data):
            found.append((int(header["vaddr"]), data[offset : offset + size].tobytes()))
    return found, entry if kind == ET_DYN else None
