"""The runtime's table of functions, built byte by byte; those of real programs are in tests/contract."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.layout.pclntab import FunctionTable
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.segments import Segments, disjoint
from tools.elfs import uleb
from tools.soak import examples

NAMES = ["internal/cpu.Initialize", "runtime.mallocgc", "main.f[go.shape.int]", "main.naïve·1"]
ENTRIES = [0, 0x40, 0x80, 0x1000, 0x1100]
SIZES = [0x40, 0x33, 0xF80, 0]  # 0: without a table
FORMATS = [(size, order) for size in (8, 4) for order in "<>"]
BASE, TEXT = 0x50_0000, 0x40_1000
RELOCATED = (False, True)


def table(size=8, order="<", magic=0xFFFFFFF1, text=TEXT):
    word = "Q" if size == 8 else "I"
    names = b"\0" + b"".join(name.encode() + b"\0" for name in NAMES)
    ftab_size = 4 * (2 * len(NAMES) + 1)
    ftab, funcs, depths = b"", b"", b"\0"
    for i, name in enumerate(NAMES):
        ftab += struct.pack(f"{order}II", ENTRIES[i], ftab_size + len(funcs))
        pcsp = len(depths) if SIZES[i] else 0
        funcs += struct.pack(f"{order}II8xI20x", ENTRIES[i], names.index(name.encode() + b"\0"), pcsp)
        # As Go begins: no change, then the stack grows by 0x48; zigzag, and instructions of one byte.
        depths += b"\0\x05" + uleb(0x90) + uleb(SIZES[i] - 5) + b"\0" if SIZES[i] else b""
    ftab += struct.pack(f"{order}I", ENTRIES[-1])
    begin = 8 + 8 * size
    middle = begin + len(names)
    offsets = (begin, middle, middle + 4, middle + 8, middle + 8 + len(depths))
    head = struct.pack(f"{order}I4B8{word}", magic, 0, 0, 1, size, len(NAMES), 3, text, *offsets)
    return head + names + bytes(8) + depths + ftab + funcs


def memory(data, address=BASE):
    one = [np.array([value], np.uint64) for value in (address, len(data), 0)]
    return Image(Segments(np.frombuffer(data, np.uint8), *disjoint(*one)))


def executable(size=8, order="<", *, relocated=False, magic=0xFFFFFFF1):
    """An ELF file without sections: the table, and a moduledata that points to it, in place or by relocations."""
    word, data = "Q" if size == 8 else "I", table(size, order, magic, text=0)
    data += bytes(-len(data) % 16)
    names = BASE + 8 + 8 * size
    words = [0, BASE, names, 9, 9, BASE + 77, *[0] * 16, TEXT, TEXT + ENTRIES[-1], TEXT, TEXT + 0x2000]
    module_at = BASE + 0x10_0000
    module = struct.pack(f"{order}{len(words)}{word}", *[0 if relocated else value for value in words])
    rela = b"".join(
        struct.pack(f"{order}3{word}", module_at + size * i, 8, value)
        for i, value in enumerate(words) if relocated and value >= TEXT
    )  # fmt: skip
    rela_at = module_at + len(module)
    dynamic = struct.pack(f"{order}6{word}", 7, rela_at, 8, len(rela), 0, 0) if relocated else b""
    header, entry = (64, 56) if size == 8 else (52, 32)
    loads = [
        (1, 5, BASE, data),
        (1, 6, module_at, module + rela + dynamic),
        (2, 6, rela_at + len(rela), dynamic),
    ]
    ident = b"\x7fELF" + bytes([size // 4, 1 if order == "<" else 2, 1]) + bytes(9)
    out = ident + struct.pack(
        f"{order}HHI3{word}I6H", 2, 62, 1, TEXT, header, 0, 0, header, entry, len(loads), 0, 0, 0
    )
    at = header + entry * len(loads)
    starts = [at, at + len(data), at + len(data) + len(module) + len(rela)]
    for (kind, flags, address, contents), offset in zip(loads, starts, strict=True):
        sizes = (len(contents), len(contents))
        if size == 8:
            out += struct.pack(f"{order}2I6Q", kind, flags, offset, address, 0, *sizes, 1)
        else:
            out += struct.pack(f"{order}8I", kind, offset, address, 0, *sizes, flags, 1)
    return out + data + module + rela + dynamic


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
