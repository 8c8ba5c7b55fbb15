"""Time the engine alone on a core, or the reading of the very same bytes and nothing else.

    engine.py EXE CORE --ranges FILE      summary's document, from the opened core on; writes which bytes it read
    engine.py EXE CORE --floor FILE       one pread for each stretch of those bytes, into fresh memory

Both print seconds and bytes; start-up and imports are not in it.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import TYPE_CHECKING

from gdb_gospan.single_thread import import_numpy

import_numpy()

import numpy as np  # noqa: E402

from gdb_gospan.memory.elfcore import CoreFile  # noqa: E402
from gdb_gospan.memory.segments import disjoint  # noqa: E402
from gdb_gospan.reports.summary import REPORT  # noqa: E402
from gdb_gospan.targets.core import open_session  # noqa: E402

if TYPE_CHECKING:
    from gdb_gospan.memory.segments import U64

PAGE = 4096


def ranges_of(exe: str, core: str) -> tuple[U64, U64]:
    """Return where in the file the bytes lie that a summary reads: offsets and sizes, to whole pages of the system."""
    found: list[tuple[U64, int]] = []
    read, read_many = CoreFile.read, CoreFile.read_many

    def noting(self, address, size):
        found.append((self.segments.locate(np.array([address], np.uint64), size)[0], size))
        return read(self, address, size)

    def noting_many(self, addresses, size):
        found.append((self.segments.locate(addresses, size)[0], size))
        return read_many(self, addresses, size)

    CoreFile.read, CoreFile.read_many = noting, noting_many
    _summary(open_session([exe, core]))
    CoreFile.read, CoreFile.read_many = read, read_many
    steps = ((offset, np.append(np.arange(0, size, PAGE), size - 1)) for offset, size in found if size)
    pages = np.unique(np.concatenate([((offset[:, None] + step) // PAGE).ravel() for offset, step in steps]))
    start = pages.astype(np.uint64) * np.uint64(PAGE)
    offset, size, _ = disjoint(start, np.full(len(start), PAGE, np.uint64), start)
    return offset, size


def _summary(session) -> None:
    REPORT.build(session, {})


def main() -> None:
    """Print the seconds and the bytes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exe")
    parser.add_argument("core")
    parser.add_argument("--ranges")
    parser.add_argument("--floor")
    arguments = parser.parse_args()
    if arguments.ranges:
        np.save(arguments.ranges, np.stack(ranges_of(arguments.exe, arguments.core)))
    elif arguments.floor:
        offsets, sizes = np.load(arguments.floor)
        file = os.open(arguments.core, os.O_RDONLY)
        began = time.perf_counter()
        memory = memoryview(np.empty(int(sizes.sum()), np.uint8))
        done = 0
        for offset, size in zip(offsets.tolist(), sizes.tolist(), strict=True):
            done += os.preadv(file, [memory[done : done + size]], offset)
        print(time.perf_counter() - began, done)
    else:
        session = open_session([arguments.exe, arguments.core])
        began = time.perf_counter()
        _summary(session)
        print(time.perf_counter() - began, session.heap.memory.bytes_read)


if __name__ == "__main__":
    main()
