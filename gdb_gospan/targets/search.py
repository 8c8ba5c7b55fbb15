"""Find the runtime's variables of a stripped process: once while it runs, and again in the copy."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import attrs

from gdb_gospan.errors import GoSpansError, LayoutError
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Memory
from gdb_gospan.memory.capture import Capture
from gdb_gospan.memory.mappings import Mapping, Module
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.stripped import find_again

_AT_TIMES: Final = frozenset({"work", "sweep", "gcBitsArenas", "scavenge"})
"""Variables recognised by their state: in some states they cannot be recognised at all."""
_STEADY: Final[tuple[str, ...]] = ("debug", "firstmoduledata", "buckhash")
"""Variables recognised by what never changes: they are where they were, but that may be far away."""
_LED_TO: Final = ("allgs", "allm", "sched")
"""Variables recognised by their targets, among many other pointers; possibly not while the process runs."""


@attrs.frozen(eq=False)
class Search:
    """Searches a module's memory again for the runtime's variables, if there are no symbols.

    They are recognised by their contents, which is reliable only while the process is stopped.
    """

    heap: Heap
    module: Module
    program: str

    def near(self, memory: Memory, known: Symbols) -> Symbols:
        """Return their addresses, searching near where they were found while the process ran.

        Raises
        ------
        GoSpansError
            A variable that was found then is no longer there.
        """
        steady = {name: known[name] for name in _STEADY if name in known.addresses}
        near = [address for name, address in known.addresses.items() if name not in steady]
        found = find_again(memory, self.heap, self.module, near, self.program, steady)
        if lost := known.addresses.keys() - _AT_TIMES - found.addresses.keys():
            raise LayoutError(
                f"runtime.{min(lost)} of {self.program} is no longer where it was found (try: again)"
            )
        return found

    def in_copy(self, memory: Capture, known: Symbols, mappings: Sequence[Mapping]) -> Symbols:
        """Return their addresses in a copy.

        Raises
        ------
        ReadAfterReleaseError
            The copy lacks memory that may be needed.
        """
        guess = memory.alone(mappings)
        try:
            found = self.near(guess, known)
        except GoSpansError:
            raise ReadAfterReleaseError from None
        # Some words always point to memory that was not copied. That matters if a variable is not found, or not where it was
        # while the process ran. Some states are recognised by the span descriptors, which are complete here.
        here, before = found.addresses, known.addresses
        steady = {*before, *_LED_TO} - _AT_TIMES
        if guess.lacked and any(
            name not in here or here[name] != before.get(name, here[name]) for name in steady
        ):
            raise ReadAfterReleaseError
        return found

    def again(self, memory: Memory, known: Symbols) -> Symbols:
        """Return their addresses: near where they were found while the process ran, otherwise anywhere."""
        with suppress(GoSpansError):
            return self.near(memory, known)
        return find_again(memory, self.heap, self.module, (), self.program)
