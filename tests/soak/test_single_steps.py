"""Busy programs, led through dozens of the runtime's functions by single steps, while other Ps do what they like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import programs, soak, stepping

if TYPE_CHECKING:
    from pathlib import Path

    from tools.soak import Seen


@pytest.mark.parametrize("procs", [1, 4])
@pytest.mark.parametrize(
    ("minor", "experiments"),
    [("1.19", ""), ("1.22", ""), ("1.24", "arenas"), ("1.26", ""), ("1.27", "arenas")],
)
def test_no_step_raises_a_false_alarm(
    minor: str, experiments: str, procs: int, seen: Seen, tmp_path: Path
) -> None:
    program = programs.build("churn", minor, experiments=experiments)
    found = stepping.lead(
        program, tmp_path, stepping.MANY, steps=soak.captures(0.1), instructions=7, procs=procs
    )
    broken = [line for one in found["outcomes"] for line in seen.add(one["checks"], one["where"])]
    seen.tell(f"go{minor} {experiments or 'churn'}, single steps, {procs} P")
    assert broken == []
    assert len({one["where"].partition(",")[0] for one in found["outcomes"]}) >= 25, found["missed"]
