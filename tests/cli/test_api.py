"""The package from Python: the same documents and columns of a core, a process, a snapshot, and in gdb."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import gdb_gospan
from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.fields.document import fields_of
from gdb_gospan.render.plain import plain
from gdb_gospan.reports.rows.span import Span
from gdb_gospan.targets import process, rehearsal
from tools import cores, gdbs, images, processes, programs, shell, toolchains
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from tools.gdbs import Gdb

SNAPSHOT = images.FOLDER / "1.27-frag.gospan"
EXAMPLE = CHECKOUT / "examples" / "occupancy.py"


def test_columns_are_the_rows_of_list() -> None:
    with gdb_gospan.open(snapshot=str(SNAPSHOT)) as heap:
        spans, listed = heap.spans, heap.report("list", state="all", limit=0, sort="descriptor").list
        order = np.argsort(spans.descriptor, kind="stable")
        assert len(spans) == len(listed) > 0
        for each in fields_of(Span):
            assert getattr(spans, each.name)[order].tolist() == [getattr(row, each.name) for row in listed]
            assert spans.about[each.name].meaning == each.column.meaning
        assert "free_bytes" in dir(spans)
        with pytest.raises(AttributeError, match="spans have no column free"):
            _ = spans.free


ASKED = (
    ("summary", (), {}),
    ("classes", (), {"limit": 3}),
    ("cache", (0,), {}),
    ("layout", (), {"verbose": True}),
)


@pytest.mark.parametrize(("name", "argument", "options"), ASKED, ids=[name for name, *_ in ASKED])
def test_reports_are_the_json_documents(
    name: str, argument: tuple[int, ...], options: dict[str, Any]
) -> None:
    words = [f"--{option}" if value is True else f"--{option}={value}" for option, value in options.items()]
    wanted = json.loads(shell.inside(name, *argument, SNAPSHOT, *words, "--json").stdout)
    heap = gdb_gospan.open(snapshot=str(SNAPSHOT))
    answer = heap.report(name, *argument, **options)
    assert plain(answer) == wanted
    known = {check.code: check.status for check in heap.checks}
    assert {check.code: check.status for check in answer.proof.checks}.items() <= known.items()


def test_rows_for_others() -> None:
    heap = gdb_gospan.open(snapshot=str(SNAPSHOT))
    rows = gdb_gospan.rows(heap.report("fixalloc").fixallocs)
    assert rows[0]["name"] == "spanalloc"
    assert rows[0]["address"].startswith("0x")


def test_what_is_wrong_is_one_line() -> None:
    heap = gdb_gospan.open(snapshot=str(SNAPSHOT))
    for ask, said in (
        (lambda: heap.report("clases"), "did you mean classes"),
        (lambda: heap.report("classes", sorted="x"), "no option --sorted"),
        (lambda: heap.report("classes", sort="x"), "--sort takes no x"),
        (lambda: heap.report("snapshot", "x.gospan"), "snapshot writes a file"),
        (lambda: gdb_gospan.open("core", pid=1), "core and pid are two targets"),
        (gdb_gospan.open, "open: no target"),
        (heap.walk, "walk: gdb.Value is there in gdb's own Python only"),
    ):
        with pytest.raises(UsageError, match=said):
            ask()
    with pytest.raises(AttributeError, match="no attribute opens"):
        _ = gdb_gospan.opens  # type: ignore[attr-defined]


@pytest.mark.toolchain
def test_a_process_is_stopped_once_for_all_reports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of one moment, as in a snapshot of it; and anew when it is asked to."""
    stops, stop = [], process.Stop
    monkeypatch.setattr(process, "Stop", lambda pid: stops.append(pid) or stop(pid))
    program = programs.build("frag", toolchains.NEWEST)
    with processes.start(program, "-objects", "20000", "-end", "sleep") as running:
        running.line()
        heap = gdb_gospan.open(pid=running.pid)
        names = ["summary", "classes", "list", "central", "pages", "stacks", "gc", "check", "map", "cache"]
        answers = {name: plain(heap.report(name)) for name in names}
        start = int(heap.spans.start[heap.spans.state == "in use"][0])
        assert heap.report("show", start).span.start == start
        assert stops == [running.pid]
        assert {check.status for check in heap.checks} == {"exact"}
        heap.refresh()
        assert stops == [running.pid] * 2
        path = tmp_path / "heap.gospan"
        assert shell.inside("snapshot", path, "--pid", running.pid).status == 0
    saved = gdb_gospan.open(snapshot=str(path))
    for name, answer in answers.items():
        for each in (answer, wanted := plain(saved.report(name))):
            each.pop("target")
        assert answer == wanted, name


@pytest.mark.toolchain
def test_what_was_not_asked_for_was_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "grown", lambda pages, *_: pages)  # nothing besides
    program = programs.build("frag", toolchains.NEWEST)
    with processes.start(program, "-objects", "20000", "-end", "sleep") as running:
        running.line()
        heap = gdb_gospan.open(pid=running.pid, needs=["fixalloc"])
        assert heap.report("fixalloc").proof.checks
        with pytest.raises(TargetError, match=r"stacks needs memory that was not taken .*needs=\['stacks'\]"):
            heap.report("stacks")


@pytest.mark.parametrize("name", ["1.27-frag", "1.19-386"])
def test_the_example_draws(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), str(images.FOLDER / f"{name}.gospan")],
        env={"PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert 3 < len(lines) <= 15
    assert all(" %  " in line for line in lines)


@pytest.mark.gdb
@pytest.mark.toolchain
def test_in_gdb(gdb: Gdb) -> None:
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000", "-cached")
    target = {"exe": core.executable, "core": core.path}
    commands = [
        "go-spans summary --json",
        "python import json, gdb_gospan; from gdb_gospan.render.plain import plain",
        "python print(json.dumps(plain(gdb_gospan.report('summary'))))",
        "python heap = gdb_gospan.open(); print(len(heap.spans), heap)",
    ]
    text, _, document, said = gdbs.run_gdb(gdb, commands, **target).stdout
    assert json.loads(document) == json.loads(text)
    assert said.startswith(str(json.loads(text)["spans"]["descriptors"]))
    assert "<heap of core of frag" in said
