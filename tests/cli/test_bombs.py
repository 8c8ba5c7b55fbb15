"""Files that claim far more than they hold: refused in one line, for the price of what they are, not of what they claim."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.memory.compressed_units import pack
from gdb_gospan.memory.image import write
from gdb_gospan.memory.saved import MAGIC
from tools import measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools.measured import Measurer

    Refused = Callable[..., str]

MIB = 1 << 20
GIB = 1 << 30
MUCH = 384 * MIB
"""More than may be taken for what is small on disk, and no more than packing takes a second for."""


@pytest.fixture(scope="module")
def measurer() -> Iterator[Measurer]:
    with measured.measurer() as measurer:
        yield measurer


@pytest.fixture
def refused(measurer: Measurer) -> Refused:
    """Return the one line of a refusal that stays within the design's budget."""
    return partial(_refused, measurer)


def _refused(measurer: Measurer, *words: object) -> str:
    files = [Path(str(word)) for word in words if Path(str(word)).is_file()]
    apparent = sum(file.stat().st_size for file in files)
    stored = sum(file.stat().st_blocks * 512 for file in files)
    # A mapped file takes addresses, and no memory: those are what is limited.
    cost = measurer.run(apparent + 2 * GIB, *words)
    assert (cost.stdout, cost.status) == ("", 3), cost.stderr
    assert re.fullmatch(r"go-spans: [^\n]+\n", cost.stderr), cost.stderr
    assert "internal error" not in cost.stderr
    assert "not enough memory" not in cost.stderr
    assert cost.memory < 3 * stored + (200 << 20), f"{cost.memory >> 20} MiB for a file of {stored >> 20} MiB"
    assert cost.seconds < 10
    return cost.stderr


