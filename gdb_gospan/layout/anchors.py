"""Find runtime.mheap_ in a program without symbols.

Only mheap holds pointers both to itself and to its own lock (mheap.go, mheap.init).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from gdb_gospan.layout.bundled import Bundled
from gdb_gospan.layout.platform import SMALLEST as SMALLEST  # noqa: PLC0414  # for who looks for one
from gdb_gospan.layout.signature import Signature, examine
from gdb_gospan.layout.word_image import Words
from gdb_gospan.memory import Memory

_NEAR: Final = 1 << 20
"""Pointers to themselves lie closer than this: mheap has 93 KB."""


def find_mheaps(memory: Memory, words: Words, tables: Sequence[Bundled]) -> list[Signature]:
    """Return the signature of every address in `words` that may be an mheap, for every table.

    A program has one mheap for each Go runtime in it. Where two tables lay mheap out alike, both are returned, in the order
    of `tables`. Signatures that do not hold are returned as well, for the message.
    """
    near = words.where(lambda value, address: value - address + np.uint64(_NEAR) < np.uint64(2 * _NEAR))
    found = []
    for table in tables:
        struct = table.layout["mheap"]
        to_lock = struct["lock"].offset - struct["pages.mheapLock"].offset
        rows = near[words.value[near] - words.address[near] == np.uint64(to_lock % (1 << 64))]
        bases = words.address[rows] - np.uint64(struct["pages.mheapLock"].offset)
        arg = table.layout.fixallocs["spanalloc"] + table.layout["fixalloc"]["arg"].offset
        values, known = words.at(bases + np.uint64(arg))
        found += [examine(memory, base, table) for base in bases[known & (values == bases)].tolist()]
    return found
