"""Notes of cores built byte by byte."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.memory.corenotes import CoreNotes, Thread, read_notes
from gdb_gospan.memory.elfcore import CoreFile
from tools.soak import examples

PRSTATUS, PRPSINFO, AUXV, FILE = 1, 3, 6, 0x46494C45
FORMATS = [(64, "<"), (64, ">"), (32, "<")]


def note(order, kind, data, name=b"CORE\0"):
    padding = bytes(-len(data) % 4)
    return struct.pack(f"{order}3I", len(name), len(data), kind) + name.ljust(8, b"\0") + data + padding


def prstatus(bits, order, lwp, signal, registers):
    at = {64: (32, 112), 32: (24, 72)}[bits]
    data = bytearray(at[1])
    struct.pack_into(f"{order}H", data, 12, signal)
    struct.pack_into(f"{order}I", data, at[0], lwp)
    return (
        bytes(data)
        + struct.pack(f"{order}{len(registers)}{'Q' if bits == 64 else 'I'}", *registers)
        + bytes(8)
    )


def prpsinfo(bits, order, pid):
    data = bytearray(136)
    struct.pack_into(f"{order}I", data, {64: 24, 32: 12}[bits], pid)
    struct.pack_into("16s", data, {64: 40, 32: 28}[bits], b"a program")
    return bytes(data)


def files(bits, order, rows):
    word = "Q" if bits == 64 else "I"
    head = struct.pack(f"{order}2{word}", len(rows), 4096)
    table = b"".join(struct.pack(f"{order}3{word}", start, end, start >> 12) for start, end, _ in rows)
    return head + table + b"".join(path + b"\0" for _, _, path in rows)


def core(notes, bits=64, order="<", machine=62):
    """A core with one segment of notes, and a segment of memory behind it."""
    word, header, entry = ("Q", 64, 56) if bits == 64 else ("I", 52, 32)
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    ehdr = ident + struct.pack(
        f"{order}HHI3{word}I6H", 4, machine, 1, 0, header, 0, 0, header, entry, 2, 0, 0, 0
    )
    begin, rows = header + 2 * entry, []
    for kind, at, size in ((4, begin, len(notes)), (1, begin + len(notes), 16)):
        if bits == 64:
            rows.append(struct.pack(f"{order}2I6Q", kind, 6, at, 0x10000 * (kind == 1), 0, size, size, 1))
        else:
            rows.append(struct.pack(f"{order}8I", kind, at, 0x10000 * (kind == 1), 0, size, size, 6, 1))
    return ehdr + b"".join(rows) + notes + bytes(16)


@pytest.fixture
def read(tmp_path):
    def read(data):
        path = tmp_path / "core"
        path.write_bytes(data)
        return read_notes(CoreFile(path))

    return read


@pytest.mark.parametrize(("bits", "order"), FORMATS)
def test_everything(read, bits, order):
    word = "Q" if bits == 64 else "I"
    notes = [
        note(order, PRSTATUS, prstatus(bits, order, 71, 6, range(100, 127))),
        note(order, PRPSINFO, prpsinfo(bits, order, 70)),
        note(order, AUXV, struct.pack(f"{order}6{word}", 6, 4096, 9, 0x401000, 0, 0)),
        note(order, FILE, files(bits, order, [(0x1000, 0x2000, b"/lib"), (0x400000, 0x500000, b"/go/\xff")])),
        note(order, 9, b"odd", b"OTHER\0"),
        note(order, PRSTATUS, prstatus(bits, order, 72, 6, range(200, 227))),
    ]
    amd64 = bits == 64
    found = read(core(b"".join(notes), bits, order, 62 if amd64 else 3))
    assert found == CoreNotes(
        pid=70,
        signal=6,
        entry=0x401000,
        program="/go/\udcff",
        name="a program",
        files=((0x1000, 0x2000, "/lib", 0x1000), (0x400000, 0x500000, "/go/\udcff", 0x400000)),
        threads=(Thread(71, 116, 104), Thread(72, 216, 204))
        if amd64
        else (Thread(71, 0, 0), Thread(72, 0, 0)),
    )
    assert [thread.stack for thread in found.threads] == ([119, 219] if amd64 else [0, 0])


def test_arm64_has_its_pointers_elsewhere(read):
    status = note("<", PRSTATUS, prstatus(64, "<", 5, 0, range(40)))
    (thread,) = read(core(status, machine=183)).threads
    assert (thread, thread.stack) == (Thread(5, 32, 29), 31)


def test_a_process_that_lived_on(read):
    found = read(core(note("<", PRSTATUS, prstatus(64, "<", 5, 0, range(27)))))
    assert (found.pid, found.signal, found.entry, found.program) == (5, 0, None, None)


def test_no_notes(read):
    assert read(core(b"")) == CoreNotes()


@given(st.data())
@settings(max_examples=examples(300))
def test_damaged_notes_are_notes_that_are_not_there(tmp_path_factory, data):
    whole = bytearray(
        note("<", PRSTATUS, prstatus(64, "<", 71, 6, range(27)))
        + note("<", AUXV, struct.pack("<4Q", 9, 0x401000, 0, 0))
        + note("<", FILE, files(64, "<", [(0x400000, 0x500000, b"/go")]))
    )
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "notes"
    path.write_bytes(core(bytes(whole[: data.draw(st.integers(0, len(whole)))])))
    assert len(read_notes(CoreFile(path)).threads) <= 2
