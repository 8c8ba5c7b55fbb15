"""Types and variables of small executables built byte by byte; the real ones are in tests/contract."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.errors import LayoutError
from gdb_gospan.layout.dwarf import DwarfTypes
from tools import elfs
from tools.elfs import ARRAY, BARE, BASE, BOUND, MEMBER, POINTER, RANGE, STRUCT, TYPEDEF, VARIABLE, Info
from tools.soak import examples

STRINGS = b"\0other.runtime.thing_\0runtime.limit\0runtime.start\0"
NAME_OF = {name: STRINGS.index(name) for name in (b"runtime.thing_", b"runtime.limit", b"runtime.start")}
FUNC, DATA = 0x12, 0x11


def info(version=5, order="<", unit="runtime"):
    """A package with ``type thing struct { size uint64; next *thing; rows [3]row; none [0]row; raw unsafe.Pointer }``."""
    out = Info(version, order)
    out.unit("os")
    out.die(BASE, "runtime.thing", 1)  # the name in another package's unit, and in a type that is no struct
    out.end(unit=True)
    out.unit(unit)
    out.die(VARIABLE, "runtime.thing_", b"\x03" + struct.pack(f"{order}Q", 0x5000), "thing")
    out.die(VARIABLE, "runtime.limit", b"\xa1\x07", "uint64")  # DW_OP_addrx: an address of another section
    out.die(BASE, "uint64", 8, label="uint64")
    # The star is the code of a typedef, so here the search finds "runtime.thing" where no typedef is.
    out.die(POINTER, "*runtime.thing", "uint64", label="astray")
    out.die(POINTER, "*runtime.thing", "thing", label="pointer")
    out.die(STRUCT, "runtime.row", 4, label="row-struct")
    out.end()
    out.die(TYPEDEF, "runtime.row", "row-struct", label="row")
    out.die(BARE, "unsafe.Pointer", label="unsafe")
    out.die(ARRAY, "[3]runtime.row", "row", 12, label="rows")
    out.die(RANGE, 3)
    out.end()
    out.die(ARRAY, "[0]runtime.row", "row", 0, label="none")
    out.die(RANGE, 0)
    out.end()
    out.die(ARRAY, "[5]uint64", "uint64", 40, label="bound")
    out.die(BOUND, 4)
    out.end()
    out.die(STRUCT, "runtime.thing", 300, label="thing-struct")
    for name, offset, kind in (
        ("size", 0, "uint64"), ("next", 8, "pointer"), ("rows", 16, "rows"), ("none", 28, "none"),
        ("raw", 200, "unsafe"), ("bound", 208, "bound"),
    ):  # fmt: skip
        out.die(MEMBER, name, offset, kind)
    out.end()
    out.die(TYPEDEF, "runtime.thing", "thing-struct", label="thing")
    out.end(unit=True)
    return out.bytes()


def sections(**kwargs):
    order = kwargs.get("order", "<")
    rows = [
        (0, 0, 0, 0, 0),
        (NAME_OF[b"runtime.thing_"], DATA, 0, 0, 0),  # undefined: only mentioned
        (NAME_OF[b"runtime.thing_"], DATA, 1, 0x5000, 8),
        (NAME_OF[b"runtime.limit"], DATA, 1, 0x6000, 8),
        (NAME_OF[b"runtime.start"], FUNC, 1, 0x1000, 0x40),
    ]
    return {
        ".debug_abbrev": elfs.abbreviations(),
        ".debug_info": info(**kwargs),
        ".symtab": elfs.symbols(rows, order),
        ".strtab": STRINGS,
    }


@pytest.fixture
def types_of(tmp_path):
    def types_of(data, bias=0):
        path = tmp_path / "program"
        path.write_bytes(data)
        return DwarfTypes(path, bias)

    return types_of


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("compress", ["", "elf", "gnu"])
def test_a_struct_with_all_that_matters(types_of, version, order, compress):
    data = elfs.executable(sections(version=version, order=order), order=order, compress=compress)
    thing = types_of(data).struct("runtime.thing")
    assert (thing.name, thing.size) == ("runtime.thing", 300)
    assert [(name, offset, node.size) for name, offset, node in thing.fields()] == [
        ("size", 0, 8), ("next", 8, 8), ("rows", 16, 12), ("none", 28, 0), ("raw", 200, 8), ("bound", 208, 40),
    ]  # fmt: skip
    next_offset, pointer = thing.field("next")
    assert next_offset == 8
    assert pointer.target().size == 300
    assert pointer.target().field("next") is not None
    count, row = thing.field("rows")[1].element()
    assert (count, row.name, row.size) == (3, "runtime.row", 4)
    assert thing.field("none")[1].element()[0] == 0
    assert thing.field("bound")[1].element()[0] == 5
    assert thing.field("raw")[1].target() is None
    assert thing.field("absent") is None
    assert thing.element() is None
    assert thing.target() is None
    assert thing.field("size")[1].fields() == []


@pytest.mark.parametrize("bias", [0, 0x555500000000])
def test_addresses_of_variables(types_of, bias):
    types = types_of(elfs.executable(sections()), bias)
    address, kind = types.variable("runtime.thing_")
    assert (address, kind.size) == (0x5000 + bias, 300)
    # A location that is not simply an address: the symbol has it.
    address, kind = types.variable("runtime.limit")
    assert (address, kind.name) == (0x6000 + bias, "uint64")
    assert types.variable("runtime.absent") is None
    assert types.struct("runtime.absent") is None


def test_types_of_other_units_are_not_the_runtime_s(types_of):
    types = types_of(elfs.executable(sections(unit="runtime/metrics")))
    assert types.struct("runtime.thing") is None
    assert types.variable("runtime.thing_") == (0x5000, None)


def test_without_debug_information_symbols_are_left(types_of):
    kept = {name: data for name, data in sections().items() if not name.startswith(".debug")}
    types = types_of(elfs.executable(kept))
    assert types.variable("runtime.thing_") == (0x5000, None)
    assert types.struct("runtime.thing") is None


def test_without_symbols_locations_are_left(types_of):
    kept = {name: data for name, data in sections().items() if name.startswith(".debug")}
    types = types_of(elfs.executable(kept))
    assert types.variable("runtime.thing_")[0] == 0x5000
    assert types.variable("runtime.limit") is None


def test_a_stripped_file_knows_nothing(types_of):
    types = types_of(elfs.executable({}))
    assert len(types.symbols) == 0
    assert types.variable("runtime.thing_") is None
    assert types.struct("runtime.thing") is None
    assert types.symbols.function(0x1000) is None


def test_functions_by_address(types_of):
    function = types_of(elfs.executable(sections()), 0x10000).symbols.function
    assert [function(0x10000 + at) for at in (0xFFF, 0x1000, 0x103F, 0x1040)] == [
        None, "runtime.start", "runtime.start", None,
    ]  # fmt: skip
    assert function(0) is None
    assert function((1 << 64) - 1) is None


def test_units_of_64_bit_dwarf_are_stepped_over(types_of):
    with_more = sections()
    late = Info()
    late.unit("runtime")
    late.die(VARIABLE, "runtime.late", b"\x03" + struct.pack("<Q", 0x7000), "uint64")
    late.end(unit=True)
    late.point_to("uint64", info().index(b"uint64\0") - 1)
    with_more[".debug_info"] += struct.pack("<IQHB", 0xFFFFFFFF, 40, 5, 1) + bytes(37) + late.bytes()
    address, kind = types_of(elfs.executable(with_more)).variable("runtime.late")
    assert (address, kind.name) == (0x7000, "uint64")


@pytest.mark.parametrize("compress", ["elf", "gnu"])
def test_damaged_compression_is_one_line(types_of, compress):
    data = elfs.executable(sections(), compress=compress)
    at = data.index(b"\x78\x9c")
    with pytest.raises(LayoutError, match=r"^\S+: cannot read its symbols or debug information: [^\n]+$"):
        types_of(data[: at + 2] + bytes(16) + data[at + 18 :]).struct("runtime.thing")


@given(st.data())
@settings(max_examples=examples(300))
def test_damage_anywhere_is_an_error_of_ours_or_nothing(tmp_path_factory, data):
    whole = bytearray(elfs.executable(sections(version=data.draw(st.sampled_from([4, 5])))))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    message = ""
    try:
        types = DwarfTypes(path)
        types.variable("runtime.thing_")
        thing = types.struct("runtime.thing")
        for _, _, node in thing.fields() if thing else []:
            node.element()
            node.target()
            assert node.size >= 0
    except LayoutError as error:
        message = str(error)
    assert "\n" not in message
