"""What interfaces hold, by their first words: the address of a descriptor, or of an itab (runtime/runtime2.go)."""

from __future__ import annotations

from typing import Final

import numpy as np

from gdb_gospan.analysis.typebook import VALUE
from gdb_gospan.analysis.typestate import State
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.abitype import Descriptor
from gdb_gospan.runtime.record import I64, U64, Mask

LOWEST: Final = 1 << 12
_HIGHEST: Final = np.uint64(1 << 56)
"""Between them lie descriptors and itabs."""


def held(state: State, words: U64) -> I64:
    """Return the type of the object behind each of these first words of interfaces: int64 (n,), 0 for what is none."""
    found = np.zeros(len(words), np.int64)
    maybe = np.flatnonzero((words >= LOWEST) & (words < _HIGHEST))
    each = distinct(words[maybe])
    numbers = np.zeros(len(each), np.int64)
    inside = _among_descriptors(state, each)
    types = np.flatnonzero(inside | state.slots.pages.inside(each))
    numbers[types] = [_held(state, state.types.at(word)) for word in each[types].tolist()]
    itabs = np.flatnonzero(numbers == 0)
    itabs = itabs[_like_itabs(state, each[itabs])]
    numbers[itabs] = [_held(state, state.types.of_itab(word)) for word in each[itabs].tolist()]
    if len(each):
        found[maybe] = numbers[np.searchsorted(each, words[maybe])]
    return found


def _among_descriptors(state: State, words: U64) -> Mask:
    """Which of these words lie where the compiler's descriptors are."""
    inside = np.zeros(len(words), np.bool_)
    for begin, end in state.types.ranges():
        inside |= (np.uint64(begin) <= words) & (words < np.uint64(end))
    return inside


def _like_itabs(state: State, words: U64) -> Mask:
    """Which of these words are addresses of what begins with the descriptor of an interface, as an itab does."""
    itab = state.heap.layout["ITab"]
    read = state.heap.reader.memory.read_many(words + np.uint64(itab["Inter"].offset), state.width)
    first = np.ascontiguousarray(read.data).view(state.heap.reader.word_type).reshape(-1).astype(np.uint64)
    good: Mask = read.readable & _among_descriptors(state, first)
    return good


def _held(state: State, dynamic: Descriptor | None) -> int:
    """Return the type of the object that an interface with this dynamic type leads to."""
    if dynamic is None:
        return 0
    number = state.book.number(VALUE, dynamic.address)
    if not dynamic.direct or not number:
        return number
    words = state.book.words(number)
    return max(int(words[0]), 0) if len(words) == 1 else 0
