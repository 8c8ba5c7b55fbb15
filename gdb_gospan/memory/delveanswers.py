"""Parse the answers of a Delve server (service/api/types.go); an answer of any other shape is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import attrs

_T = TypeVar("_T")
_U64: Final = 1 << 64
_I64: Final = 1 << 63
_DEEPEST: Final = 64
"""Values inside values: `layout.delvetypes` asks for 9."""


class ShapeError(ValueError):
    """An answer does not have the shape that Delve gives it; the message says where."""


@attrs.frozen
class Variable:
    """A value, or as much of it as was asked for.

    Attributes
    ----------
    kind
        By reflect.Kind.
    base
        Where the elements of a slice or a string lie.
    unreadable
        Why it could not be read; empty if it could.
    is_global
        It lies at a fixed address: a variable of a package.
    """

    name: str
    address: int
    type: str
    real_type: str
    kind: int
    length: int
    value: str
    base: int
    unreadable: str
    is_global: bool
    children: tuple[Variable, ...]


@attrs.frozen
class Thread:
    """A thread and the name of its current function, which may be empty."""

    number: int
    pc: int
    goroutine: int
    function: str


@attrs.frozen
class State:
    """The state of the program."""

    running: bool
    exited: bool
    threads: tuple[Thread, ...]


def variable(answer: object) -> Variable:
    """Parse what Eval returns."""
    return _variable(_get(answer, "Variable", dict))


def variables(answer: object) -> tuple[Variable, ...]:
    """Parse what ListPackageVars returns."""
    return tuple(_each(answer, "Variables", _variable))


def state(answer: object) -> State:
    """Parse what State returns."""
    found = _get(answer, "State", dict)
    return State(
        running=_flag(found, "Running"),
        exited=_flag(found, "exited"),
        threads=tuple(_each(found, "Threads", _thread)),
    )


def registers(answer: object) -> dict[str, str]:
    """Parse what ListRegisters returns: the registers by their names."""
    return dict(_each(answer, "Regs", lambda each: (_get(each, "Name", str), _get(each, "Value", str))))


def functions(answer: object) -> tuple[str, ...]:
    """Parse what Stacktrace returns: the names of the functions, the innermost first."""
    return tuple(_each(answer, "Locations", _function))


def place(answer: object) -> tuple[str, int] | None:
    """Parse what FindLocation returns of an address: the function that it is in, and where that begins."""
    for name, start in _each(answer, "Locations", _start):
        return (name, start) if name else None
    return None


def memory(answer: object) -> bytes:
    """Parse what ExamineMemory returns."""
    try:
        return base64.b64decode(_get(answer, "Mem", str), validate=True)
    except ValueError as error:
        raise ShapeError("Mem is not base64") from error


def flag(key: str) -> Callable[[object], bool]:
    """Return a parser for an answer that is one boolean."""
    return lambda answer: _get(answer, key, bool)


def text(key: str) -> Callable[[object], str]:
    """Return a parser for an answer that is one string."""
    return lambda answer: _get(answer, key, str)


def number(key: str) -> Callable[[object], int]:
    """Return a parser for an answer that is one number."""
    return lambda answer: _number(answer, key, -_I64, _I64)


def anything(answer: object) -> object:
    """Accept any result, for calls made only for their effect."""
    return answer


def _get(answer: object, key: str, kind: type[_T]) -> _T:
    value = answer.get(key) if isinstance(answer, dict) else None
    if type(value) is not kind:  # a bool is no number
        raise ShapeError(f"{key} is not {_WORDS[kind]}")
    return value


_WORDS: Final = {dict: "an object", list: "a list", str: "a string", bool: "true or false", int: "a number"}


def _number(answer: object, key: str, least: int, end: int) -> int:
    value = _get(answer, key, int)
    if not least <= value < end:
        raise ShapeError(f"{key} is out of range")
    return value


def _flag(answer: dict[str, object], key: str) -> bool:
    """Return a truth value that Delve leaves out where it is false."""
    return answer.get(key) is not None and _get(answer, key, bool)


def _each(answer: object, key: str, take: Callable[[object], _T]) -> Iterator[_T]:
    """Yield the entries of a list; Go writes an empty one as null."""
    if isinstance(answer, dict) and key in answer and answer[key] is None:
        return iter(())
    return map(take, _get(answer, key, list))


def _variable(answer: object, depth: int = 0) -> Variable:
    if depth > _DEEPEST:
        raise ShapeError("children are nested too deep")
    return Variable(
        name=_get(answer, "name", str),
        address=_number(answer, "addr", 0, _U64),
        type=_get(answer, "type", str),
        real_type=_get(answer, "realType", str),
        kind=_get(answer, "kind", int),
        length=_number(answer, "len", -_I64, _I64),
        value=_get(answer, "value", str),
        base=_number(answer, "base", 0, _U64),
        unreadable=_get(answer, "unreadable", str),
        is_global="DW_OP_addr " in _get(answer, "LocationExpr", str),
        children=tuple(_each(answer, "children", lambda child: _variable(child, depth + 1))),
    )


def _thread(answer: object) -> Thread:
    return Thread(
        number=_number(answer, "id", -_I64, _I64),
        pc=_number(answer, "pc", 0, _U64),
        goroutine=_number(answer, "goroutineID", -_I64, _I64),
        function=_function(answer),
    )


def _function(answer: object) -> str:
    return _start(answer)[0]


def _start(answer: object) -> tuple[str, int]:
    """Name and address of a place's function; neither where it is in none."""
    found = answer.get("function") if isinstance(answer, dict) else _get(answer, "function", dict)
    return ("", 0) if found is None else (_get(found, "name", str), _number(found, "value", 0, _U64))
