"""Limit the memory of go-spans itself: exceeding it ends in one line, before the machine runs out."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from gdb_gospan.errors import UsageError

OPTION: Final = "max-memory"
_LEAST: Final = 128 << 20
"""Bytes; with less, what is imported does not fit."""
_SIZE: Final = re.compile(r"(\d+)\s*(?:([kmgt])(?:i?b)?|b)?", re.IGNORECASE)
_POWER: Final = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_CGROUP: Final = Path("/sys/fs/cgroup/memory.max")

P = ParamSpec("P")
T = TypeVar("T")


def restored(function: Callable[P, T]) -> Callable[P, T]:
    """Wrap a function so that the limit that it sets is restored afterwards."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        before = resource.getrlimit(resource.RLIMIT_DATA)
        try:
            return function(*args, **kwargs)
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, before)

    return wrapped


def limit(text: str | None) -> None:
    """Limit the memory of this process, by default to half of the machine's; beyond it MemoryError is raised.

    What is mapped from files does not count (setrlimit(2), RLIMIT_DATA).

    Raises
    ------
    UsageError
        It is no size, or too small.
    """
    wanted = _half() if text is None else _bytes(text)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))


def exhausted() -> str:
    """Return the message for exhausted memory."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_DATA)
    known = f" than the limit of {allowed:,} bytes" if allowed >= 0 else " than the machine has"
    return f"this needs more memory{known} (try: --{OPTION} SIZE, or a machine with more memory)"


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    size = int(match[1]) << _POWER[(match[2] or "").lower()] if match else 0
    if size < _LEAST:
        raise UsageError(f"--{OPTION} {text}: not a size of at least 128MiB (try: --{OPTION} 4GiB)")
    return min(size, (1 << 62))


def _half() -> int:
    """Return half of the memory of this machine, or of this container."""
    room = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # "max"
        room = min(room, int(_CGROUP.read_text(encoding="ascii")))
    return max(room // 2, _LEAST)
