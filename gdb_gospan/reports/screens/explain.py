"""What words mean, as text."""

from __future__ import annotations

from typing import Any

from gdb_gospan.render.lines import filled
from gdb_gospan.render.style import Style

_INDENT = 11
_WIDEST = 90


def text(document: dict[str, Any], style: Style) -> str:
    """Lay out the terms that were asked for, or the list of all."""
    if document["groups"]:
        return _overview(document, style)
    return "\n".join(_term(term, style) for term in document["terms"])


def why(terms: list[dict[str, Any]], style: Style) -> str:
    """Lay out how the figures of a report come about, below it."""
    lines = [style.paint("heading", "Why")]
    for term in terms:
        lines += _filled(f"  {term['name']}: ", term["meaning"], style, indent=4)
        if term["formula"]:
            lines += _filled("    = ", term["formula"], style, indent=6)
    return "\n".join(lines) + "\n"


def _overview(document: dict[str, Any], style: Style) -> str:
    blocks = []
    for group in document["groups"]:
        lines = [style.paint("heading", group["group"])]
        lines += _filled(
            "  ", " · ".join(name.replace(" ", "\0") for name in group["terms"]), style, indent=2
        )
        blocks.append("\n".join(lines).replace("\0", " "))
    hint = "go-spans explain TERM tells one; columns, JSON keys and the codes of go-spans check are terms too"
    return "\n\n".join([*blocks, "\n".join(_filled("", hint, style, indent=0))]) + "\n"


def _term(term: dict[str, Any], style: Style) -> str:
    head = style.paint("heading", term["name"])
    if term["aliases"]:
        head += f"  (also {', '.join(term['aliases'])})"
    lines = _filled("", head, style, indent=2)
    facts = [
        ("said" if term["truth"] else "", term["meaning"]),
        ("in truth", term["truth"]),
        ("formula", term["formula"]),
        ("not", term["unlike"]),
        ("since", f"Go {term['since']}" if term["since"] else ""),
        ("shows in", ", ".join(term["shows_in"])),
        ("checked", ", ".join(term["identities"])),
        ("source", "; ".join(_source(source) for source in term["sources"])),
    ]
    for name, fact in facts:
        if fact:
            lines += _filled(
                f"  {name:<{_INDENT - 2}}" if name else "  ", fact, style, indent=_INDENT if name else 2
            )
    return "\n".join(lines) + "\n"


def _source(source: dict[str, Any]) -> str:
    since, until = source["since"], source["until"]
    when = f" (Go {since})" if since and since == until else f" (Go {since} on)" if since else ""
    when = when or (f" (to Go {until})" if until else "")
    return f"{source['file']}: {', '.join(source['names'])}{when}"


def _filled(before: str, words: str, style: Style, *, indent: int) -> list[str]:
    return filled(words, min(style.width, _WIDEST), before, " " * indent)
