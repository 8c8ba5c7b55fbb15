"""The words that the collector starts from: its roots (runtime/mgcmark.go, markroot).

Package variables go by the masks of their module. Stacks are read conservatively, every word of them from the stack pointer
up: a superset of what the collector sees, which knows the live words of each frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import attrs
import numpy as np

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.mappings import Range
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.memory.registers import Thread
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime import bits
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Record
from gdb_gospan.runtime.special import Specials
from gdb_gospan.runtime.symtab import modules

DATA, BSS, STACK, REGISTERS, FINALIZER, FINALIZED, WEAK_HANDLE, CLEANUP, FINALIZER_QUEUE, CLEANUP_QUEUE = (
    range(10)
)
"""Kinds of roots: variables with and without an initial value; the stack of a goroutine, and the registers of one that runs;
the function of a finalizer, what an object with a finalizer points to, the handle of weak pointers, the function of a cleanup
(specials); finalizers and cleanups that wait to be run."""

_OF_SPECIALS: Final = (
    (FINALIZER, "finalizer", "specialfinalizer", "fn"),
    (WEAK_HANDLE, "weak handle", "specialWeakHandle", "handle"),
    (CLEANUP, "cleanup", "specialCleanup", "fn"),
)
"""Which field of a special is a root, or several pointers that are (markrootSpans, gcScanFinalizer, gcScanCleanup)."""
_MOST_BYTES: Final = 256 << 20
"""Of the variables of a module at most; more is damage."""
_MOST_WORDS: Final = 1 << 23
"""Of these that are read one by one."""
_MOST_BLOCKS: Final = 1 << 20
_STRETCH: Final = 1024
"""Bytes of a stack that are read at once."""
_AT_ONCE: Final = 1 << 14
_OTHERS: Final = 1 << 15
"""Bytes of a system stack at most that are looked at, from the stack pointer up."""


@attrs.frozen(eq=False, repr=False)
class RootWords:
    """Words of one kind that may be pointers.

    Attributes
    ----------
    kind
        One of the kinds above.
    at, value
        uint64 (n,): where each is, and what; registers are nowhere, at 0.
    holder
        int64 (n,): the row of the goroutine, the number of the module, or -1.
    """

    kind: int
    at: U64
    value: U64
    holder: I64


@attrs.define(eq=False, repr=False)
class RootReader:
    """Reads the roots of one program.

    Attributes
    ----------
    maybe
        Tells which words can be pointers into the heap; all others are dropped.
    image
        Where the variables are, for a program whose modules are not known.
    unread
        Kinds of which some could not be read.
    guessed
        Kinds of which every word counts, since nothing says which are pointers.
    """

    reader: Reader
    symbols: Symbols
    maybe: Callable[[U64], Mask]
    image: Sequence[Range] = ()
    unread: set[int] = attrs.field(factory=set)
    guessed: set[int] = attrs.field(factory=set)

    def variables(self) -> Iterator[RootWords]:
        """Yield the words of the variables of each module that its masks call pointers (markrootBlock).

        Of the modules that are not known, as without the executable, it is every word.
        """
        known, whole = modules(self.reader, self.symbols)
        if not known and self.image:
            self.guessed |= {DATA, BSS}
            start, size = (np.array(column) for column in zip(*self.image, strict=True))
            yield from self._stretches(
                BSS, start.astype(np.uint64), size.astype(np.int64), np.full(len(start), -1)
            )
        elif not whole:
            self.unread |= {DATA, BSS}
        for number, module in enumerate(known):
            for kind, name in ((DATA, "data"), (BSS, "bss")):
                found = self._variables(module, kind, name, number)
                if found is None:
                    self.unread.add(kind)
                else:
                    yield found

    def _variables(self, module: Record, kind: int, name: str, number: int) -> RootWords | None:
        begin, end = module.get(name), module.get(f"e{name}")
        length, where = module.get(f"gc{name}mask.n"), module.get(f"gc{name}mask.bytedata")
        if None in (begin, end, length, where) or not 0 <= end - begin < _MOST_BYTES:
            return None
        words, known = self._words(begin, (end - begin) // self.reader.word_type.itemsize)
        mask = self.reader.read(where, (max(length, 0) + 7) // 8) if length < 8 * _MOST_BYTES else b""
        self._lose(kind, known)
        if isinstance(mask, Unreadable) or length < len(words):
            self.guessed.add(kind)
            pointer = np.ones(len(words), np.bool_)
        else:
            pointer = bits.unpack(mask)[: len(words)]
        where_words = np.uint64(begin) + np.arange(len(words), dtype=np.uint64) * np.uint64(
            self.reader.word_type.itemsize
        )
        return self._kept(kind, where_words[pointer], words[pointer], np.full(int(pointer.sum()), number))

    def _words(self, begin: int, count: int) -> tuple[U64, Mask]:
        """Read so many words; of memory that is there in part, as of a library whose variables were never touched, word by word."""
        whole = self.reader.memory.read(begin, count * self.reader.word_type.itemsize)
        if isinstance(whole, Unreadable) and count > _MOST_WORDS:
            return np.zeros(count, np.uint64), np.zeros(count, np.bool_)
        if not isinstance(whole, Unreadable):
            words: U64 = np.frombuffer(whole, self.reader.word_type).astype(np.uint64, copy=False)
            return words, np.ones(count, np.bool_)
        step = np.uint64(self.reader.word_type.itemsize)
        return self.reader.pointers(np.uint64(begin) + np.arange(count, dtype=np.uint64) * step)

    def stacks(self, low: U64, high: U64) -> Iterator[RootWords]:
        """Yield the words of these stacks, a row for each goroutine; of an empty range none (scanstack)."""
        size = np.maximum((high - low).view(np.int64), 0)
        yield from self._stretches(STACK, low, size, np.arange(len(low)))

    def registers(self, threads: Sequence[Thread], holder: Sequence[int], system: U64) -> Iterator[RootWords]:
        """Yield the registers of threads that run a goroutine, and what is on the system stack that such a thread is on.

        Parameters
        ----------
        holder
            The goroutine of each thread, by its row.
        system
            uint64 (n,): where the system stack ends that each is on; 0 where it is on the goroutine's own.
        """
        for thread, row, end in zip(threads, holder, system.tolist(), strict=True):
            words = np.array([word % (1 << 64) for word in thread.words], np.uint64)
            yield self._kept(REGISTERS, np.zeros(len(words), np.uint64), words, np.full(len(words), row))
            if end > thread.stack:
                size = min(end - thread.stack, _OTHERS)
                start = np.array([thread.stack], np.uint64)
                yield from self._stretches(REGISTERS, start, np.array([size]), np.array([row]))

    def specials(self, specials: Specials) -> Iterator[RootWords]:
        """Yield what the specials themselves hold (markrootSpans)."""
        kinds = {name: number for number, name in self.reader.layout.traits.special_kinds.items()}
        for kind, name, struct, path in _OF_SPECIALS:
            where = specials.address[specials.kind == kinds.get(name, -1)]
            if len(where):
                field = self.reader.layout[struct][path]
                at = where + np.uint64(field.offset)
                yield from self._pieces(kind, at, field.size, np.full(len(at), -1))

    def queues(self) -> Iterator[RootWords]:
        """Yield the finalizers and cleanups that wait to be run, of all blocks of them (mfinal.go, mcleanup.go)."""
        layout = self.reader.layout
        yield from self._blocks(
            FINALIZER_QUEUE, self.symbols.get("allfin"), "finBlock", "alllink", "cnt", "fin"
        )
        queue = self.symbols.get("gcCleanups")
        if "cleanupBlock" in layout.structs:
            first = None if queue is None else queue + layout["cleanupQueue"]["all"].offset
            link, count = (f"cleanupBlockHeader.{name}" for name in ("alllink", "n"))
            yield from self._blocks(CLEANUP_QUEUE, first, "cleanupBlock", link, count, "cleanups")

    def _blocks(
        self, kind: int, first: int | None, struct: str, link: str, count: str, array: str
    ) -> Iterator[RootWords]:
        """Follow a list of blocks, and yield the words of what waits in them."""
        block = None if first is None else self.reader.word(first)
        seen: dict[int, int] = {}
        fields = self.reader.layout[struct]
        room = fields[array].count or 0
        while block and block not in seen and len(seen) < _MOST_BLOCKS:
            waiting = self.reader.word(block + fields[count].offset, fields[count].size)
            following = self.reader.word(block + fields[link].offset)
            seen[block] = min(waiting or 0, room)
            block = None if waiting is None else following
        if block != 0:
            self.unread.add(kind)
        start = np.array(list(seen), np.uint64) + np.uint64(fields[array].offset)
        size = np.array(list(seen.values()), np.int64) * fields[array].stride
        yield from self._stretches(kind, start, size, np.full(len(start), -1))

    def _stretches(self, kind: int, start: U64, size: I64, holder: I64) -> Iterator[RootWords]:
        """Yield the words of ranges of any length: by pieces of one length, and then the rest of each."""
        width = self.reader.word_type.itemsize
        size = size // width * width
        full = size // _STRETCH
        row = np.repeat(np.arange(len(start)), full)
        within = np.arange(len(row)) - np.repeat(np.cumsum(full) - full, full)
        yield from self._pieces(kind, start[row] + (within * _STRETCH).view(np.uint64), _STRETCH, holder[row])
        rest = size - full * _STRETCH
        for length in distinct(rest[rest > 0]).tolist():
            some = rest == length
            begin = start[some] + (full[some] * _STRETCH).view(np.uint64)
            yield from self._pieces(kind, begin, length, holder[some])

    def _pieces(self, kind: int, start: U64, size: int, holder: I64) -> Iterator[RootWords]:
        """Yield the words of ranges of one length."""
        count = size // self.reader.word_type.itemsize
        step = np.arange(count, dtype=np.uint64) * np.uint64(self.reader.word_type.itemsize)
        for block in blocks(len(start), _AT_ONCE):
            read = self.reader.read_many(start[block], size)
            self._lose(kind, read.readable)
            words = read.data.view(self.reader.word_type).astype(np.uint64, copy=False)
            at = start[block][:, np.newaxis] + step
            rows = np.broadcast_to(holder[block][:, np.newaxis], at.shape)
            some = read.readable
            yield self._kept(kind, at[some].reshape(-1), words[some].reshape(-1), rows[some].reshape(-1))

    def _lose(self, kind: int, known: Mask) -> None:
        if not known.all():
            self.unread.add(kind)

    def _kept(self, kind: int, at: U64, value: U64, holder: I64) -> RootWords:
        some = np.flatnonzero(self.maybe(value))
        return RootWords(kind, at[some], value[some], holder[some])


@attrs.define(eq=False, repr=False)
class RootPlaces(RootReader):
    """Goes through the roots of a program without reading their words.

    Attributes
    ----------
    places
        Where they are: addresses, and the bytes at each, uint64 (n,).
    """

    places: list[tuple[U64, U64]] = attrs.field(factory=list)

    def _words(self, begin: int, count: int) -> tuple[U64, Mask]:
        self._note(
            np.array([begin], np.uint64), np.array([count * self.reader.word_type.itemsize], np.uint64)
        )
        return np.zeros(count, np.uint64), np.ones(count, np.bool_)

    def _stretches(self, kind: int, start: U64, size: I64, holder: I64) -> Iterator[RootWords]:
        del kind, holder
        self._note(start, size.view(np.uint64))
        yield from ()

    def _pieces(self, kind: int, start: U64, size: int, holder: I64) -> Iterator[RootWords]:
        del kind, holder
        self._note(start, np.full(len(start), size, np.uint64))
        yield from ()

    def _note(self, start: U64, size: U64) -> None:
        self.places.append((start[size > 0], size[size > 0]))
