"""A busy program, led through the allocator and the sweeper by single steps: no false alarm in between.

Where a thread has just changed stacks (runtime.morestack), what it was doing cannot be seen, and that is said. The program
has one P, so that nothing else happens meanwhile. With several, in more functions and at every line: tests/soak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import programs, stepping
from tools.notes import says

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.gdb, pytest.mark.ends]


def test_no_step_raises_a_false_alarm(go_minor: str, tmp_path: Path) -> None:
    executable = programs.build("churn", go_minor)
    found = stepping.lead(executable, tmp_path, stepping.FEW, steps=5, instructions=25, procs=1)
    assert found["missed"] == []
    assert len(found["outcomes"]) == len(stepping.FEW) * 6
    alarms = [
        (outcome["where"], check)
        for outcome in found["outcomes"]
        for check in outcome["checks"]
        if check["status"] not in ("exact", "transient")
        and not (check["status"] == "unknown" and says(check["note"], "signal-handler", "callers-hidden"))
    ]
    assert alarms == []
    off = [
        outcome
        for outcome in found["outcomes"]
        if {check["status"] for check in outcome["checks"]} != {"exact"}
    ]
    assert 0 < len(off) < len(found["outcomes"])
