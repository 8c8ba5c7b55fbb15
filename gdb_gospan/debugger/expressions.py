"""Turn Go-style expressions into addresses, and name what is not in the heap."""

from __future__ import annotations

import contextlib
import re

import gdb

from gdb_gospan.analysis.session import Symbol
from gdb_gospan.debugger.indexing import NoElementError, bounds, element, indexed, refuse_beyond, refuse_maps
from gdb_gospan.debugger.pointers import pointer_in
from gdb_gospan.debugger.safe_expressions import reason, refuse_assignments, untouched
from gdb_gospan.debugger.settings import like_c
from gdb_gospan.debugger.symbols import address_of as address_of_symbol
from gdb_gospan.debugger.symbols import global_symbol, no_names, place_of
from gdb_gospan.errors import GoSpansError
from gdb_gospan.layout.globals import is_number

# A package variable, quoted or not, or a name without a dot, and what follows it; a path may stand before the package.
_NAME = re.compile(
    r"([&*]?)(?:'([^']+)'|((?:[\w.~%-]+/)*[\w%-]+\.[A-Za-z_]\w*)|(\$?[A-Za-z_]\w*))(.*)", re.DOTALL
)
_WITHIN = re.compile(
    r"""'[^']*'|"(?:[^"\\]|\\.)*"|(?<![\w.$':])(?<!->)(?P<name>(?:[\w.~%-]+/)*[A-Za-z_%][\w%]*\.[A-Za-z_]\w*)"""
)
"""Such a name within a larger expression."""
_STEPS = re.compile(r"(?:\s*\.\s*[A-Za-z_]\w*|\s*\[[^][]+\])*\s*")
_STEP = re.compile(r"\.\s*(\w+)|\[([^][]+)\]")
_GLOBALS = frozenset({".data", ".bss", ".noptrdata", ".noptrbss"})
_BOUND = re.compile(
    r"runtime\.e?(text|rodata|types|noptrdata|data|noptrbss|bss|covctrs|gcdata|gcbss|pclntab)|runtime\.end"
)
"""What the linker names the ends of its sections by (cmd/link/internal/ld/symtab.go): nothing in them is its own."""


def address_of(expression: str, wanted_by: str) -> str:
    """Turn a gdb expression into an address; a number is returned unchanged.

    Nothing in the target is called or written for it.

    Raises
    ------
    GoSpansError
        It gives none, or would change something: one line that says why.
    """
    if is_number(expression):
        return expression
    refuse_assignments(expression, wanted_by)
    try:
        return hex(int(pointer_in(value_of(expression))))
    except NoElementError as error:
        raise GoSpansError(f"{error} (try: go-spans {wanted_by} {error.operand})") from None
    except (gdb.error, TypeError, OverflowError) as error:
        why = reason(error)
        if "No symbol" in why and (unknown := no_names()):
            raise GoSpansError(f"{wanted_by}: no symbol in {expression}: {unknown}") from None
        if "No symbol" in why or "syntax error" in why:
            why += "; try: a Go name such as main.items, main.items.field or main.items[3]"
        raise GoSpansError(
            f"{wanted_by}: {expression} is not an address or an expression that gives one ({why})"
        ) from None


def symbol_at(address: int) -> Symbol | None:
    """Return the symbol at an address; None if there is only the bound of a section."""
    if not 0 <= address < 1 << 64:
        return None
    place = place_of(address)
    if place is None or _BOUND.fullmatch(place.name):
        return None
    is_global, points_to = place.section in _GLOBALS, None
    if is_global:
        try:
            value = _global(place.name)
            points_to = None if value is None else int(pointer_in(value))
        except (gdb.error, TypeError, OverflowError):
            points_to = None
    return Symbol(place.name, place.offset, is_global=is_global, points_to=points_to)


