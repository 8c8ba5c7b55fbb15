"""The notes of checks in documents, by their codes: what a test looks for are the same words that a person sees."""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING

from gdb_gospan.render.notes import ONE, WORDS

if TYPE_CHECKING:
    from gdb_gospan.analysis.notes import Code

HIDDEN: tuple[Code, ...] = (
    "no-functions",
    "no-names",
    "signal-handler",
    "callers-hidden",
    "stack-breaks-off",
)
"""A thread is there, and what it does is not seen."""

GOING_ON: tuple[Code, ...] = (
    "sweeping",
    "pages-in-flight",
    "pages-being-freed",
    "stats-update",
    "thread-inside",
)
"""What a transient was in the middle of."""


def says(note: str, *codes: Code) -> bool:
    """Whether the note of a check has the words of one of these codes."""
    return any(
        re.search(pattern(table[code]), note) for code in codes for table in (WORDS, ONE) if code in table
    )


def pattern(template: str) -> str:
    """Return a regular expression for what a template may come to."""
    pieces = Formatter().parse(template)
    return "".join(re.escape(text) + (f"(?P<{name}>.+)" if name else "") for text, name, _, _ in pieces)
