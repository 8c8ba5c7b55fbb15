"""Compressed cores: what is inside is what is read, nothing is left behind, and what is wrong is one line."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import compressed_core
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.memory.elfheader import ET_CORE, elf_type
from tools.packing import PACKERS, PROGRAMS
from tools.soak import examples

ADDRESS = 0x10000
KINDS = pytest.mark.parametrize("kind", PACKERS)


def core(contents: bytes, claimed: int | None = None) -> bytes:
    size = len(contents) if claimed is None else claimed
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return ident + header + struct.pack("<IIQQQQQQ", 1, 6, 120, ADDRESS, 0, size, size, 1) + contents


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


#: Data, two MiB of zeros, data, some pages of zeros not aligned to anything, data.
CONTENTS = noise(5000) + bytes(2 << 20) + noise(300_000, 2) + bytes(50_001) + noise(77, 3)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def packed(tmp_path, temporary):
    def packed(kind, data):
        # As systemd-coredump calls them: the suffix is all that a name can tell.
        path = tmp_path / f"core.frag.1000.7cb2f8e60c8d4a55.4711.1764000000000000.{kind}"
        path.write_bytes(data)
        return path

    return packed


def refused(path):
    with pytest.raises(TargetError) as caught:
        CoreFile(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line


@KINDS
def test_what_is_inside_is_read(packed, temporary, kind):
    path = packed(kind, PACKERS[kind](core(CONTENTS)))
    found = CoreFile(path)
    assert found.read(ADDRESS, len(CONTENTS)) == CONTENTS
    assert (found.path, found.truncated, found.file_size) == (path, 0, 120 + len(CONTENTS))
    assert elf_type(path) == ET_CORE
    assert list(temporary.iterdir()) == []


@KINDS
def test_several_in_one_file(packed, kind):
    """What pigz, pzstd and cat make."""
    whole = core(CONTENTS)
    pieces = [whole[at : at + 700_000] for at in range(0, len(whole), 700_000)]
    assert (
        CoreFile(packed(kind, b"".join(map(PACKERS[kind], pieces)))).read(ADDRESS, len(CONTENTS)) == CONTENTS
    )


@KINDS
def test_zeros_take_no_room(packed, kind):
    data = core(bytes(8 << 20) + noise(10_000) + bytes(8 << 20))
    path = packed(kind, PACKERS[kind](data))
    with path.open("rb") as file, compressed_core.unpacked(file, path) as unpacked:
        state = os.fstat(unpacked.fileno())
        assert state.st_size == len(data)
        assert state.st_blocks * 512 < 64 << 10
        assert state.st_nlink == 0, "it has no name: it goes with this process"


@KINDS
def test_cut_off_where_the_compressed_file_is(packed, kind):
    data = core(noise(3 << 20))
    whole = PACKERS[kind](data)
    for part in (0.6, 0.9, 0.999):
        found = CoreFile(packed(kind, whole[: int(len(whole) * part)]))
        have = found.file_size
        assert found.truncated == len(data) - have
        assert 0 < have < len(data)
        assert found.read(ADDRESS, have - 120) == data[120:have]
        if kind != "bz2":  # its blocks are all or nothing
            assert have > len(data) * part * 0.8


@KINDS
@pytest.mark.parametrize("size", [2, 6, 20])
def test_next_to_nothing_left(packed, kind, size):
    refused(packed(kind, PACKERS[kind](core(CONTENTS))[:size]))


@KINDS
def test_no_core_inside(packed, kind):
    assert "not an ELF core inside" in refused(packed(kind, PACKERS[kind](b"#!/bin/sh\n" * 1000)))
    assert "not a core" in refused(packed(kind, PACKERS[kind](core(b"")[:16] + b"\2\0" + core(b"")[18:])))


@settings(max_examples=examples(100))
@given(st.sampled_from(list(PACKERS)), st.data())
def test_damage_never_escapes(tmp_path_factory, kind, data):
    whole = bytearray(PACKERS[kind](core(noise(2000) + bytes(20_000))))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.sampled_from([0, 1, 127, 128, 255]))
    path = tmp_path_factory.getbasetemp() / "damaged-core"
    path.write_bytes(whole)
    try:
        CoreFile(path)
    except TargetError as error:
        assert "\n" not in str(error)  # noqa: PT017  # it may also be no error at all


@KINDS
def test_a_wrong_byte_in_the_middle_is_told(packed, kind):
    whole = bytearray(PACKERS[kind](core(noise(1 << 20))))
    whole[len(whole) // 2] ^= 0x10
    assert "damaged" in refused(packed(kind, bytes(whole)))


def test_no_room(packed, monkeypatch):
    path = packed("gz", PACKERS["gz"](core(CONTENTS)))
    monkeypatch.setattr(compressed_core, "_free", lambda _: 10 << 20)
    line = refused(path)
    assert f"needs up to {len(core(CONTENTS)):,} bytes" in line
    assert "try: TMPDIR=" in line


def test_the_room_runs_out(packed, monkeypatch, temporary):
    data = core(noise(40 << 20))
    path = packed("lz4", PACKERS["lz4"](data))
    monkeypatch.setattr(compressed_core, "_free", lambda _: next(left))
    left = iter([1 << 30] * 3 + [1 << 20] * 9)
    assert "no room" in refused(path)
    assert list(temporary.iterdir()) == []


def test_the_folder(packed, temporary, monkeypatch, tmp_path):
    path = packed("gz", b"")
    rooms = {temporary: 1 << 30, Path("/var/tmp"): 1 << 33, tmp_path: 1 << 34}
    monkeypatch.setattr(compressed_core, "_free", lambda folder: rooms.get(folder, 0))
    assert compressed_core._folder(path, 1000, 1 << 34) == temporary, (
        "what TMPDIR says, even if it may be too small"
    )
    monkeypatch.delenv("TMPDIR")
    assert compressed_core._folder(path, 1000, 1 << 30) == Path("/var/tmp")
    assert compressed_core._folder(path, 1000, (1 << 33) + 1) == tmp_path, "beside the core"
    assert compressed_core._folder(path, 1000, 1 << 40) == tmp_path, "most room: most of it may be zeros"
    monkeypatch.setenv("TMPDIR", str(tmp_path / "absent"))
    with pytest.raises(TargetError, match="no writable folder"):
        compressed_core._folder(path, 1000, 1)


@pytest.mark.parametrize(("kind", "package"), [("zst", "zstandard"), ("lz4", "lz4.frame")])
def test_without_the_package_there_is_a_command(tmp_path, monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / "a core's"
    tool = PROGRAMS[kind]
    path.write_bytes({"zst": b"\x28\xb5\x2f\xfd", "lz4": b"\x04\x22\x4d\x18"}[kind] + bytes(100))
    line = refused(path)
    assert f"(unpack it first: {tool} -dc " in line
    assert f"; or install {package.partition('.')[0]} for {sys.executable})" in line
    monkeypatch.undo()
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    path.write_bytes(PACKERS[kind](core(CONTENTS)))
    command = line.split("unpack it first: ")[1].partition("; or install ")[0]
    subprocess.run(command, shell=True, check=True)
    assert CoreFile(f"{path}.unpacked").read(ADDRESS, len(CONTENTS)) == CONTENTS


@KINDS
def test_progress_and_its_end(packed, kind):
    told = []
    data = core(noise(5 << 20))
    CoreFile(packed(kind, PACKERS[kind](data)), tell=lambda done, whole: told.append((done, whole)))
    assert [done >> 20 for done, _ in told] == [1, 2, 3, 4, 5]
    assert {whole for _, whole in told} == {len(data)}


def test_ctrl_c_leaves_nothing_open(packed):
    path = packed("gz", PACKERS["gz"](core(noise(5 << 20))))
    before = open_files()

    def stop(done, whole):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CoreFile(path, tell=stop)
    # The collector may close what an earlier test left; nothing new may stay open.
    assert open_files() <= before


def open_files() -> set[tuple[str, str]]:
    """Descriptors of this process and what each one is; the one that lists them is gone when it is read."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add((entry.name, str(entry.readlink())))
    return found


def test_more_than_the_core_is_not_unpacked(packed, monkeypatch):
    monkeypatch.setattr(compressed_core, "_BEHIND", 1 << 20)
    path = packed("gz", PACKERS["gz"](core(CONTENTS) + bytes(200 << 20)))
    assert CoreFile(path).file_size < len(CONTENTS) + (3 << 20)
