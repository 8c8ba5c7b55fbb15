"""The screen of go-spans gate, and what it prints for CI servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gdb_gospan.analysis.limits import EXCEEDED, OK, UNKNOWN
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.units import counted
from gdb_gospan.render.annotations import annotation
from gdb_gospan.render.junit import Case, Fault
from gdb_gospan.render.junit import junit as suite
from gdb_gospan.render.provenance import footer, heading, note
from gdb_gospan.render.tables import columns_of, fitted
from gdb_gospan.reports.gate import Condition, Gate, limit_of, value_of

_NAME: Final = "go-spans gate"
_REASONS: Final = {
    "not_known": "the figure cannot be read, or is impossible",
    "lower_bound": "only a lower bound of the figure is known, because part of the memory is missing",
    "no_process": "a core has no RSS (try: --pid, or a snapshot of a process)",
    "no_memory_limit": "there is no memory limit",
    "few_cycles": "too few GC cycles have finished",
    "no_base": "what the limit is a share of is not known",
    "broken_checks": "a check is broken, so no figure can be trusted (see go-spans check)",
    "open_checks": "a check that cannot be decided has two different sides, so no figure is certain (see go-spans check)",
}
_FAULTS: Final[dict[str, Fault]] = {EXCEEDED: "failure", UNKNOWN: "error"}


def screen(answer: Gate, looks: Looks) -> str:
    """Lay the conditions out; below them, why any is unknown."""
    body, left_out = fitted(columns_of(Condition, looks), answer.conditions, None, looks.room)
    causes = [row.cause for row in answer.conditions if row.cause]
    notes = [left_out, *causes, *_unknown(answer), _outcome(answer)]
    below = [note(text, looks.width) for text in notes if text]
    return "\n".join([heading(answer, looks), "", body, *below, footer(answer, looks)]) + "\n"


def _outcome(answer: Gate) -> str:
    """Say how many hold: ``1 of 4 limits is exceeded, 1 is unknown``."""
    found = [row.status for row in answer.conditions]
    every = counted(len(found), "limit")
    if answer.status == OK:
        return f"{every} {'holds' if len(found) == 1 else 'hold'}"
    bad = [(status, number) for status in (EXCEEDED, UNKNOWN) if (number := found.count(status))]
    (_, first), *_ = bad
    said = [f"{number} {'is' if number == 1 else 'are'} {status}" for status, number in bad]
    return ", ".join(said).replace(f"{first}", f"{first} of {every}", 1)


def _unknown(answer: Gate) -> list[str]:
    """Name each reason once, with the figures that it is the reason for."""
    names: dict[str, list[str]] = {}
    for row in answer.conditions:
        if row.reason is not None:
            names.setdefault(row.reason, []).append(row.name)
    return [f"{', '.join(dict.fromkeys(each))}: {_REASONS[reason]}" for reason, each in names.items()]


def _message(row: Condition, looks: Looks) -> str:
    """Say in a sentence what is wrong with a condition, or what it is."""
    if row.reason is not None:
        value = "unknown" if row.value is None else value_of(row, looks)
        return f"{row.name} is {value}: {_REASONS[row.reason]}"
    if row.cause is not None:
        return row.cause
    said = ("at most", "more than") if row.kind == "max" else ("at least", "less than")
    which = said[row.status == EXCEEDED]
    return f"{row.name} is {value_of(row, looks)}, {which} the limit of {limit_of(row, looks)}"


def junit(answer: Gate, looks: Looks) -> Iterator[str]:
    """Yield a test suite: a limit that is exceeded has failed, one that is unknown is an error."""
    cases = [
        Case(
            f"{row.kind} {row.name}",
            _FAULTS.get(row.status),
            row.reason or row.status,
            _message(row, looks) if row.status in _FAULTS else "",
        )
        for row in answer.conditions
    ]
    about = answer.about
    yield suite(_NAME, cases, {"target": about.target.description, "go": about.go.version})


def github(answer: Gate, looks: Looks) -> Iterator[str]:
    """Yield an annotation for each limit that does not hold, or one notice."""
    where = answer.about.target.description
    bad = [row for row in answer.conditions if row.status in _FAULTS]
    for row in bad:
        yield annotation("error", f"{_NAME}: {row.name}", f"{_message(row, looks)} ({where})")
    if not bad:
        yield annotation("notice", _NAME, f"{_outcome(answer)} ({where})")
