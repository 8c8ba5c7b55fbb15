"""Numbers as people read them: binary units with three significant digits, shares, times."""

from __future__ import annotations

import datetime as dt

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_TIMES = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))

UNKNOWN = "unknown"


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def nbytes(value: int | None, *, exact: bool = False) -> str:
    """Format bytes: ``79.7 MiB``; below 10,000 and when ``exact``, whole bytes."""
    if value is None:
        return UNKNOWN
    if exact or abs(value) < 10_000:
        return f"{value:,} B"
    scaled, unit = float(value), 0
    while abs(scaled) >= 999.5 and unit < len(_BINARY) - 1:
        scaled /= 1024
        unit += 1
    sign = "-" if scaled < 0 else ""
    return f"{sign}{_three_digits(abs(scaled))} {_BINARY[unit]}"


def count(value: int | None) -> str:
    """Format a number with thousands separators."""
    return UNKNOWN if value is None else f"{value:,}"


def counted(value: int | None, noun: str, plural: str | None = None) -> str:
    """Format a number with its noun: ``1 span``, ``2 spans``."""
    return f"{count(value)} {noun if value == 1 else plural or noun + 's'}"


def share(part: int | None, base: int | None) -> str:
    """Format a share of ``base`` in percent, or a dash when the base is nothing, or one of them is not known."""
    return percent(100 * part / base) if base and part is not None else "–"


def percent(value: float | None) -> str:
    """Format a percentage with one decimal."""
    return UNKNOWN if value is None else f"{value:.1f} %"


def duration(nanoseconds: float) -> str:
    """Format a time: ``31.0 µs``, ``1.07 ms``, ``3.10 s``."""
    for size, unit in _TIMES:
        if nanoseconds >= size:
            return f"{_three_digits(nanoseconds / size)} {unit}"
    return f"{nanoseconds:.0f} ns"


def moment(unix_nanoseconds: int) -> str:
    """Format a point in time to the second, in UTC."""
    try:
        when = dt.datetime.fromtimestamp(unix_nanoseconds // 1_000_000_000, dt.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return UNKNOWN
    return when.strftime("%Y-%m-%d %H:%M:%S UTC")
