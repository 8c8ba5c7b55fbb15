"""Busy programs, stopped at random moments: an identity is exact, or what is in progress excuses it; none is broken.

``--soak-count`` captures by --pid, three in ten of it in gdb, one in twenty in Delve.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools import delves, gdbs, processes, programs, shell, soak, toolchains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.soak import Seen

ATTACH = Path(__file__).with_name("attach_often.py")

#: Release, experiment: churn makes user arenas where there are any.
BUSY = pytest.mark.parametrize(
    ("minor", "experiments"),
    [("1.19", ""), ("1.22", ""), ("1.24", "arenas"), ("1.26", ""), ("1.27", ""), ("1.27", "arenas")],
)


@pytest.fixture
def busy(minor: str, experiments: str) -> Iterator[processes.Running]:
    """A program that allocates, frees, collects and grows stacks all the time."""
    program = programs.build("churn", minor, experiments=experiments)
    with processes.start(program, "-seconds", "1000000") as running:
        running.line()
        yield running


@BUSY
def test_by_pid(busy: processes.Running, minor: str, experiments: str, seen: Seen) -> None:
    moments, broken = random.Random(), []
    for number in range(soak.captures()):
        time.sleep(moments.random() * 0.05)
        answer = shell.inside("check", "--json", "--pid", busy.pid)
        assert answer.stderr == "", number
        document = json.loads(answer.stdout)
        assert document["unreadable"]["bytes"] == 0
        broken += seen.add(document["checks"], f"capture {number}:")
    seen.tell(f"go{minor} {experiments or 'churn'}, --pid")
    assert broken == []
    assert not processes.is_held(busy.pid)
    busy.fresh_line()


@BUSY
def test_in_gdb(busy: processes.Running, minor: str, experiments: str, seen: Seen, tmp_path: Path) -> None:
    outcomes = attach(gdbs.ensure(gdbs.system_label()), busy.pid, tmp_path, soak.captures(0.3))
    assert [outcome["error"] for outcome in outcomes if "error" in outcome] == []
    broken = [line for outcome in outcomes for line in seen.add(outcome["checks"])]
    seen.tell(f"go{minor} {experiments or 'churn'}, gdb")
    assert broken == []
    assert all(outcome["unreadable"]["bytes"] == 0 for outcome in outcomes)
    assert {outcome["target"]["kind"] for outcome in outcomes} == {"live"}
    busy.fresh_line()


def attach(gdb: gdbs.Gdb, pid: int, folder: Path, stops: int) -> list[dict[str, Any]]:
    """Attach a gdb so many times, and return what each stop gave."""
    result = folder / "outcomes.json"
    setting = f"python PID, STOPS, RESULT = {pid}, {stops}, {str(result)!r}"
    gdbs.run_gdb(gdb, [setting, f"source {ATTACH}"], timeout=60 + 20 * stops)
    outcomes: list[dict[str, Any]] = json.loads(result.read_text())
    assert len(outcomes) == stops
    return outcomes


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_stripped_by_pid(minor: str, seen: Seen) -> None:
    """Without symbols, where a thread is is known from the runtime's own tables."""
    broken = []
    with processes.start(programs.build("churn", minor, ldflags="-s -w"), "-seconds", "1000000") as running:
        running.line()
        for number in range(soak.captures(0.25)):
            answer = shell.inside("check", "--json", "--pid", running.pid)
            assert answer.stderr == "", number
            broken += seen.add(json.loads(answer.stdout)["checks"], f"capture {number}:")
        running.fresh_line()
    seen.tell(f"go{minor} churn, stripped, --pid")
    assert broken == []


def test_a_32_bit_program_by_pid(seen: Seen) -> None:
    broken = []
    program = programs.build("churn", toolchains.NEWEST, goarch="386")
    with processes.start(program, "-seconds", "1000000") as running:
        running.line()
        for number in range(soak.captures(0.25)):
            answer = shell.inside("check", "--json", "--pid", running.pid)
            assert answer.stderr == "", number
            broken += seen.add(json.loads(answer.stdout)["checks"], f"capture {number}:")
        running.fresh_line()
    seen.tell("386 churn, --pid")
    assert broken == []


@pytest.mark.parametrize("label", delves.LABELS)
def test_in_delve(label: str, seen: Seen) -> None:
    delve, broken = delves.ensure(label), []
    with processes.start(programs.build("churn", delve.busy_go), "-seconds", "1000000") as running:
        running.line()
        for number in range(soak.captures(0.05)):
            (said,) = delves.run(delve, ["go_spans check --json"], pid=running.pid)
            broken += seen.add(json.loads(said)["checks"], f"capture {number}:")
            running.fresh_line()
    seen.tell(f"go{delve.busy_go} churn, Delve {label}")
    assert broken == []
