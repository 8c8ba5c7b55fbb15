"""Limits on memory: in proportion to a file's size on disk, whatever the file claims to hold.

A sparse file, a compressed one or a damaged length may claim any number of bytes. Each reader takes no more for its
tables than `allowance`, so that a file that is refused in the end was cheap to refuse.
"""

from __future__ import annotations

import os
from typing import Final

_BLOCK: Final = 512
"""Of st_blocks (stat(2)), whatever the blocks of the file system are."""
_SLACK: Final = 32 << 20
"""Bytes that any file may cost: small tables may be packed well."""


def on_disk(descriptor: int) -> int:
    """Return the bytes that an open file takes on disk: without its holes; its size where the file system does not tell."""
    status = os.fstat(descriptor)
    return status.st_blocks * _BLOCK or status.st_size


def allowance(descriptor: int) -> int:
    """Return how many bytes of memory the tables of an open file may take."""
    return on_disk(descriptor) + _SLACK
