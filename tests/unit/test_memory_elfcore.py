"""Cores built byte by byte, read back, and held against the bytes one by one."""

import io
import os
import struct
import threading

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import ADDRESS_SPACE, Unreadable
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.segments import Segments
from tools.soak import examples

NONE, READ, WRITE, EXEC = 0, 4, 6, 5
NOTE = 4
FORMATS = [(64, "<"), (64, ">"), (32, "<"), (32, ">")]


def build(segments, *, bits=64, order="<", kind=4, machine=62, xnum=False, shuffle=None, pad=0):
    """Return an ELF file; a segment is (type, address, contents, memsz, flags)."""
    header, entry, section = (64, 56, 64) if bits == 64 else (52, 32, 40)
    count = len(segments)
    begin = header + entry * count
    blob, where = b"", []
    for _, _, contents, _, _ in segments:
        blob += b"\xaa" * pad
        where.append(begin + len(blob))
        blob += contents
    table = []
    for (sort, address, contents, memsz, flags), offset in zip(segments, where, strict=True):
        sizes = (len(contents), memsz)
        if bits == 64:
            table.append(struct.pack(f"{order}2I6Q", sort, flags, offset, address, 0, *sizes, 1))
        else:
            table.append(struct.pack(f"{order}8I", sort, offset, address, 0, *sizes, flags, 1))
    if shuffle is not None:
        table = [table[i] for i in shuffle]
    sections = begin + len(blob) if xnum else 0
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    word = "Q" if bits == 64 else "I"
    phnum = 0xFFFF if xnum else count
    ehdr = ident + struct.pack(
        f"{order}HHI3{word}I6H",
        kind,
        machine,
        1,
        0,
        header,
        sections,
        0,
        header,
        entry,
        phnum,
        section,
        int(xnum),
        0,
    )
    tail = b""
    if xnum:
        tail = struct.pack(f"{order}2I4{word}2I2{word}", 0, 0, 0, 0, 0, 0, 0, count, 0, 0)
    return ehdr + b"".join(table) + blob + tail


