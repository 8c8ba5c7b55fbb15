"""Where in a process the variables of a program can be: its writable mappings, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from gdb_gospan.errors import TargetError

Range = tuple[int, int]
"""Address and bytes."""

_LARGEST: Final = 256 << 20
"""Bytes of a run of mappings that are looked through: an image of a program is much smaller, a heap may not be."""


_NEAR: Final = 1 << 20
"""Bytes on each side of a variable in which others of its package are looked for."""


@attrs.frozen
class Mapping:
    """One mapping of a process: `path` is empty when it is of no file."""

    start: int
    size: int
    writable: bool
    path: str = ""


def places(mappings: Iterable[Mapping], program: str | None) -> list[list[Range]]:
    """Return groups of ranges, to be searched one group after the other.

    A program's initialised data is mapped from its file, and what it clears at the start follows at once: a run of
    writable mappings, part of it of a file, is the image of the program or of a library. First comes that of
    `program`, then those of libraries, then, in a group of its own each, memory of no file: where the kernel did
    not say what is mapped from where, that is all there is.
    """
    runs: list[list[Mapping]] = []
    for mapping in sorted(
        (each for each in mappings if each.writable and each.size), key=lambda each: each.start
    ):
        if runs and runs[-1][-1].start + runs[-1][-1].size == mapping.start:
            runs[-1].append(mapping)
        else:
            runs.append([mapping])
    own = [run for run in runs if program and any(each.path == program for each in run)]
    of_files = [run for run in runs if run not in own and any(each.path for each in run)]
    others = [run for run in runs if run not in own and run not in of_files]
    return [
        group for group in (_ranges(own), _ranges(of_files), *(_ranges([run]) for run in others)) if group
    ]


def _ranges(runs: Sequence[Sequence[Mapping]]) -> list[Range]:
    """Return a range for each run, from its first mapping of a file on."""
    found = []
    for run in runs:
        first = next((index for index, each in enumerate(run) if each.path), 0)
        end = run[-1].start + run[-1].size
        size = end - run[first].start
        if run[first].path or size <= _LARGEST:
            found.append((run[first].start, min(size, _LARGEST)))
    return found


def around(groups: Iterable[Sequence[Range]], addresses: Iterable[int]) -> list[list[Range]]:
    """Return what of the groups is near one of these addresses: a program's own variables lie among a megabyte or two."""
    found: list[list[Range]] = []
    for group in groups:
        pieces: list[Range] = []
        for begin, size in group:
            for address in sorted(each for each in addresses if begin <= each < begin + size):
                low, high = max(begin, address - _NEAR), min(begin + size, address + _NEAR)
                if pieces and low <= sum(pieces[-1]):
                    pieces[-1] = pieces[-1][0], high - pieces[-1][0]
                else:
                    pieces.append((low, high - low))
        if pieces:
            found.append(pieces)
    return found


def mappings_of(pid: int) -> list[Mapping]:
    """Return the mappings of a process on this machine (/proc/PID/maps).

    Raises
    ------
    TargetError
        There is no such process any more, or it must not be looked at.
    """
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123  # quick
            lines = file.read().splitlines()
    except OSError as error:
        raise TargetError(
            f"process {pid}: cannot read its mappings: {(error.strerror or '').lower()}"
        ) from error
    found = []
    for line in lines:
        span, mode, _offset, _device, _inode, *path = line.split(maxsplit=5)
        start, end = (int(edge, 16) for edge in span.split("-"))
        name = path[0] if path and path[0].startswith("/") else ""
        found.append(Mapping(start, end - start, "w" in mode, name.removesuffix(" (deleted)")))
    return found
