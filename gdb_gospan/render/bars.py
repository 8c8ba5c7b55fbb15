"""Shapes: bars and sparklines."""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"


def bar(part: int | None, base: int | None, width: int) -> str:
    """Draw ``part`` of ``base`` as a bar of at most ``width`` cells; anything above nothing shows, unless it is not known."""
    if not base or not part or base < 0 or part < 0:
        return ""
    eighths = max(1, round(8 * width * min(part, base) / base))
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def sparkline(values: Sequence[int]) -> str:
    """Draw each value as one cell, scaled to the largest; 0 is the base line, and a few show above it."""
    top = max(values, default=0)
    steps = len(_LEVELS) - 1
    return "".join(_LEVELS[(max(value, 0) * steps + top - 1) // top if top > 0 else 0] for value in values)
