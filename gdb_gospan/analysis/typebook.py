"""The types that objects may have, numbered: a Go type and the form in which an object holds it, and what its words point to.

An object of the form `VALUE` is one value of a Go type; of `ELEMENTS` it is as many as fit, as behind a slice. Others are
parts of maps, channels and functions, which have Go types of their own only in the runtime (map.go, chan.go, runtime2.go).
"""

from __future__ import annotations

from typing import Final, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis.typewords import INTERFACE, SCALAR, unsafe_words
from gdb_gospan.layout.model import Layout
from gdb_gospan.runtime import abitype
from gdb_gospan.runtime.abitype import Descriptor
from gdb_gospan.runtime.record import I64, Mask

(
    UNKNOWN, VALUE, ELEMENTS, TEXT, SMALL, CHANNEL, BUFFER, CLOSURE, MAP, DIRECTORY, TABLE, GROUPS, BUCKETS, EXTRA, OVERFLOW, LINKS,
) = range(16)  # fmt: skip
"""Forms: one value; values side by side, behind a slice or an array; the bytes of a string; several small values without
pointers in one slot (malloc.go, the tiny allocator); a channel, and its buffer; a function with what it captures; a map's
header, its directory, a table of it, groups of slots (since Go 1.24); buckets, mapextra, a slice of overflow buckets and
what it holds (before)."""
ANY_OF, COUNTED, ITABS = 16, 17, 18
"""What dirPtr of a map leads to: the one group of a small map, or the directory; values side by side behind a pointer that
their number stands next to; the runtime's table of itabs."""
_MOST_WORDS: Final = 1 << 22
"""Of the words of a type that are written down; larger ones are only counted, and what they point to is not known."""
_PART_OF_MAP: Final = {
    MAP: "header", DIRECTORY: "directory", TABLE: "table", GROUPS: "groups", BUCKETS: "groups", EXTRA: "extra",
    OVERFLOW: "overflow", LINKS: "overflow",
}  # fmt: skip
_GROUPS: Final = ("map.group[", "map.bucket[", "noalg.map.group[", "noalg.map.bucket[")
"""What the compiler calls the types of a map's parts (reflectdata/map.go)."""
_DEEPEST: Final = 64
_SHAPE: Final = "go.shape."


@attrs.frozen(eq=False)
class ObjectType:
    """What an object can be.

    Attributes
    ----------
    name
        As it is shown.
    form
        One of the forms above.
    size
        Bytes of one value, or element.
    descriptor
        Address of the descriptor of the value or the element; of the map's or the channel's element; of a closure the address
        of its code. 0 for none.
    """

    name: str
    form: int
    size: int
    descriptor: int


class Descriptors(Protocol):
    """Where the types of a program are described: `abitype.TypeReader`, or what a snapshot has of that."""

    def at(self, address: int) -> Descriptor | None:
        """Return the type whose descriptor is at this address; None if there is none."""
        ...

    def function(self, address: int) -> str | None:
        """Return the name of the function whose code begins at this address; None if none does."""
        ...

    def every(self) -> list[Descriptor]:
        """Return all types of the program."""
        ...


