"""The tables of `layout.sizeclasses` as columns."""

from __future__ import annotations

import numpy as np

from gdb_gospan.layout.sizeclasses import COUNT, PAGES, SIZES, SPAN_CLASSES
from gdb_gospan.runtime.record import I64

__all__ = ("COUNT", "PAGES", "SIZES", "SPAN_CLASSES", "sizes")


def sizes() -> I64:
    """Bytes by size class: int64, shape (68,)."""
    return np.array(SIZES, np.int64)
