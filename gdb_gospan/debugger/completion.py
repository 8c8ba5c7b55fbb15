"""What TAB offers after a subcommand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gdb_gospan.fields.command import Command, Option, options_of

EXPRESSION: Final[list[str]] = []
"""Returned, by identity, if gdb's own completion of expressions should be used."""
FILE: Final[list[str]] = []
"""Likewise, of names of files."""


def complete(command: Command, text: str, word: str | None) -> list[str]:
    """Return the completions of the word being typed.

    Parameters
    ----------
    text
        All that is typed after the subcommand.
    word
        The end of it that the offers replace: gdb breaks words at a dash, and at much else. None when
        gdb only asks whether this or another completer is to find out what the word is.
    """
    word = word or ""
    typed = text.rsplit(None, 1)[-1] if text and not text[-1].isspace() else ""
    before = text[: len(text) - len(typed)].split()
    options = {f"--{option.name}": option for option in options_of(command)}
    last = options.get(before[-1]) if before else None
    name, equals, _ = typed.partition("=")
    if last is not None and last.metavar:
        return _named(typed, word) if last.address else _ends(_values(last, typed), typed, word)
    if before[-2:-1] == ["--class"] and "," in before[-1]:  # the name of a class has two words
        said = f"{before[-1]} {typed}"
        return _ends(_values(options["--class"], said), said, word) if "--class" in options else []
    if equals and name in options:
        given = typed.removeprefix(f"{name}=")
        return _ends((f"{name}={value}" for value in _values(options[name], given)), typed, word)
    if typed.startswith("-"):
        return _ends(_unused(options, before), typed, word)
    if command.argument is None:
        return _ends(_unused(options, before), typed, word)
    if command.takes_file:
        return FILE
    if not command.needs_target:
        from gdb_gospan.reports.keys import names

        said = " ".join(before) + (" " if before else "") + typed  # a term may have several words
        return _ends(names(), said, word)
    return _named(typed, word) if command.takes_address else []


def _named(typed: str, word: str) -> list[str]:
    """Return Go's names that begin as typed, or leave it to gdb."""
    from gdb_gospan.debugger.names import go_names

    names = go_names(typed)
    return EXPRESSION if names is None else _ends(names, typed, word)


def _unused(options: Mapping[str, Option], before: Sequence[str]) -> list[str]:
    return [name for name, option in options.items() if option.repeated or name not in before]


def _values(option: Option, typed: str) -> Sequence[str]:
    """Return the values that an option can have, where they can be listed, spelt as what is typed begins."""
    from gdb_gospan.layout.sizeclasses import SIZES, SPAN_CLASSES

    as_printed = [f"{size:,}" if size else "large" for size in SIZES]
    if option.name == "class":
        if "," in typed or typed[:1].isalpha():
            return [f"{size} {kind}" for size in as_printed for kind in ("scan", "noscan")]
        return [str(number) for number in range(SPAN_CLASSES)]
    if option.name == "size":
        return as_printed[1:] if "," in typed else [str(size) for size in SIZES[1:]]
    return option.choices


def _ends(offers: Iterable[str], typed: str, word: str) -> list[str]:
    """Return the offers that begin as typed, without what stands before the word."""
    done = len(typed) - len(word)
    return [offer[done:] for offer in offers if offer.startswith(typed)]
