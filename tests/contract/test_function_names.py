"""The runtime's own table of functions names every function of the symbol table, where it begins, in its middle and where it ends, and nothing behind."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile

from gdb_gospan.layout.pclntab import FunctionTable
from tools import programs
from tools.cache import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Ways to build that change where the table is, or how the file points to it.
VARIANTS = {
    "plain": {},
    "pie": {"buildmode": "pie"},
    "cgo": {"ldflags": "-linkmode=external", "cgo": True},
    "cgo-pie": {"ldflags": "-linkmode=external", "cgo": True, "buildmode": "pie"},
    "cgo-pie-relr": {
        "ldflags": "-linkmode=external -extldflags=-Wl,-z,pack-relative-relocs",
        "cgo": True,
        "buildmode": "pie",
    },
    "386": {"goarch": "386"},
    "arm": {"goarch": "arm"},
    "arm64": {"goarch": "arm64"},
    "big-endian": {"goarch": "s390x"},
    "big-endian-32": {"goarch": "mips"},
}


def functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, address and size of each Go function in .symtab, as pyelftools reads it."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        symbols = [s for s in table.iter_symbols() if s["st_info"]["type"] == "STT_FUNC"]
        values = {symbol.name: symbol["st_value"] for symbol in symbols}
        for symbol in symbols:
            # What gcc links in is before and behind Go's text.
            inside = values["runtime.text"] <= symbol["st_value"] < values["runtime.etext"]
            if inside and symbol.name != "runtime.text":
                yield symbol.name, symbol["st_value"], symbol["st_size"]


def as_go_has_it(symbol: str, minor: str) -> str:
    """A symbol's name without what only the symbol table does to it."""
    name = symbol.removesuffix(".abi0")
    if minor in ("1.19", "1.20"):  # cmd/link/internal/ld/pcln.go, generateFuncnametab: not since 1.21
        name = re.sub(r"\[.*\]", "[...]", name)
    return name


def same(found: str | None, symbol: str, minor: str) -> bool:
    # A middle dot is a dot in the symbol table (cmd/link/internal/ld/symtab.go, putelfsym).
    return found is not None and found.replace("·", ".") == as_go_has_it(symbol, minor)


def wrong(table: FunctionTable, path: Path, minor: str, bias: int = 0) -> list[tuple[str, str | None]]:
    bad, count = [], 0
    rows = list(functions(path))
    for name, address, size in rows:
        for place in {address, address + size // 2, address + max(size - 1, 0)}:
            count += 1
            if not same(table.function(place + bias), name, minor):
                bad.append((name, table.function(place + bias)))
    assert count > 2000
    ends = {address + size for _, address, size in rows if size} - {address for _, address, _ in rows}
    assert ends
    behind = [("padding", name) for end in ends if (name := table.function(end + bias))]
    # A mark without code or tables of its own (crypto/internal/fips140/check), since 1.24.
    return bad + [row for row in behind if row[1] not in ("go:textfipsstart", "go:textfipsend")]


def without_sections(path: Path, target: Path) -> Path:
    """Do what sstrip does: the section headers are gone."""
    data = bytearray(path.read_bytes())
    wide = data[4] == 2
    for begin, size in ((40, 8), (60, 4)) if wide else ((32, 4), (48, 4)):
        data[begin : begin + size] = bytes(size)
    target.write_bytes(data)
    return target


def build(minor: str, variant: str) -> Path:
    try:
        return programs.build("frag", minor, **VARIANTS[variant])
    except RuntimeError as error:
        if "pack-relative-relocs" in str(error):
            raise Unavailable("this linker has no -z pack-relative-relocs") from None
        raise


@pytest.mark.in_turn("variant")
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_function_has_its_name(go_minor, variant):
    path = build(go_minor, variant)
    assert wrong(FunctionTable.of_executable(path), path, go_minor) == []


@pytest.mark.in_turn("variant")
@pytest.mark.parametrize("variant", ["plain", "pie", "cgo"])
def test_every_function_of_a_stripped_copy(go_minor, variant, tmp_path):
    path = build(go_minor, variant)
    if not shutil.which("strip"):
        pytest.skip("no strip on PATH")
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, path], check=True)
    assert wrong(FunctionTable.of_executable(stripped), path, go_minor) == []
    bare = without_sections(stripped, tmp_path / "bare")
    assert wrong(FunctionTable.of_executable(bare), path, go_minor) == []


def test_every_function_of_a_program_built_without_symbols(go_minor):
    path = build(go_minor, "plain")
    stripped = programs.build("frag", go_minor, ldflags="-s -w")
    assert wrong(FunctionTable.of_executable(stripped), path, go_minor) == []


@pytest.mark.ends
def test_a_program_that_the_loader_moved(go_minor):
    path = build(go_minor, "pie")
    bias = 0x5555_5000_0000
    table = FunctionTable.of_executable(path, bias)
    assert wrong(table, path, go_minor, bias) == []
    assert table.function(next(functions(path))[1]) is None


@pytest.mark.toolchain
def test_a_program_that_carries_another_along(tmp_path):
    """Its table is the one that its moduledata points to, not the first that is found: newer ones are looked for first."""
    path = build("1.19", "plain")
    inner = programs.build("mix", "1.21").read_bytes()
    data = bytearray(path.read_bytes())
    begin, count = int.from_bytes(data[32:40], "little"), int.from_bytes(data[56:58], "little")
    kinds = [int.from_bytes(data[begin + 56 * i :][:4], "little") for i in range(count)]
    note = begin + 56 * kinds.index(4)
    segment = struct.pack("<IIQQQQQQ", 1, 4, len(data), 0x7000_0000, 0, len(inner), len(inner), 1)
    data[note : note + 56] = segment
    both = tmp_path / "both"
    both.write_bytes(bytes(data) + inner)
    assert wrong(FunctionTable.of_executable(both), path, "1.19") == []