def test_what_needs_more_memory_than_it_may_take(measurer: Measurer, tmp_path: Path) -> None:
    """A snapshot that is as it must be, and of 192 MiB."""
    path, size = tmp_path / "x.gospan", 192 * MIB
    rows = np.arange(size // 8, dtype=np.uint64).view(np.uint8)
    rows[7::8] = np.random.default_rng(1).integers(0, 256, size // 8).astype(np.uint8)
    write(path, {}, np.array([4096], np.uint64), np.array([size], np.uint64), [rows], {})
    cost = measurer.run(4 * GIB, "summary", "--max-memory", "128MiB", path)
    assert (cost.stdout, cost.status) == ("", 3)
    assert re.fullmatch(
        r"go-spans: this needs more memory than the limit of 134,217,728 bytes .*\(try: --max-memory .*\n",
        cost.stderr,
    )
    assert "damaged" in measurer.run(4 * GIB, "summary", path).stderr  # for it has no layout
    for wrong in ("1", "some", "-1", "1.5GiB", "100MB"):
        assert measurer.run(4 * GIB, "summary", "--max-memory", wrong, path).status == 2


# Cores.


def core(path: Path, *segments: tuple[int, int, int, int, int], count: int | None = None) -> Path:
    """Write an ELF core; a segment is (type, flags, offset, address, size)."""
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    count = len(segments) if count is None else count
    more = count > 0xFFFE
    phnum, sections = (0xFFFF, GIB) if more else (count, 0)
    header = struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, sections, 0, 64, 56, phnum, 64, int(more), 0)
    table = b"".join(
        struct.pack("<2I6Q", kind, flags, offset, address, 0, size, size, 1)
        for kind, flags, offset, address, size in segments
    )
    with path.open("wb") as file:
        file.write(ident + header + table)
        if more:
            file.seek(sections)
            file.write(struct.pack("<2I4Q2I2Q", 0, 0, 0, 0, 0, 0, 0, count, 0, 0))
    return path


def hole(path: Path, size: int) -> Path:
    os.truncate(path, size)
    return path


@pytest.mark.parametrize("size", [2 * GIB, 1 << 40])
def test_notes_that_are_a_hole(refused: Refused, tmp_path: Path, size: int) -> None:
    assert "no Go runtime" in refused("summary", hole(core(tmp_path / "core", (4, 0, 4096, 0, size)), size))


def test_one_note_that_is_a_hole(refused: Refused, tmp_path: Path) -> None:
    """Of a kind that is read, of 4 GiB, and named as the kernel does."""
    path = core(tmp_path / "core", (4, 0, 4096, 0, 8 * GIB))
    with hole(path, 9 * GIB).open("r+b") as file:
        for at, kind in ((4096, 0x46494C45), (4096 + GIB, 6)):
            file.seek(at)
            file.write(struct.pack("<3I8s", 5, GIB - 20, kind, b"CORE"))
    refused("summary", path)


def test_notes_without_end(refused: Refused, tmp_path: Path) -> None:
    note = struct.pack("<3I8s", 5, 0, 77, b"CORE")
    path = core(tmp_path / "core", (4, 0, 4096, 0, len(note) << 21))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(note * (1 << 21))
    refused("summary", path)


def test_program_headers_that_are_a_hole(refused: Refused, tmp_path: Path) -> None:
    line = refused("summary", hole(core(tmp_path / "core", count=1 << 31), 200 * GIB))
    assert "malformed core: 2,147,483,648 program headers" in line


# Executables.


def executable(path: Path, *sections: tuple[str, int, int, int, bytes | tuple[int, int]]) -> Path:
    """Write an executable; a section is (name, type, flags, address, contents, or offset and size of what is elsewhere)."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name, *_ in sections) + b".shstrtab\0"
    body, table = bytearray(names), [bytes(64)]
    for name, kind, flags, address, held in (*sections, (".shstrtab", 3, 0, 0, (64, len(names)))):
        offset, size = held if isinstance(held, tuple) else (64 + len(body), len(held))
        body += b"" if isinstance(held, tuple) else held
        at = names.index(b"\0" + name.encode() + b"\0") + 1
        link = len(sections) if name == ".symtab" else 0
        table.append(struct.pack("<IIQQQQIIQQ", at, kind, flags, address, offset, size, link, 0, 1, 0))
    header = struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0x401000, 0, 64 + len(body), 0, 64, 56, 0, 64, len(table), len(table) - 1
    )
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + header + body + b"".join(table))
    return path


def zeros(size: int) -> bytes:
    """Return a zlib stream of so many zeros; what a block of them is packed to is the same each time, but for the checksum."""
    stream = zlib.compressobj(9)
    first = stream.compress(bytes(MIB)) + stream.flush(zlib.Z_FULL_FLUSH)
    again = stream.compress(bytes(MIB)) + stream.flush(zlib.Z_FULL_FLUSH)
    return first + again * (size // MIB - 1) + stream.flush()


GO = (".go.buildinfo", 1, 2, 0x500000, b"\xff Go buildinf:")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return core(tmp_path / "core", (1, 6, 4096, 0x7000000, 0))


@pytest.mark.parametrize("name", [".debug_info", ".zdebug_info", ".debug_abbrev"])
def test_debug_information_of_gigabytes_of_zeros(
    refused: Refused, tmp_path: Path, plain: Path, name: str
) -> None:
    size = 4 * GIB
    packed, flags = struct.pack("<IIQQ", 1, 0, size, 1) + zeros(size), 0x800
    if name.startswith(".z"):
        packed, flags = b"ZLIB" + struct.pack(">Q", size) + packed[24:], 0
    more = () if "info" in name else ((".debug_info", 1, 0, 0, bytes(9)),)
    line = refused("summary", executable(tmp_path / "prog", GO, *more, (name, 1, flags, 0, packed)), plain)
    assert f"{name} claims 4,294,967,296 bytes, more than a file of this size can hold" in line


def test_debug_information_that_unpacks_to_more_than_it_says(
    refused: Refused, tmp_path: Path, plain: Path
) -> None:
    packed = struct.pack("<IIQQ", 1, 0, 4096, 1) + zeros(GIB)
    line = refused("summary", executable(tmp_path / "prog", GO, (".debug_info", 1, 0x800, 0, packed)), plain)
    assert "cannot read its symbols or debug information" in line


@pytest.mark.parametrize(
    ("name", "kind", "flags"),
    [
        (".note.go.buildid", 7, 2), (".note.gnu.build-id", 7, 2), (".gnu_debuglink", 1, 0), (".debug_info", 1, 0),
        (".debug_info", 1, 0x800), (".symtab", 2, 0), (".shstrtab", 3, 0), (".go.buildinfo", 1, 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1 << 62, 3 * GIB])
def test_a_section_larger_than_anything(
    refused: Refused, tmp_path: Path, plain: Path, name: str, kind: int, flags: int, size: int
) -> None:
    path = executable(tmp_path / "prog", GO, (name, kind, flags, 0x400000, (4096, size)))
    data = path.read_bytes()
    # The headers of the sections stay at the end of a file that is a hole before.
    with path.open("r+b") as file:
        (table,) = struct.unpack_from("<Q", data, 40)
        file.seek(4 * GIB)
        file.write(data[table:])
        file.seek(40)
        file.write(struct.pack("<Q", 4 * GIB))
    refused("summary", path, plain)


# Snapshots.


def npy(array: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getvalue()


def header(shape: int, dtype: str) -> bytes:
    """Return the beginning of a member of so many elements."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": (shape,), "fortran_order": False, "descr": dtype})
    return file.getvalue()


