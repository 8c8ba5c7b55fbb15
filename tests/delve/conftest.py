"""Both Delves, for the tests of what is there for people who use it."""

from __future__ import annotations

import pytest

from tools import delves


@pytest.fixture(params=delves.LABELS, ids=lambda label: f"delve{label}")
def delve(request: pytest.FixtureRequest) -> delves.Delve:
    """One Delve; the test runs once for each."""
    return delves.ensure(request.param)
