"""What is wrong with the memory of a program: the rules of go-spans doctor, in figures and codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import attrs
import numpy as np

from gdb_gospan.analysis.case import Account, Case, Most
from gdb_gospan.analysis.occupancy import classes

Code = Literal[
    "limit-thrashing", "finalizers-stuck", "beyond-go", "c-heap", "c-threads", "anonymous-memory", "mapped-files",
    "shared-memory", "program-data", "other-runtime", "returned-resident", "huge-pages", "dead-goroutines",
    "goroutine-leak", "os-threads", "deep-stacks", "many-stacks", "stacks", "unswept", "user-arenas", "p-hoard",
    "gc-setting", "garbage-waiting", "large-tails", "class-waste", "sparse-spans", "contiguity", "idle-retained",
    "metadata", "live-objects", "healthy",
]  # fmt: skip
"""What a finding is called; the words of each are in `reports.screens.verdicts`."""

Sure = Literal["certain", "likely", "possible"]
SHARE: Final = "share"
"""The threshold of a rule that has none of its own."""


@attrs.frozen
class Finding:
    """One cause, and what speaks for it.

    Attributes
    ----------
    claims
        Bytes that it explains, by account; empty where it explains none, or it is not known how many.
    evidence, against
        Figures by name, for it and against it. Names that end in ``_bytes`` are bytes, in ``_share`` shares of 0 to 1.
    urgent
        It stands before all others, whatever the bytes: it takes processor time, or memory without end.
    always
        It is told however few bytes it explains.
    brings
        Findings that this one brings about, which are not told beside it: the objects of a queue that is stuck live on.
    """

    code: Code
    claims: Mapping[Account, int]
    evidence: Mapping[str, Any]
    sure: Sure = "certain"
    against: Mapping[str, Any] = attrs.field(factory=dict)
    urgent: bool = False
    always: bool = False
    brings: frozenset[Code] = frozenset()

    @property
    def bytes(self) -> int:
        """All that it explains."""
        return sum(self.claims.values())


Rule = Callable[[Case], Finding | None]


@attrs.frozen
class Judgement:
    """The findings, worst first, and what no finding explains.

    Attributes
    ----------
    left
        Bytes by account that no finding explains.
    """

    findings: tuple[Finding, ...]
    left: Mapping[Account, int]


def judge(case: Case, rules: Iterable[tuple[Rule, float]]) -> Judgement:
    """Apply the rules in their order, the most special first: a byte is explained once.

    Parameters
    ----------
    rules
        Each with the share of the total that it must explain.
    """
    left: dict[Account, int] = dict(case.amounts)
    found: list[Finding] = []
    for rule, share in rules:
        finding = rule(case)
        if finding is None or any(finding.code in each.brings for each in found):
            continue
        claims = {
            account: min(max(claim, 0), left.get(account, 0)) for account, claim in finding.claims.items()
        }
        finding = attrs.evolve(finding, claims=claims)
        small = finding.bytes < case.least(share)
        if finding.claims and small and not (finding.urgent or finding.always):
            continue
        for account, claim in claims.items():
            left[account] = left.get(account, 0) - claim
        found.append(finding)
    found.sort(key=lambda each: (not each.urgent, each.code == "live-objects", -each.bytes))
    return Judgement(tuple(found) or (healthy(case),), left)


def healthy(case: Case) -> Finding:
    """Return the finding that there is none, with the span class that has most of the objects."""
    outside = case.resident or case.beyond is not None
    table = classes(case.heap)
    most = int(np.argmax(table.object_bytes)) if len(table) else None
    return Finding(
        "healthy",
        {},
        {
            "object_bytes": case.amount("objects"),
            "elemsize": 0 if most is None else int(table.elemsize[most]),
            "noscan": most is not None and bool(table.spanclass[most] & 1),
            "class_objects": 0 if most is None else int(table.objects[most]),
            "class_bytes": 0 if most is None else int(table.object_bytes[most]),
            "resident": case.resident,
            "outside_known": outside,
            **allocated(case),
        },
        sure="likely" if outside else "possible",
    )


def allocated(case: Case) -> Mapping[str, Any]:
    """Return who allocated most of what is in use, where the program takes samples of it; and who keeps most."""
    found = case.allocator
    who = {} if found is None else {"allocated_in": found.function, "allocated_bytes": found.nbytes}
    kept = None if case.keeper is None else case.keeper(None)
    return who if kept is None else {**who, **_most("kept", kept)}


def stranded_by(case: Case, spanclass: int | None) -> Mapping[str, Any]:
    """Return whose objects strand most of the free slots, of a span class or of all, where enough samples tell it."""
    found = None if case.strander is None else case.strander(spanclass)
    who = {} if found is None else {"stranded_in": found.function, "stranded_bytes": found.nbytes}
    kept = None if case.stranding_keeper is None else case.stranding_keeper(spanclass)
    return who if kept is None else {**who, **_most("stranded", kept)}


def _most(name: str, kept: Most) -> Mapping[str, Any]:
    return {
        f"{name}_type": kept.type,
        f"{name}_type_bytes": kept.type_bytes,
        f"{name}_owner": kept.owner,
        f"{name}_owner_bytes": kept.owner_bytes,
    }


def shares(case: Case, rules: Sequence[tuple[Rule, str]]) -> list[tuple[Rule, float]]:
    """Return rules with the share that the thresholds of the case have under this name."""
    return [(rule, float(getattr(case.limits, name))) for rule, name in rules]
