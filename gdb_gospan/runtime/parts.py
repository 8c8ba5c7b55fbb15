"""Parts of the heap: each is read once, on first use, and kept with the parts that it depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, overload

from gdb_gospan.runtime.losses import Losses

T = TypeVar("T")
Owner = TypeVar("Owner", bound="HasTrail")


class Trail:
    """Which parts depend on which, and which depend on unreadable memory.

    Parameters
    ----------
    losses
        Where readers enter what they could not read.

    Attributes
    ----------
    begins
        Called with the name of a part before it is read, if it is not None.
    """

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._values: dict[str, Any] = {}
        self._given: dict[str, Callable[[], Any]] = {}
        self._incomplete: set[str] = set()
        self._used: list[set[str]] = []
        self.begins: Callable[[str], None] | None = None

    def part(self, name: str, read: Callable[[], T]) -> T:
        """Return the value of the part, reading it if it is not known yet."""
        if name not in self._values:
            self.stage(name)
            self._values[name], complete = self.watch(self._given.get(name, read))
            if not complete:
                self._incomplete.add(name)
        if self._used:
            self._used[-1].add(name)
        value: T = self._values[name]
        return value

    def give(self, name: str, read: Callable[[], Any]) -> None:
        """Have a part that is not known yet read in this way, whoever asks for it: such as out of a file."""
        self._given[name] = read

    def given(self, name: str) -> bool:
        """Whether the part is read in a way of its own."""
        return name in self._given

    def stage(self, name: str) -> None:
        """Announce a step other than reading a part."""
        if self.begins is not None:
            self.begins(name)

    def known(self, name: str) -> bool:
        """Whether the part has been read."""
        return name in self._values

    def watch(self, work: Callable[[], T]) -> tuple[T, bool]:
        """Do some work, and tell whether everything that it read was readable."""
        before = len(self._losses)
        used: set[str] = set()
        self._used.append(used)
        try:
            value = work()
        finally:
            self._used.pop()
        return value, len(self._losses) == before and not used & self._incomplete


class HasTrail(Protocol):
    """An object with parts."""

    trail: Trail


class part(Generic[Owner, T]):  # noqa: N801  # used like property
    """A property that is read once; its owner's trail knows what it depends on."""

    def __init__(self, read: Callable[[Owner], T]) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, heap: None, owner: type | None = None) -> part[Owner, T]: ...
    @overload
    def __get__(self, heap: Owner, owner: type | None = None) -> T: ...
    def __get__(self, heap: Owner | None, owner: type | None = None) -> T | part[Owner, T]:
        if heap is None:
            return self
        return heap.trail.part(self._name, lambda: self._read(heap))
