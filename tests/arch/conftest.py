"""Programs for other architectures: the newest Go by default, others with --all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools import toolchains

if TYPE_CHECKING:
    import pytest

#: Go releases by the fixture that a test asks for; under qemu everything takes its time.
MINORS = {
    "guest_minor": [toolchains.OLDEST, "1.24", toolchains.NEWEST],
    "native_minor": [toolchains.OLDEST, toolchains.NEWEST],
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    everything = metafunc.config.getoption("matrix") == "all"
    for name, minors in MINORS.items():
        if name in metafunc.fixturenames:
            chosen = minors if everything else minors[-1:]
            metafunc.parametrize(name, chosen, ids=[f"go{minor}" for minor in chosen], scope="session")
