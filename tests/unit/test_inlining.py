"""Inlined calls in a table of functions built byte by byte, whole and damaged; those of real programs are in tests/contract."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.layout.inlining import Call
from gdb_gospan.layout.pclntab import FunctionTable
from tools.functables import (
    BASE,
    FORMATS,
    INLINED,
    MAGICS,
    OUTER,
    PARENTS,
    STEPS,
    TEXT,
    executable,
    gofunc,
    memory,
    table,
    trees,
)
from tools.soak import examples

NAME, FILE = "main.f[go.shape.int]", "main.go"
OUTERMOST = Call(NAME, FILE, 11, wrapper=False)
WRAP = Call("main.wrap", FILE, 21, wrapper=True)
INNER = Call("main.inner", FILE, 31, wrapper=False)
#: By how far behind the entry.
CALLS = {
    0x00: (OUTERMOST,),
    0x0F: (OUTERMOST,),
    0x10: (WRAP, OUTERMOST),
    0x2F: (INNER, WRAP, OUTERMOST),
    0x30: (Call("main.leaf", FILE, 41, wrapper=False), INNER, WRAP, OUTERMOST),
    0x4F: (Call("main.inner", FILE, 32, wrapper=False), WRAP, OUTERMOST),
    0x50: (Call(NAME, FILE, 12, wrapper=False),),
}


def check(functions, bias=0):
    for inside, calls in CALLS.items():
        assert functions.calls(TEXT + bias + OUTER + inside) == calls
    assert functions.calls(TEXT + bias) == (Call("internal/cpu.Initialize", None, None, wrapper=False),)
    assert functions.calls(TEXT + bias + 0x40) == (Call("runtime.deferreturn", None, None, wrapper=True),)
    assert functions.calls(TEXT + bias + 0x40 + 0x33) == ()  # padding
    assert functions.calls(TEXT + bias - 1) == ()


def opened(data, magic=MAGICS[1], words=None):
    return FunctionTable(memory(data), BASE, TEXT, (gofunc(data, magic),) if words is None else words)


@pytest.mark.parametrize("magic", MAGICS)
@pytest.mark.parametrize(("size", "order"), FORMATS)
def test_calls_of_a_table_in_memory(size, order, magic):
    data = table(size, order, magic)
    check(opened(data, magic))
    # gofunc is one of many words, in no place that is known.
    check(opened(data, magic, (0, 1, BASE, TEXT, BASE + 8, (1 << 64) - 1, gofunc(data, magic), BASE + 0x50)))


@pytest.mark.parametrize("magic", MAGICS)
@pytest.mark.parametrize("relocated", [False, True])
@pytest.mark.parametrize(("size", "order"), FORMATS)
def test_calls_of_a_file_without_sections(tmp_path, size, order, relocated, magic):
    path = tmp_path / "program"
    path.write_bytes(executable(size, order, relocated=relocated, magic=magic))
    check(FunctionTable.of_executable(path))
    check(FunctionTable.of_executable(path, 0x5000_0000), 0x5000_0000)


@pytest.mark.parametrize("words", [(), (0,), (BASE, TEXT, BASE + 0x100, (1 << 64) - 1)])
def test_without_gofunc_inlined_functions_have_no_names(words):
    """The line of the instruction is known, and that of the call that was inlined is not."""
    functions = opened(table(), words=words)
    assert functions.calls(TEXT + OUTER) == CALLS[0]
    unknown = Call(None, FILE, 41, wrapper=None)
    assert functions.calls(TEXT + OUTER + 0x30) == (unknown, Call(NAME, None, None, wrapper=False))


def test_without_the_function_that_is_a_wrapper_nobody_knows_which_are():
    data = table().replace(b"runtime.deferreturn", b"runtime.deferrEturn")
    assert [call.wrapper for call in opened(data).calls(TEXT + OUTER + 0x30)] == [None] * 4


def damaged(row, offset, value):
    """Change a number of the row of the inlined calls."""
    data = bytearray(table())
    at = gofunc(bytes(data)) - BASE + 16 * row + offset
    data[at : at + 4] = struct.pack("<i", value)
    return opened(bytes(data))


def test_calls_that_go_in_a_circle_end():
    functions = damaged(2, 8, 0x30)  # wrap was called in leaf
    names = [call.function for call in functions.calls(TEXT + OUTER + 0x30)]
    assert names == [*INLINED, None, NAME]


def test_a_call_from_nowhere_is_one_from_the_entry_or_from_the_function():
    for parent, line in ((-5, 11), (0x7FFF_0000, None)):
        last = damaged(2, 8, parent).calls(TEXT + OUTER + 0x30)[-1]
        assert (last.function, last.line) == (NAME, line)


def test_a_name_that_is_not_there_is_not_known():
    # Of the first row no name begins at such a place, so that nothing says where the rows begin.
    for row, offset in ((1, 0x7FFF_FFFF), (1, -1)):
        calls = damaged(row, 4, offset).calls(TEXT + OUTER + 0x30)
        assert [call.function for call in calls] == ["main.leaf", None, "main.wrap", NAME]
        assert [call.line for call in calls] == [41, 31, 21, 11]


def test_an_index_behind_the_rows_reads_what_is_there_or_nothing():
    data = bytearray(table())
    size = len(trees("<", MAGICS[1], [0, 0, 0]))
    functions = opened(bytes(data[: len(data) - size + 16 * 1]), words=(BASE + len(data) - size,))
    calls = functions.calls(TEXT + OUTER + 0x30)  # the rows of inner and wrap are not there
    assert calls == (
        CALLS[0x30][0],
        Call(None, FILE, 31, wrapper=None),
        Call(NAME, None, None, wrapper=False),
    )


@settings(max_examples=examples(400))
@given(st.data())
def test_damage_never_escapes(data):
    magic = data.draw(st.sampled_from(MAGICS))
    size, order = data.draw(st.sampled_from(FORMATS))
    whole = bytearray(table(size, order, magic))
    words = (gofunc(bytes(whole), magic), data.draw(st.integers(0, (1 << 64) - 1)), BASE)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.sampled_from([0, 1, 2, 127, 128, 255]))
    cut = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))
    functions = FunctionTable(memory(bytes(whole[:cut])), BASE, TEXT, words)
    for inside in (*CALLS, *PARENTS, STEPS[-1][0] - 1):
        calls = functions.calls(TEXT + OUTER + inside)
        assert len(calls) <= len(STEPS) + 2
        assert all(call.line is None or call.line >= 0 for call in calls)
