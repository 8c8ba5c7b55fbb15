"""The path of a file that a report is to write, checked before the target is read."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable

from gdb_gospan.errors import TargetError


def new_file(name: str, words: str, example: str, refuse: Callable[[str], None]) -> str:
    """Return the whole path of a file that may be written: never a link, nor a folder.

    Parameters
    ----------
    name
        As it was typed.
    words, example
        What was typed before it, and a name for it, to suggest another.
    refuse
        Raises a `TargetError` for a file that exists and must stay.

    Raises
    ------
    TargetError
        It may not, or cannot be written.
    """
    if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"":  # gdb takes no quotes away
        name = name[1:-1]
    if not name:
        raise TargetError(f"the name of the file is empty (try: {words} {example})")
    given = os.path.abspath(os.path.expanduser(name))  # noqa: PTH100, PTH111  # a text, shown as it is
    folder = os.path.realpath(os.path.dirname(given))  # noqa: PTH120
    path = os.path.join(folder, os.path.basename(given))  # noqa: PTH118, PTH119
    if os.path.islink(given):  # noqa: PTH114
        raise TargetError(
            f"{given} is a symbolic link, which is not replaced (try: a new FILE, or {os.path.realpath(given)})"
        )
    if os.path.isdir(given):  # noqa: PTH112
        raise TargetError(f"{given} is a folder (try: {words} {shlex.quote(f'{name}/{example}')})")
    if os.path.exists(given):  # noqa: PTH110
        refuse(given)
    if not os.path.exists(folder):  # noqa: PTH110
        raise TargetError(f"{path}: there is no such folder (try: mkdir -p {shlex.quote(folder)})")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):  # noqa: PTH112
        raise TargetError(f"{folder} is no folder that can be written to (try: another FILE)")
    return path
