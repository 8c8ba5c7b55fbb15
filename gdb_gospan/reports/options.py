"""Parse the options of a command line: argparse with errors of one line, and values as they are printed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn

from gdb_gospan.errors import UsageError
from gdb_gospan.fields.command import Command, Option, options_of
from gdb_gospan.layout.sizeclasses import SIZES, SPAN_CLASSES

_DECIMAL = re.compile(r"-?\d*\.\d+")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")
_SPAN_CLASS = re.compile(r"([\d,]+|large)[ _-]*(no)?scan")
_BYTES = "BYTES"
"""What stands for the value of an option that takes a number of bytes."""
_SIZED = (_BYTES, "NAME=LIMIT")
"""And for values that may end in a unit."""
_SECONDS = "SECONDS"
_UNIT = re.compile(r"[KMGTPE]i?B?|B", re.IGNORECASE | re.ASCII)
_AFTER = re.compile(rf"{_UNIT.pattern}|%", re.IGNORECASE | re.ASCII)
"""What is parted from its number by a blank, as it is printed."""
_UNITS = re.compile(rf"([\d.,]+)\s*({_UNIT.pattern})", re.IGNORECASE | re.ASCII)
_NEAR = 0.75
"""How much of a word must be as in another for the other to be meant."""
_MEASURE = re.compile(r"[\W_]of[\W_][\d,.]+[\W_]([KMGTPE]i)?B$", re.IGNORECASE)
"""What a heading says of the rows below it: ``Chunks of 4.00 MiB``."""
_NOT_IN_WORDS = re.compile(r"[\W_]+")


class _Parser(argparse.ArgumentParser):
    """argparse that raises one line instead of printing usage and leaving the process."""

    def error(self, message: str) -> NoReturn:
        name, _, what = message.removeprefix("argument ").partition(": ")
        if what == "expected one argument":
            line = f"{name} needs a value"
        elif what.startswith("ignored explicit argument"):
            line = f"{name} accepts no value"
        else:
            line = f"{name}: {what}" if what else message
        hint = "" if line.endswith(")") else f" (try: {self.usage} {self.prog})"
        raise UsageError(f"{self.prog}: {line}{hint}")


def parsed(
    command: Command, words: Sequence[str], helped_by: str, defaults: Mapping[str, object], *, shown: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return the value of every option by name, and the words that belong to none; as `arguments.split`."""
    parser = _Parser(prog=command.name, add_help=False, allow_abbrev=False, usage=helped_by)
    for option in options_of(command):
        names = [f"--{option.name}", *([f"-{option.short}"] if option.short else [])]
        if option.metavar:
            action = "append" if option.repeated else "store"
            parser.add_argument(*names, type=_kind(command, option), default=option.default, action=action)
        else:
            parser.add_argument(*names, action="store_true")
    parser.add_argument("plain", nargs="*")
    parser.set_defaults(**defaults)
    joined = _joined(command, words)
    values, unknown = parser.parse_known_intermixed_args(joined)
    if unknown:
        import difflib  # noqa: PLC0415  # for a message

        names = [f"--{option.name}" for option in options_of(command)]
        near = difflib.get_close_matches(unknown[0], names, 1, cutoff=_NEAR)
        hint = f"did you mean {near[0]}?" if near else f"try: {helped_by} {command.name}"
        raise UsageError(f"{command.name}: unknown option {unknown[0]} ({hint})")
    arguments = {
        name: tuple(value) if isinstance(value, list) else value for name, value in vars(values).items()
    }
    plain = list(arguments.pop("plain"))
    if shown:
        _refuse_without_effect(command, {word.partition("=")[0] for word in joined}, arguments)
    return arguments, plain


def _refuse_without_effect(command: Command, given: Collection[str], arguments: Mapping[str, Any]) -> None:
    for option in options_of(command):
        value = arguments.get(option.name.replace("-", "_"))
        idle = not value or (option.choices and value == option.default)  # as if it were not there
        if (
            option.part
            and f"--{option.name}" in given
            and not (idle or any(map(arguments.get, option.shown_by)))
        ):
            raise UsageError(
                f"{command.name}: --{option.name} applies to {option.part}, which are not shown "
                f"(try: {command.name} --{option.shown_by[0]} --{option.name} {value})"
            )


