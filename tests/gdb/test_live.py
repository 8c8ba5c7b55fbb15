"""A busy program, stopped at random moments: no false alarm, and the program goes on unharmed.

In such a stop some sums are off by what is in flight. The rule: either an identity is exact, or
what the target itself shows explains it by name. A stop is never blamed on corruption.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools import gdbs, programs
from tools.gdbs import run_gdb
from tools.processes import Running, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.gdbs import Gdb

pytestmark = pytest.mark.live

SCRIPT = Path(__file__).with_name("attach_often.py")
STOPS = 100

#: Words of the phrases that name a transient; each comes from the target: a lock, a bitmap, a sequence number, a stack.
NAMED = ("mheap_.lock is held", "being swept", "being allocated, freed or scavenged", "being freed",
         "updating the heap statistics", " is in runtime.")  # fmt: skip


@pytest.fixture
def busy(go_minor: str) -> Iterator[Running]:
    """A program that allocates, frees, collects and grows stacks all the time."""
    with start(programs.build("churn", go_minor), "-seconds", "240") as running:
        running.line()
        yield running


def attach(
    gdb: Gdb, running: Running, folder: Path, *, stops: int, limit: float = 300
) -> list[dict[str, Any]]:
    result = folder / "outcomes.json"
    setting = f"python PID, STOPS, SEED, RESULT = {running.pid}, {stops}, 1, {str(result)!r}"
    run_gdb(gdb, [setting, f"source {SCRIPT}"], timeout=limit)
    outcomes: list[dict[str, Any]] = json.loads(result.read_text())
    assert len(outcomes) == stops
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("go_minor", ["1.19", "1.27"])
def test_random_stops_raise_no_false_alarm(busy: Running, tmp_path: Path) -> None:
    outcomes = attach(gdbs.ensure(gdbs.system_label()), busy, tmp_path, stops=STOPS)
    assert [outcome["error"] for outcome in outcomes if "error" in outcome] == []
    off = [check for outcome in outcomes for check in outcome["checks"]]
    assert Counter(check["status"] for check in off).keys() <= {"transient"}
    assert [check for check in off if not any(words in check["note"] for words in NAMED)] == []
    # The stops did land in the middle of things, and most were quiet all the same: neither half is empty.
    assert 0 < sum(not outcome["checks"] for outcome in outcomes) < STOPS
    assert all(outcome["unreadable"]["bytes"] == 0 for outcome in outcomes)
    assert {outcome["target"]["kind"] for outcome in outcomes} == {"live"}
    busy.fresh_line()


@pytest.mark.parametrize("go_minor", ["1.24"])
def test_every_gdb_looks_at_a_busy_program(busy: Running, gdb: Gdb, tmp_path: Path) -> None:
    outcomes = attach(gdb, busy, tmp_path, stops=5)
    assert {check["status"] for outcome in outcomes for check in outcome["checks"]} <= {"transient"}
    busy.fresh_line()


@pytest.mark.parametrize("go_minor", ["1.27"])
def test_what_was_decoded_is_dropped_when_the_program_runs(busy: Running) -> None:
    gdb = gdbs.ensure(gdbs.system_label())
    allocated = "go-spans summary --json"
    again = ["python import time; gdb.execute('detach'); time.sleep(0.3)", f"attach {busy.pid}"]
    result = run_gdb(gdb, [allocated, allocated, *again, allocated], pid=busy.pid)
    first, same, later = (json.loads(result.stdout[i])["memstats"]["TotalAlloc"] for i in (0, 1, 4))
    assert first == same < later


@pytest.mark.parametrize("go_minor", ["1.27"])
def test_stepping_makes_a_new_look(busy: Running) -> None:
    result = run_gdb(
        gdbs.ensure(gdbs.system_label()),
        [
            "python from gdb_gospan.debugger.target import current_session; one = current_session()",
            "python print(current_session() is one)",
            "stepi",
            "python print(current_session() is one)",
        ],
        pid=busy.pid,
    )
    assert result.stdout[1].strip() == "True"
    assert result.stdout[3].strip() == "False"
    busy.fresh_line()
