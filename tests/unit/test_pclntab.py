"""The runtime's table of functions, built byte by byte; those of real programs are in tests/contract."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.layout.pclntab import FunctionTable
from tools.functables import BASE, ENTRIES, FORMATS, NAMES, SIZES, TEXT, executable, memory, table
from tools.soak import examples

RELOCATED = (False, True)


def check(functions, bias=0):
    for i, name in enumerate(NAMES):
        end = ENTRIES[i] + SIZES[i] if SIZES[i] else ENTRIES[i + 1]
        for offset in (ENTRIES[i], (ENTRIES[i] + end) // 2, end - 1):
            assert functions.function(TEXT + bias + offset) == name
        if end != ENTRIES[i + 1]:
            assert functions.function(TEXT + bias + end) is None
    for address in (TEXT - 1, TEXT + ENTRIES[-1], 0, -1, 1 << 63, (1 << 64) - 1, 1 << 70):
        assert functions.function(address + bias) is None
    assert len(functions) == len(NAMES)


@pytest.mark.parametrize("magic", [0xFFFFFFF0, 0xFFFFFFF1])
@pytest.mark.parametrize(("size", "order"), FORMATS)
def test_a_table_in_memory(size, order, magic):
    check(FunctionTable(memory(table(size, order, magic)), BASE))
    check(FunctionTable(memory(table(size, order, magic, text=0)), BASE, TEXT))
    assert len(FunctionTable(memory(table(size, order, magic, text=0)), BASE)) == 0, "nobody knows the text"


@pytest.mark.parametrize("magic", [0xFFFFFFF0, 0xFFFFFFF1])
@pytest.mark.parametrize("relocated", RELOCATED)
@pytest.mark.parametrize(("size", "order"), FORMATS)
def test_a_table_in_a_file_without_sections(tmp_path, size, order, relocated, magic):
    path = tmp_path / "program"
    path.write_bytes(executable(size, order, relocated=relocated, magic=magic))
    check(FunctionTable.of_executable(path))
    check(FunctionTable.of_executable(path, 0x5000_0000), 0x5000_0000)


def test_another_magic_is_no_table():
    """0xfffffffa and 0xfffffffb are Go 1.16 and older, 0xfffffff2 is nobody's yet."""
    for magic in (0xFFFFFFFA, 0xFFFFFFFB, 0xFFFFFFF2):
        assert len(FunctionTable(memory(table(magic=magic)), BASE)) == 0


def test_no_moduledata_no_names(tmp_path):
    path = tmp_path / "program"
    data = executable()
    at = data.rindex(struct.pack("<Q", BASE))
    path.write_bytes(data[:at] + bytes(8) + data[at + 8 :])
    assert FunctionTable.of_executable(path).function(TEXT) is None


@pytest.mark.parametrize("data", [None, b"", b"\x7fELF", b"#!/bin/sh\n" * 9, executable()[:200]])
def test_what_has_no_functions(tmp_path, data):
    path = tmp_path / "program"
    if data is not None:
        path.write_bytes(data)
    assert FunctionTable.of_executable(path).function(TEXT) is None


def test_an_entry_that_disagrees_with_its_function_has_no_name():
    data = bytearray(table())
    at = data.rindex(struct.pack("<I", 0x40))  # in the _func, behind the ftab
    data[at] ^= 1
    functions = FunctionTable(memory(bytes(data)), BASE)
    assert functions.function(TEXT + 0x40) is None
    assert functions.function(TEXT) == NAMES[0]


@settings(max_examples=examples(400))
@given(st.data())
def test_damage_never_escapes(tmp_path_factory, data):
    size, order = data.draw(st.sampled_from(FORMATS))
    whole = bytearray(executable(size, order, relocated=data.draw(st.sampled_from(RELOCATED))))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.one_of(st.integers(0, len(whole) - 1), st.integers(0, 400)))
        whole[at] = data.draw(st.sampled_from([0, 1, 2, 127, 128, 255]))
    cut = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(bytes(whole[:cut]))
    found = FunctionTable.of_executable(path)
    direct = FunctionTable(memory(bytes(whole[64:cut])), BASE + data.draw(st.integers(0, 300)), TEXT)
    for offset in (-1, *ENTRIES, 0x50, 0xFFFFFFFF):
        for functions in (found, direct):
            name = functions.function(TEXT + offset)
            assert name is None or isinstance(name, str)
            calls = functions.calls(TEXT + offset)
            assert (calls == ()) or (calls[-1].function == name)
