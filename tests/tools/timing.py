"""What each test cost goes into the JUnit file: where_time_goes.py reads it there.

On a busy machine the clock says little. So each test also tells the processor time of its worker and of the programs
that it waited for, and the seconds in which something for the cache was made, which a second run does not spend.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tools import cache

if TYPE_CHECKING:
    from collections.abc import Generator

_STARTED = pytest.StashKey[tuple[float, float]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note what had been spent before the test and its fixtures."""
    item.stash[_STARTED] = _spent()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, object, object]:
    """Write to the last report of a test what it spent."""
    if call.when == "teardown":
        before, now = item.stash[_STARTED], _spent()
        for index, name in enumerate(("cpu", "making")):
            item.user_properties.append((name, f"{now[index] - before[index]:.3f}"))
        item.user_properties.append(("worker", os.environ.get("PYTEST_XDIST_WORKER", "main")))
    return (yield)


def _spent() -> tuple[float, float]:
    times = os.times()
    return sum(times[:4]), cache.making_seconds
