"""Where the variables of a program can be in a process: the writable mappings of its files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.model import ADDRESS_SPACE

Range = tuple[int, int]
"""Address and bytes."""

_LARGEST: Final = 256 << 20
"""Bytes of a run of mappings that are looked through: an image of a program is much smaller, a heap may not be."""


_NEAR: Final = 1 << 20
"""Bytes on each side of a variable in which others of its package are looked for."""


@attrs.frozen(eq=False, repr=False)
class Mapping:
    """One mapping of a process; `path` is empty for anonymous memory, and `offset` is where in the file it begins."""

    start: int
    size: int
    writable: bool
    path: str = ""
    executable: bool = False
    offset: int | None = None


@attrs.frozen(eq=False, repr=False)
class Mapped:
    """The mappings of a process, and the GNU build ids of those of its files that are known, by path."""

    mappings: Sequence[Mapping]
    build_ids: dict[str, str | None]


@attrs.frozen(repr=False)
class Module:
    """An executable or library as mapped in memory.

    Attributes
    ----------
    path
        Of the file; empty for memory of no file.
    start
        Where the first mapping of the file begins.
    image
        What is writable, ascending: initialised data, which is mapped from the file, and what follows it at once, the
        variables that begin as zeros.
    """

    path: str
    start: int
    image: tuple[Range, ...]

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return os.path.basename(self.path)  # noqa: PTH119  # of a file that may be of another machine

    @property
    def size(self) -> int:
        """Bytes of the image."""
        return sum(size for _, size in self.image)

    @property
    def end(self) -> int:
        """Where the image ends; what is linked with it, code included, lies between `start` and here."""
        return sum(self.image[-1])

    def holds(self, address: int) -> bool:
        """Whether the address is in the image."""
        return any(start <= address < start + size for start, size in self.image)


def modules(mappings: Iterable[Mapping]) -> list[Module]:
    """Return every module with a writable image, by address; anonymous ones come last.

    A run of writable mappings of no file that follows no file is a module of its own: where the kernel did not say what
    is mapped from where, as in a core that Delve has written, that is all there is.
    """
    files: list[_Growing] = []
    others: list[_Growing] = []
    for mapping in sorted(mappings, key=lambda each: each.start):
        last = files[-1] if files else None
        if mapping.path:
            # A file has its writable segment after the others, so a file whose code comes again is loaded again.
            if last is None or last.path != mapping.path or (last.runs and not mapping.writable):
                files.append(_Growing(mapping.path, mapping.start))
            if mapping.writable and mapping.size:
                files[-1].add(mapping)
        elif mapping.writable and mapping.size:
            before = next(
                (
                    each
                    for each in (last, others[-1] if others else None)
                    if each and each.ends_at(mapping.start)
                ),
                None,
            )
            if before is None:
                others.append(before := _Growing("", mapping.start))
            before.add(mapping)
    # Memory of no file that is larger than any image is a heap.
    small = [each for each in others if each.runs[0][1] <= _LARGEST]
    return [each.module() for each in (*files, *small) if each.runs]


class _Growing:
    """A module whose mappings come one after the other."""

    def __init__(self, path: str, start: int) -> None:
        self.path = path
        self.start = start
        self.runs: list[Range] = []

    def ends_at(self, address: int) -> bool:
        return bool(self.runs) and sum(self.runs[-1]) == address

    def add(self, mapping: Mapping) -> None:
        if self.ends_at(mapping.start):
            start, size = self.runs.pop()
            self.runs.append((start, size + mapping.size))
        else:
            self.runs.append((mapping.start, mapping.size))

    def module(self) -> Module:
        return Module(self.path, self.start, tuple((start, min(size, _LARGEST)) for start, size in self.runs))


def around(ranges: Iterable[Range], addresses: Sequence[int]) -> list[Range]:
    """Return the parts of the ranges near these addresses: a program's variables lie within a megabyte or two."""
    pieces: list[Range] = []
    for begin, size in ranges:
        for address in sorted(each for each in addresses if begin <= each < begin + size):
            low, high = max(begin, address - _NEAR), min(begin + size, address + _NEAR)
            if pieces and low <= sum(pieces[-1]):
                pieces[-1] = pieces[-1][0], high - pieces[-1][0]
            else:
                pieces.append((low, high - low))
    return pieces


def mappings_of(pid: int) -> list[Mapping]:
    """Return the mappings of a process on this machine (/proc/PID/maps).

    Raises
    ------
    TargetError
        The process has ended, or may not be read.
    """
    try:
        # As bytes: a name may hold what text takes for the end of a line. A real one in it is written \\012.
        with open(f"/proc/{pid}/maps", "rb") as maps:  # noqa: PTH123  # quick
            lines = maps.read().split(b"\n")
    except OSError as error:
        raise TargetError(
            f"process {pid}: cannot read its mappings: {(error.strerror or '').lower()}"
        ) from error
    found = []
    for line in filter(None, lines):
        span, mode, offset, _device, _inode, *path = line.split(maxsplit=5)
        start, end = (int(edge, 16) for edge in span.split(b"-"))
        name = os.fsdecode(path[0].replace(b"\\012", b"\n")) if path and path[0].startswith(b"/") else ""
        file = name.removesuffix(" (deleted)")
        found.append(Mapping(start, end - start, b"w" in mode, file, b"x" in mode, int(offset, 16)))
    return found


def freeze(found: Mapped | None) -> dict[str, Any] | None:
    """Return what a snapshot keeps of it, the mappings that have the code of a file."""
    if found is None:
        return None
    kept = [each for each in found.mappings if each.executable and each.path]
    return {
        "code": [[each.start, each.size, each.path, each.offset] for each in kept],
        "build_ids": {each.path: found.build_ids.get(each.path) for each in kept},
    }


def thaw(kept: dict[str, Any] | None) -> Mapped | None:
    """Return what a snapshot has kept; `LookupError`, `TypeError` or `ValueError` where it is damaged."""
    if kept is None:
        return None
    ids = dict(kept["build_ids"])
    if not all(isinstance(path, str) and isinstance(found, str | None) for path, found in ids.items()):
        raise TypeError(ids)
    return Mapped([_thawed(*row) for row in kept["code"]], ids)


def _thawed(start: int, size: int, path: str, offset: int | None) -> Mapping:
    if not all(type(each) is int and 0 <= each < ADDRESS_SPACE for each in (start, size, offset or 0)):
        raise TypeError(start)
    if start + size >= ADDRESS_SPACE or not isinstance(path, str):
        raise TypeError(path)
    return Mapping(start, size, writable=False, path=path, executable=True, offset=offset)
