"""The Go runtimes of one process, and which of them is read.

Each library that is built with -buildmode=c-shared brings a runtime with a heap of its own; a program in Go that loads
one has two. A plugin (-buildmode=plugin) shares the runtime of its program.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import attrs

from gdb_gospan.errors import UsageError


@attrs.frozen(repr=False)
class Runtime:
    """One Go runtime of a process.

    Attributes
    ----------
    name
        Of the file that its variables belong to: the executable or a library.
    path
        Of that file; None where the target does not tell.
    mheap
        Address of its runtime.mheap_.
    version
        As the runtime has it (runtime.buildVersion); None when it is not known.
    in_use
        Bytes of its spans in use (mheap_.pagesInUse); None when its layout is not known, or the field is missing.
    shown
        Whether the figures are of this one.
    """

    name: str
    path: str | None
    mheap: int
    version: str | None
    in_use: int | None
    shown: bool = False


def choose(runtimes: Sequence[Runtime], wanted: str | None) -> Runtime:
    """Return the runtime to read.

    Parameters
    ----------
    runtimes
        By the address of mheap_; at least one.
    wanted
        Number of one, from 1 on, or its name or path. None for the one with the most bytes in use; of equals, that
        at the lowest address.

    Raises
    ------
    UsageError
        There is no such runtime, or several: one line that lists what there is.
    """
    if wanted is None:
        return max(runtimes, key=lambda each: -1 if each.in_use is None else each.in_use)
    fitting = [each for each in runtimes if wanted in (each.name, each.path) or _same_file(wanted, each.path)]
    if not fitting and wanted.isascii() and wanted.isdigit() and 0 < int(wanted) <= len(runtimes):
        fitting = [runtimes[int(wanted) - 1]]
    if len(fitting) == 1:
        return fitting[0]
    what = f"{len(fitting)} Go runtimes are named {wanted}" if fitting else f"no Go runtime named {wanted}"
    listed = ", ".join(
        f"{number} {(each.path or each.name) if fitting else each.name}"
        for number, each in enumerate(runtimes, 1)
    )
    example = runtimes.index(fitting[0]) + 1 if fitting else 1
    raise UsageError(f"--runtime: {what} (found: {listed}; try: --runtime {example})")


def _same_file(wanted: str, path: str | None) -> bool:
    """Whether two paths lead to one file here; a word without a folder is a name."""
    return path is not None and os.sep in wanted and os.path.realpath(wanted) == os.path.realpath(path)
