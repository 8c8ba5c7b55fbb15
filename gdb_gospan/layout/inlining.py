"""The inlined calls that an instruction belongs to, from Go's own table (runtime/symtabinl.go).

A function that calls were inlined into has a table of values that tells at each instruction which of these calls it
belongs to (PCDATA_InlTreeIndex), and an array of the calls (FUNCDATA_InlTree), each an inlinedCall::

    funcID u1, 3 u1, nameOff i4, parentPc i4, startLine i4                      since Go 1.20
    parent i2, funcID u1, u1, file i4, line i4, func_ i4, parentPc i4           Go 1.18 and 1.19

nameOff, or func_, is the called function's name from funcnametab. parentPc is an instruction, in bytes behind the entry,
that stands where the call was: its file and line are those of the call, and the table tells which call it belongs to
itself. So the runtime goes from the innermost function to the one that exists (runtime/symtabinl.go, next; until Go 1.20
runtime/symtab.go, runtime_expandFinalInlineFrame).

The arrays lie at offsets from moduledata.gofunc, and the releases have it at different places in moduledata. Nor does
funcID have the same numbers on all releases. Both are learnt from the program itself: gofunc is the word of moduledata
from which on arrays of calls begin, with names of functions; and runtime.deferreturn is a wrapper on every release
(cmd/internal/objabi/funcid.go).
"""

from __future__ import annotations

from functools import cached_property
from typing import Final, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.layout.pcheader import Header
from gdb_gospan.layout.pctables import Func, PcTables, Places, value_at
from gdb_gospan.memory import ADDRESS_SPACE, Unreadable
from gdb_gospan.memory.segments import I64, U64, Mask, distinct

_INDEX: Final = 2
"""PCDATA_InlTreeIndex (internal/abi/symtab.go; until Go 1.20 runtime/symtab.go)."""
_TREE: Final = 3
"""FUNCDATA_InlTree."""
_MISSING: Final = 0xFFFFFFFF
"""What stands for a funcdata that is not there (runtime/symtab.go, funcdata)."""
_MOST_CALLS: Final = 1 << 20
"""Of one function, as the runtime has it."""
_DEEPEST: Final = 1 << 10
"""Calls inlined into one another; more are damage."""
_SAMPLES: Final = 1 << 12
"""Functions to look at for arrays of inlined calls: one in some has one."""
_TREES: Final = 256
"""Of these, as many to recognize gofunc by."""
_NAME: Final = 4
"""Where nameOff is in a _func."""
_WRAPPER: Final = b"\0runtime.deferreturn\0"
_LONGEST_NAMES: Final = 1 << 28


@attrs.frozen
class Call:
    """A call of a function that the code at an address belongs to.

    Attributes
    ----------
    function, file, line
        As `FunctionTable` has them; None where not known.
    wrapper
        The compiler made the function, and a stack does not show it unless runtime.gopanic, runtime.sigpanic or
        runtime.panicwrap called it (runtime/traceback.go, elideWrapperCalling); None where not known.
    """

    function: str | None
    file: str | None
    line: int | None
    wrapper: bool | None


class _Inlined(NamedTuple):
    """An inlinedCall: its funcID, the offset of its name, and an instruction of its caller."""

    kind: int
    name: int
    parent: int


