"""The files of the program: their names in gdb, and where their bytes can be read."""

from __future__ import annotations

import contextlib
import os
import re

import gdb

_TARGET = ("target:", "remote:")
"""How gdb begins the name of a file that it reads from the target (gdb's manual, set sysroot)."""
_EXE = re.compile(r"/proc/\d+/exe")
_DELETED = " (deleted)"
"""How the kernel ends the path of an executable that has none any more."""
Named = gdb.Objfile | gdb.Progspace
"""What has a ``filename``; read it by `name_of`."""


def path_of(name: str) -> str:
    """Return the path of a file in the program's own view: gdb's name without its prefix."""
    for prefix in _TARGET:
        name = name.removeprefix(prefix)
    if _EXE.fullmatch(name):  # what gdb 16 falls back to
        with contextlib.suppress(OSError):
            return os.readlink(name).removesuffix(_DELETED)  # noqa: PTH115  # a text, not a file here
    return name


def executable() -> str | None:
    """Return gdb's name of the executable, or None if it has none."""
    space = gdb.current_progspace()
    return name_of(space) if space else None


_unread: list[Named] = []
_read: list[str | None] = []


def name_of(named: Named) -> str | None:
    """Return gdb's name of a file or of the executable.

    gdb decodes it by the host's character set, which is ASCII under LANG=C, and raises where a byte is not of that.
    Then it is asked once more by one in which each byte is a character.
    """
    try:
        return named.filename
    except UnicodeDecodeError:
        _unread[:] = [named]
        gdb.execute(
            f"with host-charset ISO-8859-1 -- python __import__({__name__!r}, fromlist=['_ask'])._ask()"
        )
        (name,) = _read
        return None if name is None else os.fsdecode(name.encode("latin-1"))


def _ask() -> None:
    _read[:] = [_unread.pop().filename]


def at_hand(name: str | None) -> str | None:
    """Return the local path of a file that gdb has loaded; None if it cannot be read on this machine.

    gdb reads the files of a process in another mount namespace (a container), and those on the far side of a remote
    stub, through the target. The former are reached through /proc; the latter stay out of reach: a file of the same
    path here may be another.

    Parameters
    ----------
    name
        As `gdb.Objfile.filename` has it.
    """
    if not name:
        return None
    if _EXE.fullmatch(name):
        return name
    path, found = path_of(name), []
    inferior = gdb.selected_inferior()
    if inferior.pid and inferior.connection is not None and inferior.connection.type == "native":
        found = _of_process(inferior.pid, path)
    if path == name:
        found.append(path)
    for candidate in found:
        with contextlib.suppress(OSError, ValueError):
            if os.path.isfile(candidate) and os.access(candidate, os.R_OK):  # noqa: PTH113  # needs no pathlib
                return candidate
    return None


def _of_process(pid: int, path: str) -> list[str]:
    """Return where a file of a process of this machine may be seen; its executable also when another lies at the path now."""
    proc = f"/proc/{pid}"
    with contextlib.suppress(OSError):
        if os.readlink(f"{proc}/exe") in (path, path + _DELETED):  # noqa: PTH115  # a text, not a file here
            return [f"{proc}/exe"]
    return [f"{proc}/root/{path.lstrip('/')}"]