def _joined(command: Command, words: Sequence[str]) -> list[str]:
    """Join what was one value before it was split at blanks: ``"free bytes"`` in quotes, and ``3,072 noscan``."""
    valued = {f"--{option.name}" for option in options_of(command) if option.metavar and not option.address}
    sized = {f"--{option.name}": option.metavar in _SIZED for option in options_of(command)}
    joined: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name not in valued or not (equals or rest):
            joined.append(word)
            continue
        value = value if equals else rest.pop(0)
        if value[:1] in ("'", '"'):
            quote, value = value[0], value[1:]
            while rest and not value.endswith(quote):
                value += " " + rest.pop(0)
            value = value.removesuffix(quote)
        elif rest and (
            rest[0] in ("scan", "noscan") if name == "--class" else sized[name] and _AFTER.fullmatch(rest[0])
        ):
            value += " " + rest.pop(0)
        joined += [f"{name}={value}"] if equals or value.startswith("-") else [name, value]
    return joined


def _kind(command: Command, option: Option) -> Callable[[str], object]:
    if option.choices:
        return lambda text: _choice(command, option, text)
    if option.name == "class":
        return _span_class
    if option.metavar == _BYTES:
        return nbytes
    if option.metavar == _SECONDS:
        return seconds
    return whole_number if option.number else str


def _choice(command: Command, option: Option, text: str) -> str:
    """Return the choice that is meant, however its words are joined; a heading of the output is accepted too."""
    names = {_plain(name): name for name in option.choices}
    names |= {_plain(heading): name for heading, name in option.headings.items()}
    text = _MEASURE.sub("", text)
    if text in option.choices:
        return text
    if _plain(text) in names:
        return names[_plain(text)]
    import difflib  # noqa: PLC0415  # for a message

    near = difflib.get_close_matches(_plain(text), names, 1, cutoff=_NEAR)
    hint = f"did you mean {names[near[0]]}?" if near else f"choose from {', '.join(option.choices)}"
    raise UsageError(f"{command.name}: invalid --{option.name} {text} ({hint})")


def _plain(text: str) -> str:
    return _NOT_IN_WORDS.sub("", text).lower()


def _span_class(text: str) -> int:
    """Return the number of a span class, given so or by its name as it is printed: ``3,072 noscan``."""
    words = text.strip().lower()
    match = _SPAN_CLASS.fullmatch(words)
    if match is not None:
        size = 0 if match[1] == "large" else whole_number(match[1])
        if match[1] != "large" and size not in SIZES[1:]:
            raise argparse.ArgumentTypeError(f"there is no size class of {match[1]} bytes")
        return 2 * SIZES.index(size) + (match[2] is not None)
    if words == "large":
        raise argparse.ArgumentTypeError("large is two span classes: choose 'large scan' or 'large noscan'")
    if words in ("scan", "noscan"):
        raise argparse.ArgumentTypeError(f"{words} is not one span class but half of them (try: --{words})")
    try:
        number = whole_number(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, and no name such as 3,072 noscan") from None
    if number >= SPAN_CLASSES:
        by_size = f"; slots of {number:,} bytes are --size {number}, or --class '{number:,} scan' or noscan"
        raise argparse.ArgumentTypeError(
            f"there is no span class {number} (they are 0 to {SPAN_CLASSES - 1}{by_size if number in SIZES else ''})"
        )
    return number


def whole_number(text: str) -> int:
    """Return a number of 0 or more, in any of Python's bases, or with commas as it is printed."""
    try:
        number = int(text.replace(",", "") if _GROUPED.fullmatch(text) else text, 0)
    except ValueError:
        said = (
            f"{text} is not a {'whole ' if _DECIMAL.fullmatch(text) else ''}number"
            if text.strip()
            else "there is no number (did the command in $(…) find nothing?)"
        )
        raise argparse.ArgumentTypeError(said) from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def seconds(text: str) -> float:
    """Return a number of seconds, of 0 or more: whole, or a decimal."""
    if not _DECIMAL.fullmatch(text):
        return whole_number(text)
    if text.startswith("-"):
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return float(text)


def nbytes(text: str) -> int:
    """Return a number of bytes, also one that is spelt as it is printed: ``1,024 B``, ``1.5 KiB``; K is KiB, as in GNU's tools."""
    match = _UNITS.fullmatch(text.strip())
    if match is None:
        try:
            return whole_number(text)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"{error} (such as 1024, 1,024 or 1KiB)") from None
    number, unit = match[1], match[2].upper()
    if unit[1:] == "B":
        raise argparse.ArgumentTypeError(f"{text} is ambiguous (in units of 1024: {number}{unit[0]}iB)")
    import fractions  # noqa: PLC0415  # few values have a unit

    try:
        exact = fractions.Fraction(number.replace(",", "") if _GROUPED.fullmatch(number) else number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a number (such as 1024, 1,024 or 1KiB)") from None
    exact *= 1024 ** "BKMGTPE".index(unit[0])
    if exact.denominator != 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of bytes")
    return int(exact)
