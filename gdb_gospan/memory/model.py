"""The interface of every source of bytes, and how it reports missing bytes."""

from collections.abc import Callable
from typing import Final, Protocol

import attrs
import numpy as np
import numpy.typing as npt

ADDRESS_SPACE: Final = 1 << 64
"""Addresses are below this; one past the last address does not fit a uint64."""

NOT_IN_CORE: Final = "not mapped in the core"
NOT_IN_PROCESS: Final = "not mapped in the process"
UNMAPPED: Final = (NOT_IN_CORE, NOT_IN_PROCESS)
"""Reasons that say that there never was such memory: not that it is missing, but that who asks is wrong."""

Tell = Callable[[int, int], object]
"""Is told how many bytes of something large are done, and of how many; of 0 while that is not known."""


@attrs.frozen(repr=False)
class Unreadable:
    """Bytes that could not be read: a value, not an exception, and falsy.

    An empty read is falsy as well, so tell them apart with ``isinstance``.

    Attributes
    ----------
    address
        The first byte that is not there; may itself be outside the address space.
    size
        Bytes from `address` to the end of what was asked for.
    reason
        Half a sentence for the user, such as ``not mapped in the core``.
    """

    address: int
    size: int
    reason: str

    def __bool__(self) -> bool:
        return False


def _read_only(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    view: npt.NDArray[np.uint8] = data.view()
    view.flags.writeable = False
    return view


@attrs.frozen(eq=False, repr=False)
class Rows:
    """Records of one size, in the order in which they were asked for.

    Attributes
    ----------
    data
        uint8, shape ``(n, size)``, C-contiguous and read-only; a row that could
        not be read is zero, which means nothing: consult `readable`.
    readable
        bool, shape ``(n,)``.
    """

    data: npt.NDArray[np.uint8] = attrs.field(converter=_read_only)
    readable: npt.NDArray[np.bool_]

    @classmethod
    def none(cls, count: int, size: int) -> "Rows":
        """Return `count` rows of which none could be read."""
        return cls(np.zeros((count, size), np.uint8), np.zeros(count, np.bool_))

    def __len__(self) -> int:
        return len(self.readable)


class ReadAfterReleaseError(RuntimeError):
    """Memory was read after its target was or may have been resumed: a bug in the caller.

    It is not a `GoSpansError`, so that it is never taken for missing bytes.
    """

    def __init__(self) -> None:
        super().__init__("memory was read after the target was released")


class Memory(Protocol):
    """Something with an address space that can be read."""

    @property
    def kind(self) -> str:
        """Source of the bytes, for the provenance line: core, live, remote, image."""
        ...

    @property
    def at_hand(self) -> bool:
        """Whether reading the same bytes again costs no more than a copy."""
        ...

    @property
    def reads(self) -> int:
        """Calls made to the backing store so far."""
        ...

    @property
    def bytes_read(self) -> int:
        """Bytes that it returned."""
        ...

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        ...

    def read_many(self, addresses: npt.NDArray[np.uint64], size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        ...


class Over:
    """Base of memory that wraps another memory."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.kind = memory.kind
        self.at_hand = memory.at_hand

    @property
    def reads(self) -> int:
        """Calls made to the backing store so far."""
        return self.memory.reads

    @property
    def bytes_read(self) -> int:
        """Bytes that it returned."""
        return self.memory.bytes_read


def out_of_range(address: int, size: int) -> bytes | Unreadable | None:
    """Return the answer to a read that is empty or out of range, without reading; otherwise None.

    Callers compute addresses from what they read, so garbage comes in: below
    zero, or leaving the 64 bits. Such a range is no memory, not even its start.
    """
    if size < 0:
        raise ValueError(f"negative size {size}")
    if size == 0:
        return b""
    if address < 0 or address + size > ADDRESS_SPACE:
        return Unreadable(address, size, "outside the 64-bit address space")
    return None
