"""blame at the default rate: the line that strands most is the first, and its bounds hold, in 19 of 20 processes."""

from __future__ import annotations

import json
from math import comb
from typing import Any

import pytest

from tools import processes, programs, shell, soak, toolchains

pytestmark = pytest.mark.toolchain

#: Three million sessions at once, of which 120,000 stay and some 22 have a sample.
WORDS = ("-burst", "3000000", "-dense", "400000")
MISSES = 0.1
"""How often at most the bounds do not hold: twice of what they claim, for they are approximations."""


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_bounds_hold(minor: str) -> None:
    program, runs = programs.build("stranded", minor), soak.captures(0.1)
    truth = site(program, "-rate", "1")
    missed = later = 0
    for _ in range(runs):
        found = site(program)
        low, high = found["stranded_low_bytes"], found["stranded_high_bytes"]
        missed += not low <= truth["stranded_bytes"] <= high
        later += not found["first"]
    assert chance(runs, missed) > 1e-9, f"{missed} of {runs}"
    assert later == 0


def site(program: Any, *words: str) -> dict[str, Any]:
    """Return the row of the line that strands most, and whether it is the first."""
    with processes.start(program, *WORDS, *words, "-end", "sleep") as running:
        running.line()
        said = shell.inside("blame", "--json", "--limit", "0", "--pid", running.pid)
    assert (said.status, said.stderr) == (0, "")
    sites = json.loads(said.stdout)["sites"]
    (found,) = (row for row in sites if row["function"] == "main.keep")
    return {**found, "first": found is sites[0]}


def chance(runs: int, missed: int) -> float:
    """Return how likely it is that so many of the runs miss, or more."""
    return sum(comb(runs, k) * MISSES**k * (1 - MISSES) ** (runs - k) for k in range(missed, runs + 1))
