"""The limits that figures are held against, as typed or from a TOML file."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NoReturn

import attrs

from gdb_gospan.analysis.limits import Kind
from gdb_gospan.errors import UsageError
from gdb_gospan.fields.document import BYTES, COUNT, PERCENT
from gdb_gospan.reports.options import nbytes, whole_number
from gdb_gospan.reports.screens.verdicts import WORDS
from gdb_gospan.reports.toml import tables_in

KINDS: Final[tuple[Kind, ...]] = ("max", "min")
VERDICTS: Final = "verdicts"
_FORBID: Final = "forbid"
EVERY: Final = "all"
"""Any verdict."""
FORBIDDABLE: Final = (EVERY, *(code for code in WORDS if code != "healthy"))
_END: Final = 1 << 64
"""No figure is so large."""
_DECIMAL: Final = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)
_SHARE: Final = re.compile(rf"({_DECIMAL.pattern})\s*%", re.ASCII)
_EXAMPLES: Final = {BYTES: "64MiB", COUNT: "10000", PERCENT: "5"}


@attrs.frozen
class Limit:
    """One limit.

    Attributes
    ----------
    number
        In the unit of the figure; None where it is a share.
    percent
        The share, of what the figure has for a base; None where it is a number.
    """

    kind: Kind
    name: str
    number: float | None = None
    percent: Fraction | None = None


def wanted(arguments: Mapping[str, Any], units: Mapping[str, str]) -> tuple[Limit, ...]:
    """Return the limits of the options, and those of the file that no option replaces.

    Parameters
    ----------
    units
        The unit of each figure that can have a limit.

    Raises
    ------
    UsageError
        There is no limit; or one is wrong, and the message says which and where.
    """
    found: dict[tuple[Kind, str], Limit] = {}
    for kind in KINDS:
        for limit in _typed(kind, arguments[kind] or (), units):
            if (kind, limit.name) in found:
                raise UsageError(f"gate: --{kind} {limit.name} is given twice (remove one of the two)")
            found[kind, limit.name] = limit
    if arguments["limits"] is not None:
        for limit in _of_file(arguments["limits"], units):
            found.setdefault((limit.kind, limit.name), limit)
    if not found and not forbidden(arguments):
        raise UsageError(
            "gate: no limit is given (try: --max idle_retained=64MiB, or --limits FILE; go-spans help gate lists the figures)"
        )
    return tuple(found.values())


def forbidden(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the codes of the verdicts that must not be given: of the option, and of the file; `UsageError` for an unknown one."""
    found = [(code, "--forbid") for code in arguments["forbid"] or ()]
    if arguments["limits"] is not None:
        path = arguments["limits"]
        codes = _tables(path).get(VERDICTS, {}).get(_FORBID, [])
        if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
            _refuse(
                f"{path}: [{VERDICTS}] {_FORBID}",
                "it is not a list of names",
                f'try: {_FORBID} = ["{EVERY}"]',
            )
        found += [(code, f"{path}: [{VERDICTS}] {_FORBID}") for code in codes]
    for code, where in found:
        if code not in FORBIDDABLE:
            _refuse(
                f"{where} {code}", "no such verdict", "go-spans help doctor lists them; all is any of them"
            )
    return tuple(dict.fromkeys(code for code, _ in found))


def _tables(path: str) -> dict[str, Any]:
    """Read the file, each of whose values is a table."""
    tables = tables_in(path, "gate", "goroutines = 10000 below [max]")
    for name, table in tables.items():
        if name not in (*KINDS, VERDICTS):
            _refuse(f"{path}: {name}", "no such table", "the tables are [max], [min] and [verdicts]")
        if not isinstance(table, dict):
            _refuse(f"{path}: {name}", "it is not a table", f"try: [{name}] and the limits below it")
        if name == VERDICTS and set(table) - {_FORBID}:
            _refuse(f"{path}: [{name}]", "unknown name", f'try: {_FORBID} = ["{EVERY}"]')
    return tables


def _typed(kind: Kind, words: Sequence[str], units: Mapping[str, str]) -> Iterator[Limit]:
    for word in words:
        name, equals, text = word.partition("=")
        where = f"--{kind} {name}"
        unit = _unit(name.strip(), where, units)
        if not equals:
            _refuse(where, "the limit is missing", f"try: {where}={_example(unit)}")
        yield _limit(kind, name.strip(), text.strip(), unit, where)


def _of_file(path: str, units: Mapping[str, str]) -> Iterator[Limit]:
    tables = _tables(path)
    for kind in KINDS:
        for name, value in tables.get(kind, {}).items():
            where = f"{path}: [{kind}] {name}"
            yield _limit(kind, name, value, _unit(name, where, units), where)


def _unit(name: str, where: str, units: Mapping[str, str]) -> str:
    if name not in units:
        _refuse(where, "no such figure", _near(name, units))
    return units[name]


def _near(name: str, units: Mapping[str, str]) -> str:
    import difflib  # noqa: PLC0415  # for a message

    spelt = {each.lower(): each for each in reversed([*units])}
    near = [spelt[each] for each in difflib.get_close_matches(name.lower(), spelt, 3)]
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{meant}go-spans help gate lists the figures"


def _limit(kind: Kind, name: str, value: object, unit: str, where: str) -> Limit:
    """Take a number of TOML, or a text as it is typed."""
    try:
        if isinstance(value, str):
            share = _SHARE.fullmatch(value)
            if share is not None and unit == BYTES:
                return Limit(kind, name, percent=Fraction(share[1]))
            number = _number(value, unit)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise argparse.ArgumentTypeError("it is neither a number nor a text")  # noqa: TRY301  # one message for all
        else:
            number = _number_of(value, unit)
        if number >= _END:
            raise argparse.ArgumentTypeError("it is more than any program has")  # noqa: TRY301  # as above
    except argparse.ArgumentTypeError as error:
        _refuse(where, f"invalid limit: {error}", f"try: {_example(unit)}")
    return Limit(kind, name, number)


def _number(text: str, unit: str) -> float:
    if unit == BYTES:
        return nbytes(text)
    if unit == COUNT:
        return whole_number(text)
    plain = text.removesuffix("%").rstrip() if unit == PERCENT else text
    if not _DECIMAL.fullmatch(plain):
        raise argparse.ArgumentTypeError(f"{text} is not a number")
    return float(plain)


def _number_of(value: float, unit: str) -> float:
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"{value} is not 0 or more")
    if unit in (BYTES, COUNT) and not isinstance(value, int):
        raise argparse.ArgumentTypeError(f"{value} is not a whole number")
    return value


def _example(unit: str) -> str:
    return _EXAMPLES.get(unit, "2.5")


def _refuse(where: str, what: str, hint: str) -> NoReturn:
    raise UsageError(f"gate: {where}: {what}" + ("" if what.endswith(")") else f" ({hint})"))
