"""The columns of go-spans gate: figures, limits, and what comes of comparing them."""

from __future__ import annotations

from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.term import in_runtime as go

GATE: tuple[Term, ...] = (
    Term(
        "limits of a gate",
        "go-spans gate compares figures with limits: ok if a limit holds, exceeded if it does not, unknown if that is not certain.",
        "max: value <= limit; min: value >= limit; a limit in percent is that share of Sys, for memory_headroom of GOMEMLIMIT",
        (go("mstats.go", "MemStats.Sys"), go("mgcpacer.go", "gcControllerState.memoryLimit")),
        unlike="GOMEMLIMIT, which the runtime itself keeps to",
        aliases=(
            "gate",
            "limit",
            "figure",
            "ok",
            "exceeded",
            "limits hold",
            "at most",
            "at least",
            "of GOMEMLIMIT",
        ),
        covers=("gate/figure", "gate/value", "gate/limit", "gate/status"),
    ),
    Term(
        "broken_checks",
        "the number of identities that go-spans check finds broken: with one, no figure can be trusted, so every limit is unknown.",
        "identities with the status broken",
        (go("mstats.go", "MemStats"),),
        unlike="checks that are unknown, which need memory that could not be read",
        covers=("gate/broken_checks",),
    ),
)
