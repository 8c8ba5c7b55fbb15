"""Verdicts as rows: what doctor answers, and of which summary has the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from gdb_gospan.analysis.findings import Finding
from gdb_gospan.fields import units
from gdb_gospan.fields.document import BYTES, Document, document, field
from gdb_gospan.reports.screens.verdicts import WORDS


@document
class Evidence(Document):
    """One figure that speaks for a verdict, or against it."""

    name: str = field("what it is; ends in _bytes, _share (0 to 1) or _ns, or it is a number or a name")
    number: float | None = field("the value; null where it is a name, or not known")
    text: str | None = field("the name; null where it is a number, or not known")
    against: bool = field("it speaks against the verdict")


@document
class Verdict(Document):
    """One cause."""

    code: str = field("stable name of the cause")
    title: str = field("the cause in a few words")
    bytes: int | None = field(
        "bytes that it explains; no byte is explained twice. null where it explains none, or it is not known how many",
        unit=BYTES,
    )
    sure: Literal["certain", "likely", "possible"] = field("how sure it is")
    cause: str = field("the cause, in a sentence or two")
    cure: str = field("what to do")
    command: str = field("the subcommand that shows more")
    evidence: tuple[Evidence, ...] = field("the figures that it rests on")


def verdict_of(finding: Finding) -> Verdict:
    """Put a finding into words."""
    words = WORDS[finding.code]
    return Verdict(
        code=finding.code,
        title=words.title,
        bytes=finding.bytes if finding.claims else None,
        sure=finding.sure,
        cause=words.cause({**finding.evidence, **finding.against}, units.nbytes),
        cure=words.cure,
        command=words.command,
        evidence=tuple(
            _evidence(name, value, against=against)
            for some, against in ((finding.evidence, False), (finding.against, True))
            for name, value in some.items()
        ),
    )


def _evidence(name: str, value: str | float | None, *, against: bool) -> Evidence:
    if isinstance(value, str):
        return Evidence(name=name, number=None, text=value, against=against)
    return Evidence(
        name=name, number=int(value) if isinstance(value, bool) else value, text=None, against=against
    )


def values_of(verdict: Verdict) -> Mapping[str, str | float | None]:
    """Return the evidence by name, as the words of a cause take it."""
    return {each.name: each.number if each.text is None else each.text for each in verdict.evidence}
