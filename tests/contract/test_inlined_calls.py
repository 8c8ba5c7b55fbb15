"""The calls that an instruction belongs to are those that the program's own runtime.CallersFrames has, inlined ones too."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile

from gdb_gospan.layout.pclntab import FunctionTable
from tools import guests, programs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gdb_gospan.layout.inlining import Call

    Frames = list[tuple[str | None, str | None, int | None]]

#: Ways to build that change where the table is, how the file points to it, or how it is written.
VARIANTS = {
    "plain": {},
    "pie": {"buildmode": "pie"},
    "cgo-pie": {"ldflags": "-linkmode=external", "cgo": True, "buildmode": "pie"},
    "386": {"goarch": "386"},
    "arm": {"goarch": "arm"},
    "arm64": {"goarch": "arm64"},
}
#: Bytes from one address to the next; a prime, so that all parts of instructions and functions come.
STEP = 89
#: What a wrapper is shown above (runtime/traceback.go, elideWrapperCalling).
SHOWING = ("runtime.gopanic", "runtime.sigpanic", "runtime.panicwrap")


def symbols(path: Path) -> dict[str, tuple[int, int]]:
    """Address and size of each symbol."""
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        return {symbol.name: (symbol["st_value"], symbol["st_size"]) for symbol in table.iter_symbols()}


def own(path: Path, goarch: str) -> Iterator[tuple[int, Frames]]:
    """Yield addresses, as linked, and what the program itself says of them."""
    known = symbols(path)
    base, first, end = (known[name][0] for name in ("main.main", "runtime.text", "runtime.etext"))
    lowest = next(name for name, (low, size) in known.items() if low == first and size)
    command = [guests.qemu(goarch)] if goarch in guests.QEMU else []
    command += [str(path), f"-frames={first - base},{end - base},{STEP}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    for row in done.stdout.splitlines():
        at, *words = row.split("\t")
        # The function at the lowest address has the first name, and the runtime takes offset 0 for none (funcname).
        names, files, lines = [name or lowest for name in words[::3]], words[1::3], words[2::3]
        yield (
            base + int(at),
            [
                (name, file if file != "?" else None, int(line) if file != "?" else None)
                for name, file, line in zip(names, files, lines, strict=True)
            ],
        )


def as_go_shows(calls: Sequence[Call], minor: str) -> Frames:
    """Leave out what a stack does not show, and type arguments, which it has as dots."""
    shown: Frames = []
    callee = None
    for i, call in enumerate(calls):
        last = i == len(calls) - 1
        # Of a function that nothing is inlined in, and until Go 1.20 of any, the runtime leaves that to others.
        stays = last and (i == 0 or minor in ("1.19", "1.20"))
        if stays or not call.wrapper or callee in SHOWING:
            assert call.function is not None
            shown.append((re.sub(r"\[.*\]", "[...]", call.function), call.file, call.line))
        callee = call.function
    return shown


@pytest.mark.in_turn("variant")
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_calls_are_those_of_the_runtime(go_minor: str, variant: str) -> None:
    path = programs.build("inlined", go_minor, **VARIANTS[variant])
    table, depths = FunctionTable.of_executable(path), set()
    functions = [place for place in symbols(path).values() if place[1]]
    compared = 0
    for address, wanted in own(path, VARIANTS[variant].get("goarch", "")):
        calls = table.calls(address)
        if (
            not calls
        ):  # of what is behind a function, and no code, the runtime says that it is of that function
            assert table.function(address) is None
            assert not any(low <= address < low + size for low, size in functions), hex(address)
            continue
        assert as_go_shows(calls, go_minor) == wanted, hex(address)
        assert all(call.wrapper is not None for call in calls)
        assert calls[-1].function == table.function(address)
        assert (calls[0].file, calls[0].line) == (table.line(address) or (None, None))
        depths.add(len(calls))
        compared += 1
    assert compared > 5000
    assert depths >= {1, 2, 3, 4}


def test_wrappers_are_told(go_minor: str) -> None:
    """The compiler makes outer.wait of box.wait, which is inlined into it, and receive into that."""
    path = programs.build("inlined", go_minor)
    table, (low, size) = FunctionTable.of_executable(path), symbols(path)["main.outer.wait"]
    found = {tuple((call.function, call.wrapper) for call in table.calls(low + i)) for i in range(size)}
    wrapped = [("main.receive", False), ("main.box.wait", False), ("main.outer.wait", True)]
    assert tuple(wrapped) in found
    assert tuple(wrapped[2:]) in found


def everything(table: FunctionTable, path: Path, bias: int = 0) -> list[tuple[Call, ...]]:
    known = symbols(path)
    first, end = (known[name][0] for name in ("runtime.text", "runtime.etext"))
    return [table.calls(address + bias) for address in range(first, end, 5 * STEP)]


@pytest.mark.ends
@pytest.mark.parametrize("variant", ["plain", "pie"])
def test_without_symbols_and_moved_they_are_the_same(go_minor: str, variant: str, tmp_path: Path) -> None:
    path = programs.build("inlined", go_minor, **VARIANTS[variant])
    wanted = everything(FunctionTable.of_executable(path), path)
    assert {1, 2, 3} <= set(map(len, wanted))
    if not shutil.which("objcopy"):
        pytest.skip("no objcopy on PATH")
    stripped = tmp_path / "stripped"
    subprocess.run(["objcopy", "--strip-all", path, stripped], check=True)
    assert everything(FunctionTable.of_executable(stripped), path) == wanted
    bias = 0x5555_5000_0000
    assert everything(FunctionTable.of_executable(stripped, bias), path, bias) == wanted


def test_built_without_symbols_they_are_the_same(go_minor: str) -> None:
    path = programs.build("inlined", go_minor)
    without = programs.build("inlined", go_minor, ldflags="-s -w")
    wanted = everything(FunctionTable.of_executable(path), path)
    assert everything(FunctionTable.of_executable(without), path) == wanted
