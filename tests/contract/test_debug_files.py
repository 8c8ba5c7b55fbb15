"""Split debug information is found where gdb finds it, and nowhere else."""

from __future__ import annotations

import shutil

import pytest

from gdb_gospan.layout.debugfile import FOLDERS, find_debug_file, split_folders
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.memory.executable import open_executable
from tools import gdbs, programs, split, toolchains

pytestmark = pytest.mark.ends

#: What makes the debug file findable: a function of (executable, debug file, debug directory) that moves it.
PLACES = {
    "beside": lambda exe, debug, root: debug,
    "in .debug": lambda exe, debug, root: move(debug, exe.parent / ".debug" / debug.name),
    "in the folder, by path": lambda exe, debug, root: move(
        debug, root / exe.parent.relative_to("/") / debug.name
    ),
    "in the folder, by build id": lambda exe, debug, root: move(debug, split.by_build_id(root)),
}
NOWHERE = {
    "in the folder, by name only": lambda exe, debug, root: move(debug, root / debug.name),
    "another file of that name": lambda exe, debug, root: debug.write_bytes(debug.read_bytes() + b"\0"),
    "another build id": lambda exe, debug, root: another_build(debug, split.by_build_id(root)),
    "gone": lambda exe, debug, root: debug.unlink(),
}


def move(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    return source.rename(target)


def another_build(debug, target):
    data = debug.read_bytes()
    wrong = bytes.fromhex(split.BUILD_ID)
    assert wrong in data
    target.write_bytes(data.replace(wrong, bytes(20)))
    debug.unlink()


@pytest.fixture
def files(go_minor, tmp_path):
    executable = programs.build("frag", go_minor, ldflags=split.LDFLAGS)
    root = tmp_path / "debug files"
    root.mkdir()
    return executable, *split.split(executable, tmp_path / "program"), root


def gdb_finds(executable, root):
    """Ask gdb which debug file it has read."""
    gdb = gdbs.ensure(gdbs.system_label())
    ask = "python print([f.filename for f in gdb.objfiles() if f.owner and f.owner.filename == gdb.current_progspace().filename])"
    lines = [f"set debug-file-directory {root}", f"file {executable}", ask]
    return gdbs.run_gdb(gdb, lines, plugin=False).stdout[-1].strip()


@pytest.mark.gdb
@pytest.mark.parametrize("place", PLACES)
def test_found_where_gdb_finds_it(files, place):
    _, stripped, debug, root = files
    path = PLACES[place](stripped, debug, root)
    assert find_debug_file(open_executable(stripped), [root]) == path
    assert gdb_finds(stripped, root) == str([str(path)])


@pytest.mark.gdb
@pytest.mark.parametrize("place", NOWHERE)
def test_not_found_where_gdb_does_not(files, place):
    _, stripped, debug, root = files
    NOWHERE[place](stripped, debug, root)
    assert find_debug_file(open_executable(stripped), [root]) is None
    assert gdb_finds(stripped, root) == "[]"


def test_it_has_what_the_executable_had(files):
    whole, stripped, _, _ = files
    found = find_debug_file(open_executable(stripped))
    there, before = DwarfTypes(found), DwarfTypes(whole)
    for name in ("runtime.mheap_", "runtime.memstats", "runtime.gcController"):
        assert there.variable(name)[0] == before.variable(name)[0]
    fields = [
        [(name, at) for name, at, _ in types.struct("runtime.mspan").fields()] for types in (there, before)
    ]
    assert fields[0] == fields[1]
    assert len(fields[0]) > 20
    assert len(there.symbols) == len(before.symbols)


def test_who_has_debug_information_needs_none(files):
    whole, stripped, debug, root = files
    shutil.copy(debug, split.by_build_id(root))
    executable = open_executable(whole)
    assert (executable.has_debug_info, executable.debuglink) == (True, None)
    assert find_debug_file(executable, [root]) is None
    assert not open_executable(stripped).has_debug_info


@pytest.mark.gdb
def test_through_a_symbolic_link(files, tmp_path):
    _, stripped, debug, root = files
    link = tmp_path / "elsewhere" / "name"
    link.parent.mkdir()
    link.symlink_to(stripped)
    assert find_debug_file(open_executable(link), [root]) == debug
    assert gdb_finds(link, root) == str([str(debug)])


def test_the_build_id_comes_first(files):
    _, stripped, debug, root = files
    shutil.copy(debug, split.by_build_id(root))
    assert find_debug_file(open_executable(stripped), [root]) == split.by_build_id(root)
    assert find_debug_file(open_executable(stripped), []) == debug


@pytest.mark.toolchain
def test_a_link_to_itself_is_no_debug_file(tmp_path):
    executable = programs.build("frag", toolchains.NEWEST, ldflags=split.LDFLAGS)
    stripped, debug = split.split(executable, tmp_path)
    debug.unlink()
    debug.hardlink_to(stripped)
    assert find_debug_file(open_executable(stripped)) is None


def test_a_list_of_folders():
    assert split_folders(None) == FOLDERS
    assert [str(folder) for folder in split_folders("/a b:/c::")] == ["/a b", "/c"]
    assert split_folders("") == ()
