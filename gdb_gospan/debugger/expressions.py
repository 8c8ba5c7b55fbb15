"""Addresses out of expressions as a Go programmer types them, and names of what is not in the heap."""

from __future__ import annotations

import re

import gdb

from gdb_gospan.commands.session import Symbol
from gdb_gospan.debugger.indexing import NoElementError, bounds, element, indexed, refuse_beyond, refuse_maps
from gdb_gospan.debugger.pointers import pointer_in
from gdb_gospan.debugger.said import said
from gdb_gospan.debugger.untouched import reason, refuse_assignments, untouched
from gdb_gospan.errors import GoSpansError

# A package variable, quoted or not, and what follows it; a path may stand before the package.
_NAME = re.compile(r"([&*]?)(?:'([^']+)'|((?:[\w.~%-]+/)*[\w%-]+\.\w+))(.*)", re.DOTALL)
_STEPS = re.compile(r"(?:\s*\.\s*[A-Za-z_]\w*|\s*\[[^][]+\])*\s*")
_STEP = re.compile(r"\.\s*(\w+)|\[([^][]+)\]")
_SYMBOL = re.compile(r"(\S.*?)(?: \+ (\d+))? in section (\S+)")
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
        with untouched():
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
    # Demangled, a Go name comes out as if it were one of another language: main[cache].
    match = _SYMBOL.match(said(f"with print demangle off -- info symbol {address:#x}"))
    if match is None or _BOUND.fullmatch(match[1]):
        return None
    is_global, points_to = match[3] in _GLOBALS, None
    if is_global:
        try:
            with untouched():
                points_to = int(pointer_in(gdb.parse_and_eval(f"'{match[1]}'")))
        except (gdb.error, TypeError, OverflowError):
            points_to = None
    return Symbol(match[1], int(match[2] or 0), is_global=is_global, points_to=points_to)


def value_of(expression: str) -> gdb.Value:
    """Evaluate an expression, in which a dotted Go name needs no quotes, and a slice can be indexed.

    To be called inside `untouched`, and after `refuse_assignments`.
    gdb takes such names only in quotes, whatever its language is; without, a Go frame of gdb 13 may even
    crash on a name that does not exist, so that one never gets there.
    """
    match = _NAME.fullmatch(expression)
    if match is None:
        return _by_gdb(expression)
    prefix, quoted, dotted, rest = match.groups()
    name = quoted or dotted
    if not _is_global(name):
        first = name.partition(".")[0]
        if quoted or "/" in name or _is_local(first):
            return _by_gdb(expression)
        raise gdb.error(f"No symbol {name}")
    if not _STEPS.fullmatch(rest):
        return _by_gdb(f"{prefix}'{name}'{rest}")
    value, typed = gdb.parse_and_eval(f"'{name}'"), name
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
    return gdb.parse_and_eval(expression)


def _is_global(name: str) -> bool:
    try:
        gdb.parse_and_eval(f"'{name}'")
    except gdb.error:
        return False
    return True


def _is_local(name: str) -> bool:
    try:
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
