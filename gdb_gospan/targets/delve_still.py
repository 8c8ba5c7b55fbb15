"""Check that the program of a Delve server has not run: other clients can resume it at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from gdb_gospan.memory import delveanswers
from gdb_gospan.memory.delve import DelveMemory
from gdb_gospan.memory.delveanswers import Thread
from gdb_gospan.memory.jsonrpc import CallError, Connection, ProgramError
from gdb_gospan.runtime.heap import Heap

TRIES: Final = 3
"""Attempts to read a program that another client resumes meanwhile."""
_VARIABLES: Final = {
    "mheap": "mheap_",
    "mstats": "memstats",
    "gcControllerState": "gcController",
    "work": "work",
    "sweepdata": "sweep",
}
"""Variables that change with the heap, with their structs: they have the sweep generation and all counters."""
_MOST: Final = 1 << 18
"""Bytes of one of them."""

_T = TypeVar("_T")


class RanError(ProgramError):
    """The program ran while it was read."""


class Still:
    """The threads, their registers and the parts of the heap that always change, as first read.

    Raises
    ------
    ProgramError
        The program runs, or has ended.

    Attributes
    ----------
    threads
        Where each thread stands.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._memory: DelveMemory | None = None
        self._runs: list[tuple[int, int]] = []
        self._held: list[bytes | None] = []
        self.threads, self._registers = self._stand()

    def watch(self, memory: DelveMemory, heap: Heap) -> None:
        """Watch the runtime's variables, Ps and caches too: every allocation changes them."""
        of_variables = [
            (heap.symbols[variable], heap.layout[struct].size) for struct, variable in _VARIABLES.items()
        ]
        of_ps = [
            (int(address), records.struct.size)
            for records in (heap.ps.ps, heap.ps.mcaches)
            for address in records.addresses
        ]
        self._runs = [(address, min(size, _MOST)) for address, size in of_variables + of_ps]
        self._memory = memory
        self._held = self._read(memory)

    def make_sure(self) -> None:
        """Compare with the first reading; `RanError` if anything has changed."""
        moved = self._stand() != (self.threads, self._registers)
        if moved or (self._memory is not None and self._read(self._memory) != self._held):
            raise RanError(
                f"the program ran while it was being read through Delve at {self._connection.address} "
                "(try: again, with the program paused in Delve)"
            )

    @contextmanager
    def sure(self) -> Iterator[None]:
        """Call `make_sure` after the block, even if it failed."""
        try:
            yield
        except Exception:
            self.make_sure()
            raise
        self.make_sure()

    def _stand(self) -> tuple[tuple[Thread, ...], list[dict[str, str] | str]]:
        """Return the threads, and the registers of each, or why they cannot be read."""
        state = self._connection.call("State", delveanswers.state, NonBlocking=True)
        if state.running:
            raise self._connection.resumed()
        threads = tuple(sorted(state.threads, key=lambda thread: thread.number))
        answers = self._connection.calls(
            "ListRegisters",
            delveanswers.registers,
            ({"ThreadID": thread.number, "IncludeFp": False} for thread in threads),
        )
        return threads, [answer.reason if isinstance(answer, CallError) else answer for answer in answers]

    def _read(self, memory: DelveMemory) -> list[bytes | None]:
        return [None if data is None else data.tobytes() for data in memory.examine(self._runs)]


def tried_again(attempt: Callable[[], _T], tell: Callable[[str], object], tries: int = TRIES) -> _T:
    """Repeat an attempt, up to `tries` times, while other clients of Delve disturb it; return its result.

    Raises
    ------
    RanError
        Every attempt was disturbed.
    """
    try:
        return attempt()
    except RanError as error:
        if tries == 1:
            raise
        tell(f"{str(error).partition(' (try: ')[0]}; reading it again")
    return tried_again(attempt, tell, tries - 1)
