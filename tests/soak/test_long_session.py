"""One gdb for a day: hundreds of commands on targets that change, with Ctrl-C in each tenth. Memory stays, and the last is right."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tools import cores, gdbs, processes, programs, soak, toolchains

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(__file__).parents[1] / "gdb" / "long_session.py"
ASKED = [
    f"go-spans {words}"
    for words in (
        "summary", "classes --limit 0", "list --limit 50", "check", "pages --chunks --limit 3", "map", "stacks", "gc", "memstats",
        "central", "cache", "fixalloc", "layout", "explain span", "summary --json", "check --json", "list --json --limit 0",
    )
]  # fmt: skip
GROWS = 48 << 20
"""Bytes: gdb itself keeps some of each program whose symbols it has read."""


def test_memory_stays_and_the_last_is_right(
    record_property: Callable[[str, object], None], tmp_path: Path
) -> None:
    old, new = (programs.build("frag", minor) for minor in (toolchains.OLDEST, toolchains.NEWEST))
    kernel, gcore = cores.kernel_core(new, "-objects", "2000"), cores.gcore_core(old, "-objects", "2000")
    count, result = soak.captures(2.5), tmp_path / "result.json"
    busy = programs.build("churn", toolchains.NEWEST)
    with processes.start(busy, "-seconds", "1000000") as running:
        running.line()
        targets = [
            [f"file {kernel.executable}", f"core-file {kernel.path}"],
            ["core-file", "file", f"core-file {gcore.path}"],
            ["core-file", f"file {busy}", f"attach {running.pid}"],
        ]
        setting = f"python import sys; sys.path.append({str(SCRIPT.parent)!r}); TARGETS, ASKED, COUNT, RESULT = {targets!r}, {ASKED!r}, {count}, {str(result)!r}"
        gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), [setting, f"source {SCRIPT}"], timeout=600 + 5 * count)
        running.fresh_line()
    found = json.loads(result.read_text())
    sizes = found["sizes"]
    early, late = (
        median(part) for part in (sizes[len(sizes) // 5 : len(sizes) // 4], sizes[-len(sizes) // 20 :])
    )
    told = {"interrupted": found["quits"], "MB after a fifth": early // 10**6, "MB at the end": late // 10**6}
    record_property(soak.PROPERTY, json.dumps(["one gdb, targets that change", count, told]))
    assert found["errors"] == []
    assert found["same"]
    assert found["quits"] > count // 40
    assert late - early < GROWS