def snapshot(path: Path, changed: Mapping[str, tuple[bytes, bytes, int]]) -> Path:
    """Write a small snapshot; what is changed is a beginning, and a block that is repeated so often."""
    (packed,) = pack([np.arange(100, dtype=np.uint8)])
    one = np.array([100], np.uint64)
    members = {
        "format": npy(np.array(2)),
        "meta": npy(np.frombuffer(b"{}", np.uint8)),
        "start": npy(np.array([4096], np.uint64)),
        "size": npy(one),
        "packed": npy(packed),
        "length": npy(np.array([len(packed)], np.uint64)),
        "holes": npy(np.frombuffer(b"[]", np.uint8)),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members.items():
            stored = zipfile.ZipInfo(f"{name}.npy") if name == "packed" else f"{name}.npy"
            begin, block, count = changed.get(name, (data, b"", 0))
            with archive.open(stored, "w", force_zip64=True) as member:
                member.write(begin)
                for _ in range(count):
                    member.write(block)
    return path


@pytest.mark.parametrize(
    "changed",
    [
        {"meta": (header(MUCH, "|u1"), b" " * MIB, MUCH // MIB)},
        {"meta": (header(12 * MIB, "|u1"), b"[],[],[]," * 116509, 12)},
        {"meta": (header(8 * MIB, "|u1"), b"[" * MIB, 8)},
        {"holes": (header(MUCH, "|u1"), b" " * MIB, MUCH // MIB)},
        {"start": (header(MUCH // 8, "<u8"), bytes(MIB), MUCH // MIB)},
        {"size": (header(MUCH // 8, "<u8"), bytes(MIB), MUCH // MIB)},
        {"length": (header(MUCH // 8, "<u8"), bytes(MIB), MUCH // MIB)},
        {"size": (npy(np.array([GIB], np.uint64)), b"", 0)},
        {"format": (header(MUCH // 8, "<u8"), bytes(MIB), MUCH // MIB)},
        {"meta": (b"\x93NUMPY\x02\x00" + struct.pack("<I", MUCH), b" " * MIB, MUCH // MIB)},
    ],
    ids=["meta", "values", "depth", "holes", "ranges", "sizes", "lengths", "claimed", "format", "header"],
)
def test_a_snapshot_whose_members_inflate(
    refused: Refused, tmp_path: Path, changed: dict[str, tuple[bytes, bytes, int]]
) -> None:
    assert "not a go-spans snapshot, or damaged" in refused(
        "summary", snapshot(tmp_path / "x.gospan", changed)
    )


def test_an_archive_of_a_million_members(refused: Refused, tmp_path: Path) -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    count = 1 << 20
    begin = b"PK\3\4" + bytes(26)
    for more in (False, True):
        directory = len(entry) * count
        record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, directory, len(begin))
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(begin) + directory, 1)
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 7, 7, directory, len(begin), 0)
        path = tmp_path / "x.gospan"
        path.write_bytes(begin + entry * count + (record + locator if more else b"") + end)
        refused("summary", path)


def test_a_snapshot_with_holes(refused: Refused, tmp_path: Path) -> None:
    path = snapshot(tmp_path / "x.gospan", {})
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(40 * GIB)
        file.write(whole)
    refused("summary", path)


def test_what_delve_has_saved_with_holes(refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "saved"
    path.write_bytes(MAGIC + json.dumps({"ranges": [[4096, GIB]]}).encode() + b"\n")
    assert "damaged" in refused("summary", hole(path, 8 * GIB))
    path.write_bytes(MAGIC + b'{"ranges":[' + b"[1,0]," * (4 << 20) + b"[1,0]]}\n")
    assert "damaged" in refused("summary", path)
