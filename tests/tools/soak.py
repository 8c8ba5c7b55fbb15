"""How much of what is chosen at random a run takes: little and always the same in CI, much and anew with ``--soak``.

The conftest sets `count` before any test module is imported.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PROPERTY = "soak"
"""The property of a test report in which a soak test tells what it saw."""

DEFAULT = 200
"""Captures by ``tests/run --soak`` of each busy program; other numbers follow from it."""

count: int | None = None
"""``--soak-count`` of a soak run, None of any other."""


def captures(share: float = 1) -> int:
    """Return how many captures a soak test takes, as a share of ``--soak-count``."""
    return max(1, round((count or DEFAULT) * share))


def examples(few: int) -> int:
    """Return how many examples a property has: `few`, chosen always alike, and many times as many in a soak run."""
    return few if count is None else few * max(1, count // 10)


def seeds(few: int) -> range:
    """Return the seeds of damage and the like: the first `few`, and as many more in a soak run."""
    return range(examples(few))


@dataclass
class Seen:
    """What a soak test saw of a program: the number of captures, and how often each identity had each status but exact."""

    record: Callable[[str, object], None]
    captures: int = 0
    off: Counter[str] = field(default_factory=Counter)

    def add(self, checks: Iterable[dict[str, Any]], where: str = "") -> list[str]:
        """Count the checks of one capture, and return those that are broken, each in a line."""
        self.captures += 1
        broken = []
        for check in checks:
            self.off[f"{check['code']} {check['status']}"] += check["status"] != "exact"
            if check["status"] == "broken":
                broken.append(
                    f"{where} {check['code']}: {check['expected']} expected, {check['observed']} observed"
                )
        return broken

    def tell(self, name: str) -> None:
        """Put it under a name into the table at the end of the run."""
        self.record(PROPERTY, json.dumps([name, self.captures, +self.off]))


def table(told: Iterable[str]) -> list[str]:
    """Lay out what the tests of a run saw: a program and how it was read in each row, and the identities off."""
    lines = []
    for name, number, off in sorted(map(json.loads, told)):
        sums = Counter[str]()
        for key, count in off.items():
            sums[key.rpartition(" ")[2]] += count
        figures = ", ".join(f"{sums[status]} {status}" for status in ("transient", "unknown", "broken"))
        lines.append(f"{name}: {number} captures; {figures}")
        lines += [f"    {count:6}  {key}" for key, count in sorted(off.items())]
    return lines
