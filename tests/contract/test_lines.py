"""The runtime's own table has the lines of DWARF's, in another encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elftools.elf.elffile import ELFFile

from gdb_gospan.layout.pclntab import FunctionTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FUNCTIONS = ("runtime.mallocgc", "runtime.schedule", "main.main", "sync.(*Mutex).lockSlow", "fmt.Fprintf")
#: Of one instruction in so many: each takes a walk from its function's first one.
STEP = 7


def rows(path: Path) -> Iterator[tuple[int, str, int]]:
    """Yield address, file and line of the rows of the line programs that these functions have."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        symbols = {symbol.name: symbol for symbol in elf.get_section_by_name(".symtab").iter_symbols()}
        spans = [(s["st_value"], s["st_value"] + s["st_size"]) for s in map(symbols.get, FUNCTIONS) if s]
        dwarf = elf.get_dwarf_info()
        for unit in dwarf.iter_CUs():
            program = dwarf.line_program_for_CU(unit)
            if program is None:
                continue
            names = program["file_entry"]
            folders = program["include_directory"]
            first = 0 if program["version"] >= 5 else 1
            for entry in program.get_entries():
                state = entry.state
                if state is None or state.end_sequence:
                    continue
                if any(low <= state.address < high for low, high in spans):
                    name = names[state.file - first]
                    folder = folders[name.dir_index] if first == 0 and name.dir_index else b""
                    yield state.address, (folder + b"/" * bool(folder) + name.name).decode(), state.line


def test_the_lines_are_those_of_dwarf(frag: Path) -> None:
    table, found = FunctionTable.of_executable(frag), list(rows(frag))
    assert len(found) > 200
    for address, file, line in found[::STEP]:
        told = table.line(address)
        assert told is not None, hex(address)
        assert told[1] == line
        assert told[0].endswith(file.removeprefix("./")) or file.endswith(told[0].rpartition("/")[2])


def test_what_is_no_code_has_no_line(frag: Path) -> None:
    table = FunctionTable.of_executable(frag)
    assert table.line(0x10) is None
    assert table.entry(0x10) is None
