"""Find separate debug files where gdb finds them.

``objcopy --only-keep-debug`` takes it out of an executable, and ``--add-gnu-debuglink``
leaves a name and a checksum behind; the build id finds it without (gdb's manual,
*Separate Debug Files*). Go's linker writes a build id by itself since 1.24.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.cost import allowance
from gdb_gospan.memory.executable import Executable, open_executable

FOLDERS: Final = (Path("/usr/lib/debug"),)
"""What gdb has as its debug-file-directory when it is installed under /usr."""

_LARGEST: Final = 1 << 30
_PIECE: Final = 1 << 24
"""Bytes of a file to take into its checksum at once."""


def split_folders(text: str | None) -> tuple[Path, ...]:
    """Split a colon-separated list of folders, as in ``set debug-file-directory``; None gives the default ones."""
    return FOLDERS if text is None else tuple(Path(name) for name in text.split(":") if name)


def find_debug_file(executable: Executable, folders: Sequence[Path] = FOLDERS) -> Path | None:
    """Return the separate debug file of an executable without debug information of its own.

    In this order, the first that fits: ``DIR/.build-id/xx/yyy.debug`` in each folder, then the
    name that the executable gives, beside it, in ``.debug`` there, and in each folder followed by
    the executable's own one. What is found by build id must have the same; what is found
    by name must have the checksum that the executable gives.

    Parameters
    ----------
    folders
        Where debug files are: what gdb calls debug-file-directory.

    Returns
    -------
    Path | None
        None also when the executable has debug information.
    """
    if executable.has_debug_info:
        return None
    if executable.build_id:
        start, rest = executable.build_id[:2], executable.build_id[2:]
        for folder in folders:
            path = folder / ".build-id" / start / f"{rest}.debug"
            if _build_id(path) == executable.build_id:
                return path
    if executable.debuglink:
        name, checksum = executable.debuglink
        for folder in _around(executable, folders):
            path = folder / name
            if _other(path, executable.path) and _checksum(path) == checksum:
                return path
    return None


def _around(executable: Executable, folders: Sequence[Path]) -> Iterator[Path]:
    """Yield where a file of the name in .gnu_debuglink may be; a symbolic link's target counts as well."""
    own = os.path.abspath(executable.path)  # noqa: PTH100  # symbolic links stay, as in gdb
    for path in dict.fromkeys((own, os.path.realpath(own))):
        beside = Path(path).parent
        yield beside
        yield beside / ".debug"
        yield from (folder / beside.relative_to("/") for folder in folders)


def _other(path: Path, executable: Path) -> bool:
    """Whether the path is a file, and not the executable itself."""
    try:
        return path.is_file() and not path.samefile(executable)
    except OSError:
        return False


def _build_id(path: Path) -> str | None:
    try:
        return open_executable(path).build_id if path.is_file() else None
    except (TargetError, OSError):
        return None


def _checksum(path: Path) -> int | None:
    """Return the CRC-32 of a file, the one of gzip; None if it cannot be read."""
    checksum = 0
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if len(data) > _LARGEST + allowance(file.fileno()):
                return None  # nothing but holes, which would take hours
            for at in range(0, len(data), _PIECE):
                checksum = zlib.crc32(data[at : at + _PIECE], checksum)
    except (OSError, ValueError):  # an empty file cannot be mapped
        return None
    return checksum
