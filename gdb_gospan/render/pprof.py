"""Profiles for go tool pprof: profile.proto, compressed by gzip, as Go's own runtime/pprof writes them.

The format is github.com/google/pprof/proto/profile.proto. What is in a profile of the heap, and what is left out, follows
runtime/pprof/proto.go and protomem.go of Go 1.19 to 1.27: a location has its lines, so pprof needs neither the executable
nor its symbols, and of a mapping only has_functions is said. (A function has its first line since Go 1.20.) The same profile
is always the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

import attrs
import numpy as np

from gdb_gospan.analysis.mappedcode import MappedCode
from gdb_gospan.memory import ADDRESS_SPACE
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.render.protobuf import (
    Pieces,
    beside,
    number_field,
    number_fields,
    sized_field,
    sized_fields,
    together,
    varints,
)
from gdb_gospan.runtime.record import I64, U64, Mask

_BLOCK: Final = 1 << 13
"""Samples that are written at once; each may have a stack of some hundred calls."""
_LEVEL: Final = 6
_GZIP: Final = 31
"""The argument that makes zlib write the header of gzip, with a time of 0 and no name."""


@attrs.frozen
class SampleType:
    """What a figure of each sample is, and its unit: ``inuse_space`` and ``bytes``."""

    name: str
    unit: str


@attrs.frozen
class Call:
    """A call in a function: a line of a location. What is not known is None.

    Attributes
    ----------
    function
        Name with its package, as Go's symbol table has it.
    file, line
        Of the call.
    start_line
        Where the function begins in its file.
    """

    function: str
    file: str | None = None
    line: int | None = None
    start_line: int | None = None


@attrs.frozen(eq=False)
class NumberLabel:
    """A number that each sample has besides its values: pprof's -tagfocus selects by it.

    Attributes
    ----------
    key
        Go's profiles of the heap have ``bytes``, the size of one object.
    numbers
        int64 (n,).
    known
        bool (n,): samples that have it; None for all.
    unit
        Empty for a unit that the key tells: pprof takes ``bytes`` for one.
    """

    key: str
    numbers: I64
    known: Mask | None = None
    unit: str = ""


@attrs.frozen(eq=False)
class Profile:
    """A profile, to be written.

    Attributes
    ----------
    sample_types
        What the columns of `values` are: Go's profiles of the heap have ``alloc_objects`` (``count``), ``alloc_space``
        (``bytes``), ``inuse_objects`` and ``inuse_space``.
    values
        int64 (n, k): a row for each sample.
    addresses
        uint64: the stacks of all samples, one after the other, each from the innermost call outwards. A return address is
        given less one, so that it is in the call (runtime.CallersFrames).
    offsets
        int64 (n + 1,): where the stack of each sample begins in `addresses`, and where the last one ends.
    calls
        What is called at an address: the innermost inlined call first, the function that the code is part of last. An
        address that is missing here, or has none, is shown as a number.
    mappings
        Where the files of the program are mapped, the executable first. One without a known range is that of each address
        that is in no other.
    labels
        Numbers besides.
    default_sample_type
        Name of what pprof shows if it is not asked for another; None for the last.
    period_type, period
        What is between two samples, and how much, as ``space`` and ``bytes`` of runtime.MemProfileRate.
    time_nanos
        When it was so, in nanoseconds since 1970.
    comments
        What go tool pprof -comments prints.
    """

    sample_types: tuple[SampleType, ...]
    values: I64
    addresses: U64
    offsets: I64
    calls: Mapping[int, Sequence[Call]]
    mappings: Sequence[MappedCode] = ()
    labels: Sequence[NumberLabel] = ()
    default_sample_type: str | None = None
    period_type: SampleType | None = None
    period: int | None = None
    time_nanos: int | None = None
    comments: Sequence[str] = ()

    def __attrs_post_init__(self) -> None:
        """Refuse columns that do not fit together: what would be written could be read, and be wrong."""
        rows = {len(self.values), len(self.offsets) - 1, *(len(label.numbers) for label in self.labels)}
        rows |= {len(label.known) for label in self.labels if label.known is not None}
        if len(rows) != 1 or self.values.shape[1:] != (len(self.sample_types),):
            raise ValueError(f"columns of {sorted(rows)} samples, and values of shape {self.values.shape}")
        if (
            self.offsets[0] != 0
            or self.offsets[-1] != len(self.addresses)
            or (np.diff(self.offsets) < 0).any()
        ):
            raise ValueError("the offsets do not cut the addresses into stacks")


def compressed(profile: Profile) -> Iterator[bytes]:
    """Yield the contents of the file, in pieces."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for piece in encoded(profile):
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def encoded(profile: Profile) -> Iterator[bytes]:
    """Yield the message Profile, in pieces."""
    texts, places = _Texts(), _Places(profile)
    yield from _head(profile, texts)
    for block in blocks(len(profile.values), _BLOCK):
        yield _samples(profile, places.ids, texts, block)
    yield from _mappings(places, texts)
    yield from _locations(places, texts)
    yield from (sized_field(6, text) for text in texts.all)


