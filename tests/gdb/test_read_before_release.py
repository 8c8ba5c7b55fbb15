"""In gdb too a report shows what was read while it said that it reads, and never what came after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import crowds, gdbs, toolchains
from tools.gdbs import run_gdb

pytestmark = [pytest.mark.live, pytest.mark.toolchain, pytest.mark.gdb]

SCRIPT = Path(__file__).with_name("ask_everything.py")


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_every_command_says_what_the_snapshot_says(minor: str, tmp_path: Path) -> None:
    copy, result = tmp_path / "heap.gospan", tmp_path / "outcome.json"
    with crowds.standing_still(minor, min(crowds.SPANS)) as running:
        crowds.recorded(running, copy)
        setting = (
            f"python SNAPSHOT, RESULT, TESTS = {str(copy)!r}, {str(result)!r}, {str(SCRIPT.parents[1])!r}"
        )
        run_gdb(gdbs.ensure(gdbs.system_label()), [setting, f"source {SCRIPT}"], pid=running.pid)
    outcome = json.loads(result.read_text())
    assert outcome["different"] == outcome["different_again"] == []
    assert outcome["asked"] > 30
    assert outcome["kind"] == "live"
    assert outcome["samples"][0] == "exact"
    assert outcome["samples"][1] > 5000
    assert outcome["after_the_look"]
    assert outcome["reads_on"], "a second capture reads what the first did not"
    assert outcome["after_a_step"] == [True, True]
