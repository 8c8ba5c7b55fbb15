"""The glossary: every term by group, and how to find one by any of its names."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable

from gdb_gospan.commands.command import Command
from gdb_gospan.commands.keys import Key, keys
from gdb_gospan.commands.terms.accounts import ACCOUNTS
from gdb_gospan.commands.terms.collector import COLLECTOR
from gdb_gospan.commands.terms.fixallocs import FIXALLOCS
from gdb_gospan.commands.terms.pages import PAGES
from gdb_gospan.commands.terms.popular import POPULAR
from gdb_gospan.commands.terms.prometheus import PROMETHEUS
from gdb_gospan.commands.terms.questions import QUESTIONS
from gdb_gospan.commands.terms.spans import SPANS
from gdb_gospan.commands.terms.term import Term

GROUPS: tuple[tuple[str, tuple[Term, ...]], ...] = (
    ("Accounts and counters", ACCOUNTS),
    ("Spans, slots, pages and lists", SPANS),
    ("How pages lie together", PAGES),
    ("Fixed-size allocators", FIXALLOCS),
    ("Collector, Ps and objects", COLLECTOR),
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
    "in flight or not known": "(Sys less the above)",
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
    keys = [term for term in TERMS if wanted and wanted in map(plain, _keys(term.covers))]
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
    spelt = {plain(name) for term in TERMS for name in (term.name, *term.aliases, *_keys(term.covers))}
    return tuple(name for name in spelt if re.search("[a-z]{2}", name))


def find_keys(name: str) -> list[Key]:
    """Return the JSON keys of that name, one for each meaning."""
    wanted = plain(name)
    return [key for key in keys() if wanted == plain(key.name)]


def nearest(name: str) -> str | None:
    """Return the known name that this one most likely means, or None.

    First a name that has it as whole words, then as the beginning of a word, then one spelt alike, then as any part.
    """
    wanted = plain(name)
    known = {plain(spelt): spelt for spelt in names() if plain(spelt)}  # a column that is a sign has no name
    if not wanted:
        return None
    words = [key for key in known if f" {wanted} " in f" {key} "]
    begun = [key for key in known if f" {wanted}" in f" {key}"]
    alike = difflib.get_close_matches(wanted, known, 1, cutoff=_ALIKE)
    parts = [key for key in known if len(wanted) >= _SHORTEST_PART and wanted in key]
    found = min(words or begun or alike or parts, key=len, default=None)
    return None if found is None else known[found]


_SHORTEST_PART = 3
_ALIKE = 0.75
"""How much of two names must agree: one slip of the pen in four letters."""


def names() -> list[str]:
    """Return every name that `find` or `find_keys` knows, as it is spelt, once."""
    spelt = [name for term in TERMS for name in (term.name, *term.aliases, *_keys(term.covers))]
    spelt += [key.name for key in keys()]
    return sorted(set(spelt), key=lambda name: (name.lower(), name))


def _keys(covers: Iterable[str]) -> list[str]:
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
