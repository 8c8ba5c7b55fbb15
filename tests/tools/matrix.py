"""The matrix of targets, damages and ways in: what each cell says, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gdb_gospan.analysis.identities import threads
from tools.damage import DAMAGES, MIB
from tools.notes import HIDDEN, says
from tools.verdicts import VIEWS, Ways

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.damage import Damage
    from tools.targets import Target
    from tools.verdicts import Verdict, View

REFERENCE: View = ("shell", "full")
"""The way in that every other one must agree with."""
OTHERS = tuple(view for view in VIEWS if view != REFERENCE)
NOT_IN_DELVE = frozenset(identity.code for identity in threads.IDENTITIES)
"""Delve has its own lists of goroutines and threads; its script looks at no more of them than verdicts need."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    damage
        None for the target as it is.
    verdict, undamaged, reference
        What is said here, of the target as it is by the same way, and of the same damage by the way of reference.
    """

    target: Target
    damage: Damage | None
    view: View
    verdict: Verdict
    undamaged: Verdict
    reference: Verdict

    @property
    def hit(self) -> list[str]:
        """The identities that the damage changes."""
        checks, before = self.verdict.checks, self.undamaged.checks
        keys = ("expected", "observed", "status")
        return [code for code in checks if any(checks[code][key] != before[code][key] for key in keys)]

    def __str__(self) -> str:
        damage = self.damage.name if self.damage else "no damage"
        return f"{self.target.name}, {damage}, {' '.join(self.view)}"


def meets(damage: Damage, view: View, turn: int) -> bool:
    """Whether a damage is looked at by this way in, too, with the target of that number; with one way for each target."""
    return (DAMAGES.index(damage) + turn) % len(OTHERS) == OTHERS.index(view)


def cells(target: Target, minor: str, folder: Path, turn: int | None = None) -> Iterator[Cell]:
    """Yield the cells of one target: by the way of reference with every damage, and by each other one without any.

    Parameters
    ----------
    folder
        For a copy of its core.
    turn
        The number of the target: with so many targets as there are ways in each damage meets each of them. None for all.
    """
    ways = Ways(target.core(minor), folder)
    heap = ways.open("full").heap
    changes = [(damage, change) for damage in DAMAGES if (change := damage.find(heap))]
    said = ways.ask(REFERENCE, [None, *(change for _, change in changes)])
    wholes = dict(zip([None, *(damage for damage, _ in changes)], said, strict=True))
    for damage, verdict in wholes.items():
        yield Cell(target, damage, REFERENCE, verdict, wholes[None], verdict)
    for view in OTHERS:
        chosen = [pair for pair in changes if turn is None or meets(pair[0], view, turn)]
        undamaged, *verdicts = ways.ask(view, [None, *(change for _, change in chosen)])
        yield Cell(target, None, view, undamaged, undamaged, wholes[None])
        for (damage, _), verdict in zip(chosen, verdicts, strict=True):
            yield Cell(target, damage, view, verdict, undamaged, wholes[damage])


def wrong_of(target: Target, minor: str, folder: Path, turn: int | None = None) -> list[str]:
    """Return all that is wrong with the cells of one target, a line for each; the parameters are those of `cells`."""
    found = [(cell, list(faults(cell))) for cell in cells(target, minor, folder, turn)]
    return [f"{cell}: {'; '.join(wrong)}" for cell, wrong in found if wrong]


def faults(cell: Cell) -> Iterator[str]:
    """Name all that is wrong with a cell."""
    verdict, target = cell.verdict, cell.target
    statuses = set(verdict.off.values())
    if "in flight" in verdict.summary and "transient" not in statuses:
        yield "the summary says in flight, and no check does"
    yield from _disagreements(cell)
    if cell.damage is None:
        yield from _undamaged(cell)
        return
    hit = {code: verdict.status(code) for code in cell.hit}
    if not any(status != "exact" for status in hit.values()):
        yield "nothing is noticed"
    allowed = {"exact", "broken"}
    allowed |= {"transient"} if not target.calm and cell.damage.nbytes < 100 * MIB else set()
    yield from (
        f"{code} {status}"
        for code, status in hit.items()
        if status not in allowed and not (status == "unknown" and _blind(cell, verdict.checks[code]))
    )


def _blind(cell: Cell, check: dict[str, Any]) -> bool:
    """Whether what decides is not there: where threads stand that do something, without the program.

    At a moment that nobody has chosen also where a thread is in morestack or in the vdso, as the note says.
    """
    if cell.target.any_moment and says(check["note"], *HIDDEN):
        return True
    return cell.view[1] == "none" and not cell.target.parked


def _disagreements(cell: Cell) -> Iterator[str]:
    """Name where this way says something else than the way of reference."""
    absent = NOT_IN_DELVE if cell.view[0] == "delve" else frozenset()
    lacking = cell.reference.checks.keys() - cell.verdict.checks.keys() - absent
    if lacking:
        yield f"not checked: {' '.join(sorted(lacking))}"
    for code in cell.verdict.checks:
        if cell.verdict.figures(code) != cell.reference.figures(code):
            yield f"{code} compares {cell.verdict.figures(code)}, not {cell.reference.figures(code)}"
        here, there = cell.verdict.status(code), cell.reference.status(code)
        blind = [
            said == "unknown" and _blind(cell, verdict.checks[code])
            for said, verdict in ((here, cell.verdict), (there, cell.reference))
        ]
        if here != there and not any(blind):
            yield f"{code} {here}, but {there} by {' '.join(REFERENCE)}"


def _undamaged(cell: Cell) -> Iterator[str]:
    expected = cell.target.off
    for code, status in cell.verdict.off.items():
        allowed = {expected.get(code, "exact")} if expected is not None else {"transient"}
        allowed |= {"transient"} if code in cell.target.also else set()
        if status not in allowed and not (status == "unknown" and _blind(cell, cell.verdict.checks[code])):
            yield f"{code} {status}"
    for code, status in (expected or {}).items():
        if status != "exact" and cell.verdict.off.get(code) is None:
            yield f"{code} exact"
    if cell.target.step:
        for code in cell.verdict.off:
            wanted, found = cell.verdict.figures(code)
            if abs(found - wanted) != cell.target.step:
                yield f"{code} is off by {found - wanted:,}"