class TypeBook:
    """The types that were met so far.

    Attributes
    ----------
    types
        By their numbers; the first is unknown.
    """

    def __init__(self, reader: Descriptors, layout: Layout) -> None:
        self.reader = reader
        self.layout = layout
        self._width = layout.platform.pointer_size
        self.types: list[ObjectType] = [ObjectType("", UNKNOWN, 0, 0)]
        self._numbers: dict[tuple[int, int], int] = {}
        self._of_values: dict[int, npt.NDArray[np.int32] | None] = {}
        self._words: list[npt.NDArray[np.int32] | None] = [np.full(1, SCALAR, np.int32)]
        self._better: dict[tuple[int, int], bool] = {}
        self._columns: tuple[I64, I64] | None = None
        self._every: list[Descriptor] | None = None

    def number(self, form: int, descriptor: int) -> int:
        """Return the number of a form of a Go type; 0 if there is none."""
        if form == VALUE:
            form, descriptor = self._as_value(descriptor)
        key = form, descriptor
        if key not in self._numbers:
            made = self._made(form, descriptor)
            self._numbers[key] = len(self.types) if made else 0
            if made:
                self.types.append(made)
                self._words.append(None)
                self._columns = None
        return self._numbers[key]

    def _as_value(self, descriptor: int) -> tuple[int, int]:
        """Return what a pointer to a value of this type leads to, where the runtime has another name for it."""
        found = self.reader.at(descriptor)
        return (CHANNEL, 0) if found is not None and found.name == "runtime.hchan" else (VALUE, descriptor)

    def target(self, descriptor: int) -> int:
        """Return the number of what a pointer word of a value of this type leads to: of a slice, its elements."""
        found = self.reader.at(descriptor)
        if found is None or not found.pointers:
            return 0
        if found.kind == abitype.POINTER:
            return self.number(VALUE, found.elem)
        if found.kind == abitype.SLICE:
            return self.number(ELEMENTS, found.elem)
        if found.kind == abitype.CHAN:
            return self.number(CHANNEL, found.elem)
        if found.kind == abitype.MAP:
            return self.number(MAP, descriptor)
        forms = {abitype.STRING: TEXT, abitype.FUNC: CLOSURE}
        return self.number(forms[found.kind], 0) if found.kind in forms else 0

    def _made(self, form: int, descriptor: int) -> ObjectType | None:
        width = self._width
        if form in (TEXT, SMALL):
            return ObjectType("string" if form == TEXT else "small values", form, 1, 0)
        if form == ITABS:
            return ObjectType("runtime.itabTableType", form, 1, 0)
        if form == CLOSURE:
            name = self.reader.function(descriptor) if descriptor else None
            return ObjectType(_part(f"func {name}" if name else "func", "closure"), form, width, descriptor)
        found = self.reader.at(descriptor)
        if form == CHANNEL and not descriptor:
            return ObjectType("chan", form, self.layout["hchan"].size, 0)
        if found is None:
            return None
        if form in _PART_OF_MAP or form == ANY_OF:
            return self._part_of_map(form, found)
        if form == CHANNEL:
            return ObjectType(f"chan {found.name}", form, self.layout["hchan"].size, descriptor)
        if not found.size:
            return None
        name = self._shown(form, found)
        return ObjectType(name, form, found.size, descriptor)

    def _shown(self, form: int, found: Descriptor) -> str:
        name = found.name
        for prefix in _GROUPS:
            if name.startswith(prefix):
                return f"map[{name.removeprefix(prefix)} (groups)"
        if form == BUFFER:
            return _part(f"[]{name}", "channel buffer")
        if form in (ELEMENTS, COUNTED):
            return f"[]{found.name}"
        if found.kind == abitype.ARRAY:
            elem = self.reader.at(found.elem)
            return found.name if elem is None or not found.name.startswith("[") else f"[]{elem.name}"
        return _part(found.name, "header") if found.kind in (abitype.STRING, abitype.SLICE) else found.name

    def _part_of_map(self, form: int, found: Descriptor) -> ObjectType | None:
        if found.kind != abitype.MAP:
            return None
        group, structs, width = self.reader.at(found.group), self.layout.structs, self._width
        header = structs.get("Map" if self.swiss(found) else "hmap")
        if group is None or header is None:
            return None
        sizes = {
            MAP: header.size, DIRECTORY: width, GROUPS: group.size, BUCKETS: group.size, OVERFLOW: 3 * width, LINKS: width,
            ANY_OF: width,
        }  # fmt: skip
        if form in (TABLE, EXTRA):
            part = structs.get("table" if form == TABLE else "mapextra")
            if part is None:
                return None
            sizes[form] = part.size
        name = found.name if form == MAP else f"{found.name} ({_PART_OF_MAP.get(form, 'groups')})"
        return ObjectType(name, form, sizes[form], found.address)

    def swiss(self, found: Descriptor) -> bool:
        """Whether a map has groups of slots; buckets if not. Either begins with eight bytes about its slots."""
        group = self.reader.at(found.group)
        return group is not None and bool(group.fields) and group.fields[0].name == "ctrl"

    def words(self, number: int) -> npt.NDArray[np.int32]:
        """Return what each word of an element of this type is: int32, a number, 0, `INTERFACE` or `SCALAR`."""
        found = self._words[number]
        if found is None:
            found = self._words[number] = self._written(self.types[number])
        return found

    def _written(self, what: ObjectType) -> npt.NDArray[np.int32]:
        if what.form in (VALUE, ELEMENTS, BUFFER):
            found = self._value(what.descriptor, 0)
            return np.full(1, SCALAR, np.int32) if found is None or not len(found) else found
        count = max(-(-what.size // self._width), 1)
        found = np.full(count, SCALAR, np.int32)
        if what.form == CHANNEL and what.descriptor:
            self._enter(found, "hchan", {"buf": self.number(BUFFER, what.descriptor)})
        elif what.form in _PART_OF_MAP:
            self._enter_map(found, what)
        return found

    def _enter(self, words: npt.NDArray[np.int32], struct: str, pointers: dict[str, int]) -> None:
        for path, number in pointers.items():
            words[self.layout[struct][path].offset // self._width] = number

    def _enter_map(self, words: npt.NDArray[np.int32], what: ObjectType) -> None:
        form, address = what.form, what.descriptor
        found = self.reader.at(address)
        if found is None:
            return
        if form == MAP and self.swiss(found):
            self._enter(words, "Map", {"dirPtr": self.number(ANY_OF, address)})
        elif form == MAP:
            buckets = self.number(BUCKETS, address)
            extra = self.number(EXTRA, address)
            self._enter(words, "hmap", {"buckets": buckets, "oldbuckets": buckets, "extra": extra})
        elif form == DIRECTORY:
            words[0] = self.number(TABLE, address)
        elif form == TABLE:
            self._enter(words, "table", {"groups.data": self.number(GROUPS, address)})
        elif form == EXTRA:
            overflow = self.number(OVERFLOW, address)
            self._enter(words, "mapextra", {"overflow": overflow, "oldoverflow": overflow, "nextOverflow": 0})
        elif form == OVERFLOW:
            words[0] = self.number(LINKS, address)
        elif form == LINKS:
            words[0] = self.number(BUCKETS, address)
        else:
            group = self._value(found.group, 0)
            if group is not None:
                words[: len(group)] = group[: len(words)]
            if form == BUCKETS and words[-1] != SCALAR:
                words[-1] = self.number(BUCKETS, address)

    def _value(self, descriptor: int, depth: int) -> npt.NDArray[np.int32] | None:
        """Return the words of a value of a Go type; None where it is too large, or a part cannot be read."""
        if descriptor not in self._of_values:
            self._of_values[descriptor] = None  # until it is known: nothing sound has itself as a part
            found = self.reader.at(descriptor) if depth < _DEEPEST else None
            self._of_values[descriptor] = None if found is None else self._value_of(found, depth)
        return self._of_values[descriptor]

    def _value_of(self, found: Descriptor, depth: int) -> npt.NDArray[np.int32] | None:
        count = found.size // self._width
        if count > _MOST_WORDS:
            return None
        words = np.full(count, SCALAR, np.int32)
        if not found.pointers:
            return words
        if found.kind == abitype.ARRAY:
            part = self._value(found.elem, depth + 1)
            if part is None or len(part) * found.length != count:
                return None
            return np.tile(part, found.length)
        if found.kind == abitype.STRUCT:
            return self._struct(found, words, depth)
        if found.kind == abitype.INTERFACE:
            words[1] = INTERFACE
        else:
            words[0] = self.target(found.address)
        return words

    def _struct(
        self, found: Descriptor, words: npt.NDArray[np.int32], depth: int
    ) -> npt.NDArray[np.int32] | None:
        for each in found.fields:
            part = self._value(each.type, depth + 1)
            kind = self.reader.at(each.type)
            begin = each.offset // self._width
            if part is None or kind is None or begin + len(part) > len(words):
                return None
            if kind.pointers:
                words[begin : begin + len(part)] = part
        for offset, number in unsafe_words(self, found).items():
            words[offset // self._width :][:1] = number
        return words

    def every(self) -> list[Descriptor]:
        """Return all types of the program, found once."""
        if self._every is None:
            self._every = self.reader.every()
        return self._every

    def pointers(self, number: int) -> Mask:
        """Return which words of an element of this type are pointers."""
        found: Mask = self.words(number) != SCALAR
        return found

    def columns(self) -> tuple[I64, I64]:
        """Return the forms and the sizes of all types: int64 (n,) each."""
        if self._columns is None:
            forms = np.array([each.form for each in self.types], np.int64)
            self._columns = forms, np.array([each.size for each in self.types], np.int64)
        return self._columns

    def better(self, old: int, new: int) -> bool:
        """Whether the second type says more of an object than the first, if both are true of it."""
        key = old, new
        if key not in self._better:
            self._better[key] = self._compared(self.types[old], self.types[new])
        return self._better[key]

    def _compared(self, old: ObjectType, new: ObjectType) -> bool:
        ranks = self._rank(old), self._rank(new)
        if ranks[0] != ranks[1]:
            return ranks[0] < ranks[1]
        if old.form not in (VALUE, ELEMENTS) or new.form not in (VALUE, ELEMENTS):
            return bool(old.form == new.form == CHANNEL and not old.descriptor)
        if old.descriptor == new.descriptor:
            return new.form == ELEMENTS and old.form == VALUE
        return self._begins_with(new.descriptor, old.descriptor)

    def apart(self, old: int, new: int) -> bool:
        """Whether two types that were found in a slot for small values are of different ones: neither is a part of the other."""
        if old == new:
            return False
        one, other = self.types[old], self.types[new]
        if SMALL in (one.form, other.form) or not {one.form, other.form} <= {VALUE, ELEMENTS}:
            return True
        descriptors = one.descriptor, other.descriptor
        return (
            one.descriptor != other.descriptor
            and not self._begins_with(*descriptors)
            and not self._begins_with(*descriptors[::-1])
        )

    def _rank(self, what: ObjectType) -> int:
        if what.form == SMALL:
            return 9
        if what.form in (VALUE, ELEMENTS):
            return 2 if _SHAPE in what.name else 3
        return 1 if what.form == TEXT else 4

    def _begins_with(self, whole: int, part: int) -> bool:
        """Whether a value of the one type begins with one of the other."""
        for _ in range(_DEEPEST):
            found = self.reader.at(whole)
            whole = 0 if found is None else self._first_part(found)
            if not whole or whole == part:
                return whole != 0
        return False

    def _first_part(self, found: Descriptor) -> int:
        """Return what a value of this type begins with; 0 for one without parts."""
        if found.kind == abitype.ARRAY:
            return found.elem
        for each in found.fields:
            kind = self.reader.at(each.type)
            if kind is None or kind.size:
                return each.type
        return 0

    def is_shape(self, number: int) -> bool:
        """Whether this is what a generic function calls its type, and not the instance."""
        return _SHAPE in self.types[number].name

    def is_part_of_map(self, number: int, part: int) -> bool:
        """Whether the second type is what the first, which the runtime has of it, is for its map."""
        whole, what = self.types[part], self.types[number]
        if whole.form not in (GROUPS, BUCKETS) or what.form not in (VALUE, ELEMENTS):
            return False
        found = self.reader.at(whole.descriptor)
        return found is not None and found.group == what.descriptor

    def same_layout(self, one: int, other: int) -> bool:
        """Whether values of two types are the same words, as of a type that is declared as another."""
        return self.types[one].size == self.types[other].size and np.array_equal(
            self.words(one), self.words(other)
        )


def _part(name: str, part: str) -> str:
    """Name what the runtime allocates for a value of a type."""
    return f"{name} ({part})"
