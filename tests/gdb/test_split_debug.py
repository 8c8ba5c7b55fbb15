"""Split debug information, in gdb and in the shell: the same document as with the executable before it was split."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, gdbs, processes, programs, shell, split
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.cores import Core
    from tools.gdbs import Gdb

COMMAND = ["summary", "check", "classes --limit 0", "layout --verbose"]


@pytest.fixture(scope="session")
def whole(go_minor: str) -> Core:
    return cores.kernel_core(programs.build("frag", go_minor, ldflags=split.LDFLAGS), "-objects", "2000")


def by_build_id(debug: Path, root: Path, _stripped: Path) -> None:
    debug.rename(split.by_build_id(root))


def by_path(debug: Path, root: Path, stripped: Path) -> None:
    target = root / stripped.parent.relative_to("/") / debug.name
    target.parent.mkdir(parents=True)
    debug.rename(target)


def beside(_debug: Path, _root: Path, _stripped: Path) -> None:
    pass


@pytest.mark.in_turn("place")
@pytest.mark.parametrize("place", [beside, by_build_id, by_path])
def test_the_same_document(
    gdb: Gdb, whole: Core, place: Callable[[Path, Path, Path], None], tmp_path: Path
) -> None:
    stripped, debug = split.split(whole.executable, tmp_path / "program", link=place is not by_build_id)
    root = tmp_path / "debug"
    root.mkdir()
    place(debug, root, stripped)

    setup = [f"set debug-file-directory {root}", f"file {stripped}", f"core-file {whole.path}"]
    lines = [f"go-spans {command} --json" for command in COMMAND]
    result = run_gdb(gdb, [*setup, *lines])
    assert result.stderr[len(setup) :] == [""] * len(lines)
    for command, text in zip(COMMAND, result.stdout[len(setup) :], strict=True):
        words = [*command.split(), "--json"]
        answer = shell.inside(*words, "--debug-directory", root, stripped, whole.path)
        assert (answer.status, answer.stderr) == (0, "")
        assert figures(answer.stdout) == figures(text), command
        assert figures(text) == figures(shell.inside(*words, whole.executable, whole.path).stdout)


def figures(text: str) -> dict[str, Any]:
    """The document without where the files are, and without the samples, which gdb alone takes."""
    document: dict[str, Any] = json.loads(text)
    assert document["target"].pop("executable")
    assert [row.pop("path", None) for row in document["runtimes"]]
    document.pop("samples", None)
    return document


@pytest.mark.live
@pytest.mark.ends
def test_of_a_process(gdb: Gdb, whole: Core, tmp_path: Path) -> None:
    stripped, debug = split.split(whole.executable, tmp_path / "program", link=False)
    root = tmp_path / "debug"
    debug.rename(split.by_build_id(root))
    with processes.start(stripped, "-objects", "2000", "-end", "sleep") as program:
        program.line()
        lines = [f"set debug-file-directory {root}", f"attach {program.pid}", "go-spans check --json"]
        in_gdb = json.loads(run_gdb(gdb, lines).stdout[-1])
        answer = shell.run("check", "--json", "--pid", program.pid, "--debug-directory", root)
    assert (answer.status, answer.stderr) == (0, "")
    for document in (in_gdb, json.loads(answer.stdout)):
        assert {check["status"] for check in document["checks"]} <= {"exact", "transient"}
        assert document["layout"]["source"] == "dwarf"


@pytest.mark.ends
def test_the_other_build_s_debug_information_is_not_used(whole: Core, tmp_path: Path) -> None:
    stripped, debug = split.split(whole.executable, tmp_path)
    debug.write_bytes(debug.read_bytes() + b"\0")
    answer = shell.run("summary", "--json", stripped, whole.path)
    assert (answer.status, answer.stderr) == (0, "")
    assert json.loads(answer.stdout)["layout"]["source"] == "none"


@pytest.mark.ends
@pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")
def test_symbols_by_the_link_whatever_the_file_is_called(gdb: Gdb, whole: Core, tmp_path: Path) -> None:
    """A debug file need not end in .debug; its symbol table serves all the same."""
    stripped, debug = split.split(whole.executable, tmp_path, link=False)
    other = debug.rename(debug.with_name("symbols-of-frag"))
    split.link_to(stripped, other)
    ask = "python from gdb_gospan.debugger.types import _fixed_symbols; print(sorted(len(s) > 999 for s in _fixed_symbols()))"
    result = run_gdb(gdb, ["go-spans check", ask], exe=stripped, core=whole.path)
    assert result.stderr == ["", ""]
    assert result.stdout[1] == "[False, True]\n"
