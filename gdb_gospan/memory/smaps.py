"""Read the text of /proc/PID/smaps: what of each mapping is resident (proc_pid_smaps(5))."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from gdb_gospan.errors import TargetError

MOST: Final = 256 << 20
"""Bytes of text: a process has at most 65,530 mappings by default (vm.max_map_count), each of 800 bytes."""
_HEADER: Final = re.compile(
    rb"([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][sp]) ([0-9a-f]+) [0-9a-f]+:[0-9a-f]+ \d+(?: +(.*))?"
)
_FIGURE: Final = re.compile(rb"([A-Z][A-Za-z_]*): +(\d{1,15}) kB")
_DELETED: Final = " (deleted)"


@attrs.frozen(eq=False, repr=False)
class Vma:
    """One mapping.

    Attributes
    ----------
    mode
        As in the text: ``rw-p``.
    name
        A path, a name in brackets, or empty for anonymous memory without a name.
    figures
        Bytes by the kernel's names; a name that this kernel does not have is missing.
    """

    start: int
    end: int
    mode: str
    name: str
    figures: Mapping[str, int]

    @property
    def size(self) -> int:
        """Bytes of address space."""
        return self.end - self.start

    @property
    def rss(self) -> int:
        """Bytes that are resident."""
        return self.figures["Rss"]

    @property
    def writable(self) -> bool:
        """The process may write there."""
        return self.mode[1] == "w"

    @property
    def reserved(self) -> bool:
        """Address space that may not be accessed (PROT_NONE)."""
        return self.mode.startswith("---")

    @property
    def is_file(self) -> bool:
        """It has a path."""
        return self.name.startswith("/")

    def get(self, name: str) -> int | None:
        """Return a figure; None where this kernel does not have it."""
        return self.figures.get(name)


@attrs.frozen(eq=False, repr=False)
class Smaps:
    """Every mapping, by address.

    Attributes
    ----------
    cut
        The text ends in the middle of a mapping, which is left out.
    """

    vmas: tuple[Vma, ...]
    cut: bool = False

    def total(self, name: str) -> int | None:
        """Return the sum of a figure over all mappings; None where no mapping has it."""
        return total(self.vmas, name)


def total(vmas: Iterable[Vma], name: str) -> int | None:
    """Return the sum of a figure over these mappings; None where none of them has it."""
    known = [value for vma in vmas if (value := vma.get(name)) is not None]
    return sum(known) if known else None


def parse(text: bytes, what: str) -> Smaps:
    """Parse the text of a smaps file.

    Parameters
    ----------
    what
        The file, for messages.

    Raises
    ------
    TargetError
        It is something else, or too long.
    """
    if len(text) > MOST:
        raise TargetError(f"{what}: too long for a copy of /proc/PID/smaps ({len(text):,} bytes)")
    whole = text.endswith(b"\n")
    lines = text.split(b"\n")
    cut_line = lines.pop()  # what follows the last end of a line: nothing, or a line that is cut
    vmas: list[Vma] = []
    header: re.Match[bytes] | None = None
    figures: dict[str, int] = {}
    names: int | None = None

    def close() -> None:
        nonlocal names
        if header is None:
            return
        vmas.append(_vma(header, figures, vmas[-1].end if vmas else 0, what))
        names = names or len(figures)
        if len(figures) != names:
            raise _other(what, f"the mapping at {vmas[-1].start:#x} does not have the figures of the others")

    for number, line in enumerate(lines, 1):
        if figure := _FIGURE.fullmatch(line):
            figures[figure[1].decode()] = int(figure[2]) << 10
        elif found := _HEADER.fullmatch(line):
            close()
            header, figures = found, {}
        elif line and b":" not in line:
            raise _other(what, f"line {number} is not of it")
        if header is None and line:
            raise _other(what, f"line {number} is not of it")
    cut = not whole and bool(cut_line)
    if header is not None and ("Rss" not in figures or (names is not None and len(figures) < names)):
        cut = True
    elif header is not None:
        close()
    if not vmas:
        raise _other(what, "it has no mapping")
    return Smaps(tuple(vmas), cut)


def parse_rollup(text: bytes) -> Mapping[str, int]:
    """Return the sums of /proc/PID/smaps_rollup in bytes, by the kernel's names; none where it is something else."""
    found = map(_FIGURE.fullmatch, text[: 1 << 16].split(b"\n"))
    return {each[1].decode(): int(each[2]) << 10 for each in found if each}


def _vma(header: re.Match[bytes], figures: Mapping[str, int], after: int, what: str) -> Vma:
    start, end = int(header[1], 16), int(header[2], 16)
    if not after <= start < end:
        raise _other(what, f"the mapping at {start:#x} is out of order")
    if "Rss" not in figures:
        raise _other(what, f"the mapping at {start:#x} has no Rss (is it a copy of /proc/PID/maps?)")
    if figures["Rss"] > end - start:
        raise _other(what, f"the mapping at {start:#x} has more resident than its size")
    name = os.fsdecode((header[5] or b"").replace(b"\\012", b"\n"))
    return Vma(start, end, header[3].decode(), name.removesuffix(_DELETED), figures)


def _other(what: str, why: str) -> TargetError:
    return TargetError(f"{what}: not a copy of /proc/PID/smaps: {why}")
