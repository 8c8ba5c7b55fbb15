"""When the next cycle begins and should end, as the pacer computes it (runtime/mgcpacer.go)."""

from __future__ import annotations

from typing import Final

from gdb_gospan.runtime.record import Record

_NO_GOAL: Final = (1 << 64) - 1
_NO_LIMIT: Final = (1 << 63) - 1
_DEFAULT_MINIMUM: Final = 4 << 20
"""defaultHeapMinimum."""
_RATIO: Final = 64
"""triggerRatioDen; a cycle begins between minTriggerRatioNum and maxTriggerRatioNum of it on the way to the goal."""
_FIRST: Final = 45
_LAST: Final = 61


def heap_goal(controller: Record, pending: int) -> int:
    """NextGC in bytes: gcControllerState.heapGoal (mgcpacer.go).

    Parameters
    ----------
    pending
        Bytes allocated from cached spans that totalAlloc does not count yet.
    """
    goal = int(controller["gcPercentHeapGoal"])
    limit_goal = memory_limit_goal(controller, pending)
    if limit_goal < goal:
        return limit_goal
    goal = max(goal, int(controller["sweepDistMinTrigger"]))
    triggered = int(controller["triggered"])
    return goal if triggered == _NO_GOAL else max(goal, triggered + (64 << 10))


def memory_limit_goal(controller: Record, pending: int) -> int:
    """Return the heap goal that keeps to GOMEMLIMIT, in bytes: gcControllerState.memoryLimitHeapGoal."""
    heap_free, mapped = controller["heapFree"], controller["mappedReady"]
    heap_alloc = controller["totalAlloc"] - controller["totalFree"] + pending
    limit, marked = controller["memoryLimit"], controller["heapMarked"]
    non_heap = mapped - heap_free - heap_alloc
    overage = max(0, mapped - limit)
    if non_heap + overage >= limit:
        return int(marked)
    goal = limit - (non_heap + overage)
    headroom = max(1 << 20, goal // 100 * controller.layout.traits.limit_headroom_percent)
    goal = headroom if goal < 2 * headroom else goal - headroom
    return int(max(goal, marked))


def trigger(controller: Record, pending: int) -> int | None:
    """Return the size of the heap at which the next cycle begins, in bytes: gcControllerState.trigger.

    Alike in Go 1.19 to 1.27. None where gcController has no runway.

    Parameters
    ----------
    pending
        Bytes allocated from cached spans that totalAlloc does not count yet.
    """
    runway, marked = controller.get("runway"), int(controller["heapMarked"])
    if runway is None:
        return None
    goal = heap_goal(controller, pending)
    if marked >= goal:
        return goal
    limited = memory_limit_goal(controller, pending) < int(controller["gcPercentHeapGoal"])
    way = (goal - marked) // _RATIO
    least = max(0 if limited else int(controller["sweepDistMinTrigger"]), way * _FIRST + marked)
    most = max(way * _LAST + marked, goal - _DEFAULT_MINIMUM, least)
    return min(max(least if runway > goal else goal - runway, least), most)


def percent_at_limit(controller: Record, pending: int) -> float | None:
    """Return the GOGC that would lead to the goal that GOMEMLIMIT sets; None where the limit does not rule, or not known."""
    goal, marked = memory_limit_goal(controller, pending), int(controller["heapMarked"])
    scanned = [controller.get(name) for name in ("lastStackScan", "globalsScan")]
    if goal >= int(controller["gcPercentHeapGoal"]) or None in scanned:
        return None
    base = marked + sum(value for value in scanned if value is not None)
    return 100 * (goal - marked) / base if base > 0 else None


def with_settings(controller: Record, percent: int | None, limit: int | None) -> Record | None:
    """Return the controller as it would be with another GOGC and memory limit: setGCPercent, commit, setMemoryLimit.

    None is off. The result is None where not all that the goal is computed from can be read.
    """
    goal, scanned = _NO_GOAL, [controller.get(name) for name in ("lastStackScan", "globalsScan")]
    if percent is not None:
        if None in scanned:
            return None
        marked = int(controller["heapMarked"])
        base = marked + sum(value for value in scanned if value is not None)
        goal = min(max(marked + base * percent // 100, _DEFAULT_MINIMUM * percent // 100), _NO_GOAL)
    data, layout = bytearray(controller.data), controller.layout
    for path, value in (("gcPercentHeapGoal", goal), ("memoryLimit", _NO_LIMIT if limit is None else limit)):
        field = controller.struct[path]
        data[field.offset : field.offset + field.size] = value.to_bytes(field.size, layout.platform.byteorder)
    return Record(layout, controller.struct, controller.address, bytes(data))