def image(content):
    """Return a dict of bytes as memory."""
    start, size = [], []
    for address in sorted(content):
        if start and address == start[-1] + size[-1]:
            size[-1] += 1
        else:
            start.append(address)
            size.append(1)
    flat = np.array([content[a] for a in sorted(content)], np.uint8)
    sizes = np.array(size, np.uint64)
    return Image(Segments(flat, np.array(start, np.uint64), sizes, np.cumsum(sizes, dtype=np.uint64) - sizes))


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Write a core that is a file of its own as long as it is mapped."""
    folder = tmp_path_factory.mktemp("cores")
    number = iter(range(1 << 20))

    def write(data):
        path = folder / f"core.{next(number)}"
        path.write_bytes(data)
        return path

    return write


def check(memory, expected, address, size):
    """Hold one read against the bytes, one by one."""
    got = memory.read(address, size)
    missing = [a for a in range(address, address + size) if a not in expected]
    if missing:
        first = address if address + size > ADDRESS_SPACE else missing[0]
        assert isinstance(got, Unreadable)
        assert not got
        assert (got.address, got.size) == (first, address + size - first)
    else:
        assert got == bytes(expected[a] for a in range(address, address + size))


def check_many(memory, expected, addresses, size):
    rows = memory.read_many(np.array(addresses, np.uint64), size)
    assert rows.data.shape == (len(addresses), size)
    for i, address in enumerate(addresses):
        wanted = [expected.get(a) for a in range(address, address + size)]
        assert bool(rows.readable[i]) == (None not in wanted)
        assert rows.data[i].tolist() == (wanted if None not in wanted else [0] * size)


PIECE = st.tuples(
    st.integers(0, 12),  # gap before it
    st.integers(0, 16),  # bytes in memory
    st.sampled_from(["full", "full", "none", "part"]),
    st.sampled_from([NONE, READ, WRITE, WRITE, EXEC]),
)


@settings(max_examples=examples(250))
@given(st.data(), st.lists(PIECE, min_size=1, max_size=6), st.sampled_from(FORMATS), st.booleans())
def test_equals_the_bytes_one_by_one(write, data, pieces, form, high):
    bits, order = form
    span = sum(gap + memsz for gap, memsz, _, _ in pieces)
    at = base = (1 << bits) - span - 8 if high else 100
    segments, contents_of = [(NOTE, 0, b"note", 0, 0)], []
    for gap, memsz, mode, flags in pieces:
        at += gap
        filesz = {"full": memsz, "none": 0, "part": memsz // 2}[mode]
        contents = bytes((at + i) * 37 % 251 + 1 for i in range(filesz))
        segments.append((1, at, contents, memsz, flags))
        contents_of.append((at, memsz, contents, flags))
        at += memsz
    shuffle = data.draw(st.permutations(range(len(segments))))
    pad = data.draw(st.sampled_from([0, 0, 1, 3]))
    whole = build(segments, bits=bits, order=order, shuffle=shuffle, pad=pad)
    body = len(whole) - sum(len(s[2]) + pad for s in segments)
    cut = data.draw(st.one_of(st.just(len(whole)), st.integers(body, len(whole))))

    lower = {a: a % 256 for a in range(base, at + 8) if data.draw(st.sampled_from([True, True, True, False]))}
    lower = data.draw(st.sampled_from([None, lower]))
    expected = dict(lower or {})
    for start, memsz, _, flags in contents_of:
        for i in range(memsz):
            if flags not in (READ, EXEC):
                expected.pop(start + i, None)
    offset = body + pad + 4
    for start, _, contents, _ in contents_of:
        offset += pad
        expected.update({start + i: byte for i, byte in enumerate(contents) if offset + i < cut})
        offset += len(contents)

    core = CoreFile(write(whole[:cut]), image(lower) if lower is not None else None)
    core.path.unlink()
    assert core.truncated == len(whole) - cut
    assert (core.bits, core.byteorder) == (bits, "little" if order == "<" else "big")
    address = st.integers(base, at + 8)
    for _ in range(5):
        check(core, expected, data.draw(address), data.draw(st.integers(0, 30)))
    for size in (0, 1, data.draw(st.integers(2, 20))):
        addresses = data.draw(st.lists(address.filter(lambda a: a < ADDRESS_SPACE), max_size=30))
        check_many(core, expected, addresses, size)


@pytest.mark.parametrize(("bits", "order"), FORMATS)
def test_headers_as_pyelftools_reads_them(write, bits, order):
    segments = [(NOTE, 0, b"note", 0, 0)]
    segments += [(1, 0x10000 * (i + 1), bytes([i + 1]) * (i * 100 % 700), 4096, WRITE) for i in range(20)]
    whole = build(segments, bits=bits, order=order, machine=183, pad=16)
    core = CoreFile(write(whole))
    elf = ELFFile(io.BytesIO(whole))
    loads = [s for s in elf.iter_segments("PT_LOAD") if s["p_filesz"]]
    assert core.segments.start.tolist() == [s["p_vaddr"] for s in loads]
    assert core.segments.size.tolist() == [s["p_filesz"] for s in loads]
    assert [core.read(s["p_vaddr"], s["p_filesz"]) for s in loads] == [s.data() for s in loads]
    assert core.machine == 183
    assert elf["e_machine"] == "EM_AARCH64"


@pytest.mark.parametrize("bits", [32, 64])
def test_more_segments_than_the_header_can_count(write, bits):
    count = 0x10000 + 5
    segments = [(1, 16 * i, struct.pack("<Q", i), 8, WRITE) for i in range(count)]
    whole = build(segments, bits=bits, xnum=True)
    core = CoreFile(write(whole))
    assert len(core.segments.start) == count
    addresses = np.arange(count, dtype=np.uint64) * np.uint64(16)
    rows = core.read_many(addresses, 8)
    assert rows.readable.all()
    assert (rows.data.copy().view("<u8")[:, 0] == np.arange(count)).all()
    with pytest.raises(TargetError, match="the count of its segments"):
        CoreFile(write(whole[:-40]))


def test_neighbours_in_memory_and_file_are_one_range(write):
    core = CoreFile(write(build([(1, 4096, b"a" * 8, 8, WRITE), (1, 4104, b"b" * 8, 8, WRITE)])))
    assert core.segments.start.tolist() == [4096]
    assert core.read(4100, 8) == b"aaaabbbb"


def test_neighbours_in_memory_apart_in_the_file(write):
    core = CoreFile(write(build([(1, 4096, b"a" * 8, 8, WRITE), (1, 4104, b"b" * 8, 8, WRITE)], pad=5)))
    assert core.segments.start.tolist() == [4096, 4104]
    assert core.read(4100, 8) == b"aaaabbbb"
    rows = core.read_many(np.array([4100, 4096, 4100, 4108], np.uint64), 8)
    assert rows.readable.tolist() == [True, True, True, False]
    assert rows.data[2].tobytes() == b"aaaabbbb"


def test_a_hole_as_wide_in_memory_as_in_the_file_is_a_hole(write):
    core = CoreFile(write(build([(1, 4096, b"a" * 8, 8, WRITE), (1, 4105, b"b" * 8, 8, WRITE)], pad=1)))
    got = core.read(4100, 8)
    assert isinstance(got, Unreadable)
    assert got.address == 4104


def patched(data, header, **fields):
    """Return a core of 64 bits with other numbers in one program header."""
    at = {"offset": 8, "vaddr": 16, "filesz": 32, "memsz": 40}
    changed = bytearray(data)
    for name, value in fields.items():
        struct.pack_into("<Q", changed, 64 + 56 * header + at[name], value)
    return bytes(changed)


WELL_FORMED = build(
    [(NOTE, 0, b"n" * 20, 0, 0), (1, 4096, b"a" * 100, 200, WRITE), (1, 8192, b"b" * 100, 100, READ)]
)


@pytest.mark.parametrize(
    ("header", "fields", "words"),
    [
        (2, {"vaddr": 4100}, "program header 2 (PT_LOAD, 100 bytes at 0x1004) overlaps program header 1 (PT_LOAD, 200"),
        (1, {"vaddr": 8200}, "program header 2 (PT_LOAD, 100 bytes at 0x2000) overlaps program header 1 (PT_LOAD, 200"),
        (1, {"memsz": 5000}, "program header 2 (PT_LOAD, 100 bytes at 0x2000) overlaps program header 1 (PT_LOAD, 5,000"),
        (1, {"memsz": ADDRESS_SPACE - 1}, "program header 1 (PT_LOAD, 18,446,744,073,709,551,615 bytes at 0x1000) ends"),
        (2, {"vaddr": ADDRESS_SPACE - 50}, "program header 2 (PT_LOAD, 100 bytes at 0xffffffffffffffce) ends beyond"),
        (1, {"offset": 0}, "program header 1 (PT_LOAD, 200 bytes at 0x1000) overlaps the headers of the file"),
        (2, {"offset": 64 + 56}, "program header 2 (PT_LOAD, 100 bytes at 0x2000) overlaps the headers"),
        (0, {"offset": 8}, "program header 0 (PT_NOTE, 20 bytes at offset 0x8) overlaps the headers"),
        (0, {"filesz": ADDRESS_SPACE - 1}, "program header 0 (PT_NOTE, 18,446,744,073,709,551,615 bytes at offset"),
        (2, {"offset": 1 << 63}, "program header 2 (PT_LOAD, 100 bytes at 0x2000) lies beyond the end of any file"),
    ],
)  # fmt: skip
def test_an_ill_formed_core_is_refused_by_its_segment(write, header, fields, words):
    line = error(write(patched(WELL_FORMED, header, **fields)))
    assert "malformed core: " + words in line
    assert "(try: readelf -lW " in line


def test_segments_to_the_last_byte_are_well_formed(write):
    core = CoreFile(write(patched(WELL_FORMED, 2, vaddr=ADDRESS_SPACE - 100)))
    assert core.read(ADDRESS_SPACE - 100, 100) == b"b" * 100
    assert CoreFile(write(patched(WELL_FORMED, 1, filesz=0, offset=0))).read(8192, 1) == b"b"


def test_the_reason_says_what_is_wrong(write):
    whole = build([(1, 4096, b"a" * 100, 200, WRITE), (1, 8192, b"b" * 100, 100, WRITE)])
    core = CoreFile(write(whole[:-60]))
    size = len(whole) - 60

    def reason(address, length):
        got = core.read(address, length)
        assert isinstance(got, Unreadable)
        return got.address, got.reason

    assert core.truncated == 60
    assert reason(8192, 50) == (8232, f"not in the core, which is cut off at byte {size} of {size + 60}")
    assert reason(4190, 20) == (4196, "the core has no contents for this page")
    assert reason(4295, 4) == (4295, "the core has no contents for this page")
    assert reason(4296, 4) == (4296, "not mapped in the core")
    assert reason(16, 4) == (16, "not mapped in the core")
    assert reason(ADDRESS_SPACE - 4, 4) == (ADDRESS_SPACE - 4, "not mapped in the core")
    assert reason(ADDRESS_SPACE - 4, 8)[1] == "outside the 64-bit address space"
    assert reason(ADDRESS_SPACE + 4, 8)[1] == "outside the 64-bit address space"
    assert reason(-1, 8)[1] == "outside the 64-bit address space"


def test_a_debugger_is_asked_by_its_own_thread_only(write):
    """Helpers that decode beside it leave out what only the debugger has."""
    threads = set()

    class Debugger(Image):
        at_hand = False

        def read(self, address, size):
            threads.add(threading.current_thread())
            return super().read(address, size)

        def read_many(self, addresses, size):
            threads.add(threading.current_thread())
            return super().read_many(addresses, size)

    below = Debugger(Segments(np.full(100, 7, np.uint8), *(np.array([n], np.uint64) for n in (500, 100, 0))))
    core = CoreFile(write(build([(1, 1000, b"a" * 100, 100, WRITE)])), below)
    found = []

    def ask():
        found.append(core.read_many(np.array([500, 1000], np.uint64), 4).readable.tolist())
        found.append(isinstance(core.read(500, 4), Unreadable))

    helper = threading.Thread(target=ask)
    helper.start()
    helper.join()
    assert (found, threads) == ([[False, True], True], set())
    ask()
    assert (found[2:], threads) == ([[True, True], False], {threading.main_thread()})


def test_memory_that_may_have_changed_is_never_taken_from_the_fallback(write):
    """A debugger answers with the executable's initial data, or with zeros that it made up."""
    zeros = image(dict.fromkeys(range(1000), 0))
    segments = [(1, 100 * flags, b"", 50, flags) for flags in (NONE, READ, WRITE, EXEC)]
    core = CoreFile(write(build(segments)), zeros)
    assert core.read(100 * READ, 8) == core.read(100 * EXEC, 8) == core.read(900, 8) == bytes(8)
    for flags in (NONE, WRITE):
        assert isinstance(core.read(100 * flags, 8), Unreadable)
        assert not core.read_many(np.array([100 * flags], np.uint64), 8).readable.any()


