"""The contents of a process's objects are copied in one stop; all else is worked out while it goes on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gdb_gospan
from gdb_gospan.analysis import edges, reach, roots
from gdb_gospan.analysis.session import Pause
from gdb_gospan.errors import TargetError
from gdb_gospan.memory import room
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.reports.arguments import command_named
from gdb_gospan.reports.run import answered
from gdb_gospan.targets import process, rehearsal, stopping
from gdb_gospan.targets.contents import ContentsCopy
from gdb_gospan.targets.process import ProcessSession
from tools import cores, processes, programs, shell, toolchains

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

WORDS = ("-since", "1000", "-list", "20000")
OPTIONS = {"sort": "reached_bytes", "limit": 0, "max_pause": 0, "by": "class"}


@contextlib.contextmanager
def sleeping(minor: str = toolchains.NEWEST, **build: Any) -> Iterator[processes.Running]:
    with processes.start(programs.build("objects", minor, **build), *WORDS, "-end", "sleep") as running:
        running.line()
        processes.wait_for_rest(running.pid)
        yield running


@contextlib.contextmanager
def growing(folder: Path) -> Iterator[tuple[processes.Running, Callable[[int], object]]]:
    """Run a program that allocates as many bytes of pointers as it is told."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    with processes.start(
        programs.build("grow", toolchains.NEWEST), "-fifo", str(fifo), "-pointers"
    ) as running:
        running.line()

        def grow(nbytes: int) -> None:
            fifo.write_text(f"{nbytes}\n")
            assert running.line() == "done\n"

        yield running, grow


def asked(*words: Any) -> Any:
    said = shell.of_busy("objects", *words, "--json", "--limit", "0", "--max-pause", "0")
    assert said.status == 0, said.stderr
    answer = json.loads(said.stdout)
    answer.pop("target")
    return answer


def test_the_process_goes_on_while_its_objects_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped once; pointers, roots and paths are looked at later."""
    stops, held = [], []
    stop = stopping.Stop

    def stopped(pid: int) -> stopping.Stop:
        stops.append(pid)
        return stop(pid)

    def watch(module: Any, name: str) -> None:
        original = getattr(module, name)

        def watched(*arguments: Any) -> Any:
            held.append(processes.is_held(running.pid))
            return original(*arguments)

        monkeypatch.setattr(module, name, watched)

    monkeypatch.setattr(stopping, "Stop", stopped)
    for module, name in ((edges.Scan, "run"), (roots, "_read"), (reach, "_reach")):
        watch(module, name)
    with sleeping() as running:
        said = shell.inside("objects", "--json", "--pid", running.pid)
        assert stops == [running.pid]
    assert held == [False, False, False]
    assert json.loads(said.stdout)["target"]["pause_ms"] > 0
    assert re.fullmatch(
        rf"go-spans: objects pauses process {running.pid} for about [\d.]+ s: [\d.]+ MiB of objects with pointers are read\n",
        said.stderr,
    )


@pytest.mark.in_turn("build")
@pytest.mark.parametrize(
    "build", [{}, {"ldflags": "-s -w"}, {"buildmode": "pie"}], ids=["usual", "stripped", "pie"]
)
def test_the_figures_are_those_of_a_core_of_the_same_moment(
    go_minor: str, build: dict[str, str], tmp_path: Path
) -> None:
    with sleeping(go_minor, **build) as running, processes.stopped(running.pid):
        answer = asked("--pid", running.pid)
        cores.gcore(running.pid, tmp_path / "core")
        expected = asked(programs.build("objects", go_minor, **build), tmp_path / "core")
    (tmp_path / "core").unlink()
    # A process's copy has no objects without pointers, nor itabs made while it ran: these tell types of a few objects more.
    of_process, of_core = ({row["name"]: row for row in each.pop("types")} for each in (answer, expected))
    many = [
        name for name, row in of_core.items() if name and name.startswith("main.") and row["objects"] >= 500
    ]
    assert many
    missed = {
        name: of_core[name]["objects"] - of_process.get(name, {"objects": 0})["objects"] for name in many
    }
    assert sum(map(abs, missed.values())) <= 100, missed
    some, every = (each.pop("typed") for each in (answer, expected))
    assert 0 <= some["unknown_bytes"] - every["unknown_bytes"] < 0.02 * answer["totals"]["reached_bytes"]
    answer.pop("total_rows"), expected.pop("total_rows")
    assert answer == expected
    assert answer["totals"]["new_garbage"] > 900
    assert answer["unread_bytes"] == 0


@pytest.mark.ends
def test_channels_whose_elements_have_no_pointers_are_what_leads_to_them(go_minor: str) -> None:
    """They say what their elements are, and are not copied."""
    program = programs.build("typed", go_minor)
    with processes.start(program, "-list", "100", "-end", "sleep") as running:
        running.line()
        with processes.stopped(running.pid):
            answer = asked("--by", "type", "--pid", running.pid)
    of = {row["name"]: row for row in answer["types"]}
    for name in ("chan int", "chan *main.link", "chan main.inner"):
        assert (of[name]["objects"], of[name]["how"]) == (1, "exact"), name


@pytest.mark.ends
def test_one_that_allocates_all_the_time_is_read_as_of_one_moment(go_minor: str) -> None:
    """Nothing that was found before the stop need be there in it."""
    with processes.start(programs.build("churn", go_minor), "-seconds", "240") as running:
        running.line()
        for _ in range(2):
            answer = asked("--pid", running.pid)
            assert answer["unread_bytes"] == answer["totals"]["unknown"] == 0
            assert answer["totals"]["reached"] > 0
            assert not any(kind["unread"] for kind in answer["roots"])
        running.fresh_line()


def test_what_was_not_copied_is_an_error(tmp_path: Path) -> None:
    """The bytes of large objects without pointers, say."""
    with growing(tmp_path) as (running, _):
        session = process.open_session(running.pid)
        with session.capture(lambda other: other.finish_reading(), Pause("objects", 0)):
            assert not processes.is_held(running.pid)
        spans, memory = session.heap.spans, session.heap.memory
        spanclass = spans.records["spanclass"]
        scan = spans.start[spans.counted & (spanclass & 1 == 0)].tolist()
        large = spans.start[spans.counted & (spanclass == 1)].tolist()
        assert all(len(memory.read(address, 64)) == 64 for address in scan)  # type: ignore[arg-type]
        assert len(large) > 30
        for address in large:
            with pytest.raises(ReadAfterReleaseError):
                memory.read(address + (32 << 10), 64)


def test_what_the_copy_lacks_is_looked_for_in_another_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is planned: all is found in the stop but what some masks of types are made of."""
    with sleeping() as running, processes.stopped(running.pid):
        whole = asked("--by", "class", "--pid", running.pid)
        again, second = ProcessSession.recapture, []
        monkeypatch.setattr(ProcessSession, "recapture", lambda session: second.append(1) or again(session))
        monkeypatch.setattr(rehearsal, "grown", lambda pages, *_: pages[:0])
        answer = asked("--by", "class", "--pid", running.pid)
    assert second == [1]
    assert answer == whole


