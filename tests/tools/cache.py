"""The cache folder: one place for everything that the tests fetch or build."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import pytest

from tools import folder as kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")

CHECKOUT = Path(__file__).resolve().parents[2]

root = kept.root

#: What `once` fetches from a network, by folder, and how that is called; all else it builds.
FETCHED = {
    "debian": "the Debian package",
    "delve": "Delve",
    "gdb": "gdb",
    "gdbserver": "gdbserver",
    "go": "Go",
    "npm": "the npm package",
    "site": "the Python packages for",
    "strace": "strace",
}

#: The file of lines for the person who watches a run (conftest.py, --tell).
told_in: str | None = None

#: Seconds of this process in which something for the cache was fetched, built or waited for (timing.py).
making_seconds = 0.0


class Unavailable(pytest.skip.Exception):  # type: ignore[misc,name-defined]  # pytest attaches it untyped
    """This machine lacks what the test needs; the test is skipped with this reason."""


def tell(line: str) -> None:
    """Say something to the person who watches the run: this process is a worker, whose output is kept."""
    if told_in:
        with open(told_in, "a", encoding="utf-8") as file:  # noqa: PTH123  # one write, so lines stay whole
            file.write(f"{line}\n")


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of that name against all other test workers."""
    locks = root() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def once(final: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder `final`, made by `make(temporary folder)` if it is not there.

    Whoever sees `final` sees all of it: it is renamed into place when it is complete.
    """
    global making_seconds  # noqa: PLW0603  # one number for the whole process
    if not final.exists():
        began, nested = time.monotonic(), making_seconds
        with locked(f"{final.parent.name}-{final.name}"):
            if not final.exists():
                final.parent.mkdir(parents=True, exist_ok=True)
                parts = final.relative_to(root()).parts if final.is_relative_to(root()) else ()
                if parts[:1] and parts[0] in FETCHED:
                    tell(" ".join(("fetching", FETCHED[parts[0]], *parts[1:])))
                with tempfile.TemporaryDirectory(prefix=f".{final.name}-", dir=final.parent) as parent:
                    folder = Path(parent) / final.name
                    folder.mkdir()
                    make(folder)
                    folder.rename(final)
        making_seconds = nested + time.monotonic() - began
    os.utime(final)  # `trim` goes by the time of the last use
    return final


def trim(folder: Path, limit: int) -> None:
    """Remove the longest unused entries of `folder` until it takes at most `limit` bytes of disk.

    What was used in the last six hours stays: a test that runs now may be reading it.
    """
    entries = sorted((entry for entry in folder.iterdir() if entry.name[0] != "."), key=_last_use)
    sizes = {entry: kept.disk_usage(entry) for entry in entries}
    excess = sum(sizes.values()) - limit
    for entry in entries:
        if excess <= 0 or time.time() - _last_use(entry) < 6 * 3600:
            return
        shutil.rmtree(entry, ignore_errors=True)
        excess -= sizes[entry]


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Cache results and `Unavailable` alike: without a network, fail slowly once only."""

    @functools.cache
    def outcome(*args: P.args, **kwargs: P.kwargs) -> tuple[R | None, str | None]:
        try:
            return function(*args, **kwargs), None
        except Unavailable as error:
            return None, str(error.msg)

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        result, reason = outcome(*args, **kwargs)  # type: ignore[arg-type]  # all our arguments are hashable
        if reason is not None:
            raise Unavailable(reason)
        return result  # type: ignore[return-value]

    return wrapper


def pip(*arguments: str, what: str) -> None:
    """Run pip of this interpreter; `Unavailable` names `what` and pip's last words."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise Unavailable(f"pip cannot fetch {what}: {last}")


def _last_use(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:
        return 0.0
