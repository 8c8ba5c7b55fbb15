"""Addresses out of expressions as a Go programmer types them, and names of what is not in the heap."""

from __future__ import annotations

import contextlib
import re

import gdb

from gdb_gospan.commands.session import Symbol
from gdb_gospan.debugger.indexing import NoElementError, bounds, element, indexed, refuse_beyond, refuse_maps
from gdb_gospan.debugger.pointers import pointer_in
from gdb_gospan.debugger.settings import like_c
from gdb_gospan.debugger.symbols import address_of as address_of_symbol
from gdb_gospan.debugger.symbols import global_symbol, place_of
from gdb_gospan.debugger.untouched import reason, refuse_assignments, untouched
from gdb_gospan.errors import GoSpansError

# A package variable, quoted or not, and what follows it; a path may stand before the package.
_NAME = re.compile(r"([&*]?)(?:'([^']+)'|((?:[\w.~%-]+/)*[\w%-]+\.\w+))(.*)", re.DOTALL)
_WITHIN = re.compile(
    r"""'[^']*'|"(?:[^"\\]|\\.)*"|(?<![\w.$'])(?P<name>(?:[\w.~%-]+/)*[A-Za-z_%][\w%]*\.[A-Za-z_]\w*)"""
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
    """Turn a gdb expression into an address; a plain number stays as it is.

    Nothing in the target is called or written for it.

    Raises
    ------
    GoSpansError
        It gives none, or would change something: one line that says why.
    """
    try:
        int(expression, 0)
    except ValueError:
        pass
    else:
        return expression
    refuse_assignments(expression, wanted_by)
    try:
        return hex(int(pointer_in(value_of(expression))))
    except NoElementError as error:
        raise GoSpansError(f"{error} (try: go-spans {wanted_by} {error.operand})") from None
    except (gdb.error, TypeError, OverflowError) as error:
        why = reason(error)
        if "No symbol" in why or "syntax error" in why:
            why += "; try: a Go name such as main.items, main.items.field or main.items[3]"
        raise GoSpansError(
            f"{wanted_by}: {expression} is not an address or an expression that gives one ({why})"
        ) from None


def symbol_at(address: int) -> Symbol | None:
    """Name what the program's files have at an address; None when they have nothing there but the bound of a section."""
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
    """Evaluate an expression, in which a dotted Go name needs no quotes, and a slice can be indexed.

    To be called after `refuse_assignments`. Names and what follows them are looked up here, in whatever language
    gdb is; the rest is read by gdb, as in C.
    gdb takes such names only in quotes, whatever its language is; without, a Go frame of gdb 13 may even
    crash on a name that does not exist, so that one never gets there.
    """
    with contextlib.suppress(ValueError):
        return gdb.Value(int(expression, 0))
    match = _NAME.fullmatch(expression)
    if match is None:
        return _by_gdb(expression)
    prefix, quoted, dotted, rest = match.groups()
    name = quoted or dotted
    value, typed = _global(name), name
    if value is None:
        first = name.partition(".")[0]
        if quoted or "/" in name or _is_local(first):
            return _by_gdb(expression)
        raise gdb.error(f"No symbol {name}")
    if not _STEPS.fullmatch(rest):
        return _by_gdb(f"{prefix}'{name}'{rest}")
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
    return value.dereference() if prefix else value


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
    """Put a global's name in quotes; what is in quotes already, and the field of a local variable, stays as it is."""
    name = found["name"]
    return found[0] if name is None or _global(name) is None else f"'{name}'"


def _global(name: str) -> gdb.Value | None:
    """Return a global variable or a function, or None when there is none of that name."""
    symbol = global_symbol(name)
    if symbol is not None and (symbol.is_variable or symbol.is_function):
        return symbol.value()
    if address_of_symbol(name) is None:
        return None
    with like_c():  # without debug information gdb gives it a type of its own
        return gdb.parse_and_eval(f"'{name}'")


def _is_local(name: str) -> bool:
    try:
        with like_c():
            symbol = gdb.lookup_symbol(name)[0]
    except gdb.error:  # no frame
        return False
    # A package such as main may be a symbol too: what follows its dot must not reach gdb's parser.
    return symbol is not None and symbol.needs_frame


def _field(value: gdb.Value, name: str) -> gdb.Value:
    """Select a field, through a pointer too, as in Go."""
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        value = value.dereference()
    return value[name]