def value_of(expression: str) -> gdb.Value:
    """Evaluate an expression; dotted Go names need no quotes, and slices can be indexed.

    To be called after `refuse_assignments`. A name and what follows it are looked up here; gdb reads the rest as C, in
    which a Go name needs quotes.
    """
    with contextlib.suppress(ValueError):
        return gdb.Value(int(expression, 0))
    match = _NAME.fullmatch(expression)
    if match is None:
        return _by_gdb(expression)
    prefix, quoted, dotted, plain, rest = match.groups()
    typed = quoted or dotted or plain
    value = _plain(plain) if plain else _global(typed)
    if value is not None and not plain and not _STEPS.fullmatch(rest):
        return _by_gdb(f"{prefix}'{typed}'{rest}")
    if value is None and dotted and "/" not in dotted:
        typed, _, field = dotted.partition(".")
        value, rest = _before_dot(dotted), f".{field}{rest}"
    if value is None or not _STEPS.fullmatch(rest):
        return _by_gdb(expression)
    for step in _STEP.finditer(rest):
        field, index = step.groups()
        if field:
            value = _field(value, field)
        else:
            refuse_maps(value, typed)  # a key may be anything
            value = element(value, value_of(index.strip()))
        typed += step[0]
    if value.type.code == gdb.TYPE_CODE_FUNC or prefix == "&":
        if value.address is None:
            raise gdb.error("it has no address")
        return value.address
    if prefix and value.type.strip_typedefs().code != gdb.TYPE_CODE_PTR:
        return _by_gdb(expression)  # in C, a number may be taken for a pointer
    return value.dereference() if prefix else value


def _plain(name: str) -> gdb.Value | None:
    """Return a register, a convenience variable, a local or a global variable by a name without a dot, or None."""
    if not name.startswith("$"):
        value = _local(name)
        return _global(name) if value is None else value
    try:
        return gdb.selected_frame().read_register(name[1:])
    except (gdb.error, ValueError):  # no frame, or no such register
        return gdb.convenience_variable(name[1:])


def _by_gdb(expression: str) -> gdb.Value:
    """Have gdb evaluate an expression, in which nothing is indexed that has no such element."""
    for operand, index in indexed(expression):
        try:
            value = value_of(operand)
        except gdb.error:  # a part that is none by itself, of a type for instance
            continue
        refuse_maps(value, operand)
        if length := bounds(value):
            refuse_beyond(int(value_of(index)), *length)
    with like_c(), untouched():
        return gdb.parse_and_eval(_WITHIN.sub(_quoted, expression))


def _quoted(found: re.Match[str]) -> str:
    """Put a global's name in quotes; what is in quotes already, and the field of a variable, stays as it is."""
    name = found["name"]
    if name is not None and _global(name) is not None:
        return f"'{name}'"
    if name is not None and "/" not in name:
        _before_dot(name)
    return found[0]


def _before_dot(name: str) -> gdb.Value:
    """Return the variable before the dot.

    There may be a function main beside the package: what follows that dot must not reach gdb's own parser, which
    crashes on it (gdb 16 and 17).
    """
    value = _plain(name.partition(".")[0])
    if value is None or value.type.code == gdb.TYPE_CODE_FUNC:
        raise gdb.error(f"No symbol {name}")
    return value


def _global(name: str) -> gdb.Value | None:
    """Return a global variable or a function, or None when there is none of that name."""
    symbol = global_symbol(name)
    if symbol is not None and (symbol.is_variable or symbol.is_function):
        return symbol.value()
    if address_of_symbol(name) is None:
        return None
    with like_c():  # without debug information gdb gives it a type of its own
        return gdb.parse_and_eval(f"'{name}'")


def _local(name: str) -> gdb.Value | None:
    """Return a variable or parameter of the selected frame, the innermost of that name, or None."""
    try:
        frame = gdb.selected_frame()
        block: gdb.Block | None = frame.block()
    except (gdb.error, RuntimeError):  # no frame, or none of its function in the debug information
        return None
    while block is not None and not block.is_static and not block.is_global:
        for symbol in block:
            if symbol.name == name and (symbol.is_variable or symbol.is_argument):
                return symbol.value(frame) if symbol.needs_frame else symbol.value()
        block = block.superblock
    return None


def _field(value: gdb.Value, name: str) -> gdb.Value:
    """Select a field, through a pointer too, as in Go."""
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        value = value.dereference()
    return value[name]
