"""go-spans explain: what the words mean."""

from __future__ import annotations

from typing import Any

from gdb_gospan.analysis.session import SCHEMA_VERSION, Session
from gdb_gospan.errors import UsageError
from gdb_gospan.fields.command import Command
from gdb_gospan.glossary.identities import IDENTITY_FORMULAS
from gdb_gospan.glossary.lookup import GROUPS, SOMETIMES, TERMS, find, plain, said_in, shown_by
from gdb_gospan.glossary.term import Term
from gdb_gospan.render.style import Style
from gdb_gospan.reports.keys import Key, find_keys, nearest
from gdb_gospan.reports.screens import explain as view

_PLACES = 6
"""Places of a JSON key that are named."""


def document(_session: Session | None, arguments: dict[str, Any]) -> dict[str, Any]:
    """Describe the terms of that name; without a name, list all by group."""
    name = arguments["argument"]
    answer: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "command": "explain", "asked": name}
    if name is None:
        groups = [{"group": group, "terms": [term.name for term in terms]} for group, terms in GROUPS]
        return {**answer, "groups": groups, "terms": [row(term) for term in TERMS]}
    rows = _identity(name) + [row(term) for term in find(name)] or [_key_row(key) for key in find_keys(name)]
    rows = rows or [row(term) for term in said_in(name)]
    if not rows:
        near = nearest(name)
        hint = f"did you mean {near}?" if near else "go-spans explain lists all terms"
        raise UsageError(f"explain: no term {name} ({hint})")
    return {**answer, "groups": [], "terms": rows}


def _identity(name: str) -> list[dict[str, Any]]:
    """Return what the identity of that code compares."""
    code = plain(name.removeprefix("check/")).replace(" ", "-")
    formula = IDENTITY_FORMULAS.get(code)
    return [_identity_row(code, "an identity of go-spans check.", formula)] if formula else []


def _identity_row(code: str, meaning: str, formula: str) -> dict[str, Any]:
    return row(Term(code, meaning, formula), "Identities")


def _key_row(key: Key) -> dict[str, Any]:
    """Describe a key of the JSON documents as a term; where it is well known, a few places are enough."""
    return {**row(Term(key.name, f"{key.meaning}."), "JSON keys"), "shows_in": list(key.places[:_PLACES])}


def row(term: Term, group: str = "") -> dict[str, Any]:
    """Describe one term as data; what it has nothing of is empty."""
    group = group or next(group for group, terms in GROUPS if term in terms)
    return {
        "name": term.name,
        "group": group,
        "meaning": term.meaning,
        "truth": term.truth,
        "formula": term.formula,
        "since": term.since,
        "unlike": term.unlike,
        "sources": [
            {"file": source.file, "names": source.names.split(), "since": source.since, "until": source.until}
            for source in term.sources
        ],
        "aliases": list(term.aliases),
        "shows_in": [key for key in term.covers if not _is_identity(key)],
        "identities": [key.removeprefix("check/") for key in term.covers if _is_identity(key)],
    }


def _is_identity(key: str) -> bool:
    return key.startswith("check/") and key not in ("check/expected", "check/observed")


def why(command: Command, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Describe the terms that a command's report may show, for ``--why``; of ``check`` also each identity in it."""
    identities = answer["identities"] if command.name == "check" else []
    if answer.get("samples"):
        identities = [*identities, answer["samples"]]
    compared = [
        _identity_row(check["code"], f"{check['subject']}.", IDENTITY_FORMULAS[check["code"]])
        for check in identities
    ]
    return [row(term) for term in shown_by(command)] + compared


def sometimes(shown: str) -> set[str]:
    """Return the words in a piece of a report by which terms show that are not always there."""
    return {word for word in SOMETIMES.values() if word in shown}


def why_text(answer: dict[str, Any], shown: str, style: Style) -> str:
    """Lay out the terms that a report does show; ``shown`` has the words that `sometimes` found."""
    terms = [term for term in answer["why"] if SOMETIMES.get(term["name"], "") in shown]
    return view.why(terms, style) if terms else ""  # explain itself has said it all


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
