"""How long a process will be paused while its objects are followed: estimated before any of them is read."""

from __future__ import annotations

from typing import Final

from gdb_gospan.analysis.slots import slots
from gdb_gospan.runtime.heap import Heap

_BYTES_A_SECOND: Final = 1.5e9
_SECONDS_A_SLOT: Final = 0.25e-6
"""Measured on two cores of a virtual machine: reading objects from a process, and finding their pointers."""
_SECONDS_FOR_TYPES: Final = 0.3
_SECONDS_A_TYPED_SLOT: Final = 1e-6
"""Likewise: reading descriptors and debug information, and following types along pointers."""


def expected_pause(heap: Heap, *, types: bool = False) -> float:
    """Return about how many seconds reading the objects with pointers takes, and finding their types if these are wanted.

    Those without pointers are not read.
    """
    numbered = slots(heap)
    scan = numbered.spanclass & 1 == 0
    nbytes = int(numbered.npages[scan].sum()) * heap.layout.platform.page_size
    count = int(numbered.nelems[scan].sum())
    typing = _SECONDS_FOR_TYPES + count * _SECONDS_A_TYPED_SLOT if types else 0.0
    return nbytes / _BYTES_A_SECOND + count * _SECONDS_A_SLOT + typing
