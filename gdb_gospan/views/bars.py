"""Shapes: bars and sparklines."""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"


def bar(part: int, base: int, width: int) -> str:
    """Draw ``part`` of ``base`` as a bar of at most ``width`` cells; anything above nothing shows."""
    if base <= 0 or part <= 0:
        return ""
    eighths = max(1, round(8 * width * min(part, base) / base))
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def sparkline(values: Sequence[int]) -> str:
    """Draw each value as one cell, scaled to the largest; 0 is a blank, so that a few still show."""
    top = max(values, default=0)
    if top <= 0:
        return " " * len(values)
    return "".join(
        " " if value <= 0 else _LEVELS[(value * (len(_LEVELS) - 1) + top - 1) // top] for value in values
    )
