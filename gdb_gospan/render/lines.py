"""Text in lines of a width: words stay whole, and so does a figure with its unit."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Final

_INSIDE: Final = re.compile(r"(?<=\d) (?=(?:[KMGTPE]i)?B\b|%|[nµm]?s\b)|(?<=≥) (?=\d)")
"""The blanks inside a figure: ``5.87 MiB``, ``12.0 %``, ``≥ 3.10 s``."""
_BETWEEN: Final = " · "
_KEPT: Final = "\0"


def joined(parts: Sequence[str], width: int, indent: str = "") -> list[str]:
    """Return the parts in lines of the width, several in one where they fit; only one that is too long by itself is cut."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + len(_BETWEEN) <= width:
            lines[-1] += _BETWEEN + part
        else:
            lines.append(indent + part)
    return [
        short
        for line in lines
        for short in ([line] if len(line) <= width else filled(line.strip(), width, indent, indent + "  "))
    ]


def filled(text: str, width: int, first: str = "", rest: str = "", *, cuts: bool = False) -> list[str]:
    """Return the text in lines of the width, at least one.

    Parameters
    ----------
    first, rest
        What the first line and all others begin with.
    cuts
        Whether a word that is longer than a line is cut: in a cell, which has others beside it.
    """
    lines = textwrap.wrap(
        _INSIDE.sub(_KEPT, text),
        max(width, len(rest) + 1),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=cuts,
        break_on_hyphens=False,
    )
    return [line.replace(_KEPT, " ") for line in lines] or [first.rstrip()]
