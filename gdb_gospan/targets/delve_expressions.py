"""Turn expressions into addresses with a Delve server, and name what is not in the heap."""

from __future__ import annotations

import re
from typing import Final

from gdb_gospan.analysis.session import Symbol
from gdb_gospan.errors import GoSpansError, UsageError
from gdb_gospan.layout.delvetypes import SCOPE, DelveNode, DelveTypes
from gdb_gospan.layout.globals import is_number
from gdb_gospan.memory import ADDRESS_SPACE, delveanswers
from gdb_gospan.memory.delve import DelveMemory
from gdb_gospan.memory.delveanswers import Variable
from gdb_gospan.memory.jsonrpc import CallError, Connection

_LOAD: Final = {
    "FollowPointers": False,
    "MaxVariableRecurse": 0,
    "MaxStringLen": 0,
    "MaxArrayValues": 2,
    "MaxStructFields": -1,
}
_PATH: Final = re.compile(r'([&*(\s]*)((?:[\w.~%-]+/)+[\w%-]+)(\.[^/"]*)')
"""The text before a package path, the path, and the rest."""
_ROOT: Final = re.compile(r'&?((?:"[^"]+"|[\w%-]+)\.\w+)(?:[.\[][^()]*)?')
"""An expression that begins with a package variable, and that variable."""
# Kinds (reflect.Kind) by where the address comes from.
_INTEGERS: Final = range(2, 13)
_WORD: Final = frozenset({18, 21, 23, 24})
"""The first word points: channel, map, slice, string."""
_FUNCTION, _INTERFACE, _POINTERS = 19, 20, frozenset({22, 26})
_IN_PLACE: Final = frozenset({17, 25})
"""An array or a struct is where it lies."""


class DelveExpressions:
    """Expressions as the Delve server evaluates them, in the scope of its current goroutine."""

    def __init__(self, connection: Connection, types: DelveTypes, memory: DelveMemory) -> None:
        self._connection = connection
        self._types = types
        self._memory = memory
        self._globals: tuple[Variable, ...] | None = None
        self._roots: list[str] = []

    def address_of(self, expression: str, wanted_by: str) -> str:
        """Turn an expression into an address; a number is returned unchanged.

        Delve calls and changes nothing in the program.

        Raises
        ------
        GoSpansError
            The expression has no address; the message says why.
        """
        if is_number(expression):
            return expression
        if "'" in expression:
            plain = expression.replace("'", "")
            raise UsageError(
                f"{wanted_by}: Delve takes names without quotes (try: go-spans {wanted_by} {plain})"
            )
        expression = _quoted(expression)
        if root := _ROOT.fullmatch(expression):
            self._roots.append(root[1])
        try:
            found = self._evaluated(expression)
            address = self._pointer(found)
            why = found.unreadable or f"its type is {found.type}"
        except CallError as error:
            address, why = None, error.reason
        if address is None:
            raise GoSpansError(
                f"{wanted_by}: {expression} is not an address or an expression that gives one "
                f"({why}; try: a Go name such as main.items, main.items.field or main.items[3])"
            )
        return hex(address)

    def symbol_at(self, address: int) -> Symbol | None:
        """Return the package variable or function at an address; None if Delve knows neither."""
        if not 0 <= address < ADDRESS_SPACE:
            return None
        for variable in self._globals_before(address):
            if address < variable.address + DelveNode(self._types, variable).size:
                return Symbol(
                    variable.name,
                    address - variable.address,
                    is_global=True,
                    points_to=None if variable.kind in _INTEGERS else self._pointer(variable),
                )
        try:
            place = self._connection.call(
                "FindLocation", delveanswers.place, Scope=SCOPE, Loc=f"*{address:#x}"
            )
        except CallError:
            return None
        return place and Symbol(place[0], address - place[1], is_global=False, points_to=None)

    def _globals_before(self, address: int) -> list[Variable]:
        """Return the variables that begin nearest before an address; several where some have no bytes."""
        if self._globals is None:
            try:
                self._globals = self._connection.call(
                    "ListPackageVars", delveanswers.variables, Filter="", Cfg=_LOAD
                )
            except CallError:  # an old Delve stumbles over the maps of a Go that is newer than it
                self._globals = tuple(filter(None, map(self._global, self._roots)))
        nearest = max((each.address for each in self._globals if 0 < each.address <= address), default=0)
        return [each for each in self._globals if nearest and each.address == nearest]

    def _global(self, name: str) -> Variable | None:
        try:
            found = self._evaluated(name)
        except CallError:
            return None
        return found if found.is_global else None

    def _evaluated(self, expression: str) -> Variable:
        return self._connection.call("Eval", delveanswers.variable, Scope=SCOPE, Expr=expression, Cfg=_LOAD)

    def _pointer(self, value: Variable) -> int | None:
        """Return the heap pointer of a value: the data of a slice, string or interface; the address of a struct."""
        if value.kind in _POINTERS:
            return value.children[0].address if value.children else None
        if value.kind in _INTEGERS:
            return _number(value.value)
        if not value.address:
            return None
        if value.kind in _IN_PLACE or (value.kind == _FUNCTION and value.base == value.address):
            return value.address
        if value.kind == _INTERFACE:
            return self._word(value.address + self._types.pointer_size)
        return self._word(value.address) if value.kind in _WORD or value.kind == _FUNCTION else None

    def _word(self, address: int) -> int | None:
        (data,) = self._memory.examine([(address, self._types.pointer_size)])
        return None if data is None else int.from_bytes(data.tobytes(), "little")


def _quoted(expression: str) -> str:
    """Quote a package path as Delve requires: ``"example.com/app/cache".Entries``."""
    match = _PATH.fullmatch(expression)
    return f'{match[1]}"{match[2]}"{match[3]}' if match else expression


def _number(text: str) -> int | None:
    try:
        number = int(text, 0)
    except ValueError:
        return None
    return number if 0 <= number < ADDRESS_SPACE else None
