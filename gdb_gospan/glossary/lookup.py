"""The glossary: every term by group, and how to find one by any of its names."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from gdb_gospan.fields.command import Command
from gdb_gospan.glossary.accounts import ACCOUNTS
from gdb_gospan.glossary.collector import COLLECTOR
from gdb_gospan.glossary.fixallocs import FIXALLOCS
from gdb_gospan.glossary.gate import GATE
from gdb_gospan.glossary.goroutines import GOROUTINES
from gdb_gospan.glossary.objects import OBJECTS
from gdb_gospan.glossary.owners import OWNERS
from gdb_gospan.glossary.pages import PAGES
from gdb_gospan.glossary.popular import POPULAR
from gdb_gospan.glossary.profiles import PROFILES
from gdb_gospan.glossary.prometheus import PROMETHEUS
from gdb_gospan.glossary.questions import QUESTIONS
from gdb_gospan.glossary.resident import RESIDENT
from gdb_gospan.glossary.spans import SPANS
from gdb_gospan.glossary.term import Term
from gdb_gospan.glossary.verdicts import VERDICTS
from gdb_gospan.glossary.whatif import WHATIF

GROUPS: tuple[tuple[str, tuple[Term, ...]], ...] = (
    ("Accounts and counters", ACCOUNTS),
    ("Spans, slots, pages and lists", SPANS),
    ("Pages and free runs", PAGES),
    ("Fixed-size allocators", FIXALLOCS),
    ("Collector, Ps and objects", COLLECTOR),
    ("Objects and roots", OBJECTS),
    ("Owners of objects", OWNERS),
    ("Goroutines", GOROUTINES),
    ("Profiles", PROFILES),
    ("Resident memory", RESIDENT),
    ("What would be freed", WHATIF),
    ("Verdicts of doctor", VERDICTS),
    ("Limits", GATE),
    ("Questions about memory", QUESTIONS),
    ("Prometheus", PROMETHEUS),
    ("Popular names and rules", POPULAR),
)
TERMS: tuple[Term, ...] = tuple(term for _, terms in GROUPS for term in terms)

SHOWN: dict[str, tuple[str, ...]] = {
    "summary": (
        "objects", "garbage not swept yet", "free slots in spans in use", "tail and bitmaps inside spans",
        "spans with a wrong descriptor", "idle pages, retained", "idle, returned or never touched", "stacks",
        "runtime metadata", "in flight or not known", "Sys",
        "resident (RSS)", "state", "descriptor", "cached", "sweep", "flagged as needing zeroing", "page",
        "spanalloc", "heapMarked", "NextGC", "span class", "occupied",
    ),
}  # fmt: skip
"""Terms of a report besides the columns of its command, in the order of the report."""

SOMETIMES = {
    "garbage not swept yet": "garbage not swept yet",
    "spans with a wrong descriptor": "spans with a wrong descriptor",
    "in flight or not known": "(Sys minus the above)",
    "resident (RSS)": "resident (RSS)",
}
"""Terms that a report has only now and then, and how to see that it does."""


def plain(name: str) -> str:
    """Return a name without what people spell differently: case, and anything but letters and digits."""
    return re.sub(r"[^0-9a-z%~]+", " ", name.lower()).strip()


def find(name: str) -> list[Term]:
    """Return the terms that a name stands for: by name, by another name, by what they cover, in that order.

    A word such as ``free`` or ``cached`` is said of slots, spans and pages: then there are several.
    """
    wanted = plain(name)
    exact = [term for term in TERMS if wanted == plain(term.name)]
    other = [term for term in TERMS if wanted in map(plain, term.aliases)]
    whole = [term for term in TERMS if wanted in map(plain, term.covers)]
    # A column that is a sign has no name.
    keys = [term for term in TERMS if wanted and wanted in map(plain, covered(term.covers))]
    return list(dict.fromkeys([*exact, *other, *whole, *keys]))


def said_in(phrase: str) -> list[Term]:
    """Return the terms whose names a phrase has as whole words, such as a report prints; the longest names first.

    Of a single word there is nothing to find that `find` does not. What lies inside a longer name does not count.
    """
    rest = f" {plain(phrase)} "
    if len(phrase.split()) < 2:
        return []
    found: list[Term] = []
    for name in sorted(_by_words(), key=lambda known: (-len(known), known)):
        if f" {name} " in rest:
            rest = rest.replace(f" {name} ", "  ")
            found += find(name)[:1]
    return list(dict.fromkeys(found))[:_MOST_SAID]


_MOST_SAID = 4
"""Terms of a phrase: more than a reader wants to know of it."""


@functools.cache
def _by_words() -> tuple[str, ...]:
    """Return the names of all terms, without those of JSON keys and of no letters."""
    spelt = {plain(name) for term in TERMS for name in (term.name, *term.aliases, *covered(term.covers))}
    return tuple(name for name in spelt if re.search("[a-z]{2}", name))


def covered(covers: Iterable[str]) -> list[str]:
    """Return the names of what a term covers: of ``classes/free`` it is free."""
    return [key.partition("/")[2] for key in covers]


def shown_by(command: Command) -> list[Term]:
    """Return the terms that a command's report shows, in its order, each once."""
    terms: dict[str, Term] = {}
    for name in SHOWN.get(command.name, ()):
        terms.update((term.name, term) for term in find(name)[:1])
    for column, _ in command.columns:
        covering = [term for term in TERMS if f"{command.name}/{column}" in term.covers]
        terms.update((term.name, term) for term in covering if term.name not in terms)
    return list(terms.values())
