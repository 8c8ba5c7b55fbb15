"""Whether a figure holds a limit: yes, no, or not known."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final, Literal

import attrs

Kind = Literal["max", "min"]
Status = Literal["ok", "exceeded", "unknown"]
Reason = Literal[
    "not_known",
    "lower_bound",
    "no_process",
    "no_memory_limit",
    "few_cycles",
    "no_base",
    "broken_checks",
    "open_checks",
]
"""Why it is not known whether a limit holds."""
OK: Final = "ok"
EXCEEDED: Final = "exceeded"
UNKNOWN: Final = "unknown"


@attrs.frozen
class Known:
    """What is known of a figure.

    Attributes
    ----------
    value
        None if it is not known.
    reason
        Why it decides nothing, if it does not: it is not known, or only a lower bound.
    """

    value: float | None
    reason: Reason | None = None


def known(value: float | None, *, complete: bool = True, otherwise: Reason = "not_known") -> Known:
    """Return what is known of a figure: a lower bound unless it is complete; if there is no value, `otherwise` says why."""
    return Known(value, otherwise if value is None else None if complete else "lower_bound")


def part_of(base: float | None, percent: Fraction, kind: Kind) -> int | None:
    """Return the limit in whole units that a share of the base is: no figure lies between the two."""
    if base is None:
        return None
    exact = Fraction(base) * percent / 100
    return math.floor(exact) if kind == "max" else math.ceil(exact)


def judged(kind: Kind, figure: Known, limit: float | None) -> tuple[Status, Reason | None]:
    """Return whether the figure holds the limit, and if that is not known, why."""
    if figure.value is None or figure.reason is not None:
        return UNKNOWN, figure.reason or "not_known"
    if limit is None:
        return UNKNOWN, "no_base"
    holds = figure.value <= limit if kind == "max" else figure.value >= limit
    return (OK if holds else EXCEEDED), None
