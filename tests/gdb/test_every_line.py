"""A busy program, stopped once at each line of the allocator, the sweeper and the collector: no false alarm.

Random stops mostly find a program at rest or marking. Here each stop is in the middle of something.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools import gdbs, programs
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from tools.gdbs import Gdb

pytestmark = [pytest.mark.live, pytest.mark.slow]

SCRIPT = Path(__file__).with_name("every_line.py")
#: Most alarms ever raised were those of the oldest releases; a release has most in common with its neighbours.
SECONDS, LONG = 10, {"1.19": 20, "1.20": 20, "1.27": 20}
#: Lines, however long they take.
LEAST = 25


#: Without large objects no span is large enough to excuse what a scavenger has in hand.
PROGRAMS = {"churn": ("churn", ""), "small": ("churn", "-large=false"), "mix": ("mix", "")}


def stops(gdb: Gdb, go_minor: str, program: str, folder: Path) -> dict[str, Any]:
    result = folder / "outcomes.json"
    name, arguments = PROGRAMS[program]
    arguments = f"{arguments} -seconds 600"
    seconds = LONG.get(go_minor, SECONDS)
    settings = (
        f"python ARGUMENTS, SECONDS, LEAST, RESULT = {arguments!r}, {seconds}, {LEAST}, {str(result)!r}"
    )
    commands = [
        "python from gdb_gospan.single_thread import import_numpy; import_numpy()",
        settings,
        f"source {SCRIPT}",
    ]
    experiments = "arenas" if name == "mix" and go_minor != "1.19" else ""
    executable = programs.build(name, go_minor, experiments=experiments)
    run_gdb(gdb, commands, exe=executable, env={"GOMAXPROCS": "4"}, timeout=300)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


@pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")
@pytest.mark.parametrize("program", PROGRAMS)
def test_no_line_raises_a_false_alarm(gdb: Gdb, go_minor: str, program: str, tmp_path: Path) -> None:
    outcomes = stops(gdb, go_minor, program, tmp_path)["outcomes"]
    assert [outcome for outcome in outcomes if "error" in outcome] == []
    off = Counter(status for outcome in outcomes for _, status, _ in outcome["off"])
    alarms = [
        outcome for outcome in outcomes if any(status != "transient" for _, status, _ in outcome["off"])
    ]
    assert alarms == []
    # How many lines are seen in the time, and how many catch something in flight, is up to the machine.
    print(
        f"{len(outcomes)} lines, {sum(not outcome['off'] for outcome in outcomes)} of them quiet; {dict(off)}"
    )
    assert len(outcomes) >= LEAST
