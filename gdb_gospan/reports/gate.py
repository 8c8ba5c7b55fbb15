"""go-spans gate: whether figures hold limits, for CI and cron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gdb_gospan.analysis.limits import EXCEEDED, UNKNOWN, Kind, Reason, Status, judged, known, part_of
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.thresholds import Thresholds
from gdb_gospan.errors import FOUND, NOT_TOLD
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.command import Option
from gdb_gospan.fields.document import BYTES, COUNT, PERCENT, Document, Looks, document, field
from gdb_gospan.fields.report import Arguments, Report, headings
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.figures import (
    ACCOUNTS,
    BROKEN,
    OTHERS,
    RATE,
    STATS,
    UNITS,
    Base,
    Figures,
    base_of,
    figures,
)
from gdb_gospan.reports.limits import EVERY, FORBIDDABLE, Limit, forbidden, wanted
from gdb_gospan.reports.screens import apart

if TYPE_CHECKING:  # which brings the words of all verdicts
    from gdb_gospan.reports.rows.verdicts import Verdict

_WANTED, _FORBIDDEN = "wanted", "forbidden"
"""The limits and the codes of verdicts, among the arguments."""


def amount(value: float | None, unit: str, looks: Looks) -> str:
    """Write a figure, or a limit of it."""
    if value is None:
        return units.UNKNOWN
    if unit == BYTES:
        return units.nbytes(int(value), exact=looks.exact)
    if unit == PERCENT:
        return f"{_short(value)} %"
    return f"{_short(value)}/s" if unit == RATE else units.count(int(value))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _full(value: float, unit: str) -> str:
    return f"{value:,}" + {BYTES: " B", PERCENT: " %", RATE: "/s"}.get(unit, "")


def limit_of(row: Condition, looks: Looks) -> str:
    """Write the limit, with the share that it is."""
    written = _apart(row.limit, row.value, row.unit, looks)
    if row.limit_percent is None:
        return written
    share = f"{_short(row.limit_percent)} % of {'Sys' if row.limit_of == 'Sys' else 'GOMEMLIMIT'}"
    return share if row.limit is None else f"{written} ({share})"


def value_of(row: Condition, looks: Looks) -> str:
    """Write the figure."""
    written = _apart(row.value, row.limit, row.unit, looks)
    return f"≥ {written}" if row.reason == "lower_bound" else written


def _apart(value: float | None, other: float | None, unit: str, looks: Looks) -> str:
    """Write a number: in full where another one would look the same."""
    written = amount(value, unit, looks)
    same = value != other and written == amount(other, unit, looks)
    return _full(value, unit) if same and value is not None else written


@document
class Condition(Document):
    """One condition: a figure and its limit."""

    name: str = field("the figure that has the limit", heading="figure", left=True)
    kind: Kind = field("max: the figure must not be more than the limit; min: it must not be less")
    unit: str = field("of value and limit: bytes, count, percent, or per_second")
    value: float | None = field(
        "the figure; null when not known",
        help="what the figure is",
        heading="value",
        shown=value_of,
    )
    limit: float | None = field(
        "the limit; null where it is a share of what is not known",
        help="what the figure is held against; at most, or at least",
        heading="limit",
        left=True,
        shown=lambda row, looks: f"{'at most' if row.kind == 'max' else 'at least'} {limit_of(row, looks)}",
    )
    limit_percent: float | None = field("the share that was asked for; null for a number")
    limit_of: Base | None = field("what it is a share of; null for a number")
    status: Status = field(
        "ok: the limit holds; exceeded: it does not; unknown: the figure is not certain, or a check is broken",
        heading="status",
        left=True,
    )
    reason: Reason | None = field("why it is unknown; null otherwise")
    cause: str | None = field(
        "what doctor says, if it gives a verdict that must not be given; null otherwise"
    )


@document
class Gate(Answer):
    """Whether every condition holds."""

    status: Status = field("exceeded if one condition is; otherwise unknown if one is; otherwise ok")
    conditions: tuple[Condition, ...] = field(
        "a row for each limit: those of the options, then those of the file; and for broken checks"
    )


def _prepare(arguments: Arguments) -> Arguments:
    """Read the limits before the target is paused."""
    return {**arguments, _WANTED: wanted(arguments, UNITS), _FORBIDDEN: forbidden(arguments)}


def _build(session: Session, arguments: Arguments) -> Gate:
    """Hold every figure that has a limit against it."""
    codes = arguments.get(_FORBIDDEN, ())
    given = _given(session) if codes else []
    session.finish_reading("goroutines")
    evidence = proof(session, scheduler=True)
    found = figures(session, evidence)
    rows = (*_of_limits(arguments.get(_WANTED, ()), found), *_of_verdicts(codes, given, found.doubt))
    return Gate(about=about(session, "gate"), status=_worst(rows), conditions=rows, proof=evidence)


def _of_limits(limits: tuple[Limit, ...], found: Figures) -> tuple[Condition, ...]:
    """Return a row for each limit, and for broken checks always: with one, no figure can be trusted."""
    rows = [_row(limit, found, _doubt(limit, found)) for limit in limits]
    if all(limit.name != BROKEN for limit in limits):
        rows.append(_row(Limit("max", BROKEN, 0), found, found.doubt))
    return tuple(rows)


def _given(session: Session) -> list[Verdict]:
    """Return the verdicts that doctor gives."""
    from gdb_gospan.reports.doctor import judged_by  # noqa: PLC0415  # it reads much more
    from gdb_gospan.reports.rows.verdicts import verdict_of  # noqa: PLC0415

    _, judgement = judged_by(session, Thresholds(), None)
    return [verdict_of(each) for each in judgement.findings if each.code != "healthy"]


def _of_verdicts(codes: Sequence[str], given: Sequence[Verdict], doubt: Reason | None) -> list[Condition]:
    """Return a row for each verdict that must not be given: how often it is."""
    rows = []
    for code in codes:
        those = [each for each in given if code in (EVERY, each.code)]
        status, reason = judged("max", known(len(those)), 0)
        if doubt is not None:
            status, reason = UNKNOWN, doubt
        rows.append(
            Condition(
                name=f"verdict {code}", kind="max", unit=COUNT, value=len(those), limit=0, limit_percent=None, limit_of=None,
                status=status, reason=reason, cause=" ".join(f"{each.code}: {each.cause}" for each in those) or None,
            )
        )  # fmt: skip
    return rows


def _doubt(limit: Limit, found: Figures) -> Reason | None:
    """Return why a figure cannot be trusted; the number of broken checks is certain if there is one."""
    return None if limit.name == BROKEN and found.doubt == "broken_checks" else found.doubt


def _row(limit: Limit, found: Figures, doubt: Reason | None) -> Condition:
    figure, base = found.known[limit.name], base_of(limit.name)
    share = limit.percent
    number = limit.number if share is None else part_of(found.bases[base], share, limit.kind)
    status, reason = judged(limit.kind, figure, number)
    if doubt is not None:
        status, reason = UNKNOWN, doubt
    return Condition(
        name=limit.name,
        kind=limit.kind,
        unit=UNITS[limit.name],
        value=figure.value,
        limit=number,
        limit_percent=None if share is None else float(share),
        limit_of=None if share is None else base,
        status=status,
        reason=reason,
        cause=None,
    )


def _worst(rows: tuple[Condition, ...]) -> Status:
    found = {row.status for row in rows}
    return "exceeded" if EXCEEDED in found else "unknown" if UNKNOWN in found else "ok"


def exit_status(answer: Gate) -> int:
    """Return what the conditions come to."""
    return {EXCEEDED: FOUND, UNKNOWN: NOT_TOLD}.get(answer.status, 0)


REPORT = Report(
    name="gate",
    summary="whether figures hold limits: exit status and reports for CI and cron",
    description=(
        "Compares figures with limits, and says for each whether it holds. At least one limit must be given.\n"
        "The exit status is 1 if a limit is exceeded, otherwise 3 if one is unknown, otherwise 0; in gdb\n"
        "$_go_spans_status has it. A limit is unknown, and never holds, if its figure is not known, or if a check\n"
        f"is broken. Figures: {', '.join(OTHERS)}. The accounts of summary: {', '.join(ACCOUNTS)}. Of\n"
        f"runtime.MemStats: {', '.join(STATS)}."
    ),
    example="go-spans gate --max idle_retained=64MiB --max free_slots=30%",
    place=135,
    document=Gate,
    build=_build,
    screen=apart("gate"),
    forms={"junit": apart("gate", "junit"), "github": apart("gate", "github")},
    rows=("conditions",),
    options=(
        Option(
            "max",
            "the figure NAME must not be more than LIMIT: a number, bytes such as 64MiB, or N% of Sys (memory_headroom: of "
            "GOMEMLIMIT)",
            "NAME=LIMIT",
            repeated=True,
        ),
        Option("min", "the figure NAME must not be less than LIMIT", "NAME=LIMIT", repeated=True),
        Option(
            "forbid",
            "doctor must not give this verdict; all for any but healthy",
            "CODE",
            choices=FORBIDDABLE,
            repeated=True,
        ),
        Option(
            "limits",
            "TOML file with the tables [max] and [min] of NAME = LIMIT, text in quotes, and [verdicts] with forbid, a list; "
            "--max and --min take precedence",
            "FILE",
        ),
        Option(
            "format",
            "print text, JUnit XML, or workflow commands of GitHub Actions",
            "FORM",
            "text",
            choices=("text", "junit", "github"),
        ),
    ),
    words=(
        *headings(Condition),
        ("broken_checks", "identities that go-spans check finds broken; with one, no figure can be trusted"),
    ),
    prepare=_prepare,
    status=exit_status,
)
