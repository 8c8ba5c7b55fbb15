"""gdb's types and variables, as a `TypeSource`."""

from __future__ import annotations

import gdb

from gdb_gospan.debugger import symbols
from gdb_gospan.debugger.files import at_hand, executable, name_of
from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.layout.model import TypeNode
from gdb_gospan.memory.elfheader import ET_EXEC, elf_type

_STRUCTS = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)
_UNNAMED = {
    "runtime.debug": r".* runtime\.madvdontneed int32;",
    "runtime.scavenge": r".* runtime\.memoryLimitGoal ",
    "runtime.gcBitsArenas": r".* runtime\.free \*runtime\.gcBitsArena;",
}
"""Variables whose types have no names, and a field that no other such type has: of the fields a Go struct is called by,
those of a package have its name."""


class GdbType:
    """A `TypeNode` over gdb.Type."""

    def __init__(self, gdb_type: gdb.Type) -> None:
        self._type = gdb_type.strip_typedefs()
        # gdb calls a Go typedef by its own name only before it is stripped.
        self.name = gdb_type.name or ""
        self._members: dict[str, tuple[int, TypeNode]] | None = None

    @property
    def size(self) -> int:
        """Size in bytes."""
        # A value of a func type is a pointer; gdb takes it for the code, which has size 1.
        kind = self._type.pointer() if self._type.code == gdb.TYPE_CODE_FUNC else self._type
        return kind.sizeof

    def _by_name(self) -> dict[str, tuple[int, TypeNode]]:
        if self._members is None:
            fields = self._type.fields() if self._type.code in _STRUCTS else []
            self._members = {
                field.name: ((field.bitpos or 0) // 8, GdbType(field.type))
                for field in fields
                if field.name and field.type is not None
            }
        return self._members

    def field(self, name: str) -> tuple[int, TypeNode] | None:
        """Offset in bytes and type of a struct's field, or None."""
        return self._by_name().get(name)

    def fields(self) -> list[tuple[str, int, TypeNode]]:
        """Name, offset and type of each field of a struct; empty for any other type."""
        return [(name, offset, node) for name, (offset, node) in self._by_name().items()]

    def element(self) -> tuple[int, TypeNode] | None:
        """Length and element type of an array, or None."""
        if self._type.code != gdb.TYPE_CODE_ARRAY:
            return None
        low, high = self._type.range()
        return high - low + 1, GdbType(self._type.target())

    def target(self) -> TypeNode | None:
        """Return what a pointer points to, or None."""
        if self._type.code != gdb.TYPE_CODE_PTR:
            return None
        return GdbType(self._type.target())


class GdbTypes:
    """Types and variables of the program that gdb has loaded; results are cached.

    Valid until gdb loads or drops a file of symbols; the program may run. Of a name that several files have, gdb
    gives the first: where there are several runtimes, `FileTypes` is for each.
    """

    def __init__(self) -> None:
        self._symbols = _fixed_symbols()
        self._structs: dict[str, TypeNode | None] = {}

    def address(self, name: str) -> int | None:
        """Address of a package variable, or None.

        Where the symbol table decides it, gdb is not asked: for the first
        variable it reads all debug information of the runtime.
        """
        for table in self._symbols:
            address = table.address(name)
            if address is not None and symbols.begins_at(name, address):
                return address
        variable = self.variable(name)
        return variable[0] if variable else None

    def struct(self, name: str) -> TypeNode | None:
        """Return the type called ``name``, or None."""
        if name not in self._structs:
            found = self.gdb_type(name)
            self._structs[name] = None if found is None else GdbType(found)
        return self._structs[name]

    def gdb_type(self, name: str) -> gdb.Type | None:
        """Return the same as gdb's own."""
        try:
            return gdb.lookup_type(name)
        except gdb.error:
            return None

    def variable(self, name: str) -> tuple[int, TypeNode | None] | None:
        """Address and type of a package variable; only the address when there is a symbol but no DWARF."""
        if name in _UNNAMED and (known := self._by_its_fields(name)):
            return known
        found = symbols.variable(name)
        return None if found is None else (found[0], None if found[1] is None else GdbType(found[1]))

    def _by_its_fields(self, name: str) -> tuple[int, TypeNode] | None:
        """Find a variable's type among the types; None where it is not told for sure.

        Those gdb has at once, while for the variable it reads all that the runtime's functions have: 60 of the 200 ms
        of a first summary.
        """
        for table in self._symbols:
            found = table.find(name)
            if found is not None and symbols.begins_at(name, found.address):
                kind = symbols.struct_of(_UNNAMED[name])
                if kind is not None and kind.sizeof == found.size:
                    return found.address, GdbType(kind)
        return None


class FileTypes:
    """Types and variables of one file that gdb has loaded, its separate debug information included.

    Parameters
    ----------
    file
        An executable or a library.
    table
        Its symbol table, for what is not in its debug information.
    """

    def __init__(self, file: gdb.Objfile, table: SymbolTable) -> None:
        self._file = file
        self._table = table

    def address(self, name: str) -> int | None:
        """Address of a package variable, or None."""
        variable = self.variable(name)
        return variable[0] if variable else None

    def struct(self, name: str) -> TypeNode | None:
        """Return the type called ``name``, or None."""
        found = self.gdb_type(name)
        return None if found is None else GdbType(found)

    def gdb_type(self, name: str) -> gdb.Type | None:
        """Return the same as gdb's own."""
        found = self._file.lookup_static_symbol(name)
        return None if found is None else found.type

    def variable(self, name: str) -> tuple[int, TypeNode | None] | None:
        """Address and type of a package variable; only the address when there is a symbol but no DWARF."""
        found = self._file.lookup_global_symbol(name) or self._file.lookup_static_symbol(name)
        if found is not None and found.is_variable and found.type is not None:
            place = found.value().address
            if place is not None:
                return int(place), GdbType(found.type)
        address = self._table.address(name)
        return None if address is None or not symbols.begins_at(name, address) else (address, None)


def _fixed_symbols() -> list[SymbolTable]:
    """Symbol tables of the program and its separate debug information, if it cannot be moved when loaded."""
    name = executable()
    path = at_hand(name)
    if path is None or elf_type(path) != ET_EXEC:
        return []
    own = [name_of(file) for file in gdb.objfiles() if name in (name_of(file), _parent(file))]
    return [SymbolTable(path) for path in map(at_hand, own) if path]


def _parent(file: gdb.Objfile) -> str | None:
    """Return the file that this one has the separate debug information of."""
    return name_of(file.owner) if file.owner is not None else None
