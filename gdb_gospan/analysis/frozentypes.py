"""The types of objects as columns, for a snapshot: names, sizes and fields, without the descriptors' memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs
import numpy as np

from gdb_gospan.analysis.objecttypes import EDGES, EXACT, SHAPE, UNKNOWN, ObjectTypes
from gdb_gospan.analysis.typebook import (
    BUCKETS,
    BUFFER,
    CHANNEL,
    COUNTED,
    ELEMENTS,
    GROUPS,
    ITABS,
    MAP,
    VALUE,
    ObjectType,
    TypeBook,
)
from gdb_gospan.layout.model import Layout
from gdb_gospan.memory.packedcolumns import Numbers, PackedColumns
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.abitype import Descriptor, FieldOf

_LARGEST: Final = 1 << 40
"""Bytes of a value."""
_VALUES: Final = (VALUE, ELEMENTS, BUFFER, COUNTED)
_MAPS: Final = (MAP, GROUPS, BUCKETS)
STEPPED: Final = frozenset({"type.descriptor", "descriptor.address", "field.name"})
"""Columns whose numbers are near those before them."""


class Texts:
    """Texts by number, each once.

    Attributes
    ----------
    rows
        The texts.
    """

    def __init__(self) -> None:
        self._number: dict[str, int] = {}

    @property
    def rows(self) -> list[str]:
        """The texts, by number."""
        return list(self._number)

    def number(self, text: str) -> int:
        """Return the number of a text."""
        return self._number.setdefault(text, len(self._number))

    def columns(self) -> dict[str, Numbers]:
        """Return the texts as columns: their bytes, and how many each has."""
        written = [text.encode(errors="surrogatepass") for text in self._number]
        return {
            "text.bytes": np.frombuffer(b"".join(written), np.uint8),
            "text.length": np.array([len(each) for each in written], np.int64),
        }


def thaw_texts(columns: PackedColumns) -> list[str]:
    """Return texts by their numbers; `ValueError` or `LookupError` if they are damaged."""
    flat, length = columns.column("text.bytes", np.uint8).tobytes(), columns.column("text.length", np.int64)
    if (length < 0).any() or int(length.sum()) != len(flat):
        raise ValueError("texts")
    ends = np.cumsum(length).tolist()
    return [
        flat[end - size : end].decode(errors="surrogatepass")
        for end, size in zip(ends, length.tolist(), strict=True)
    ]


def freeze_types(found: ObjectTypes, texts: Texts) -> dict[str, Numbers]:
    """Return the types that objects have, and which object has which, as columns."""
    some = _kept(found)
    renumbered = np.zeros(len(found.types), np.int32)
    renumbered[some] = np.arange(len(some))
    kinds = [found.types[number] for number in some.tolist()]
    return {
        "slot.type": renumbered[found.number],
        "slot.how": found.how,
        "type.name": np.array([texts.number(each.name) for each in kinds], np.int64),
        "type.form": np.array([each.form for each in kinds], np.int64),
        "type.size": np.array([each.size for each in kinds], np.int64),
        "type.descriptor": np.array([each.descriptor for each in kinds], np.uint64),
        **_columns_of(list(_parts(found, kinds)), texts),
    }


def _kept(found: ObjectTypes) -> Numbers:
    """Return the numbers of the types that objects have, and of the first type of each of their names.

    Reports add up types of one name, in the order of the first one of it.
    """
    used = distinct(np.append(found.number, 0)).tolist()
    first = dict[str, int]()
    for number, each in enumerate(found.types):
        first.setdefault(each.name, number)
    return distinct(np.array([*used, *(first[found.types[number].name] for number in used)], np.int64))


def _parts(found: ObjectTypes, kinds: Iterable[ObjectType]) -> Iterator[Descriptor]:
    """Yield the descriptors that tell which field a word of an object is: those of its type, and of the values in it."""
    at = found.book.reader.at
    going, seen = list[int](), set[int]()
    for each in kinds:
        known = at(each.descriptor) if each.form in (*_VALUES, *_MAPS, CHANNEL) else None
        if known is not None and each.form in _MAPS:
            yield known
            seen.add(known.address)
            known = at(known.group)
        if known is not None and known.address not in seen:
            seen.add(known.address)
            going.append(known.address)
    while going:
        known = at(going.pop())
        if known is None:
            continue
        yield known
        parts = {known.elem} if known.length else {each.type for each in known.fields}
        going += sorted(parts - seen)
        seen |= parts


def _columns_of(parts: list[Descriptor], texts: Texts) -> dict[str, Numbers]:
    fields = [each for part in parts for each in part.fields]
    return {
        "descriptor.address": np.array([each.address for each in parts], np.uint64),
        "descriptor.kind": np.array([each.kind for each in parts], np.int64),
        "descriptor.size": np.array([each.size for each in parts], np.int64),
        "descriptor.elem": np.array([each.elem for each in parts], np.uint64),
        "descriptor.group": np.array([each.group for each in parts], np.uint64),
        "descriptor.length": np.array([each.length for each in parts], np.uint64),
        "descriptor.fields": np.array([len(each.fields) for each in parts], np.int64),
        "field.name": np.array([texts.number(each.name) for each in fields], np.int64),
        "field.offset": np.array([each.offset for each in fields], np.int64),
        "field.type": np.array([each.type for each in fields], np.uint64),
    }


@attrs.frozen(eq=False, repr=False)
class RecordedTypes:
    """Descriptors of a snapshot."""

    found: dict[int, Descriptor]

    def at(self, address: int) -> Descriptor | None:
        """Return the type whose descriptor was at this address; None of what was not recorded."""
        return self.found.get(address)

    def function(self, _address: int) -> str | None:
        """Return None: names of functions are in the names of types already."""
        return None

    def every(self) -> list[Descriptor]:
        """Return all that was recorded."""
        return list(self.found.values())


def thaw_types(
    columns: PackedColumns, texts: Sequence[str], slots: int, layout: Layout, *, known: bool, conflicts: int
) -> ObjectTypes:
    """Return what `freeze_types` had; `ValueError` or `LookupError` if it is damaged.

    Parameters
    ----------
    slots
        How many there are.
    known, conflicts
        Of `ObjectTypes`.
    """
    names = [texts[number] for number in _within(columns, "type.name", len(texts))]
    forms = _within(columns, "type.form", ITABS + 1)
    sizes = _within(columns, "type.size", _LARGEST)
    at = columns.column("type.descriptor", np.uint64).tolist()
    types = tuple(ObjectType(*each) for each in zip(names, forms, sizes, at, strict=True))
    if not types or types[0].form != 0 or any(each.size < 1 for each in types[1:]):
        raise ValueError("types")
    number, how = columns.column("slot.type", np.int32), columns.column("slot.how", np.uint8)
    if not len(number) == len(how) == slots or (number < 0).any() or (number >= len(types)).any():
        raise ValueError("slots")
    if not np.isin(how, (UNKNOWN, EXACT, EDGES, SHAPE)).all():
        raise ValueError("how")
    parts = _thawed_parts(columns, texts)
    book = TypeBook(RecordedTypes({each.address: each for each in parts}), layout)
    return ObjectTypes(number=number, how=how, types=types, book=book, known=known, conflicts=conflicts)


def _within(columns: PackedColumns, name: str, end: int) -> list[int]:
    """Return the numbers of a column, none of which is below 0, or as much as the end."""
    found = columns.column(name, np.int64)
    if (found < 0).any() or (found >= end).any():
        raise ValueError(name)
    numbers: list[int] = found.tolist()
    return numbers


def _thawed_parts(columns: PackedColumns, texts: Sequence[str]) -> Iterator[Descriptor]:
    rows = zip(
        _within(columns, "field.name", len(texts)),
        _within(columns, "field.offset", _LARGEST),
        columns.column("field.type", np.uint64).tolist(),
        strict=True,
    )
    fields = [FieldOf(texts[name], offset, kind) for name, offset, kind in rows]
    counts = _within(columns, "descriptor.fields", len(fields) + 1)
    if sum(counts) != len(fields):
        raise ValueError("fields")
    own = (
        columns.column("descriptor.address", np.uint64).tolist(),
        _within(columns, "descriptor.kind", 1 << 5),
        _within(columns, "descriptor.size", _LARGEST),
        *(columns.column(f"descriptor.{name}", np.uint64).tolist() for name in ("elem", "group", "length")),
        counts,
    )
    end = 0
    for address, kind, size, elem, group, length, count in zip(*own, strict=True):
        end += count
        yield Descriptor(
            address, kind, size, 0, "", direct=False, elem=elem, group=group, length=length,
            fields=tuple(fields[end - count : end]),
        )  # fmt: skip
