"""Delve's own cores (its command dump) are like others, though they name neither the program nor its mappings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tools import delves, processes, programs, shell, toolchains

if TYPE_CHECKING:
    from pathlib import Path

    from tools.delves import Delve

pytestmark = [pytest.mark.toolchain, pytest.mark.live]


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_a_dump_of_delve(delve: Delve, minor: str, tmp_path: Path) -> None:
    executable, core = programs.build("frag", minor), tmp_path / "core"
    with processes.start(executable, "-objects", "2000", "-end", "sleep") as frag:
        printed = json.loads(frag.line())
        delves.run(delve, [f"dump {core}"], pid=frag.pid)
    for files in ([executable, core], [core]):
        answer = shell.inside("memstats", "--json", *files)
        assert (answer.status, answer.stderr) == (0, "")
        found = json.loads(answer.stdout)
        assert {check["status"] for check in found["checks"]} == {"exact"}
        assert found["target"]["description"] == (
            "core of frag" if len(files) == 2 else "core of an unnamed program"
        )
        for name in ("HeapAlloc", "HeapSys", "Sys", "Mallocs", "Frees", "NumGC", "NextGC"):
            assert found["memstats"][name] == printed[name]
