"""go-spans explain: what the words mean."""

from __future__ import annotations

from collections.abc import Sequence

from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import UsageError
from gdb_gospan.fields.answer import SCHEMA_VERSION, Answer, Check, Explained, Source, Term
from gdb_gospan.fields.command import Command
from gdb_gospan.fields.document import Document, Looks, document, field
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.glossary import term as glossary
from gdb_gospan.glossary.identities import IDENTITY_FORMULAS
from gdb_gospan.glossary.lookup import GROUPS, SOMETIMES, TERMS, find, plain, said_in, shown_by
from gdb_gospan.render.lines import filled
from gdb_gospan.reports.keys import Key, find_keys, nearest

_PLACES = 6
"""Places of a JSON key that are named."""
_INDENT = 11
_WIDEST = 90


@document
class Group(Document):
    """Terms that belong together."""

    group: str = field("its heading")
    terms: tuple[str, ...] = field("names of its terms")


@document
class Explanation(Explained):
    """What a figure, a column or a popular name means."""

    schema_version: int = field(
        "version of this format; it changes when a key is removed or changes its meaning, not when one is added"
    )
    command: str = field("the subcommand that was run")
    asked: str | None = field("the requested term; null for the list of all")
    groups: tuple[Group, ...] = field("without a term: every group")
    terms: tuple[Term, ...] = field("the terms with that name, or all of them")


def _build(_session: Session | None, arguments: Arguments) -> Explanation:
    """Describe the terms of that name; without a name, list all by group."""
    name = arguments["argument"]
    if name is None:
        groups = tuple(
            Group(group=group, terms=tuple(term.name for term in terms)) for group, terms in GROUPS
        )
        return _answer(None, groups, [described(term) for term in TERMS])
    terms = _identity(name) + [described(term) for term in find(name)]
    terms = terms or [_of_key(key) for key in find_keys(name)]
    terms = terms or [described(term) for term in said_in(name)]
    if not terms:
        near = nearest(name)
        hint = f"did you mean {near}?" if near else "go-spans explain lists all terms"
        raise UsageError(f"explain: no term {name} ({hint})")
    return _answer(name, (), terms)


def _answer(asked: str | None, groups: tuple[Group, ...], terms: Sequence[Term]) -> Explanation:
    return Explanation(
        schema_version=SCHEMA_VERSION, command="explain", asked=asked, groups=groups, terms=tuple(terms)
    )


def _identity(name: str) -> list[Term]:
    """Return what the identity of that code compares."""
    code = plain(name.removeprefix("check/")).replace(" ", "-")
    formula = IDENTITY_FORMULAS.get(code)
    return [_of_identity(code, "an identity that go-spans check verifies.", formula)] if formula else []


def _of_identity(code: str, meaning: str, formula: str) -> Term:
    return described(glossary.Term(code, meaning, formula), "Identities")


def _of_key(key: Key) -> Term:
    """Describe a key of the JSON documents as a term; where it is well known, a few places are enough."""
    places = key.places[:_PLACES]
    return described(glossary.Term(key.name, f"{key.meaning}.", covers=places), "JSON keys")


def described(term: glossary.Term, group: str = "") -> Term:
    """Describe one term of the glossary as documents have it; what it has nothing of is empty."""
    return Term(
        name=term.name,
        group=group or next(group for group, terms in GROUPS if term in terms),
        meaning=term.meaning,
        truth=term.truth,
        formula=term.formula,
        since=term.since,
        unlike=term.unlike,
        sources=tuple(
            Source(file=each.file, names=tuple(each.names.split()), since=each.since, until=each.until)
            for each in term.sources
        ),
        aliases=tuple(term.aliases),
        shows_in=tuple(key for key in term.covers if not _is_identity(key)),
        identities=tuple(key.removeprefix("check/") for key in term.covers if _is_identity(key)),
    )


def _is_identity(key: str) -> bool:
    return key.startswith("check/") and key not in ("check/expected", "check/observed")


