"""The memory of a process's cgroup, and its limit: version 2, or version 1's memory controller (cgroups(7))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

_MOST: Final = 1 << 20
"""Bytes that are read of any file."""
_DEEPEST: Final = 64
_NO_LIMIT: Final = 1 << 60
"""What version 1 has for no limit is the largest number of pages that there can be."""


@attrs.frozen(repr=False)
class Cgroup:
    """What a cgroup has.

    Attributes
    ----------
    version
        1 or 2.
    path
        Of the cgroup, as the kernel names it.
    current
        Bytes that are charged to it: resident memory of its processes, page cache, and the kernel's own. None if it
        cannot be read.
    limit
        The lowest limit of it and the cgroups above that can be read; None if there is none.
    limit_hits
        How often the limit was reached (memory.events max; memory.failcnt); None if it cannot be read.
    oom_kills
        Processes that the kernel killed for it; None if it cannot be read.
    """

    version: int
    path: str
    current: int | None
    limit: int | None
    limit_hits: int | None
    oom_kills: int | None


def cgroup_of(pid: int, proc: Path = Path("/proc")) -> Cgroup | None:
    """Return the cgroup that the memory of a process is charged to; None if it is not known, or cannot be read."""
    groups = dict(_groups(_text(proc / str(pid) / "cgroup")))
    mounts = dict(_mounts(_text(proc / "self" / "mountinfo")))
    for controller, version in (("memory", 1), ("", 2)):
        path, mount = groups.get(controller), mounts.get(controller)
        if path is None or mount is None:
            continue
        root, where = mount
        inside = path.removeprefix(root) if root != "/" and path.startswith(root) else path
        folder = where / inside.lstrip("/")
        found = _version_1(folder, where, path) if version == 1 else _version_2(folder, where, path)
        if found.current is not None or found.limit is not None:
            return found
    return None


def _groups(text: str) -> Iterator[tuple[str, str]]:
    """Yield the controllers of each hierarchy and the path in it: ``0::/user.slice``; version 2 has none to name."""
    for line in text.splitlines():
        _number, controllers, path = [*line.split(":", 2), "", ""][:3]
        for controller in controllers.split(","):
            yield controller, path


def _mounts(text: str) -> Iterator[tuple[str, tuple[str, Path]]]:
    """Yield where the hierarchies are mounted (proc_pid_mountinfo(5)), and which part of each."""
    for line in text.splitlines():
        own, _, kind = line.partition(" - ")
        words, more = own.split(), kind.split()
        if len(words) < 5 or len(more) < 3:
            continue
        place = words[3], Path(words[4].replace("\\040", " "))
        if more[0] == "cgroup2":
            yield "", place
        elif more[0] == "cgroup" and "memory" in more[2].split(","):
            yield "memory", place


def _version_2(folder: Path, top: Path, path: str) -> Cgroup:
    events = _pairs(_text(folder / "memory.events"))
    limits = [_number(each / "memory.max") for each in _upwards(folder, top)]
    return Cgroup(
        version=2,
        path=path,
        current=_number(folder / "memory.current"),
        limit=min((each for each in limits if each is not None), default=None),
        limit_hits=events.get("max"),
        oom_kills=events.get("oom_kill"),
    )


def _version_1(folder: Path, top: Path, path: str) -> Cgroup:
    limits = [_number(each / "memory.limit_in_bytes") for each in _upwards(folder, top)]
    return Cgroup(
        version=1,
        path=path,
        current=_number(folder / "memory.usage_in_bytes"),
        limit=min((each for each in limits if each is not None and each < _NO_LIMIT), default=None),
        limit_hits=_number(folder / "memory.failcnt"),
        oom_kills=_pairs(_text(folder / "memory.oom_control")).get("oom_kill"),
    )


def _upwards(folder: Path, top: Path) -> list[Path]:
    """Return a folder and those above it, up to where the hierarchy is mounted."""
    found = [folder]
    while found[-1] != top and top in found[-1].parents and len(found) < _DEEPEST:
        found.append(found[-1].parent)
    return found


def _pairs(text: str) -> Mapping[str, int]:
    words = (line.split() for line in text.splitlines())
    return {each[0]: int(each[1]) for each in words if len(each) == 2 and each[1].isdecimal()}


def _number(path: Path) -> int | None:
    """Return the number that a file has; None for ``max``, which is no limit, and what cannot be read."""
    text = _text(path).strip()
    return int(text) if text.isdecimal() and len(text) < 20 else None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return ""
