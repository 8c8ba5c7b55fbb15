"""The pacer's goal in words, the same in every report."""

from __future__ import annotations

from collections.abc import Callable


def no_goal(goal: int) -> bool:
    """Whether NextGC says that there is no goal: GOGC is off and no memory limit set (mgcpacer.go, heapGoal)."""
    return goal >= 1 << 60


def goal_words(goal: int | None, size: Callable[[int | None], str]) -> str:
    """Say what the next cycle aims for; the cycle begins at a trigger below that, which is not the same each time."""
    if goal is not None and no_goal(goal):
        return "no heap goal (GOGC is off)"
    return f"next heap goal {size(goal)}"
