"""What pages says fits without heap growth does fit, and not a page more: the kernel's list of mappings decides."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tools import gdbs, programs
from tools.gdbs import run_gdb
from tools.processes import start

pytestmark = [pytest.mark.live, pytest.mark.parametrize("go_minor", ["1.19", "1.27"])]

PAGE = 8192


def allocate(go_minor: str, folder: Path, more: int, *options: str) -> tuple[dict[str, Any], int]:
    """Have a program allocate what is claimed to fit and some bytes more; return the claims and what the heap grew by."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    with start(programs.build("grow", go_minor), "-fifo", str(fifo), *options) as running:
        assert running.line() == "ready\n"
        gdb = gdbs.ensure(gdbs.system_label())
        document = json.loads(run_gdb(gdb, ["go-spans pages --json"], pid=running.pid).stdout[0])
        arena = int(document["current_arena"]["base"], 16)
        before = mapped_near(running.pid, arena)
        assert before > document["largest_run"]["bytes"]
        fifo.write_text(str(document["largest_allocation"]["bytes"] + more))
        assert running.line() == "done\n"
        return document, mapped_near(running.pid, arena) - before


def mapped_near(pid: int, address: int) -> int:
    """Return the bytes of writable mappings within 1 GiB: the part of the arenas that mheap.grow has mapped."""
    total = 0
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, permissions = line.split()[:2]
        low, high = (int(bound, 16) for bound in addresses.split("-"))
        if abs(low - address) < 1 << 30 and permissions.startswith("rw"):
            total += high - low
    return total


@pytest.mark.parametrize("options", [(), ("-pointers",)], ids=["noscan", "scan"])
def test_what_fits_does_not_grow_the_heap(go_minor: str, options: tuple[str, ...], tmp_path: Path) -> None:
    document, grown = allocate(go_minor, tmp_path, 0, *options)
    assert grown == 0
    run = document["largest_run"]
    assert document["largest_allocation"] == {"bytes": run["bytes"], "doubts": []}
    # Nothing easy: it crosses chunks, and part of it is returned to the OS.
    assert run["pages"] > 512
    assert 0 < run["released_bytes"] < run["bytes"]


def test_a_page_more_grows_the_heap(go_minor: str, tmp_path: Path) -> None:
    document, grown = allocate(go_minor, tmp_path, 1)
    chunk = document["current_arena"]["growth_bytes"]
    wanted = document["largest_run"]["bytes"] + PAGE
    assert grown == -(-wanted // chunk) * chunk
