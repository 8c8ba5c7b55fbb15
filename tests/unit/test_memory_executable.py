"""What an executable says of itself, and its read-only bytes."""

from __future__ import annotations

import os
import struct

import pytest

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.executable import open_executable

LOAD, NOTE = 1, 4
READ, WRITE = 4, 6


def build(segments, kind=2):
    """An ELF file of 64 bits; a segment is (type, flags, address, contents)."""
    begin = 64 + 56 * len(segments)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0x401234, 64, 0, 0, 64, 56, len(segments), 64, 0, 0)
    table, body = b"", b""
    for sort, flags, address, contents in segments:
        table += struct.pack(
            "<IIQQQQQQ", sort, flags, begin + len(body), address, 0, len(contents), 0x4000, 1
        )
        body += contents
    return ident + header + table + body


@pytest.fixture
def opened(tmp_path):
    def opened(data):
        path = tmp_path / "program"
        path.write_bytes(data)
        return open_executable(path)

    return opened


def test_only_what_no_process_can_change_is_memory(opened):
    program = opened(build([(LOAD, READ, 0x1000, b"constant"), (LOAD, WRITE, 0x9000, b"variable")]))
    memory = program.memory(0x10000)
    assert memory.read(0x11000, 8) == b"constant"
    assert isinstance(memory.read(0x1000, 8), Unreadable)
    assert isinstance(memory.read(0x19000, 8), Unreadable)
    assert isinstance(memory.read(0x11004, 8), Unreadable), "memory past the contents of the file"


def test_what_the_header_says(opened):
    fixed = opened(build([(NOTE, READ, 0x400100, b"build id")]))
    assert (fixed.machine, fixed.bits, fixed.byteorder) == (62, 64, "little")
    assert (fixed.entry, fixed.movable, fixed.build_id, fixed.is_go) == (0x401234, False, None, False)
    assert fixed.notes == ((0x400100, b"build id"),)
    assert opened(build([], kind=3)).movable


def test_a_file_cut_off_has_what_is_left(opened):
    whole = build([(LOAD, READ, 0x1000, b"constant")])
    memory = opened(whole[:-4]).memory()
    assert memory.read(0x1000, 4) == b"cons"
    assert isinstance(memory.read(0x1000, 8), Unreadable)


@pytest.mark.parametrize(
    "data", [b"", b"#!/bin/sh\necho this is no program\n", b"\x7fELF"], ids=["empty", "script", "short"]
)
def test_no_elf_at_all(opened, data):
    with pytest.raises(TargetError, match="not an ELF file"):
        opened(data)


@pytest.mark.parametrize("kind", [1, 4])
def test_no_executable(opened, kind):
    with pytest.raises(TargetError, match="not an executable"):
        opened(build([], kind=kind))


def test_a_table_cut_off_is_one_line(opened):
    with pytest.raises(TargetError, match=r"damaged or cut off \([^\n]+\)$"):
        opened(build([(LOAD, READ, 0x1000, b"")])[:100])


def test_a_pipe_is_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(TargetError, match="not an ELF file"):
        open_executable(pipe)
