"""What the words of values are, and what the unsafe pointers of packages sync and sync/atomic lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gdb_gospan.runtime import abitype
from gdb_gospan.runtime.abitype import Descriptor

if TYPE_CHECKING:  # which imports this one
    from gdb_gospan.analysis.typebook import TypeBook

VALUE, COUNTED = 1, 17
"""As in `typebook`."""
SCALAR: Final = -1
INTERFACE: Final = -2
EFACE: Final = -3
"""What a word is that is no pointer, and the data word of an interface; that of two pointers that are used as an interface."""
_EFACE: Final = ("typ", "val")
"""What a sync.Pool has its values in (sync/poolqueue.go)."""
_POOL: Final = ("local", "victim")
"""Of sync.Pool: a sync.poolLocal for each P, and how many there are behind it (sync/pool.go)."""
_ENTRY: Final = ("p",)
"""Of a sync.Map up to Go 1.19: a pointer to an interface, which is an atomic.Pointer since (sync/map.go)."""


def unsafe_words(book: TypeBook, found: Descriptor) -> dict[int, int]:
    """Return what the unsafe pointers of a struct lead to, by their offsets, as far as it is known."""
    names = tuple(each.name for each in found.fields)
    if found.name == "sync.eface" and names == _EFACE:
        return {found.fields[1].offset: EFACE}
    if found.name == "sync.Pool" and set(_POOL) <= set(names):
        number = _of_name(book, COUNTED, "sync.poolLocal")
        return {each.offset: number for each in found.fields if each.name in _POOL}
    if found.name == "sync.entry" and names == _ENTRY and _is_unsafe(book, found):
        return {0: _of_name(book, VALUE, "interface {}")}
    return _held_atomically(book, found)


def _of_name(book: TypeBook, form: int, name: str) -> int:
    """Return the first type of this name; 0 if the program has none."""
    return next((book.number(form, each.address) for each in book.every() if each.name == name), 0)


def _held_atomically(book: TypeBook, found: Descriptor) -> dict[int, int]:
    """Return what an atomic.Pointer[T] leads to: its first field is a [0]*T (sync/atomic/type.go)."""
    first = book.reader.at(found.fields[0].type) if len(found.fields) > 1 else None
    if first is None or first.kind != abitype.ARRAY or first.length:
        return {}
    pointer = book.reader.at(first.elem)
    if pointer is None or pointer.kind != abitype.POINTER or not _is_unsafe(book, found):
        return {}
    return {found.fields[-1].offset: book.number(VALUE, pointer.elem)}


def _is_unsafe(book: TypeBook, found: Descriptor) -> bool:
    """Whether the last field of a struct is an unsafe pointer."""
    last = book.reader.at(found.fields[-1].type)
    return last is not None and last.kind == abitype.UNSAFE_POINTER