def test_counters_and_provenance(write):
    core = CoreFile(write(build([(1, 100, b"a" * 20, 20, WRITE)])))
    core.read(100, 5)
    core.read_many(np.array([100, 110, 500], np.uint64), 6)
    assert (core.kind, core.reads, core.bytes_read) == ("core", 2, 17)


def test_nothing_is_copied_from_a_large_core(tmp_path):
    """A sparse file of 64 GiB opens at once; copying it could not end well."""
    path = tmp_path / "core"
    head = build([(1, 4096, b"", 0, WRITE)])
    size = 64 << 30
    entry = struct.pack("<2I6Q", 1, 6, 4096, 1 << 30, 0, size - 4096, size - 4096, 1)
    with path.open("wb") as file:
        file.write(head[:64] + entry)
        file.truncate(size)
        file.seek(size - 8)
        file.write(b"the end.")
    core = CoreFile(path)
    assert core.read((1 << 30) + size - 4096 - 8, 8) == b"the end."
    rows = core.read_many(np.array([(1 << 30) + size - 4096 - 8, 1 << 30], np.uint64), 8)
    assert rows.data[0].tobytes() == b"the end."


def error(path):
    """Return the one line that the user sees."""
    with pytest.raises(TargetError) as caught:
        CoreFile(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\x7fELF", "cut off after 4 bytes"),
        (b"#!/bin/sh\n", "not an ELF core"),
        (b"MZ" * 100, "not an ELF core"),
        (build([], kind=2), "an executable, not a core"),
        (build([], kind=3), "an executable or a shared library, not a core"),
        (build([], kind=7), "type 7"),
        (build([]), "no program headers"),
        (build([(1, 0, b"x", 1, 6)])[:40], "cut off or damaged"),
        (build([(1, 0, b"x", 1, 6)])[:100], "no program headers"),
        (
            build([(1, 0, b"x", 1, 6)]).replace(
                struct.pack("<HHH", 64, 56, 1), struct.pack("<HHH", 64, 9, 1)
            ),
            "has 9 bytes",
        ),
        (b"\x7fELF\x07\x01\x01" + bytes(60), "cut off or damaged"),
    ],
)
def test_what_is_no_core_gets_one_clear_line(write, data, words):
    assert words in error(write(data))


