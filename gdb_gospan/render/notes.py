"""The words for the codes that analysis gives with its figures. No other module has any of them.

The script for Delve has the templates that it needs from here (tests/tools/star_tables.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gdb_gospan.analysis.notes import MISSING, Code, Note
from gdb_gospan.runtime.losses import WILD

WORDS: Final[Mapping[Code, str]] = {
    "wrong-span": "the descriptor of the first wrong span is at {address:#x}",
    "wrong-size-class": "the first wrong size class is {sizeclass}: the counters say {counted:,} objects, the walk found {found:,}",
    "page-not-allocated": "the first wrong page is at {page:#x}: it belongs to a span, but the bitmap marks it as free",
    "page-not-owned": "the first wrong page is at {page:#x}: the bitmap marks it as allocated, but neither a span nor a P's cache has it",
    "arenas-beyond-map": "{number:,} entries of mheap_.heapArenas are beyond the map of arenas",
    "goroutine-status": "the first wrong goroutine has its g at {g:#x}, with the unknown status {status:#x}",
    "goroutine-id-again": "more than one goroutine has the id {goid}",
    "stack-outside": "the first wrong stack begins at {stack:#x}",
    "stack-shared": "the first stack with more than one owner begins at {stack:#x}",
    "thread-not-own": "the first wrong M is m {m}: it has no thread of its own with the number {lwp}",
    "wild-pointer": WILD,
    "different-field": "the first difference is in {path} of the span descriptor at {address:#x}: "
    "gdb.Value has {own:#x}, the bulk read has {bulk:#x}",
    "memory-missing": "part of the memory that it needs could not be read",
    "no-work-variable": "the address of runtime.work is not known without symbols",
    "no-exited-threads": "the threads that have exited are not known",
    "no-thread-count": "the scheduler's count of threads is not known",
    "no-thread-numbers": "the numbers of the process's threads are not known",
    "other-pid-namespace": "the threads have numbers of another pid namespace than those in m.procid",
    "no-stacks": "the stacks of the threads are not known",
    "no-stack": "m {m} may be changing the heap, and its stack is not known",
    "no-functions": "the functions of {thread} are not known",
    "no-names": "the functions of {thread} are not known without the executable",
    "stack-breaks-off": "the stack of {thread} is known only down to {function}",
    "signal-handler": "{thread} is in a signal handler ({function}), and the function that it interrupted is hidden",
    "callers-hidden": "{thread} is in {function}, which hides its callers",
    "field-not-in-gdb": "gdb knows no field {path} of runtime.mspan",
    "not-in-gdb": "gdb cannot read the span descriptor at {address:#x}",
    "not-in-bulk": "the bulk read has no span descriptor at {address:#x}",
    "no-page-states": "the states of the pages are not known (/proc/PID/pagemap)",
    "zero-pages": "this kernel does not tell the page of zeros, which is not in Rss, from pages that are shared with a "
    "child: up to {bytes:,} bytes",
    "sweeping": "{number:,} spans are being swept",
    "pages-in-flight": "{number:,} pages are being allocated, freed or scavenged",
    "pages-being-freed": "{number:,} pages are being freed",
    "stats-update": "{number:,} Ps are updating the heap statistics",
    "thread-inside": "{thread} is in {function}",
    "pages-moved": "the kernel moved or reclaimed pages while they were read: Rss changed by {bytes:,} bytes",
}
"""The template for each code."""

ONE: Final[Mapping[Code, str]] = {
    "arenas-beyond-map": "1 entry of mheap_.heapArenas is beyond the map of arenas",
    "sweeping": "1 span is being swept",
    "pages-in-flight": "1 page is being allocated, freed or scavenged",
    "pages-being-freed": "1 page is being freed",
    "stats-update": "1 P is updating the heap statistics",
}
"""The words where ``number`` is 1."""


def phrase(note: Note) -> str:
    """Return the words of a note."""
    words = ONE if note.params.get("number") == 1 else WORDS
    return words[note.code].format(**note.params)


def phrases(notes: Sequence[Note]) -> str:
    """Return the words of several notes, as the note of a check has them."""
    return "; ".join(map(phrase, notes))


NOT_READ: Final = phrase(MISSING)
"""The note of an identity that is unknown because its own memory is missing."""
