"""How long a process will be paused while its objects are followed: estimated before any of them is read."""

from __future__ import annotations

from typing import Final

from gdb_gospan.analysis.slots import slots
from gdb_gospan.runtime.heap import Heap

_BYTES_A_SECOND: Final = 1.5e9
_SECONDS_A_SLOT: Final = 0.25e-6
"""Measured on two cores of a virtual machine: reading objects from a process, and finding their pointers."""


def expected_pause(heap: Heap) -> float:
    """Return about how many seconds reading the objects with pointers takes; those without are not read."""
    numbered = slots(heap)
    scan = numbered.spanclass & 1 == 0
    nbytes = int(numbered.npages[scan].sum()) * heap.layout.platform.page_size
    return nbytes / _BYTES_A_SECOND + int(numbered.nelems[scan].sum()) * _SECONDS_A_SLOT
