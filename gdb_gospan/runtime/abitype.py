"""Type descriptors: what a type is called, and what its values are made of (internal/abi/type.go; runtime/type.go up to 1.20).

The compiler's descriptors lie between moduledata.types and etypes and are never stripped. Those that package reflect makes
lie in the heap, and have no name at an offset: theirs is put together from their parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs
import numpy as np

from gdb_gospan.layout.model import Struct
from gdb_gospan.layout.pclntab import FunctionTable
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.record import Column, Reader
from gdb_gospan.runtime.symtab import modules

ARRAY, CHAN, FUNC, INTERFACE, MAP, POINTER, SLICE, STRING, STRUCT, UNSAFE_POINTER = range(17, 27)
"""abi.Kind of those that have pointers or parts."""
_KIND: Final = 31
_EXTRA_STAR: Final = 1 << 1
"""abi.TFlagExtraStar: the name is that of the pointer to the type."""
_DIRECT: Final = 1 << 5
"""abi.TFlagDirectIface, in Type.TFlag since Go 1.26, and abi.KindDirectIface, in Type.Kind_ before: no release has both bits in use."""
_LONGEST_NAME: Final = 1 << 12
_MOST_FIELDS: Final = 1 << 16
_MOST_BYTES: Final = 256 << 20
"""Of the descriptors and names of a module; more is damage."""
_LARGEST: Final = 1 << 40
_SIZES: Final = {
    1: (1,),
    3: (1,),
    4: (2,),
    5: (4,),
    6: (8,),
    8: (1,),
    9: (2,),
    10: (4,),
    11: (8,),
    13: (4,),
    14: (8,),
    15: (8,),
    16: (16,),
}
"""Bytes of a value of the kinds that have one size everywhere."""
_WORDS: Final = {
    2: 1,
    7: 1,
    12: 1,
    CHAN: 1,
    FUNC: 1,
    INTERFACE: 2,
    MAP: 1,
    POINTER: 1,
    SLICE: 3,
    STRING: 2,
    UNSAFE_POINTER: 1,
}
"""Pointer-sized words of a value, of other kinds."""


@attrs.frozen(eq=False)
class FieldOf:
    """A field of a struct: its name, where it begins, and the descriptor of its type."""

    name: str
    offset: int
    type: int


@attrs.frozen(eq=False, repr=False)
class Descriptor:
    """One type.

    Attributes
    ----------
    address
        Of the descriptor.
    kind
        As abi.Kind counts them.
    size, pointers
        Bytes of a value, and up to its last pointer.
    name
        As the program prints it with ``%T``: the last element of the package's path, and the type.
    direct
        An interface holds the value itself in its data word.
    elem
        Descriptor of the elements of an array, a slice or a channel, of what a pointer points to, of the values of a map; 0 of others.
    key, group
        Of a map: descriptors of the keys, and of what holds eight of them: a group since Go 1.24, a bucket before.
    length
        Elements of an array.
    fields
        Of a struct.
    """

    address: int
    kind: int
    size: int
    pointers: int
    name: str
    direct: bool
    elem: int = 0
    key: int = 0
    group: int = 0
    length: int = 0
    fields: tuple[FieldOf, ...] = ()


@attrs.frozen(eq=False, repr=False)
class _Module:
    """The bytes between moduledata.types and etypes, and where its code is."""

    types: int
    data: bytes
    text: int
    etext: int
    pclntab: int


class TypeReader:
    """Reads descriptors, each once.

    Attributes
    ----------
    known
        The descriptors of at least one module could be read: without the executable a core has none.
    """

    def __init__(self, reader: Reader, symbols: Symbols) -> None:
        self._reader = reader
        self._layout = reader.layout
        self._width = reader.layout.platform.pointer_size
        self._order = reader.layout.platform.byteorder
        self._found: dict[int, Descriptor | None] = {}
        self._functions: dict[int, FunctionTable] = {}
        self._modules = list(self._read_modules(symbols))
        self.known = bool(self._modules)

    def _read_modules(self, symbols: Symbols) -> Iterator[_Module]:
        for each in modules(self._reader, symbols)[0]:
            begin, end = each["types"], each["etypes"]
            if not 0 < end - begin < _MOST_BYTES:
                continue
            data = self._reader.memory.read(begin, end - begin)
            if not isinstance(data, Unreadable):
                text = each.get("text") or 0
                yield _Module(begin, data, text, each.get("etext") or 0, each.get("pcHeader") or 0)

    def ranges(self) -> list[tuple[int, int]]:
        """Return where descriptors of the compiler lie: first address, and the end."""
        return [(each.types, each.types + len(each.data)) for each in self._modules]

    def code(self) -> list[tuple[int, int]]:
        """Return of each module where its code begins and ends."""
        return [(each.text, each.etext) for each in self._modules]

    def function(self, address: int) -> str | None:
        """Return the name of the function whose code begins at this address, by Go's own table; None if none does."""
        for module in self._modules:
            if module.pclntab and module.text <= address < module.etext:
                if module.types not in self._functions:
                    table = FunctionTable(self._reader.memory, module.pclntab, module.text)
                    self._functions[module.types] = table
                found = self._functions[module.types]
                return found.function(address) if found.entry(address) == address else None
        return None

    def at(self, address: int) -> Descriptor | None:
        """Return the type whose descriptor is at this address; None if there is none, or it cannot be one."""
        if address not in self._found:
            self._found[address] = None  # until it is known: of parts that lead back to it
            self._found[address] = self._read(address)
        return self._found[address]

    def of_itab(self, address: int) -> Descriptor | None:
        """Return the dynamic type of an interface whose first word is the address of an itab."""
        itab = self._layout["ITab"]
        data = self._reader.memory.read(address, itab.extent)
        if isinstance(data, Unreadable):
            return None
        interface, dynamic = (self._word(data, itab[name].offset) for name in ("Inter", "Type"))
        if not self._has_module(interface):
            return None
        known = self.at(interface)
        return self.at(dynamic) if known is not None and known.kind == INTERFACE else None

    def every(self) -> list[Descriptor]:
        """Return all types of the modules, and those of which they are made.

        They are found by what a descriptor looks like: only some are listed (moduledata.typelinks, up to Go 1.26).
        """
        going = [address for module in self._modules for address in self._candidates(module)]
        seen = set(going)
        found = []
        while going:
            descriptor = self.at(going.pop())
            if descriptor is None:
                continue
            found.append(descriptor)
            parts = {
                descriptor.elem,
                descriptor.key,
                descriptor.group,
                *(each.type for each in descriptor.fields),
            }
            new = [part for part in parts if part and part not in seen]
            seen.update(new)
            going += new
        return found

    def _candidates(self, module: _Module) -> list[int]:
        """Return addresses of a module at which the numbers fit those of a descriptor."""
        struct, width = self._layout["Type"], self._width
        begin = -module.types % width
        count = (len(module.data) - begin - struct.size) // width
        if count <= 0:
            return []

        def number(path: str) -> Column:
            field = struct[path]
            kind = np.dtype(f"{'<' if self._order == 'little' else '>'}u{field.size}")
            found: Column = np.ndarray(count, kind, module.data, begin + field.offset, (width,))
            return found

        kind = number("Kind_") & _KIND
        good = (kind > 0) & (kind <= UNSAFE_POINTER)
        name = number("Str")
        good &= (name > 0) & (name < len(module.data))
        size, pointers = number("Size_"), number("PtrBytes")
        good &= (pointers <= size) & (size < _LARGEST) & (pointers % width == 0)
        return [module.types + begin + width * row for row in np.flatnonzero(good).tolist()]

    def _word(self, data: bytes, offset: int, size: int = 0) -> int:
        return int.from_bytes(data[offset : offset + (size or self._width)], self._order)

    def _field(self, struct: Struct, data: bytes, path: str) -> int:
        field = struct[path]
        return self._word(data, field.offset, field.size)

    def _has_module(self, address: int) -> bool:
        return any(each.types <= address < each.types + len(each.data) for each in self._modules)

    def _bytes(self, address: int, size: int) -> bytes | None:
        """Return bytes of a module's types, or of any other memory."""
        for each in self._modules:
            at = address - each.types
            if 0 <= at <= len(each.data) - size:
                return each.data[at : at + size]
        data = self._reader.memory.read(address, size) if 0 < address < 1 << 63 else None
        return None if data is None or isinstance(data, Unreadable) else data

    def _read(self, address: int) -> Descriptor | None:
        struct = self._layout["Type"]
        data = self._bytes(address, struct.size) if address and address % self._width == 0 else None
        if data is None:
            return None
        kind = self._field(struct, data, "Kind_")
        size, pointers = self._field(struct, data, "Size_"), self._field(struct, data, "PtrBytes")
        flags, kind, direct = self._field(struct, data, "TFlag"), kind & _KIND, kind & _DIRECT
        if not self._fits(kind, size, pointers):
            return None
        module = next((m for m in self._modules if m.types <= address < m.types + len(m.data)), None)
        name = ""
        if module is not None:
            offset = self._field(struct, data, "Str")
            written = self._name(module.types + offset) if 0 < offset < len(module.data) else None
            if not written:
                return None
            name = written[1:] if flags & _EXTRA_STAR else written
        found = Descriptor(address, kind, size, pointers, name, bool(direct or flags & _DIRECT))
        whole = self._with_parts(found)
        if whole is None or module is not None:
            return whole
        return attrs.evolve(whole, name=self._made_name(whole))

    def _fits(self, kind: int, size: int, pointers: int) -> bool:
        """Whether a value of this kind can have so many bytes."""
        if not 0 < kind <= UNSAFE_POINTER or not pointers <= size < _LARGEST or pointers % self._width:
            return False
        known = _SIZES.get(kind) or ((_WORDS[kind] * self._width,) if kind in _WORDS else None)
        return known is None or size in known

    def _with_parts(self, found: Descriptor) -> Descriptor | None:
        """Read what a descriptor of this kind has behind its head."""
        address = found.address
        if found.kind == STRUCT:
            fields = self._fields(found)
            return None if fields is None else attrs.evolve(found, fields=fields)
        name = {
            ARRAY: "ArrayType",
            CHAN: "ChanType",
            MAP: "MapType",
            POINTER: "PtrType",
            SLICE: "SliceType",
        }.get(found.kind)
        if name is None:
            return found
        struct = self._layout[name]
        data = self._bytes(address, struct.extent)
        if data is None:
            return None
        elem = self._field(struct, data, "Elem")
        if found.kind == MAP:
            return attrs.evolve(
                found,
                elem=elem,
                key=self._field(struct, data, "Key"),
                group=self._field(struct, data, "Group"),
            )
        length = self._field(struct, data, "Len") if found.kind == ARRAY else 0
        return attrs.evolve(found, elem=elem, length=length) if elem else None

    def _fields(self, found: Descriptor) -> tuple[FieldOf, ...] | None:
        header = self._bytes(found.address + self._layout["StructType"]["Fields"].offset, 2 * self._width)
        struct = self._layout["StructField"]
        if header is None:
            return None
        array, count = self._word(header, 0), self._word(header, self._width)
        if count > min(_MOST_FIELDS, 8 * found.size + 4096):
            return None
        data = self._bytes(array, count * struct.size) if count else b""
        if data is None:
            return None
        fields = []
        for row in range(count):
            one = data[row * struct.size : (row + 1) * struct.size]
            name, kind, offset = (self._field(struct, one, path) for path in ("Name.Bytes", "Typ", "Offset"))
            if offset > found.size or not kind:
                return None
            fields.append(FieldOf(self._name(name) or "_", offset, kind))
        return tuple(fields)

    def _name(self, address: int) -> str | None:
        """Read a name: a byte of flags, the length in groups of seven bits, the text (abi.Name)."""
        head = self._bytes(address, 4)
        if head is None:
            return None
        length, width = head[1] & 0x7F, 1
        if head[1] & 0x80:
            length, width = length | (head[2] & 0x7F) << 7, 2
        if head[width] & 0x80 or length > _LONGEST_NAME:
            return None
        text = self._bytes(address + 1 + width, length)
        if text is None:
            return None
        try:
            return text.decode()
        except UnicodeDecodeError:
            return None

    def _made_name(self, found: Descriptor) -> str:
        """Put the name of a type together that package reflect has made."""
        elem = self.at(found.elem) if found.elem else None
        part = "?" if elem is None else elem.name
        if found.kind == MAP:
            key = self.at(found.key)
            return f"map[{'?' if key is None else key.name}]{part}"
        if found.kind == STRUCT:
            kinds = ((each.name, self.at(each.type)) for each in found.fields)
            fields = "; ".join(f"{name} {'?' if kind is None else kind.name}" for name, kind in kinds)
            return f"struct {{ {fields} }}"
        prefix = {ARRAY: f"[{found.length}]", CHAN: "chan ", POINTER: "*", SLICE: "[]"}.get(found.kind)
        return (
            {FUNC: "func", INTERFACE: "interface"}.get(found.kind, "?") if prefix is None else prefix + part
        )
