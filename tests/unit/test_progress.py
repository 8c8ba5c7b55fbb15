"""The line of progress: not for short work, what is being read for long, and gone in the end."""

from __future__ import annotations

import itertools
import time
from unittest.mock import Mock

import pytest

from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.errors import Interrupted
from gdb_gospan.render.progress import telling, telling_of
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import command_named, parse
from gdb_gospan.reports.interrupted import known_so_far
from gdb_gospan.reports.run import run
from tools.tiny_heap import TinyHeap


def told(seconds: float) -> list[str]:
    """Read a heap with a clock that goes on by so much at each look."""
    session = Session(Target("core", "core of tiny"), TinyHeap().heap())
    written: list[str] = []
    clock = itertools.count(step=seconds).__next__
    with telling(session, written.append, clock, every=60):
        _ = session.checks
    _ = session.heap.stacks  # nobody is told any more
    return written


def test_short_work_says_nothing() -> None:
    assert told(0.001) == []


def test_long_work_says_what_it_reads_and_leaves_no_trace() -> None:
    *lines, end = told(1)
    assert all(line.startswith("\rgo-spans: ") for line in lines)
    assert any("spans, " in line and " read, " in line and "/s, " in line for line in lines)
    assert len({len(line) for line in lines[-3:]}) == 1, "each covers the one before"
    assert end == "\r" + " " * (len(lines[-1]) - 1) + "\r"


def test_an_error_leaves_no_trace_either() -> None:
    session = Session(Target("core", "core of tiny"), TinyHeap().heap())
    written: list[str] = []
    clock = itertools.count().__next__

    def interrupted() -> None:
        with telling(session, written.append, clock, every=60):
            _ = session.heap.spans
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert written[-1].strip() == ""
    assert session.heap.trail.begins is None


def test_what_is_known_when_it_is_stopped() -> None:
    session = Session(Target("core", "core of tiny"), TinyHeap().heap())
    assert known_so_far(session, Style()) == ""
    _ = session.heap.spans
    read = session.heap.memory.bytes_read
    said = known_so_far(session, Style()).splitlines()
    assert [line.split()[0] for line in said] == ["Interrupted.", "Spans"]
    assert session.heap.memory.bytes_read == read, "to say it, nothing is read"
    _ = session.checks
    said = known_so_far(session, Style()).splitlines()
    begin = [line.split()[0] for line in said if not line.startswith(" ")]
    assert begin == ["Interrupted.", "Spans", "Pages", "MemStats"]
    assert any("free, returned or never touched" in line for line in said)


@pytest.mark.parametrize("data", ["json", "csv"])
def test_a_program_that_reads_gets_no_half_document(monkeypatch: pytest.MonkeyPatch, data: str) -> None:
    session = Session(Target("core", "core of tiny"), TinyHeap().heap())
    command = command_named("check")
    monkeypatch.setattr("gdb_gospan.reports.check.ordered", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(Interrupted, match="Known so far"):
        run(session, command, parse(command, []), Style())
    with pytest.raises(Interrupted) as stopped:
        run(session, command, parse(command, [f"--{data}"]), Style())
    assert str(stopped.value) == ""
    assert {"Spans", "MemStats"} <= stopped.value.known.keys(), "for who asks where words are in nobody's way"


def test_a_part_that_takes_long_is_told_of_again_and_again() -> None:
    session = Session(Target("core", "core of tiny"), TinyHeap().heap())
    written: list[str] = []
    clock = itertools.count().__next__
    with telling(session, written.append, clock, every=0.01):
        session.heap.trail.stage("laying the report out")
        for _ in range(500):
            if len(written) > 3:
                break
            time.sleep(0.01)
    told, end = written[:-1], written[-1]
    assert len(told) > 3
    assert all(line.startswith("\rgo-spans: laying the report out, ") for line in told)
    assert end.strip() == ""
    count = len(written)
    time.sleep(0.05)
    assert len(written) == count, "nothing after the end"


def test_nobody_looks() -> None:
    session = Session(Target("core", "core of tiny"), TinyHeap().heap())
    with telling(session, None):
        assert session.heap.trail.begins is None


def test_unpacking_tells_its_rate_four_times_a_second() -> None:
    written: list[str] = []
    now = 0.0
    with telling_of("unpacking core.zst", written.append, lambda: now) as tell:
        assert tell is not None
        for step in range(31):
            now = step / 10
            tell(step << 20, 30 << 20)
    *lines, end = written
    assert lines[0].startswith("\rgo-spans: unpacking core.zst, 6.00 MiB of 30.0 MiB, 10.0 MiB/s, 1 s")
    assert len(lines) == 9, "every 0.3 s from 0.5 s on, with this clock"
    assert end.strip() == ""


def test_what_has_no_known_end() -> None:
    written: list[str] = []
    with telling_of("unpacking core", written.append, itertools.count().__next__) as tell:
        assert tell is not None
        tell(1 << 20, 0)
    assert " of " not in written[0]
    with telling_of("unpacking core", None) as tell:
        assert tell is None