class Inlining:
    """The inlined calls of one Go module.

    Parameters
    ----------
    tables
        Those that the functions share.
    offsets
        Of every _func, from pclntable.
    words
        Those of moduledata, or none: then the names of inlined functions are not known.
    """

    def __init__(self, tables: PcTables, offsets: npt.NDArray[np.uint32], words: tuple[int, ...]) -> None:
        self._tables, self._offsets, self._words = tables, offsets, words
        self._header = tables.header
        self._at = offsets.astype(np.uint64) + np.uint64(self._header.pclntable)
        self._size, self._fields = (16, (0, 4, 8)) if self._header.start_lines else (20, (2, 12, 16))

    def calls(self, func: Func) -> tuple[Call, ...]:
        """Return the calls that an instruction of this function belongs to, the innermost first.

        The last one is the call of the function itself. Behind a call of which nothing is known, as in a damaged table,
        only the function is known.
        """
        indexes, places = list(self._tables.values(self._pcdata(func))), Places(self._tables, func)
        found, seen, inside = list[Call](), set[int](), func.inside
        while (index := value_at(indexes, inside)) is not None and index >= 0:
            call = None if index in seen or len(seen) > _DEEPEST else self._inlined(func, index)
            if call is None:
                return (
                    *found,
                    self._call(None, None, places.at(inside)),
                    self._call(func.name, func.kind, None),
                )
            found.append(self._call(call.name, call.kind, places.at(inside)))
            seen.add(index)
            inside = call.parent
        return (*found, self._call(func.name, func.kind, places.at(inside)))

    def _call(self, name: int | None, kind: int | None, place: tuple[str, int] | None) -> Call:
        file, line = place or (None, None)
        return Call(
            None if name is None else self._tables.name(name),
            file,
            line,
            None if self._wrapper is None or kind is None else kind == self._wrapper,
        )

    def _pcdata(self, func: Func) -> int:
        """Return the offset of the table that tells which inlined call an instruction belongs to; 0 if there is none."""
        return (self._tables.number(func.at + 4 * _INDEX) or 0) if func.pcdata > _INDEX else 0

    def _inlined(self, func: Func, index: int) -> _Inlined | None:
        """Return one of the calls that were inlined into this function."""
        if self._gofunc is None or func.funcdata <= _TREE or index >= _MOST_CALLS:
            return None
        tree = self._tables.number(func.at + 4 * (func.pcdata + _TREE))
        if tree is None or tree == _MISSING:
            return None
        data = self._tables.memory.read(self._gofunc + tree + index * self._size, self._size)
        if isinstance(data, Unreadable):
            return None
        kind, name, parent = self._fields
        order = self._header.order
        return _Inlined(
            data[kind], *(int.from_bytes(data[at : at + 4], order, signed=True) for at in (name, parent))
        )

    @cached_property
    def _gofunc(self) -> int | None:
        """Return the word from which on most arrays of inlined calls begin with one: with the beginning of a name."""
        words, trees = distinct(np.array(self._words, np.uint64)), self._trees()
        names, there = self._tables.numbers(
            np.add.outer(words, trees).reshape(-1) + np.uint64(self._fields[1])
        )
        there &= self._begins(names)
        counts = there.reshape(len(words), len(trees)).sum(axis=1)
        best = int(counts.argmax()) if counts.any() else None
        return int(words[best]) if best is not None and counts[best] > len(trees) // 2 else None

    def _begins(self, names: U64) -> Mask:
        """Return at which of these offsets a name begins."""
        known: Mask = (names > 0) & (names < self._header.cutab - self._header.funcnametab)
        before = np.uint64((self._header.funcnametab - 1) % ADDRESS_SPACE)
        rows = self._tables.memory.read_many(names[known] + before, 1)
        known[known] = rows.readable & (rows.data[:, 0] == 0)
        return known

    def _trees(self) -> U64:
        """Return offsets of arrays of inlined calls, of functions in all parts of the program."""
        kind, at = _func_type(self._header), _spread(self._at, _SAMPLES)
        # What is not there is 0, and so are the counts.
        every = self._tables.memory.read_many(at, kind.itemsize).data.view(kind).reshape(-1)
        counts = every["pcdata"].astype(np.uint64)
        rows = np.flatnonzero((counts > _INDEX) & (every["funcdata"] > _TREE))
        begin = np.uint64(kind.itemsize + 4 * _TREE)
        offsets, there = self._tables.numbers(at[rows] + begin + np.uint64(4) * counts[rows])
        return _spread(offsets[there & (offsets != _MISSING)], _TREES)

    @cached_property
    def _wrapper(self) -> int | None:
        """Return the funcID of the function that is a wrapper on every release."""
        begin, end = self._header.funcnametab, self._header.cutab
        names = self._tables.memory.read(begin, min(end - begin, _LONGEST_NAMES))
        name = 0 if isinstance(names, Unreadable) else names.find(_WRAPPER) + 1
        offsets, there = self._tables.numbers(self._at + np.uint64(_NAME))
        rows: I64 = np.flatnonzero(there & (offsets == name)) if name else np.empty(0, np.int64)
        func = self._tables.func(int(self._offsets[rows[0]])) if len(rows) else None
        return None if func is None else func.kind


def _spread(values: U64, most: int) -> U64:
    """Return not many more than so many of these, in even distances."""
    return values[:: max(len(values) // most, 1)]


def _func_type(header: Header) -> np.dtype[np.void]:
    """Return the layout of a _func, for many of them (`pctables.Func`)."""
    u4 = np.dtype(np.uint32).newbyteorder(header.order)
    words = ("entry", "name", "args", "deferreturn", "depths", "files", "lines", "pcdata", "unit")
    fields = [*words, "start"] if header.start_lines else words
    bytes_ = ("kind", "flag", "pad", "funcdata")
    return np.dtype([*((field, u4) for field in fields), *((name, np.uint8) for name in bytes_)])
