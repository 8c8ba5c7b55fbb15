"""Get the output of gdb commands that have no Python API."""

from __future__ import annotations

import ast
import re

import gdb

from gdb_gospan.errors import TargetError

_STREAM = re.compile(r'^[~&]("(?:[^"\\]|\\.)*")$', re.MULTILINE)


def said(command: str) -> str:
    """Return what a gdb command prints.

    A front end's gdb (18, inside an MI command) gives it as MI stream records, whose strings are C's.

    Raises
    ------
    TargetError
        The output has a byte that gdb cannot decode, from a file name.
    """
    try:
        text = gdb.execute(command, to_string=True) or ""
    except UnicodeDecodeError:
        raise TargetError(
            f"gdb cannot decode the output of its `{command}`: a file "
            "name is not UTF-8 (try: symbolic links with ASCII names)"
        ) from None
    if not text.startswith(("~", "&")):
        return _untraced(text)
    parts = [
        ast.literal_eval(f"b{match}")
        for match in _STREAM.findall(text.encode("ascii", "backslashreplace").decode())
    ]
    return _untraced(b"".join(parts).decode("utf-8", "replace"))


def _untraced(text: str) -> str:
    """Leave out the commands themselves, which ``set trace-commands on`` puts before what they print."""
    while text.startswith("+") and gdb.parameter("trace-commands"):
        text = text.partition("\n")[2]
    return text
