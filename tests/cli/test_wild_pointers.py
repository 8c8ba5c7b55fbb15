"""A pointer of the runtime's that leads to no memory is damage, and is named: not memory that the core lacks."""

from __future__ import annotations

import json
import re
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.targets.core import open_session
from tools import cores, programs, shell, toolchains

if TYPE_CHECKING:
    from pathlib import Path

    from gdb_gospan.runtime.heap import Heap

pytestmark = pytest.mark.toolchain
NOWHERE = 0xDEAD_0000_BEEF_000


def pointers(heap: Heap) -> dict[str, int]:
    """Return where pointers are that much depends on, by what they are called."""
    mheap, word = heap.mheap, heap.reader.word
    allp = word(heap.symbols["allp"])
    first_p = word(allp or 0)
    chunks = mheap.address_of("pages.chunks")
    table = next(index for index in range(1 << 13) if word(chunks + 8 * index))
    assert allp
    assert first_p
    return {
        "runtime.allp (4 entries)": heap.symbols["allp"],
        "runtime.allp[0]": allp,
        "p.mcache": first_p + heap.layout["p"]["mcache"].offset,
        "runtime.mheap_.allspans": mheap.address_of("allspans"),
        "runtime.mheap_.allspans[7]": mheap.slice("allspans").array + 7 * 8,
        "runtime.mheap_.heapArenas": mheap.address_of("heapArenas"),
        "runtime.mheap_.arenas[0]": mheap.address_of("arenas"),
        "a *heapArena of runtime.mheap_.arenas": int(heap.arenas.entry[0]),
        f"runtime.mheap_.pages.chunks[{table}]": chunks + 8 * table,
        "runtime.mheap_.pages.inUse": mheap.address_of("pages.inUse.ranges"),
    }


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_each_is_named_with_where_it_was_read(minor: str, tmp_path: Path) -> None:
    core = cores.kernel_core(programs.build("frag", minor), "-objects", "2000")
    copy = tmp_path / "core"
    subprocess.run(["cp", "--sparse=always", str(core.path), str(copy)], check=True)
    segments = CoreFile(core.path).segments
    came = {}
    with copy.open("r+b", buffering=0) as file:
        for name, address in pointers(open_session([str(core.executable), str(core.path)]).heap).items():
            row = segments.index(address)
            at = int(segments.offset[row]) + address - int(segments.start[row])
            file.seek(at)
            before = file.read(8)
            file.seek(at)
            file.write(struct.pack("<Q", NOWHERE))
            answer = shell.inside("check", "--json", core.executable, copy)
            file.seek(at)
            file.write(before)
            wanted = f"{name} at {address:#x} is a wild pointer: it points to {NOWHERE:#x}, where nothing is mapped"
            if answer.stdout:
                checks = json.loads(answer.stdout)["checks"]
                notes = {check["note"] for check in checks if check["status"] != "exact"}
                assert wanted in notes
                assert not [note for note in notes if "could not be read" in note]
                came[name] = "broken" if any(check["status"] == "broken" for check in checks) else "unknown"
            else:
                assert re.fullmatch(rf"go-spans: {re.escape(wanted)} \(.*try: .*\)\n", answer.stderr), (
                    answer.stderr
                )
                came[name] = "refused"
    assert list(came.values()).count("refused") == 3
    assert [name for name, what in came.items() if what == "unknown"] in ([], ["p.mcache"])
    copy.unlink()
