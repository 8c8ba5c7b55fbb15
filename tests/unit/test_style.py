"""The checkers have nothing to say about the checkout."""

import subprocess
import sys

import pytest

from tools.cache import CHECKOUT, root

CHECKS = {
    "ruff check": ["ruff", "check", "--output-format=concise"],
    "ruff format": ["ruff", "format", "--check", "--output-format=concise"],
    "mypy --strict": ["mypy", "--no-error-summary"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_clean(name):
    command, *arguments = CHECKS[name]
    cache = f"--cache-dir={root() / command}"
    done = subprocess.run(
        [sys.executable, "-m", command, *arguments, cache],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{name}:\n{done.stdout}{done.stderr}"
