"""Find the Go version of a program without symbols, in its writable data or in its read-only text."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from gdb_gospan.layout.word_image import Words
from gdb_gospan.memory import Memory, Unreadable

_MAGIC: Final = b"\xff Go buildinf:"
_INLINE: Final = 2
_STRING: Final = 32
"""Where the version begins: a length in groups of seven bits, and the text (debug/buildinfo, Go 1.18 on)."""
_LONGEST: Final = 256
_SHORTEST: Final = 5
_VERSION: Final = re.compile(r"(devel )?go1\.\d+[\w.+: ,-]*\Z")


def find_version(memory: Memory, words: Words) -> str | None:
    """Return the version string of the program, or None if it is not found.

    The linker writes .go.buildinfo into the writable data (cmd/link, buildinfo); a core has it without the
    executable. A program linked without it has runtime.buildVersion, whose text is in read-only memory.
    """
    return _from_build_information(memory, words) or _from_string(memory, words)


def _from_build_information(memory: Memory, words: Words) -> str | None:
    start = int.from_bytes(_MAGIC[: words.width], "little" if words.order == "<" else "big")
    for address in words.address[words.value == np.uint64(start)].tolist():
        header = memory.read(address, _STRING + 2)
        if isinstance(header, Unreadable) or not header.startswith(_MAGIC) or not header[15] & _INLINE:
            continue
        length, begin = header[_STRING] & 0x7F, _STRING + 1
        if header[_STRING] & 0x80:
            length, begin = length | header[_STRING + 1] << 7, _STRING + 2
        text = _text(memory, address + begin, length)
        if text:
            return text
    return None


def _from_string(memory: Memory, words: Words) -> str | None:
    """Find the string variable whose text is a version."""
    length = words.value[1:]
    rows = np.flatnonzero((length >= _SHORTEST) & (length <= _LONGEST) & (words.value[:-1] != 0))
    start = memory.read_many(words.value[rows], _SHORTEST)
    begins = (start.data[:, :4] == np.frombuffer(b"go1.", np.uint8)).all(axis=1)
    begins |= (start.data == np.frombuffer(b"devel", np.uint8)).all(axis=1)
    for row in rows[begins & start.readable].tolist():
        text = _text(memory, int(words.value[row]), int(words.value[row + 1]))
        if text:
            return text
    return None


def _text(memory: Memory, address: int, length: int) -> str | None:
    data = memory.read(address, length) if 0 < length <= _LONGEST else b""
    if isinstance(data, Unreadable):
        return None
    text = data.decode("utf-8", "replace")
    return text if _VERSION.match(text) else None
