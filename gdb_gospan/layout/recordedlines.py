"""Names and lines of code as a snapshot keeps them: of those addresses only that were asked for."""

from __future__ import annotations

from typing import Any, Final

import attrs

from gdb_gospan.layout.functions import Lines
from gdb_gospan.layout.inlining import Call

_MOST: Final = 1 << 22
"""Addresses of one snapshot."""
_WRAPPER: Final = (False, True, None)
"""What each number of a call says: whether it is of a wrapper."""


@attrs.frozen(eq=False, repr=False)
class LinesRecorder:
    """Names by another table, with a record of every answer.

    Attributes
    ----------
    known
        By address: function, file and line; "" and 0 where one is not known.
    entries
        Those of the addresses asked for at which a function begins.
    inlined
        The calls at those of the addresses asked for at which they are more than one of a function that is no wrapper.
    """

    lines: Lines
    known: dict[int, tuple[str, str, int]] = attrs.field(factory=dict)
    entries: set[int] = attrs.field(factory=set)
    inlined: dict[int, tuple[Call, ...]] = attrs.field(factory=dict)

    def function(self, address: int) -> str | None:
        """Return the name of the function that the code at `address` belongs to, or None."""
        return self._answer(address)[0] or None

    def depth(self, address: int) -> int | None:
        """Return how deep the stack is; not recorded, since recorded stacks are unwound already."""
        return self.lines.depth(address)

    def entry(self, address: int) -> int | None:
        """Return where the function begins; only that it begins here is recorded."""
        begins = self.lines.entry(address)
        if begins == address:
            self.entries.add(address)
        return begins

    def line(self, address: int) -> tuple[str, int] | None:
        """Return the file and the line of the instruction at `address`, or None where not known."""
        _, file, line = self._answer(address)
        return (file, line) if file else None

    def calls(self, address: int) -> tuple[Call, ...]:
        """Return the calls that the instruction at `address` belongs to, the innermost first; none where not known."""
        function, file, line = self._answer(address)
        return self.inlined.get(address, _alone(function, file, line, wrapper=False))

    def _answer(self, address: int) -> tuple[str, str, int]:
        if address not in self.known:
            file, line = self.lines.line(address) or ("", 0)
            name, calls = self.lines.function(address) or "", self.lines.calls(address)
            self.known[address] = (name, file, line)
            if calls != _alone(name, file, line, wrapper=False):
                self.inlined[address] = calls
        return self.known[address]

    def frozen(self) -> dict[str, Any]:
        """Return the record as JSON data, for `thaw_lines`: each text stands once."""
        texts: dict[str, int] = {}

        def number(text: str | None) -> int:
            return texts.setdefault(text or "", len(texts))

        rows = [
            [address, number(name), number(file), line]
            for address, (name, file, line) in sorted(self.known.items())
        ]
        inlined = [
            [
                address,
                *(
                    (number(call.function), number(call.file), call.line or 0, _WRAPPER.index(call.wrapper))
                    for call in calls
                ),
            ]
            for address, calls in sorted(self.inlined.items())
        ]
        return {"texts": list(texts), "rows": rows, "entries": sorted(self.entries), "inlined": inlined}


@attrs.frozen(eq=False, repr=False)
class RecordedLines:
    """The record, read again: it knows nothing of other addresses."""

    known: dict[int, tuple[str, str, int]]
    entries: frozenset[int]
    inlined: dict[int, tuple[Call, ...]] | None

    def function(self, address: int) -> str | None:
        """Return the name of the function that the code at `address` belongs to, or None."""
        return self.known.get(address, ("", "", 0))[0] or None

    def depth(self, _address: int) -> int | None:
        """Return None: stacks are recorded as they were unwound."""
        return None

    def entry(self, address: int) -> int | None:
        """Return the address if a function begins there, else None."""
        return address if address in self.entries else None

    def line(self, address: int) -> tuple[str, int] | None:
        """Return the file and the line of the instruction at `address`, or None where not known."""
        _, file, line = self.known.get(address, ("", "", 0))
        return (file, line) if file else None

    def calls(self, address: int) -> tuple[Call, ...]:
        """Return the calls that the instruction at `address` belongs to, the innermost first; none where not known.

        Older snapshots have one, of the function that exists, with the line in the inlined one.
        """
        known = self.known.get(address, ("", "", 0))
        if self.inlined is None:
            return _alone(*known, wrapper=None)
        return self.inlined.get(address, _alone(*known, wrapper=False))


def thaw_lines(frozen: dict[str, Any]) -> RecordedLines:
    """Rebuild the record from the data of `LinesRecorder.frozen`; `ValueError`, `LookupError` or `TypeError` if damaged."""
    texts = [str(text) for text in frozen["texts"]]
    if len(frozen["rows"]) > _MOST or len(frozen["entries"]) > _MOST:
        raise ValueError("rows")
    known = {}
    for address, name, file, line in frozen["rows"]:
        _numbers(address, name, file, line)
        known[address] = (texts[name], texts[file], line)
    _numbers(*frozen["entries"])
    return RecordedLines(known, frozenset(frozen["entries"]), _inlined(frozen, texts))


def _alone(function: str, file: str, line: int, *, wrapper: bool | None) -> tuple[Call, ...]:
    """Return the call of a function that nothing is inlined in; none if it has no name."""
    return (Call(function, file or None, line if file else None, wrapper),) if function else ()


def _inlined(frozen: dict[str, Any], texts: list[str]) -> dict[int, tuple[Call, ...]] | None:
    """Return the calls at each address; None of an older snapshot."""
    if "inlined" not in frozen:
        return None
    found, rows = {}, frozen["inlined"]
    if sum(map(len, rows)) > _MOST:
        raise ValueError("inlined")
    for address, *calls in rows:
        _numbers(address, *(number for call in calls for number in call))
        found[address] = tuple(
            Call(texts[name] or None, texts[file] or None, line if file else None, _WRAPPER[wrapper])
            for name, file, line, wrapper in calls
        )
    return found


def _numbers(*values: object) -> None:
    """Raise a `TypeError` unless these are numbers that are not negative."""
    if not all(type(value) is int and value >= 0 for value in values):
        raise TypeError("rows")
