"""Write reports so that gdb's pager counts their lines as the terminal shows them.

The pager counts bytes where a terminal shows columns: each ``█`` or ``·`` is two or three to it. A line
that fits the terminal then counts as two or three, and the page ends too early, often in the middle of a
line. While gdb's ``width`` is unlimited its pager counts newlines and nothing else, which is right for every
line that fits. So such lines are written with ``width`` unlimited; those that do not fit keep it.
"""

from __future__ import annotations

import re

import gdb

TYPE_CHECKING = False  # importing typing would take a third of what may be added to gdb's start
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def write(text: str) -> None:
    """Write a report; gdb's ``width`` is afterwards what it was, also when the reader leaves it."""
    width = gdb.parameter("width")
    if text.isascii() or not _pages() or not isinstance(width, int) or width <= 0:
        gdb.write(text)
        return
    for fits, lines in _stretches(text, width):
        if fits:
            _unlimited(lines, width)
        else:
            gdb.write(lines)


def write_all(pieces: Iterable[str]) -> None:
    """Write a report that comes in pieces of whole lines."""
    for piece in pieces:
        write(piece)


def _pages() -> bool:
    return bool(gdb.parameter("pagination")) and bool(gdb.parameter("height"))


def _stretches(text: str, width: int) -> Iterator[tuple[bool, str]]:
    """Yield lines that follow each other and all fit the width, or all do not."""
    from itertools import groupby

    def fits(line: str) -> bool:
        return len(_ESCAPE.sub("", line).rstrip("\n")) <= width

    for fit, lines in groupby(text.splitlines(keepends=True), fits):
        yield fit, "".join(lines)


def _unlimited(lines: str, width: int) -> None:
    gdb.flush()  # set width drops what gdb holds back of a line
    try:
        _set_width("unlimited")
        gdb.write(lines)
    finally:
        # Whoever resizes the terminal while the pager waits has set another one by now.
        if gdb.parameter("width") in (None, 0):
            _set_width(str(width))


def _set_width(value: str) -> None:
    # It prints nothing; and while gdb collects what a command prints, it would keep the width as it is.
    gdb.execute(f"set width {value}", from_tty=False)
