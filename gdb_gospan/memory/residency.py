"""What the kernel says of the residency of a process, read while it stands still, and kept for later."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from gdb_gospan.memory import procstatus
from gdb_gospan.memory.cgroups import Cgroup, cgroup_of
from gdb_gospan.memory.mappings import mappings_of
from gdb_gospan.memory.pagemap import PageStates, read_pages
from gdb_gospan.memory.runs import from_steps, steps
from gdb_gospan.memory.smaps import MOST

_MOST_RUNS: Final = 1 << 20
"""Runs of pages that a snapshot keeps."""
_USER_HALF: Final = 1 << 63
"""Above is the kernel's half of the address space, where [vsyscall] is."""


@attrs.frozen(eq=False, repr=False)
class Residency:
    """The kernel's accounts of one process.

    Attributes
    ----------
    smaps, rollup
        The texts of /proc/PID/smaps and, read after everything else, smaps_rollup; None where there is none.
    pages
        The states of the pages of anonymous memory; None where they are not known.
    stack_pointers
        Of the threads, as far as they are known.
    cgroup
        None where it is not known.
    source
        Of the text, for messages.
    """

    smaps: bytes
    rollup: bytes | None
    pages: PageStates | None
    stack_pointers: tuple[int, ...]
    cgroup: Cgroup | None
    source: str


def read_residency(pid: int, stack_pointers: Iterable[int] | None = None) -> Residency | None:
    """Read all of a process on this machine, which must stand still; None where its smaps may not be read.

    Parameters
    ----------
    stack_pointers
        Of its threads; None to ask the kernel.
    """
    path = f"/proc/{pid}/smaps"
    smaps = _bytes(path, MOST)
    if not smaps:
        return None
    anonymous = [
        (each.start, each.start + each.size)
        for each in mappings_of(pid)
        if each.writable and not each.path and each.start < _USER_HALF
    ]
    pages = read_pages(pid, anonymous)
    rollup = _bytes(f"/proc/{pid}/smaps_rollup", 1 << 16)
    pointers = _pointers(pid) if stack_pointers is None else stack_pointers
    return Residency(smaps, rollup, pages, tuple(filter(None, pointers)), cgroup_of(pid), path)


def saved(path: str) -> Residency:
    """Return what a saved copy of /proc/PID/smaps has; `TargetError` if it cannot be read."""
    from gdb_gospan.errors import TargetError  # noqa: PLC0415  # for who gives a file

    try:
        with open(path, "rb") as file:  # noqa: PTH123  # a name of any kind
            text = file.read(MOST + 1)
    except OSError as error:
        raise TargetError(f"--smaps: {path}: {(error.strerror or str(error)).lower()}") from error
    return Residency(text, None, None, (), None, path)


def _pointers(pid: int) -> list[int]:
    """Return the stack pointers of threads that stand still (/proc/TID/syscall)."""
    found = []
    for tid in procstatus.threads(pid):
        words = (_bytes(f"/proc/{tid}/syscall", 1 << 10) or b"").split()
        if len(words) >= 3:
            found.append(int(words[-2], 16))
    return found


def _bytes(path: str, most: int) -> bytes | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    pieces, size = [], 0
    try:
        while size <= most and (piece := os.read(file, 1 << 20)):
            pieces.append(piece)
            size += len(piece)
    except OSError:
        return None
    finally:
        os.close(file)
    return b"".join(pieces)


def freeze(found: Residency | None) -> dict[str, Any] | None:
    """Return what a snapshot keeps of it; None where there is nothing, or too much."""
    if found is None:
        return None
    pages = found.pages
    kept = None if pages is None else {name: steps(getattr(pages, name)) for name in _STATES}
    count = 0 if kept is None else sum(len(runs) for runs in kept.values() if runs is not None)
    return {
        "smaps": found.smaps.decode("latin-1"),
        "rollup": None if found.rollup is None else found.rollup.decode("latin-1"),
        "pages": kept if count <= 2 * _MOST_RUNS else None,
        "stack_pointers": list(found.stack_pointers),
        "cgroup": None if found.cgroup is None else attrs.asdict(found.cgroup),
    }


_STATES = ("resident", "swapped", "huge", "doubtful")


def thaw(kept: Mapping[str, Any] | None, source: str) -> Residency | None:
    """Return what a snapshot has kept; `LookupError`, `TypeError` or `ValueError` where it is damaged."""
    if kept is None:
        return None
    pages, rollup, cgroup = kept["pages"], kept["rollup"], kept["cgroup"]
    states = None if pages is None else {name: from_steps(pages[name]) for name in _STATES}
    if states is not None and (states["resident"] is None or states["swapped"] is None):
        raise TypeError(pages)
    pointers = kept["stack_pointers"]
    if not all(type(each) is int and 0 <= each < 1 << 64 for each in pointers):
        raise TypeError(pointers)
    return Residency(
        smaps=kept["smaps"].encode("latin-1"),
        rollup=None if rollup is None else rollup.encode("latin-1"),
        pages=None if states is None else PageStates(**states),  # type: ignore[arg-type]  # checked above
        stack_pointers=tuple(pointers),
        cgroup=None if cgroup is None else _cgroup(cgroup),
        source=source,
    )


def _cgroup(kept: Mapping[str, Any]) -> Cgroup:
    found = Cgroup(**{each.name: kept[each.name] for each in attrs.fields(Cgroup)})
    numbers = (found.current, found.limit, found.limit_hits, found.oom_kills)
    if not isinstance(found.path, str) or type(found.version) is not int:
        raise TypeError(kept)
    if not all(each is None or type(each) is int for each in numbers):
        raise TypeError(kept)
    return found
