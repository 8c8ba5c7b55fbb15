"""Memory of a target that is stopped only for a while."""

from gdb_gospan.memory.model import Memory, Over, ReadAfterReleaseError, Rows, Unreadable
from gdb_gospan.memory.segments import U64


class Stopped(Over):
    """Another memory that may be read only while its target is stopped.

    A debugger would answer later reads too, with bytes of another moment. It is open at first.

    Raises
    ------
    ReadAfterReleaseError
        From a read while it is closed.
    """

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self._open = True

    def open(self) -> None:
        """Allow reads: the target is stopped, and has not run since the first read."""
        self._open = True

    def close(self) -> None:
        """Allow no reads."""
        self._open = False

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        if size > 0:
            self._must_be_open()
        return self.memory.read(address, size)

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        if len(addresses):
            self._must_be_open()
        return self.memory.read_many(addresses, size)

    def _must_be_open(self) -> None:
        if not self._open:
            raise ReadAfterReleaseError
