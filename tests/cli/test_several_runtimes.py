"""Go in libraries of a program in C, in plugins, and under the race detector."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.resolve import find_symbols
from gdb_gospan.memory.image import Image
from tools import cores, gdbs, processes, programs, shell, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.toolchain
RELEASES = pytest.mark.parametrize("minor", [toolchains.OLDEST, "1.24", toolchains.NEWEST])


def library(minor: str, ldflags: str = "") -> Path:
    return programs.build("shared", minor, buildmode="c-shared", cgo=True, ldflags=ldflags)


def summary(*files: object) -> dict[str, Any]:
    answer = shell.inside("summary", "--json", *files)
    assert answer.stderr == ""
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@RELEASES
def test_two_libraries_in_a_program_in_c(minor: str) -> None:
    """The figures are those of one of them, and the end of the report says that there is another."""
    host = programs.build_c("host")
    core = cores.kernel_core(host, str(library(minor)), str(library(minor, "-s -w")))
    for files in ([host, core.path], [core.path]):
        found = summary(*files)
        assert {check["status"] for check in found["checks"]} == {"exact"}
        assert len(found["layout"]["signature"]["other_runtimes"]) == 1
        assert found["go"]["version"] == f"go{toolchains.TOOLCHAINS[minor]}"
        kept = sum(row["objects"] for row in found["classes"] if row["elemsize"] == 112)
        assert kept >= 1000
        assert len(found["runtimes"]) == 2


def test_libraries_of_different_releases() -> None:
    host = programs.build_c("host")
    core = cores.kernel_core(host, str(library(toolchains.NEWEST)), str(library(toolchains.OLDEST)))
    found = summary(host, core.path)
    assert {check["status"] for check in found["checks"]} == {"exact"}
    assert len(found["layout"]["signature"]["other_runtimes"]) == 1


@RELEASES
def test_one_library_is_one_runtime(minor: str) -> None:
    host = programs.build_c("host")
    found = summary(host, cores.kernel_core(host, str(library(minor))).path)
    assert {check["status"] for check in found["checks"]} == {"exact"}
    assert found["layout"]["signature"]["other_runtimes"] == []


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_a_plugin_shares_the_runtime(minor: str, gdb: gdbs.Gdb) -> None:
    plugged = programs.build("plugged", minor, cgo=True)
    core = cores.kernel_core(
        plugged, "-plugin", str(programs.build("plug", minor, buildmode="plugin", cgo=True))
    )
    for files in ([plugged, core.path], [core.path]):
        found = summary(*files)
        assert {check["status"] for check in found["checks"]} == {"exact"}
        assert found["memstats"]["HeapAlloc"] == core.stdout["HeapAlloc"]
        assert found["layout"]["signature"] is None or found["layout"]["signature"]["other_runtimes"] == []
        assert [row["name"] for row in found["runtimes"]] == ["plugged"]
    inside = json.loads(in_gdb(gdb, "summary --json", exe=plugged, core=core.path)[0])
    assert figures(inside) == figures(found)


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_a_race_build(minor: str) -> None:
    """With its debug information; without, the figures are the same, or it is refused in one sentence."""
    frag = programs.build("frag", minor, cgo=True, race=True)
    core = cores.kernel_core(frag, "-objects", "2000")
    found = summary(frag, core.path)
    assert {check["status"] for check in found["checks"]} == {"exact"}
    assert found["memstats"]["HeapAlloc"] == core.stdout["HeapAlloc"]
    alone = shell.inside("summary", "--json", core.path)
    if alone.status:
        assert alone.stderr.count("\n") == 1
        assert alone.stderr.startswith("go-spans: frag is a Go program ")
    else:
        without = json.loads(alone.stdout)
        assert without["memstats"] == found["memstats"]
        assert without["bytes"] == found["bytes"]


#: A program in Python with two libraries, by the order in which they are loaded: name, Go, ldflags, objects of 64 KiB.
#: The larger heap is of the one release, the larger code of the other; the one without symbols is told by memory.
LARGE, SMALL, SIZE = 800, 16, 1 << 16
LOADED = {
    "large first": (("liblarge.so", toolchains.OLDEST, "", LARGE), ("libsmall.so", toolchains.NEWEST, "", SMALL)),
    "small first": (("libsmall.so", toolchains.OLDEST, "-s -w", SMALL), ("liblarge.so", toolchains.NEWEST, "", LARGE)),
}  # fmt: skip
PYTHON = Path(sys.executable).resolve()


def words_of(order: str) -> list[str]:
    """Return the arguments of Python for a program with these libraries."""
    libraries = [
        f"{programs.library(name, minor, ldflags)}:{objects}:{SIZE}"
        for name, minor, ldflags, objects in LOADED[order]
    ]
    return ["-c", (programs.PROGRAMS / "host.py").read_text(), *libraries]


def library_of(order: str, name: str) -> Path:
    return next(programs.library(*row[:3]) for row in LOADED[order] if row[0] == name)


@pytest.fixture(scope="module")
def host_core() -> Callable[[str], cores.Core]:
    return lambda order: cores.kernel_core(PYTHON, *words_of(order))


def figures(document: dict[str, Any], *, moment: bool = False) -> dict[str, Any]:
    """Return what does not depend on the way in; of a live process also without what goes on while it sleeps."""
    assert {check["status"] for check in document["checks"]} == {"exact"}
    runtimes = [{**row, "version": row["version"]} for row in document["runtimes"]]
    same = {"go": document["go"]["version"], "runtimes": runtimes, "classes": document["classes"]}
    return same if moment else {**same, "bytes": document["bytes"], "memstats": document["memstats"]}


def shown(document: dict[str, Any]) -> str:
    (name,) = (row["name"] for row in document["runtimes"] if row["shown"])
    return str(name)


def in_gdb(gdb: gdbs.Gdb, *commands: str, **target: Any) -> list[str]:
    result = run_gdb(gdb, [f"go-spans {command}" for command in commands], **target)
    assert result.stderr == [""] * len(commands)
    return result.stdout


@pytest.mark.parametrize("order", LOADED)
def test_every_way_into_a_core_shows_the_largest(
    order: str, gdb: gdbs.Gdb, host_core: Callable[[str], cores.Core], tmp_path: Path
) -> None:
    """With Python, alone, in gdb with and without, and as a snapshot."""
    core = host_core(order)
    saved = tmp_path / "heap.gospan"
    first = summary(core.path)
    assert shown(first) == "liblarge.so"
    assert first["memstats"]["HeapAlloc"] == core.stdout["liblarge.so"]
    assert [row["number"] for row in first["runtimes"]] == [1, 2]
    addresses = [int(row["mheap"], 16) for row in first["runtimes"]]
    assert addresses == sorted(addresses)
    inside = {row["name"]: row["in_use"] for row in first["runtimes"]}
    assert inside["liblarge.so"] == first["memstats"]["HeapInuse"]
    for name, least in (("liblarge.so", LARGE * SIZE), ("libsmall.so", SMALL * SIZE)):
        assert least <= inside[name] < least + (1 << 20)
    assert shell.inside("snapshot", saved, core.path).status == 0
    answers = [
        summary(PYTHON, core.path),
        summary(saved),
        *(json.loads(in_gdb(gdb, "summary --json", exe=exe, core=core.path)[0]) for exe in (PYTHON, None)),
    ]
    for answer in answers:
        assert figures(answer) == figures(first)


@pytest.mark.parametrize("order", LOADED)
def test_the_other_runtime_by_name_number_and_file(
    order: str, gdb: gdbs.Gdb, host_core: Callable[[str], cores.Core], tmp_path: Path
) -> None:
    core = host_core(order)
    small = library_of(order, "libsmall.so")
    first = summary("--runtime", "libsmall.so", core.path)
    assert shown(first) == "libsmall.so"
    assert first["memstats"]["HeapAlloc"] == core.stdout["libsmall.so"]
    number = next(row["number"] for row in first["runtimes"] if row["shown"])
    saved = tmp_path / "heap.gospan"
    assert shell.inside("snapshot", saved, core.path, "--runtime", number).status == 0
    alone, whole = in_gdb(
        gdb, f"summary --json --runtime {number}", "summary --json --runtime libsmall.so", exe=PYTHON, core=core.path
    )  # fmt: skip
    by_file = summary(small, core.path)
    for answer in (
        summary(PYTHON, core.path, "--runtime", number),
        summary(core.path, "--runtime", small),
        summary(saved),
        summary(saved, "--runtime", "libsmall.so"),
        by_file,
        json.loads(alone),
        json.loads(whole),
    ):
        assert figures(answer) == figures(first)
    assert by_file["layout"]["source"] == ("none" if LOADED[order][0][2] else "dwarf")
    assert summary(library_of(order, "liblarge.so"), core.path)["layout"]["source"] == "dwarf"


@pytest.mark.parametrize("order", LOADED)
def test_all_that_belongs_to_a_runtime_is_its_own(order: str, host_core: Callable[[str], cores.Core]) -> None:
    """Goroutines and stacks as well: a few of each library, none of them in a state that there is not."""
    core = host_core(order)
    for name in ("liblarge.so", "libsmall.so"):
        layout = json.loads(shell.inside("layout", "--json", core.path, "--runtime", name).stdout)
        own = next(row for row in layout["runtimes"] if row["shown"])
        addresses = [int(address, 16) for address in layout["symbols"].values()]
        assert max(addresses) - min(addresses) < 1 << 20
        assert own["mheap"] == layout["symbols"]["mheap_"]
        whole = find_symbols(DwarfTypes(library_of(order, name), 0)).addresses
        if whole:
            bias = int(own["mheap"], 16) - whole["mheap_"]
            found = {variable: int(address, 16) - bias for variable, address in layout["symbols"].items()}
            # Of work only its two lists of spans are looked for; when one is empty, the other may pass for it.
            assert {key: at for key, at in found.items() if whole[key] != at}.keys() <= {"work"}
            assert found.keys() >= {"allp", "allgs", "allm", "gcController", "sweep", "gcBitsArenas"}
            of_file, alone = (
                json.loads(shell.inside("stacks", "--json", *words).stdout)
                for words in ((library_of(order, name), core.path), (core.path, "--runtime", name))
            )
            for key in ("sizes", "totals", "goroutines"):
                assert of_file[key] == alone[key]


def test_one_line_names_the_runtimes(host_core: Callable[[str], cores.Core]) -> None:
    core = host_core("small first")
    head = shell.inside("summary", core.path).stdout.splitlines()[1:3]
    line = " ".join(head)
    assert line.startswith("2 Go runtimes · 1 lib")
    versions = {row[0]: toolchains.TOOLCHAINS[row[1]] for row in LOADED["small first"]}
    assert re.search(rf"\d liblarge\.so \(go{versions['liblarge.so']}, 5\d\.\d MiB in use, shown\)", line)
    assert re.search(rf"\d libsmall\.so \(go{versions['libsmall.so']}, 1\.\d+ MiB in use\)", line)
    assert line.endswith("--runtime NAME or N shows another")


def test_a_runtime_that_there_is_not(
    gdb: gdbs.Gdb, host_core: Callable[[str], cores.Core], tmp_path: Path
) -> None:
    core = host_core("large first")
    names = [row["name"] for row in summary(core.path)["runtimes"]]
    listed = f"(found: 1 {names[0]}, 2 {names[1]}; try: --runtime 1)"
    for wrong in ("libother.so", "0", "3", "-1", "²"):
        answer = shell.inside("summary", core.path, f"--runtime={wrong}")
        assert (answer.status, answer.stdout) == (2, "")
        assert answer.stderr == f"go-spans: --runtime: no Go runtime named {wrong} {listed}\n"
    refused = run_gdb(gdb, ["go-spans summary --runtime libother.so"], exe=PYTHON, core=core.path)
    assert refused.stderr == [f"go-spans: --runtime: no Go runtime named libother.so {listed}\n"]
    saved = tmp_path / "heap.gospan"
    shell.inside("snapshot", saved, core.path)
    answer = shell.inside("summary", saved, "--runtime", "libsmall.so")
    assert answer.status == 2
    assert answer.stderr == (
        f"go-spans: --runtime: {saved} is a snapshot of liblarge.so, not of libsmall.so "
        "(try: go-spans snapshot FILE --runtime libsmall.so of the process or core)\n"
    )


def test_two_runtimes_of_files_with_one_name() -> None:
    """The path tells them apart, or the number."""
    host = programs.build_c("host")
    files = [str(library(toolchains.NEWEST, ldflags)) for ldflags in ("", "-s -w")]
    core = cores.kernel_core(host, *files).path
    paths = [row["path"] for row in summary(core)["runtimes"]]
    assert sorted(paths) == sorted(files)
    answer = shell.inside("summary", core, "--runtime", "shared")
    assert answer.stderr == (
        "go-spans: --runtime: 2 Go runtimes are named shared "
        f"(found: 1 {paths[0]}, 2 {paths[1]}; try: --runtime 1)\n"
    )
    for number, path in enumerate(paths, 1):
        assert figures(summary(core, "--runtime", path)) == figures(summary(core, "--runtime", number))


@pytest.mark.live
def test_every_way_into_a_process(gdb: gdbs.Gdb, tmp_path: Path) -> None:
    order = "small first"
    with processes.start(PYTHON, *words_of(order), "-end", "sleep") as running:
        said = json.loads(running.line())
        saved = tmp_path / "heap.gospan"
        for name in ("liblarge.so", "libsmall.so"):
            chosen = ["--runtime", name] if name == "libsmall.so" else []
            first = summary(*chosen, "--pid", running.pid)
            assert shown(first) == name
            assert first["memstats"]["HeapAlloc"] == said[name]
            assert shell.inside("snapshot", saved, *chosen, "--replace", "--pid", running.pid).status == 0
            attached = in_gdb(gdb, " ".join(["summary --json", *chosen]), exe=None, pid=running.pid)
            for answer in (summary(saved), json.loads(attached[0])):
                assert figures(answer, moment=True) == figures(first, moment=True)


def test_a_go_program_that_loads_a_go_library(gdb: gdbs.Gdb) -> None:
    """Its own runtime has debug information, and is the smaller one: that makes no difference."""
    minor = toolchains.NEWEST
    host, loaded = programs.build("loads", minor, cgo=True), programs.library("libgo.so", minor)
    core = cores.kernel_core(host, "-library", str(loaded), "-own", str(2 << 20), "-foreign", str(20 << 20))
    for ways in ({"exe": host, "core": core.path}, {"exe": None, "core": core.path}):
        files = [file for file in ways.values() if file]
        library_, own = (
            json.loads(text)
            for text in in_gdb(gdb, "summary --json", "summary --json --runtime loads", **ways)
        )
        assert (shown(library_), shown(own)) == ("libgo.so", "loads")
        assert own["memstats"]["HeapAlloc"] == core.stdout["HeapAlloc"]
        assert figures(summary(*files)) == figures(library_)
        assert figures(summary(*files, "--runtime", "loads")) == figures(own)
    assert figures(summary(loaded, core.path)) == figures(library_)


def test_functions_of_gdb_know_every_runtime(gdb: gdbs.Gdb, host_core: Callable[[str], cores.Core]) -> None:
    """An object is in the heap of one of them; and a function of another runtime says nothing of this one."""
    core = host_core("large first")
    commands, expected = [], []
    for name in ("liblarge.so", "libsmall.so"):
        spans = json.loads(
            shell.inside(
                "list", core.path, "--runtime", name, "--limit", 9, "--sort", "elemsize", "--json"
            ).stdout
        )
        for span in spans["list"]:
            commands.append(f"output/x (unsigned long) $go_span({span['start']}).startAddr")
            expected.append(span["start"])
    result = run_gdb(gdb, commands, exe=PYTHON, core=core.path)
    assert result.stderr == [""] * len(commands)
    assert [int(text, 16) for text in result.stdout] == [int(start, 16) for start in expected]


def test_a_function_of_another_runtime_is_named_with_its_file(
    gdb: gdbs.Gdb, host_core: Callable[[str], cores.Core], tmp_path: Path
) -> None:
    saved = tmp_path / "heap.gospan"
    in_gdb(gdb, f"snapshot {saved} --runtime libsmall.so", exe=PYTHON, core=host_core("large first").path)
    _, meta = Image.load(str(saved))
    names = [name for thread in meta["threads"] for name in thread[1]]
    assert {"libsmall.so:runtime.futex", "runtime.futex"} & {*names} == {"runtime.futex"}
    assert "liblarge.so:runtime.futex" in names