def test_a_long_pause_is_refused_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any stop takes longer than a thousandth of a second here; 0 is any time."""
    with sleeping() as running:
        stops: list[int] = []
        monkeypatch.setattr(stopping, "Stop", stops.append)
        said = shell.inside("objects", "--max-pause", "0.001", "--pid", running.pid)
        assert stops == []
        with pytest.raises(TargetError, match="would pause process"):
            gdb_gospan.open(pid=running.pid, needs=["objects"], max_pause=0.001)
    assert (said.status, said.stdout) == (3, "")
    assert re.fullmatch(
        rf"go-spans: objects would pause process {running.pid} for about [\d.]+ s to read [\d,]+ bytes of objects with "
        r"pointers; the limit is 0\.001 s \(try: --max-pause 1, or the core that gcore makes\)\n",
        said.stderr,
    )


def test_the_process_goes_on_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was expected; here no time is left when it stands still."""
    monkeypatch.setattr(ContentsCopy, "_refuse", lambda *_: None)
    with sleeping() as running:
        said = shell.inside("objects", "--max-pause", "0.001", "--json", "--pid", running.pid)
        assert not processes.is_held(running.pid)
    assert (said.status, said.stdout) == (3, "")
    assert re.fullmatch(
        rf"go-spans: objects resumed process {running.pid} after [\d.e-]+ s: the limit is 0\.001 s, and 0 of about [\d,]+ bytes "
        r"had been read \(try: --max-pause 1, or the core that gcore makes\)",
        said.stderr.splitlines()[-1],
    )


@pytest.mark.parametrize("nbytes", [8 << 20, 200 << 20])
def test_a_heap_that_grows_before_the_stop(tmp_path: Path, nbytes: int) -> None:
    """There is room for some more; of much more it is not half that is shown."""
    objects = command_named("objects")
    with growing(tmp_path) as (running, grow):
        session = process.open_session(running.pid)
        session.announce = lambda _expected: grow(nbytes)
        if nbytes < 32 << 20:
            answer = answered(session, objects, OPTIONS)
            assert answer.totals.object_bytes > nbytes  # type: ignore[attr-defined]
            assert answer.unread_bytes == 0  # type: ignore[attr-defined]
        else:
            with pytest.raises(TargetError, match="its heap has more than doubled since it was looked at"):
                answered(session, objects, OPTIONS)
        assert not processes.is_held(running.pid)


def test_the_copy_is_in_a_file_where_memory_is_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with sleeping() as running, processes.stopped(running.pid):
        expected = asked("--pid", running.pid)
        monkeypatch.setattr(room, "_left", lambda: 0)
        assert asked("--pid", running.pid) == expected
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_killed_in_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    with sleeping() as running:
        find = ContentsCopy._find

        def killed(*arguments: Any) -> Any:
            if processes.is_held(running.pid):
                os.kill(running.pid, signal.SIGKILL)
            return find(*arguments)

        monkeypatch.setattr(ContentsCopy, "_find", killed)
        said = shell.inside("objects", "--pid", running.pid)
        assert said.status == 3
        assert f"process {running.pid} ended while it was being read" in said.stderr
        assert running.process.wait() == -signal.SIGKILL


def test_from_python_one_stop_serves_all_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    stops: list[int] = []
    stop = stopping.Stop
    monkeypatch.setattr(stopping, "Stop", lambda pid: stops.append(pid) or stop(pid))
    with sleeping() as running:
        heap = gdb_gospan.open(pid=running.pid, needs=["classes", "objects"], max_pause=0)
        assert not processes.is_held(running.pid)
        objects, classes = heap.report("objects"), heap.report("classes")
    assert stops == [running.pid]
    assert objects.totals.object_bytes == classes.totals.object_bytes
    assert objects.about.target.pause_ms > 0
