"""Workflow commands of GitHub Actions, which annotate a run: lines that begin with ``::error`` and the like."""

from __future__ import annotations

from typing import Final, Literal

Level = Literal["error", "warning", "notice"]

# As actions/toolkit, packages/core/src/command.ts, escapes them.
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def annotation(level: Level, title: str, message: str) -> str:
    """Return the line of one annotation."""
    return f"::{level} title={title.translate(_PROPERTY)}::{message.translate(_DATA)}\n"