class _Texts:
    """The table of strings, which begins with the empty one."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": 0}

    def number(self, text: str | None) -> int:
        """Return the number of a text; 0 for None."""
        return self._numbers.setdefault(text or "", len(self._numbers))

    @property
    def all(self) -> Iterable[bytes]:
        """All of them, as UTF-8; a name that was none, a path, is what it was (PEP 383)."""
        return (_utf8(text) for text in self._numbers)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return text.encode("utf-8", "replace")


class _Places:
    """The different addresses of a profile, in the order of the samples: the locations, of which the first is number 1.

    Attributes
    ----------
    addresses
        Each once.
    ids
        uint64: the number of the location, for each of the profile's addresses.
    calls
        What is called at each of `addresses`.
    mappings
        At least one: pprof expects it, and Go writes one of everything where it knows none (proto.go, readMapping).
    """

    def __init__(self, profile: Profile) -> None:
        ascending, first, which = np.unique(profile.addresses, return_index=True, return_inverse=True)
        order = np.argsort(first)
        ids = np.empty(len(order), np.uint64)
        ids[order] = np.arange(1, len(order) + 1, dtype=np.uint64)
        self.addresses: U64 = ascending[order]
        self.ids: U64 = ids[which.reshape(-1)]
        self.calls = [profile.calls.get(address, ()) for address in self.addresses.tolist()]
        self.mappings = profile.mappings or (MappedCode(None, None),)

    @cached_property
    def mapping(self) -> I64:
        """Number of the mapping of each address, 0 for none: int64 (n,)."""
        numbered = list(enumerate(self.mappings, 1))
        rows = sorted(
            (each.start, min(each.limit, ADDRESS_SPACE - 1), number)
            for number, each in numbered
            if each.start is not None and each.limit is not None
        )
        everywhere = next((number for number, each in numbered if each.limit is None), 0)
        start, limit, number = np.array([(0, 0, 0), *rows], np.uint64).T
        row = np.searchsorted(start, self.addresses, side="right") - 1
        return np.where(self.addresses < limit[row], number[row].astype(np.int64), everywhere)

    @cached_property
    def named(self) -> frozenset[int]:
        """Numbers of the mappings of which every address has a name, a file and a line (proto.go, symbolizeFlag)."""
        whole = [bool(calls) and all(map(_is_known, calls)) for calls in self.calls]
        return frozenset(self.mapping.tolist()) - frozenset(self.mapping[~np.array(whole, np.bool_)].tolist())


def _is_known(call: Call) -> bool:
    return bool(call.function and call.file and call.line)


def _head(profile: Profile, texts: _Texts) -> Iterator[bytes]:
    """Yield what is said of all samples."""
    for sample_type in profile.sample_types:
        yield sized_field(1, _value_type(sample_type, texts))
    yield number_field(9, profile.time_nanos)
    if profile.period_type is not None:
        yield sized_field(11, _value_type(profile.period_type, texts))
    yield number_field(12, profile.period)
    for comment in filter(None, profile.comments):
        yield number_field(13, texts.number(comment))
    yield number_field(14, texts.number(profile.default_sample_type))


def _value_type(sample_type: SampleType, texts: _Texts) -> bytes:
    return number_field(1, texts.number(sample_type.name)) + number_field(2, texts.number(sample_type.unit))


def _samples(profile: Profile, ids: U64, texts: _Texts, block: slice) -> bytes:
    """Return the messages Sample of a block of rows."""
    offsets = profile.offsets[block.start : block.stop + 1]
    depths = np.diff(offsets)
    values = profile.values[block]
    stacks = together(varints(ids[offsets[0] : offsets[-1]]), depths)
    figures = together(varints(values.reshape(-1)), np.full(len(values), values.shape[1]))
    fields = [sized_fields(1, stacks, depths > 0), sized_fields(2, figures)]
    fields += [_labels(label, texts, block) for label in profile.labels]
    return sized_fields(2, beside(*fields)).data.tobytes()


def _labels(label: NumberLabel, texts: _Texts, block: slice) -> Pieces:
    """Return the messages Label of a block of rows."""
    numbers = label.numbers[block]
    known = None if label.known is None else label.known[block]
    constant = number_field(1, texts.number(label.key)), number_field(4, texts.number(label.unit))
    key, unit = (
        Pieces(np.tile(np.frombuffer(each, np.uint8), len(numbers)), np.full(len(numbers), len(each)))
        for each in constant
    )
    return sized_fields(3, beside(key, number_fields(3, numbers), unit), known)


def _mappings(places: _Places, texts: _Texts) -> Iterator[bytes]:
    """Yield the messages Mapping: what is not known is left out."""
    for number, each in enumerate(places.mappings, 1):
        named = texts.number(each.file), texts.number(each.build_id)
        fields = enumerate((number, each.start, each.limit, each.offset, *named), 1)
        told = b"".join(number_field(field, value) for field, value in fields)
        yield sized_field(3, told + number_field(7, number in places.named))


def _locations(places: _Places, texts: _Texts) -> Iterator[bytes]:
    """Yield the messages Location, each after the messages Function that it is the first to name."""
    functions: dict[tuple[str, str | None, int | None], int] = {}
    rows = zip(places.addresses.tolist(), places.mapping.tolist(), places.calls, strict=True)
    for number, (address, mapping, calls) in enumerate(rows, 1):
        fields = [number_field(1, number), number_field(2, mapping), number_field(3, address)]
        for call in calls:
            key = call.function, call.file, call.start_line
            if key not in functions:
                functions[key] = len(functions) + 1
                yield sized_field(5, _function(functions[key], *key, texts))
            fields.append(sized_field(4, number_field(1, functions[key]) + number_field(2, call.line)))
        yield sized_field(4, b"".join(fields))


def _function(number: int, name: str, file: str | None, start_line: int | None, texts: _Texts) -> bytes:
    """Return a message Function, whose system name is its name, as Go has it."""
    fields = (number, texts.number(name), texts.number(name), texts.number(file), start_line)
    return b"".join(number_field(field, value) for field, value in enumerate(fields, 1))
