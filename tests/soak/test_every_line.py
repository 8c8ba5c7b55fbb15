"""Busy programs, stopped once at each line of the allocator, the sweeper and the collector: none is called broken.

Random stops mostly find a program at rest or marking. Here each stop is in the middle of something.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools import gdbs, programs, soak
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from tools.soak import Seen

SCRIPT = Path(__file__).with_name("every_line.py")

#: Without large objects no span is large enough to excuse what a scavenger has in hand.
PROGRAMS = {"churn": ("churn", ""), "small": ("churn", "-large=false"), "mix": ("mix", "")}


def stops(go_minor: str, program: str, folder: Path) -> list[dict[str, Any]]:
    result = folder / "outcomes.json"
    name, arguments = PROGRAMS[program]
    seconds = soak.captures(0.1)
    settings = (
        f"python ARGUMENTS, SECONDS, RESULT = {f'{arguments} -seconds 1000000'!r}, {seconds}, {str(result)!r}"
    )
    commands = [
        "python from gdb_gospan.single_thread import import_numpy; import_numpy()",
        settings,
        f"source {SCRIPT}",
    ]
    experiments = "arenas" if name == "mix" and go_minor != "1.19" else ""
    executable = programs.build(name, go_minor, experiments=experiments)
    gdb = gdbs.ensure(gdbs.system_label())
    run_gdb(gdb, commands, exe=executable, env={"GOMAXPROCS": "4"}, timeout=600 + 2 * seconds)
    found: list[dict[str, Any]] = json.loads(result.read_text())["outcomes"]
    return found


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_line_raises_a_false_alarm(go_minor: str, program: str, seen: Seen, tmp_path: Path) -> None:
    outcomes = stops(go_minor, program, tmp_path)
    assert [outcome for outcome in outcomes if "error" in outcome] == []
    broken = [line for outcome in outcomes for line in seen.add(outcome["checks"], outcome["line"])]
    seen.tell(f"go{go_minor} {program}, every line in gdb")
    assert broken == []
    assert outcomes