def test_what_cannot_be_opened_gets_one_clear_line(tmp_path):
    assert "no such file" in error(tmp_path / "nothing")
    assert "not a regular file" in error(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in error(tmp_path / "pipe")


@settings(max_examples=examples(300))
@given(st.data())
def test_damage_never_escapes(write, data):
    """Bytes of the headers are overwritten and the file is cut: bytes, an Unreadable or a TargetError."""
    segments = [(1, 4096 * i, bytes([i]) * 64, 64, WRITE) for i in range(1, 5)]
    whole = bytearray(build(segments))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, 64 + 4 * 56 - 1))] = data.draw(
            st.sampled_from([0, 1, 2, 127, 128, 255])
        )
    path = write(bytes(whole[: data.draw(st.sampled_from([len(whole), len(whole) - 30, 400]))]))
    try:
        core = CoreFile(path)
    except TargetError:
        return
    finally:
        path.unlink()
    edges = [
        e
        for s, n in zip(core.segments.start.tolist(), core.segments.size.tolist(), strict=True)
        for e in (s, s + n)
    ]
    addresses = [
        a % ADDRESS_SPACE for e in [*edges, 0, 4096, ADDRESS_SPACE - 1] for a in (e - 9, e - 1, e, e + 1)
    ]
    rows = core.read_many(np.array(addresses, np.uint64), 8)
    for i, address in enumerate(addresses):
        got = core.read(address, 8)
        assert bool(rows.readable[i]) == isinstance(got, bytes)
        if isinstance(got, bytes):
            assert got == rows.data[i].tobytes()
