"""Where the tests keep what they fetch and build: one folder, which `tests/run --clean` removes.

Used on a bare Python, so it imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

VARIABLE = "GDB_GOSPAN_CACHE"
SIGNS = ("venv.lock", "locks")
"""A folder with one of these was made by the tests."""


def root() -> Path:
    """Return the cache folder: ``$GDB_GOSPAN_CACHE``, or ``gdb_gospan`` in ``$XDG_CACHE_HOME`` or in ``~/.cache``."""
    if own := os.environ.get(VARIABLE):
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gdb_gospan"


def is_ours(folder: Path) -> bool:
    """Whether the tests made this folder, so that it may be removed with all that is in it."""
    return any((folder / sign).exists() for sign in SIGNS)


def disk_usage(folder: Path) -> int:
    """Return the bytes of disk that a folder takes; files with several names count once."""
    seen, total = set(), 0
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with contextlib.suppress(OSError):
                status = (Path(path) / name).lstat()
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    total += status.st_blocks * 512
    return total


def in_words(nbytes: int) -> str:
    """Return a size as people read it."""
    return f"{nbytes / 2**30:.1f} GiB" if nbytes >= 2**30 else f"{nbytes / 2**20:.0f} MiB"


def remove(folder: Path) -> None:
    """Remove a folder, also what Go's module cache has made read-only; raise `OSError` when something stays."""

    def again(function: Callable[[str], object], path: str, _: object) -> None:
        Path(path).parent.chmod(stat.S_IRWXU)
        if not Path(path).is_symlink():
            Path(path).chmod(stat.S_IRWXU)
        function(path)

    shutil.rmtree(folder, onerror=again)
