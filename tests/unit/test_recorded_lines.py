"""Names and lines in a snapshot: the same again, also of inlined calls, and no damage goes unnoticed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gdb_gospan.layout.inlining import Call
from gdb_gospan.layout.pclntab import FunctionTable
from gdb_gospan.layout.recordedlines import LinesRecorder, thaw_lines
from tools.functables import BASE, ENTRIES, OUTER, TEXT, gofunc, memory, table

#: Not in the program, a function, a wrapper, calls inlined into one another, padding.
PLACES = (0x10, TEXT, TEXT + 0x45, TEXT + OUTER, TEXT + OUTER + 0x30, TEXT + 0x40 + 0x33)


def program() -> FunctionTable:
    data = table()
    return FunctionTable(memory(data), BASE, TEXT, (gofunc(data),))


def frozen() -> dict[str, Any]:
    recorder = LinesRecorder(program())
    for place in PLACES:
        assert recorder.calls(place) == program().calls(place)
        recorder.entry(place)
    made: dict[str, Any] = json.loads(json.dumps(recorder.frozen()))
    return made


def test_they_are_the_same_again() -> None:
    read = thaw_lines(frozen())
    for place in PLACES:
        assert read.function(place) == program().function(place)
        assert read.line(place) == program().line(place)
        assert read.calls(place) == program().calls(place)
    assert read.entry(TEXT) == TEXT
    assert read.entry(TEXT + 0x45) is None
    assert read.calls(TEXT + ENTRIES[3]) == ()  # nobody asked for it


def test_calls_are_recorded_whatever_was_asked() -> None:
    recorder = LinesRecorder(program())
    for place in PLACES:
        recorder.function(place)
    read = thaw_lines(recorder.frozen())
    assert [read.calls(place) for place in PLACES] == [program().calls(place) for place in PLACES]


def test_an_older_snapshot_has_the_function_that_exists() -> None:
    old = frozen()
    del old["inlined"]
    read = thaw_lines(old)
    outer = "main.f[go.shape.int]"
    assert read.calls(TEXT + OUTER + 0x30) == (Call(outer, "main.go", 41, wrapper=None),)
    assert read.calls(TEXT + 0x45) == (Call("runtime.deferreturn", None, None, wrapper=None),)
    assert read.calls(0x10) == ()


@pytest.mark.parametrize(
    "inlined",
    [
        7, None, [7], ["text"], [[]], [["x"]], [[-1]], [[True]], [[1, 2]], [[1, [0, 0, 0]]], [[1, [0, 0, 0, 0, 0]]],
        [[1, [0, 0, 0, 3]]], [[1, [0, 0, 0, -1]]], [[1, [99, 0, 0, 0]]], [[1, [0, 99, 0, 0]]], [[1, [0, 0, "1", 0]]],
        [[1, None]], [[None, [0, 0, 0, 0]]],
    ],
)  # fmt: skip
def test_damage_is_an_error(inlined: Any) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        thaw_lines({**frozen(), "inlined": inlined})
