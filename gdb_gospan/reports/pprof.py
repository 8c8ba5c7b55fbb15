"""The option --pprof: the samples of a report in a file for go tool pprof.

A report has `OPTION` among its own, completes its arguments by `prepared`, and writes the file by `write` when the target
has been let go.
"""

from __future__ import annotations

import os
from typing import Final

from gdb_gospan.errors import TargetError
from gdb_gospan.fields.command import Option
from gdb_gospan.fields.document import BYTES, Document, document, field
from gdb_gospan.fields.report import Arguments
from gdb_gospan.memory.appearing import written
from gdb_gospan.render.pprof import Profile, compressed
from gdb_gospan.reports.newfile import new_file

OPTION: Final = Option(
    "pprof",
    "write the samples to FILE as well, for go tool pprof; an existing file is an error, and so is a symbolic link",
    "FILE",
)
_EXAMPLE: Final = "heap.pb.gz"


@document
class Written(Document):
    """The file for go tool pprof."""

    file: str = field("its absolute path")
    bytes: int = field("its size", unit=BYTES)


def prepared(arguments: Arguments) -> Arguments:
    """Return the arguments with the whole path of the file; `TargetError` for one that may not be written."""
    name = arguments.get(OPTION.name)
    if name is None:
        return arguments
    return {**arguments, OPTION.name: new_file(name, f"--{OPTION.name}", _EXAMPLE, _refuse)}


def _refuse(given: str) -> None:
    raise TargetError(f"{given} exists, and is not replaced (try: another FILE)")


def write(path: str, profile: Profile) -> Written:
    """Write the file, at once or not at all, so that only its owner can read it.

    Raises
    ------
    TargetError
        It cannot be written, or there is one by now.
    """
    with written(path, replace=False) as file:
        for piece in compressed(profile):
            file.write(piece)
        file.flush()
        return Written(file=path, bytes=os.fstat(file.fileno()).st_size)
