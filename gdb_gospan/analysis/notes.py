"""What analysis tells besides figures: codes and their parameters. The words for each are in `render.notes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import attrs

Code = Literal[
    # What a broken identity found wrong first, or how much of it.
    "wrong-span", "wrong-size-class", "page-not-allocated", "page-not-owned", "arenas-beyond-map", "goroutine-status",
    "goroutine-id-again", "stack-outside", "stack-shared", "thread-not-own", "wild-pointer", "different-field",
    # Why an identity is unknown.
    "memory-missing", "no-work-variable", "no-exited-threads", "no-thread-count", "no-thread-numbers", "other-pid-namespace",
    "no-stacks", "no-stack", "no-functions", "no-names", "stack-breaks-off", "signal-handler", "callers-hidden",
    "field-not-in-gdb", "not-in-gdb", "not-in-bulk", "no-page-states", "zero-pages",
    # What was going on.
    "sweeping", "pages-in-flight", "pages-being-freed", "stats-update", "thread-inside", "pages-moved",
]  # fmt: skip


@attrs.frozen
class Note:
    """One thing to be told.

    Attributes
    ----------
    params
        What its words name: addresses and other numbers as such, threads and functions by their names.
    """

    code: Code
    params: Mapping[str, int | str] = attrs.field(factory=dict, hash=False)


MISSING: Final = Note("memory-missing")
"""Why an identity is unknown whose own numbers are not known."""
