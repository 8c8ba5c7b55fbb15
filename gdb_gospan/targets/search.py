"""The runtime's variables of a stripped process: found while it runs, and told again of the moment that is looked at."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import attrs

from gdb_gospan.errors import GoSpansError
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Memory
from gdb_gospan.memory.capture import Capture
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.memory.places import Module
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.stripped import AT_TIMES, find_again, verified

_WANTED: Final = AT_TIMES | {"sched", "allgs", "allm"}
"""Variables that may not be told while the process runs, and then are looked for in a copy."""


@attrs.frozen(eq=False)
class Search:
    """Searches a module's memory for the runtime's variables anew, where there are no symbols.

    They are told by what is in them, and that is sure only while the process stands still.
    """

    heap: Heap
    module: Module
    program: str

    def verified(self, memory: Memory, known: Symbols) -> Symbols | None:
        """Return where they are, if that is where they were found while the process ran; a few reads tell."""
        return verified(memory, self.heap, known)

    def in_copy(self, memory: Capture, known: Symbols) -> Symbols:
        """Return where they are in a copy; `ReadAfterReleaseError` where it does not tell.

        What was not told by the state of the process before may be now.
        """
        alone = memory.alone()
        same = self.verified(alone, known)
        if same is None:
            raise ReadAfterReleaseError
        if same.addresses.keys() >= _WANTED:
            return same
        with suppress(GoSpansError):
            found = find_again(alone, self.heap, self.module, [*known.addresses.values()], self.program)
            more = {name: found[name] for name in _WANTED & found.addresses.keys()}
            return Symbols({**more, **same.addresses})
        return same

    def again(self, memory: Memory, known: Symbols) -> Symbols:
        """Return where they are: where they were found while the process ran, else near there, else anywhere."""
        if (same := self.verified(memory, known)) is not None:
            return same
        with suppress(GoSpansError):
            near = [*known.addresses.values()]
            found = find_again(memory, self.heap, self.module, near, self.program)
            if known.addresses.keys() - AT_TIMES <= found.addresses.keys():
                return found
        return find_again(memory, self.heap, self.module, (), self.program)
