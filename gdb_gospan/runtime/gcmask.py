"""Which words of a type are pointers (runtime/type.go, getGCMask; internal/abi/type.go).

Objects that know their type, since Go 1.22, are as many values of it as fit. A GC program, which types of arrays had up to
Go 1.23, is never met: the runtime has such objects point to a type of its own with a mask (mbitmap.go, heapSetType).
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime import bits
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Record

_ON_DEMAND: Final = 1 << 4
"""abi.TFlagGCMaskOnDemand (internal/abi/type.go, since Go 1.24)."""
_KIND: Final = 31
"""abi.KindMask; the bits above have other meanings, in those releases that have any."""
_ARRAY, _STRUCT = 17, 25
_DEEPEST: Final = 64
"""Types in types: buildGCMask goes half as far at each step (type.go)."""
_MOST_FIELDS: Final = 1 << 16
_MOST_TYPES: Final = 1 << 18
UNKNOWN, NONE = 0, 1
"""Numbers of two masks: of a type that cannot be read, all words of which may be pointers; and of no type at all."""


@attrs.frozen(eq=False, repr=False)
class _Masks:
    """The masks that are known, by their numbers: words of a value, words up to the last pointer, where the bits begin."""

    size: I64
    prefix: I64
    first: I64
    flat: Mask


class GCMasks:
    """The masks of types, each read once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._word = reader.layout.platform.pointer_size
        self._numbers: dict[int, int] = {0: NONE}
        self._sizes = [1, 1]
        self._bits: list[Mask] = [np.ones(1, np.bool_), np.zeros(0, np.bool_)]
        self._joined: _Masks | None = None

    def numbers(self, types: U64, room: int) -> I64:
        """Return the number of the mask of each type; `UNKNOWN` for one that cannot be, in slots of so many bytes."""
        order = np.argsort(types, kind="stable")
        ordered = types[order]
        new = np.ones(len(types), np.bool_)
        new[1:] = ordered[1:] != ordered[:-1]
        known = np.array([self._number(each, room) for each in ordered[new].tolist()], np.int64)
        found = np.empty(len(types), np.int64)
        found[order] = known[np.cumsum(new) - 1]
        return found

    def pointers(self, numbers: I64, word: I64) -> Mask:
        """Whether these words of objects are pointers; by the mask of each, and its number in the object."""
        masks = self._all()
        at = word % masks.size[numbers]
        inside = at < masks.prefix[numbers]
        found: Mask = inside & masks.flat[np.where(inside, masks.first[numbers] + at, 0)]
        return found

    def _all(self) -> _Masks:
        if self._joined is None:
            prefix = np.array([len(each) for each in self._bits], np.int64)
            flat = np.concatenate(self._bits)
            self._joined = _Masks(np.array(self._sizes, np.int64), prefix, np.cumsum(prefix) - prefix, flat)
        return self._joined

    def _number(self, address: int, room: int) -> int:
        """Return the number of a type's mask, reading it if it is new."""
        number = self._numbers.get(address)
        if number is None and len(self._numbers) < _MOST_TYPES:
            number = self._numbers[address] = self._read(address, room)
        return number if number is not None and self._sizes[number] * self._word <= room else UNKNOWN

    def _read(self, address: int, room: int) -> int:
        descriptor = self._descriptor(address, room)
        mask = None if descriptor is None else self._mask(descriptor, 0)
        if descriptor is None or mask is None:
            return UNKNOWN
        self._sizes.append(descriptor["Size_"] // self._word)
        self._bits.append(mask)
        self._joined = None
        return len(self._sizes) - 1

    def _descriptor(self, address: int, room: int) -> Record | None:
        """Read a type's descriptor; None if it cannot be read, or cannot be one of a type with values of at most so many bytes.

        It may have no pointers: so has that of a user arena's chunk in which nothing with pointers was made yet (arena.go).
        """
        struct = self._reader.layout["Type"]
        data = self._reader.read(address, struct.size)
        if isinstance(data, Unreadable):
            return None
        found = Record(self._reader.layout, struct, address, data)
        size, prefix = found["Size_"], found["PtrBytes"]
        fits = 0 <= prefix <= size <= room and size > 0 and size % self._word == prefix % self._word == 0
        return found if fits else None

    def _mask(self, descriptor: Record, depth: int) -> Mask | None:
        """Return the mask of a type up to its last pointer; None if it cannot be read."""
        words, where = descriptor["PtrBytes"] // self._word, descriptor["GCData"]
        if self._reader.layout.traits.masks_on_demand and descriptor["TFlag"] & _ON_DEMAND:
            where = self._reader.word(where) or 0
            if not where:
                return self._built(descriptor, words, depth)
        data = self._reader.read(where, (words + 7) // 8)
        return None if isinstance(data, Unreadable) else bits.unpack(data)[:words]

    def _built(self, descriptor: Record, words: int, depth: int) -> Mask | None:
        """Put the mask of a large type together from those of its parts, as the runtime does at its first use."""
        if depth >= _DEEPEST:
            return None
        kind = descriptor["Kind_"] & _KIND
        if kind == _ARRAY:
            return self._of_array(descriptor, words, depth)
        return self._of_struct(descriptor, words, depth) if kind == _STRUCT else None

    def _of_array(self, descriptor: Record, words: int, depth: int) -> Mask | None:
        whole = self._reader.record_if_there("ArrayType", descriptor.address)
        size = descriptor["Size_"]
        part = None if whole is None else self._part(whole["Elem"], size, depth)
        if whole is None or part is None or len(part) * self._word * whole["Len"] != size:
            return None
        return np.tile(part, whole["Len"])[:words]

    def _of_struct(self, descriptor: Record, words: int, depth: int) -> Mask | None:
        mask, size = np.zeros(words, np.bool_), descriptor["Size_"]
        for address, offset in self._fields(descriptor.address):
            part = self._part(address, size, depth) if offset < size else None
            if part is not None:  # it has pointers
                into = mask[offset // self._word :][: len(part)]
                into |= part[: len(into)]
        return mask

    def _fields(self, address: int) -> list[tuple[int, int]]:
        """Return the type and the offset of each field of a struct."""
        layout = self._reader.layout
        header = self._reader.words(address + layout["StructType"]["Fields"].offset, 2)
        if isinstance(header, Unreadable):
            return []
        number = np.arange(min(int(header[1]), _MOST_FIELDS), dtype=np.uint64)
        fields = self._reader.records(
            "StructField", header[0] + number * np.uint64(layout["StructField"].size)
        )
        return list(zip(fields["Typ"].tolist(), fields["Offset"].tolist(), strict=True))

    def _part(self, address: int, room: int, depth: int) -> Mask | None:
        """Return the mask of a type within another, a bit for each word of it; None for one without pointers."""
        descriptor = self._descriptor(address, room)
        mask = None if descriptor is None else self._mask(descriptor, depth + 1)
        if descriptor is None or mask is None:
            return None
        whole = np.zeros(descriptor["Size_"] // self._word, np.bool_)
        whole[: len(mask)] = mask
        return whole
