"""Memory saved by the Delve script: a magic line, a line of JSON, and the bytes of its ranges."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.cost import allowance
from gdb_gospan.memory.image import Image, begins_with
from gdb_gospan.memory.jsontext import parsed
from gdb_gospan.memory.model import ADDRESS_SPACE
from gdb_gospan.memory.segments import Segments, disjoint, window

MAGIC: Final = b"go_spans saved 1\n"


def is_saved(path: str) -> bool:
    """Whether the file begins as `go_spans save` of dlv_scripts/go_spans.star writes it."""
    return begins_with(path, MAGIC)


def load(path: str) -> tuple[Image, dict[str, Any]]:
    """Return the memory, and what else the file says.

    Raises
    ------
    TargetError
        The file cannot be read, or is damaged or cut off.
    """
    try:
        _, head, data = _contents(path).split(b"\n", 2)
        meta = parsed(head, len(head) + len(data))
        image = Image(_segments(meta["ranges"], np.frombuffer(data, np.uint8)))
    except OSError as error:
        raise TargetError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise TargetError(f"{path}: damaged or cut off (try: go_spans save again)") from error
    return image, meta


def _contents(path: str) -> bytes:
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size > allowance(file.fileno()):
            raise ValueError("holes")
        return file.read()


def _segments(ranges: list[list[int]], data: np.typing.NDArray[np.uint8]) -> Segments:
    """Join the ranges, which were read in any order and may overlap."""
    table = np.array(ranges, np.uint64).reshape(-1, 2)
    begin, length = table[:, 0], table[:, 1]
    if sum(length.tolist()) != len(data) or any(sum(row) > ADDRESS_SPACE for row in table.tolist()):
        raise ValueError("ranges")
    start, size, _ = disjoint(begin, length, begin)
    segments = Segments(
        np.empty(int(size.sum()), np.uint8), start, size, np.cumsum(size, dtype=np.uint64) - size
    )
    at = np.cumsum(length, dtype=np.uint64) - length
    for count in np.unique(length[length > 0]).tolist():
        rows = length == count
        there, _ = segments.locate(begin[rows], count)
        window(segments.flat, count)[there] = window(data, count)[at[rows].astype(np.int64)]
    return segments
