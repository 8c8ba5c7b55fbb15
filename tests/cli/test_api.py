"""The package from Python: the same documents and columns of a core, a process, a snapshot, and in gdb."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import gdb_gospan
from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.fields.document import fields_of
from gdb_gospan.memory.capture import Plan
from gdb_gospan.memory.procmem import ProcessMemory
from gdb_gospan.render.plain import plain
from gdb_gospan.reports.catalog import COMMANDS
from gdb_gospan.reports.rows.span import Span
from gdb_gospan.targets import process, stopping
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
        (lambda: heap.report("classes", sorted="x"), "unknown option --sorted"),
        (lambda: heap.report("classes", sort="x"), "invalid --sort x"),
        (lambda: heap.report("snapshot", "x.gospan"), "snapshot writes a file"),
        (lambda: gdb_gospan.open("core", pid=1), "core and pid cannot be combined"),
        (gdb_gospan.open, "open: no target"),
        (heap.walk, "walk: gdb.Value exists only in gdb's Python"),
    ):
        with pytest.raises(UsageError, match=said):
            ask()
    with pytest.raises(AttributeError, match="no attribute opens"):
        _ = gdb_gospan.opens  # type: ignore[attr-defined]


@pytest.mark.toolchain
def test_a_process_is_stopped_once_for_all_reports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of one moment, as in a snapshot of it; and anew when it is asked to."""
    stops, stop = [], stopping.Stop
    monkeypatch.setattr(stopping, "Stop", lambda pid: stops.append(pid) or stop(pid))
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
def test_what_was_not_asked_for_was_not_taken() -> None:
    program = programs.build("frag", toolchains.NEWEST)
    with processes.start(program, "-objects", "20000", "-end", "sleep") as running:
        running.line()
        heap = gdb_gospan.open(pid=running.pid, needs=["fixalloc"])
        assert heap.report("fixalloc").proof.checks
        start = int(heap.spans.start[heap.spans.state == "in use"][0])
        own = heap._session.heap  # what else lies in the pages that were taken is luck: so none is left
        closed = ProcessMemory(running.pid)
        closed.close()
        own.memory = own.reader.memory = Plan(np.empty(0, np.uint64)).sealed(closed)
        with pytest.raises(
            TargetError, match=r"show: it needs memory that was not captured .*needs=\['show'\]"
        ):
            heap.report("show", start)


@pytest.mark.toolchain
@pytest.mark.parametrize("needs", [None, ["stacks", "classes"]])
def test_what_a_copy_would_not_hold_is_read_in_the_stop(
    monkeypatch: pytest.MonkeyPatch, needs: list[str] | None
) -> None:
    """There may be too much to copy: every report is there all the same."""
    monkeypatch.setattr(process, "plan", lambda *_: None)
    with processes.start(
        programs.build("frag", toolchains.NEWEST), "-objects", "20000", "-end", "sleep"
    ) as running:
        running.line()
        heap = gdb_gospan.open(pid=running.pid, needs=needs)
        names = [
            command.name
            for command in COMMANDS
            if command.needs_target and not command.argument and not command.contents
        ]
        given = {"gate": {"max": ["sys=1TiB", "goroutines=1000000"], "min": "goroutines=1"}}
        answers = {name: heap.report(name, **given.get(name, {})) for name in names}
        start = int(heap.spans.start[heap.spans.state == "in use"][0])
        assert heap.report("show", start).slot.index == 0
    assert {check.status for check in answers["check"].proof.checks} == {"exact"}


@pytest.mark.toolchain
def test_a_report_of_an_address_may_need_anything() -> None:
    with processes.start(programs.build("frag", toolchains.NEWEST), "-end", "sleep") as running:
        running.line()
        heap = gdb_gospan.open(pid=running.pid, needs=["show"])
        start = int(heap.spans.start[heap.spans.state == "in use"][0])
        assert heap.report("show", start).span.start == start


def test_a_closed_heap_says_so() -> None:
    with gdb_gospan.open(snapshot=str(SNAPSHOT)) as heap:
        assert len(heap.spans.state)
    for ask in (
        lambda: heap.report("summary"),
        lambda: heap.checks,
        lambda: heap.spans.start,
        lambda: len(heap.spans),
    ):
        with pytest.raises(TargetError, match="the heap is closed, or its program has run since"):
            ask()


@pytest.mark.toolchain
def test_so_does_a_closed_copy_of_a_process() -> None:
    with processes.start(programs.build("frag", toolchains.NEWEST), "-end", "sleep") as running:
        running.line()
        with gdb_gospan.open(pid=running.pid) as heap:
            assert heap.report("classes").classes
        for ask in (lambda: heap.report("classes"), lambda: heap.checks, lambda: heap.spans.start):
            with pytest.raises(TargetError, match="the heap is closed, or its program has run since"):
                ask()


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


def test_two_at_once_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one waits for the first, and does not take it for a debugger."""
    stopped, waits, done = threading.Event(), threading.Event(), []

    def sleep(_seconds: float) -> None:
        waits.set()

    with processes.start(
        programs.build("frag", toolchains.NEWEST), "-objects", "100", "-end", "sleep"
    ) as running:
        running.line()

        def keep() -> None:
            with stopping.standing_still(running.pid):
                stopped.set()
                assert waits.wait(60)

        def second() -> None:
            done.append(gdb_gospan.open(pid=running.pid, needs=["summary"]).report("summary"))

        first = threading.Thread(target=keep)
        first.start()
        assert stopped.wait(60)
        monkeypatch.setattr(stopping.time, "sleep", sleep)
        other = threading.Thread(target=second)
        other.start()
        first.join()
        other.join()
    assert waits.is_set()
    assert {check.status for check in done[0].proof.checks} == {"exact"}


@pytest.mark.toolchain
@pytest.mark.gdb
def test_the_process_of_this_gdb_is_not_waited_for(gdb: Gdb) -> None:
    commands = [
        "break main.main",
        "run -objects 100 > /dev/null",
        "python import gdb_gospan; from gdb_gospan.memory import procstatus",
        "python print(procstatus.read_by_another(gdb.selected_inferior().pid))",
        "python print(len(gdb_gospan.open(pid=gdb.selected_inferior().pid).spans) == len(gdb_gospan.open().spans))",
        "kill",
    ]
    answers = gdbs.run_gdb(gdb, commands, exe=programs.build("frag", toolchains.NEWEST))
    assert answers.stdout[3:5] == ["False\n", "True\n"]


@pytest.mark.toolchain
@pytest.mark.gdb
def test_in_gdb_on_a_process(gdb: Gdb) -> None:
    """Also after a report, and what is too late says so."""
    commands = [
        "break main.main",
        "run -objects 100 > /dev/null",
        "python import gdb_gospan; heap = gdb_gospan.open(); heap.report('summary')",
        "python print(len(heap.spans), len(heap.spans.tail_bytes), {each.status for each in heap.checks})",
        "python gdb.execute('go-spans check --json')",
        "next",
        "python exec('try: heap.spans.large_type\\nexcept Exception as error: print(error)')",
        "kill",
    ]
    answers = gdbs.run_gdb(gdb, commands, exe=programs.build("frag", toolchains.NEWEST))
    number, again, statuses = answers.stdout[3].split(maxsplit=2)
    assert number == again
    # Which they are depends on the moment: others of its threads are still on their way to sleep.
    assert ast.literal_eval(statuses) == {each["status"] for each in json.loads(answers.stdout[4])["checks"]}
    assert "the heap is closed, or its program has run since" in answers.stdout[6]
