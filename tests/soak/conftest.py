"""What hunts for rare moments, and is in no run but ``tests/run --soak``: the end of the output says what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.soak import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before the conftest above chooses by the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("soak")


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> Seen:
    """What a test saw; it goes into the table at the end of the run."""
    return Seen(record_property)
