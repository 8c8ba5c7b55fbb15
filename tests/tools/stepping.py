"""A busy program in gdb, stopped in functions of the runtime's memory management and led through them by single steps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tools import gdbs
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCRIPT = CHECKOUT / "tests" / "gdb" / "steps.py"

#: One or two of the allocator, the central lists, the pages, the sweeper and the stacks, which churn comes to at once.
FEW = (
    "runtime.(*mheap).allocSpan",
    "runtime.(*mheap).freeSpanLocked",
    "runtime.(*pageAlloc).update",
    "runtime.(*mcache).refill",
    "runtime.(*spanSet).push",
    "runtime.(*sweepLocked).sweep",
    "runtime.stackcacherefill",
    "runtime.addspecial",
)

#: Where spans, pages, slots, caches and their counters change; a release has most of them.
MANY = (
    *FEW,
    "runtime.(*mheap).initSpan", "runtime.(*mheap).setSpans", "runtime.(*mheap).freeSpan", "runtime.(*mheap).freeManual",
    "runtime.(*mheap).allocManual", "runtime.(*mheap).grow", "runtime.(*mheap).reclaim", "runtime.(*mheap).reclaimChunk",
    "runtime.(*mheap).scavengeAll", "runtime.(*mcache).allocLarge", "runtime.(*mcache).releaseAll",
    "runtime.(*mcache).nextFree", "runtime.(*mcache).prepareForSweep", "runtime.(*mcentral).cacheSpan",
    "runtime.(*mcentral).uncacheSpan", "runtime.(*mcentral).grow", "runtime.(*mcentral).fullSwept", "runtime.(*spanSet).pop",
    "runtime.(*pageAlloc).alloc", "runtime.(*pageAlloc).free", "runtime.(*pageAlloc).allocToCache",
    "runtime.(*pageAlloc).scavengeOne", "runtime.(*pageCache).flush", "runtime.(*fixalloc).alloc",
    "runtime.(*consistentHeapStats).release", "runtime.stackpoolalloc", "runtime.stackpoolfree", "runtime.stackcacherelease",
    "runtime.stackcache_clear", "runtime.stackalloc", "runtime.stackfree", "runtime.freeStackSpans", "runtime.freeSpecial",
    "runtime.newMarkBits", "runtime.newAllocBits", "runtime.nextMarkBitArenaEpoch", "runtime.finishsweep_m",
    "runtime.prepareFreeWorkbufs", "runtime.freeSomeWbufs", "runtime.getempty", "runtime.persistentalloc1",
    "runtime.(*mheap).allocUserArenaChunk", "runtime.(*mspan).setUserArenaChunkToFault", "runtime.freeUserArenaChunk",
    "runtime.newUserArena", "runtime.(*userArena).refill", "runtime.(*userArena).free",
)  # fmt: skip


def lead(
    executable: Path, folder: Path, functions: Sequence[str], *, steps: int, instructions: int, procs: int
) -> dict[str, Any]:
    """Return ``missed``, functions that it did not get to, and ``outcomes``: ``where`` and ``checks`` of each capture."""
    result = folder / "outcomes.json"
    settings = {
        "ARGUMENTS": "-seconds 100",
        "FUNCTIONS": list(functions),
        "STEPS": steps,
        "INSTRUCTIONS": instructions,
        "RESULT": str(result),
    }
    commands = ["python from gdb_gospan.single_thread import import_numpy; import_numpy()"]
    commands += [f"python {name} = {value!r}" for name, value in settings.items()]
    gdbs.run_gdb(
        gdbs.ensure(gdbs.system_label()),
        [*commands, f"source {SCRIPT}"],
        exe=executable,
        env={"GOMAXPROCS": str(procs)},
        timeout=3600,
    )
    found: dict[str, Any] = json.loads(result.read_text())
    return found
