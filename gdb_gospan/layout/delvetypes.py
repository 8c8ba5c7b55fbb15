"""Types and variables of a program, as a Delve server knows them from its debug information."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

from gdb_gospan.layout.model import TypeNode
from gdb_gospan.memory import delveanswers
from gdb_gospan.memory.delveanswers import Variable
from gdb_gospan.memory.jsonrpc import CallError, Connection

SCOPE: Final = {"GoroutineID": -1, "Frame": 0}
"""Where expressions are evaluated: in the current goroutine."""
_LOAD: Final = {
    "FollowPointers": False,
    "MaxVariableRecurse": 9,
    "MaxStringLen": 0,
    "MaxArrayValues": 2,
    "MaxStructFields": -1,
}
"""Of a value only the addresses of its fields matter, and of an array two elements, which show the stride."""
_BASIC: Final = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8,
    "float32": 4, "float64": 8, "complex64": 8, "complex128": 16,
}  # fmt: skip
# reflect.Kind of pointers and the like, and of what takes several words (Delve's api.Variable.Kind).
_WORD: Final = frozenset({18, 19, 21, 22, 26})
_WORDS: Final = {20: 2, 23: 3, 24: 2}
_ARRAY, _POINTER, _STRUCT = 17, 22, 25
_OF_ARRAY: Final = re.compile(r"\[(\d+)\](.*)")


class DelveTypes:
    """The types and variables behind a connection; each is asked for once.

    Delve offers a type's size and the names of its fields, but no offsets. A value has addresses, so
    two values of a type are placed at a sufficiently large variable: only their addresses are used, not their contents.
    """

    def __init__(self, connection: Connection, pointer_size: int) -> None:
        self.pointer_size = pointer_size
        self._connection = connection
        self._known: dict[str, Variable | None] = {}

    def struct(self, name: str) -> TypeNode | None:
        """Return the type called `name` (``runtime.mspan``), or None."""
        two = self.pair(name)
        return DelveNode(self, two.children[0]) if two else None

    def address(self, name: str) -> int | None:
        """Address of the package variable `name`, or None."""
        variable = self._evaluated(name)
        return variable.address or None if variable else None

    def variable(self, name: str) -> tuple[int, TypeNode | None] | None:
        """Address and type of the package variable `name`, or None."""
        variable = self._evaluated(name)
        return (variable.address, DelveNode(self, variable)) if variable and variable.address else None

    def pair(self, name: str) -> Variable | None:
        """Return two values of a type side by side, or None where there is no such type."""
        two = self._evaluated(f'*(*"[2]{name}")({self.address("runtime.mheap_") or 0})')
        return two if two and len(two.children) == 2 else None

    def array(self, length: int, element: str) -> TypeNode | None:
        """Return the type of an array, of which only the name is known."""
        node = self.struct(element)
        return _Array(length, node) if node else None

    def _evaluated(self, expression: str) -> Variable | None:
        if expression not in self._known:
            try:
                self._known[expression] = self._connection.call(
                    "Eval", delveanswers.variable, Scope=SCOPE, Expr=expression, Cfg=_LOAD
                )
            except CallError:
                self._known[expression] = None
        return self._known[expression]


class DelveNode:
    """The type of a value that Delve has shown."""

    def __init__(self, types: DelveTypes, variable: Variable) -> None:
        self._types = types
        self._variable = variable

    @property
    def name(self) -> str:
        """Go's name of the type; empty for an anonymous one."""
        name = self._variable.type
        return "" if name.startswith(("struct {", "[", "*")) else name

    @cached_property
    def size(self) -> int:
        """Size in bytes."""
        variable, kind, real = self._variable, self._variable.kind, self._variable.real_type
        if real in _BASIC:
            return _BASIC[real]
        if kind in _WORD or real in ("int", "uint", "uintptr"):
            return self._types.pointer_size
        if kind in _WORDS:
            return _WORDS[kind] * self._types.pointer_size
        if kind == _ARRAY:
            return variable.length * self._stride
        two = self._types.pair(real) if self.name else None
        if two:
            return two.children[1].address - two.children[0].address
        return max((offset + node.size for _, offset, node in self.fields()), default=0)

    @property
    def _stride(self) -> int:
        children = self._variable.children
        if len(children) > 1:
            return children[1].address - children[0].address
        return DelveNode(self._types, children[0]).size if children else 0

    def field(self, name: str) -> tuple[int, TypeNode] | None:
        """Offset in bytes and type of a struct's field, or None."""
        return next(((offset, node) for field, offset, node in self.fields() if field == name), None)

    def fields(self) -> list[tuple[str, int, TypeNode]]:
        """Name, offset and type of each field of a struct; empty for any other type."""
        if self._variable.kind != _STRUCT:
            return []
        start = self._variable.address
        return [
            (child.name, child.address - start, DelveNode(self._types, child))
            for child in self._variable.children
        ]

    def element(self) -> tuple[int, TypeNode] | None:
        """Length and element type of an array, or None for any other type."""
        if self._variable.kind != _ARRAY or not self._variable.children:
            return None
        return self._variable.length, DelveNode(self._types, self._variable.children[0])

    def target(self) -> TypeNode | None:
        """Return what a pointer points to, or None for any other type."""
        if self._variable.kind != _POINTER:
            return None
        name = self._variable.type.removeprefix("*")
        array = _OF_ARRAY.fullmatch(name)
        return self._types.array(int(array[1]), array[2]) if array else self._types.struct(name)


class _Array:
    """An array that no value shows: the target of a pointer."""

    name = ""

    def __init__(self, length: int, element: TypeNode) -> None:
        self._length = length
        self._element = element

    @property
    def size(self) -> int:
        return self._length * self._element.size

    def field(self, _name: str) -> None:
        return None

    def fields(self) -> list[tuple[str, int, TypeNode]]:
        return []

    def element(self) -> tuple[int, TypeNode]:
        return self._length, self._element

    def target(self) -> None:
        return None
