"""What pip installs is the whole package: the build leaves out what .gitignore names, tracked by git or not."""

from __future__ import annotations

import subprocess

import pytest

from tools.cache import CHECKOUT


def test_no_file_of_the_package_is_ignored() -> None:
    if not (CHECKOUT / ".git").exists():
        pytest.skip("no git checkout")
    tracked = subprocess.run(
        ["git", "ls-files", "gdb_gospan"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    assert "gdb_gospan/targets/core.py" in tracked.splitlines()
    asked = ["git", "check-ignore", "--no-index", "--stdin"]
    ignored = subprocess.run(
        asked, cwd=CHECKOUT, input=tracked, capture_output=True, text=True, check=False
    ).stdout
    assert ignored.splitlines() == []
