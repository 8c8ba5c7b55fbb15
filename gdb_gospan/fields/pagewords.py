"""The states of pages in words, the same on every screen; JSON has the keys."""

from __future__ import annotations

PAGE_WORDS = {
    "free": "free, kept",
    "released": "free, returned or never touched",
    "cached": "in Ps' page caches",
    "cached and released": "in Ps' page caches, returned",
    "manual": "stacks and work buffers",
    "padding": "padding, never usable",
    "in flight": "allocated, without a span",
    "being freed": "of a span, but free in the bitmap",
}


def page_words(state: str) -> str:
    """Return a state of pages in words."""
    return PAGE_WORDS.get(state, state)
