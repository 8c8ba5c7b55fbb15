"""What an entry of the glossary is."""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """Where in Go's source a term comes from.

    Attributes
    ----------
    file
        Below ``src`` of the Go tree.
    names
        Separated by spaces: ``struct.field``, ``function()``, or a word that the file has.
    since, until
        The first and the last release that has it so, of those supported; empty where all have it.
    """

    file: str
    names: str
    since: str = ""
    until: str = ""


class Term(NamedTuple):
    """One figure, column, state or popular name.

    Attributes
    ----------
    meaning
        One sentence; of a popular name, what is said of it.
    truth
        Of a popular name: what is so instead.
    formula
        How it is computed, in fields of the runtime.
    since
        The first release that has the thing itself, where not all supported ones do.
    unlike
        What it is not to be confused with, and why.
    aliases
        Other names that find it; upper and lower case, ``_``, ``-`` and space are alike.
    covers
        What it explains: ``command/column`` or ``section/key`` of the JSON, and identities as ``check/code``.
    """

    name: str
    meaning: str
    formula: str = ""
    sources: tuple[Source, ...] = ()
    since: str = ""
    unlike: str = ""
    aliases: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    truth: str = ""


def in_runtime(file: str, names: str, since: str = "", until: str = "") -> Source:
    """Name a source in package runtime."""
    return Source(f"runtime/{file}", names, since, until)