def why(command: Command, answer: Document) -> tuple[Term, ...]:
    """Describe the terms that a report may show, for ``--why``; and each identity that it lists, as ``check`` does."""
    compared: tuple[Check, ...] = answer.listed_checks if isinstance(answer, Answer) else ()
    identities = (
        _of_identity(check.code, f"{check.subject}.", IDENTITY_FORMULAS[check.code]) for check in compared
    )
    return (*(described(term) for term in shown_by(command)), *identities)


def sometimes(shown: str) -> set[str]:
    """Return the words in a piece of a report by which terms show that are not always there."""
    return {word for word in SOMETIMES.values() if word in shown}


def why_text(terms: Sequence[Term], shown: str, looks: Looks) -> str:
    """Lay out how the figures of a report come about, below it: the terms that it does show.

    ``shown`` has the words that `sometimes` found.
    """
    there = [term for term in terms if SOMETIMES.get(term.name, "") in shown]
    if not there:
        return ""  # explain itself has said it all
    lines = [looks.paint("heading", "Why")]
    for term in there:
        lines += _filled(f"  {term.name}: ", term.meaning, looks, indent=4)
        if term.formula:
            lines += _filled("    = ", term.formula, looks, indent=6)
    return "\n".join(lines) + "\n"


def _screen(answer: Explanation, looks: Looks) -> str:
    """Lay out the terms that were asked for, or the list of all."""
    if answer.groups:
        return _overview(answer, looks)
    return "\n".join(_term(term, looks) for term in answer.terms)


def _overview(answer: Explanation, looks: Looks) -> str:
    blocks = []
    for group in answer.groups:
        lines = [looks.paint("heading", group.group)]
        lines += _filled("  ", " · ".join(name.replace(" ", "\0") for name in group.terms), looks, indent=2)
        blocks.append("\n".join(lines).replace("\0", " "))
    hint = "go-spans explain TERM explains a term; columns, JSON keys and the codes of go-spans check are terms, too"
    return "\n\n".join([*blocks, "\n".join(_filled("", hint, looks, indent=0))]) + "\n"


def _term(term: Term, looks: Looks) -> str:
    head = looks.paint("heading", term.name)
    if term.aliases:
        head += f"  (also {', '.join(term.aliases)})"
    lines = _filled("", head, looks, indent=2)
    facts = [
        ("claim" if term.truth else "", term.meaning),
        ("fact", term.truth),
        ("formula", term.formula),
        ("not", term.unlike),
        ("since", f"Go {term.since}" if term.since else ""),
        ("shows in", ", ".join(term.shows_in)),
        ("checked", ", ".join(term.identities)),
        ("source", "; ".join(_source(source) for source in term.sources)),
    ]
    for name, fact in facts:
        if fact:
            lines += _filled(
                f"  {name:<{_INDENT - 2}}" if name else "  ", fact, looks, indent=_INDENT if name else 2
            )
    return "\n".join(lines) + "\n"


def _source(source: Source) -> str:
    since, until = source.since, source.until
    when = f" (Go {since})" if since and since == until else f" (Go {since} on)" if since else ""
    when = when or (f" (to Go {until})" if until else "")
    return f"{source.file}: {', '.join(source.names)}{when}"


def _filled(before: str, words: str, looks: Looks, *, indent: int) -> list[str]:
    return filled(words, min(looks.width, _WIDEST), before, " " * indent)


REPORT = Report(
    name="explain",
    summary="what a figure, a column or a popular name means",
    description=(
        "Prints the meaning in one sentence, the formula, what not to confuse it with, its source in the "
        "runtime, and the\n"
        "identities of go-spans check that compare it with the runtime's own counters. For a popular name: the "
        "claim and the fact. It needs no program."
    ),
    example="go-spans explain free_slots",
    place=150,
    document=Explanation,
    build=_build,
    screen=_screen,
    rows=("terms",),
    argument=(
        "[TERM]",
        "a term, column, JSON key, identity or popular name; without it, all terms are listed",
    ),
    needs_target=False,
)
