"""The nodes of a concurrent map: a pointer to one is to an entry or to an inner node, and the node itself says to which.

sync.Map has been such a trie since Go 1.24, and what package unique keeps since 1.23 (internal/sync/hashtriemap.go,
internal/concurrent before). Either kind of node begins with a node[K, V], which has nothing but isEntry.
"""

from __future__ import annotations

from typing import Final

from gdb_gospan.analysis.typebook import VALUE, TypeBook

_NODES: Final = ("sync.node[", "concurrent.node[")
_SHAPES: Final = "go.shape."
_FLAG: Final = ["isEntry"]
_SECOND: Final = ("dead", "overflow")
"""The field behind the node that an inner node has, and that an entry has."""


class Tries:
    """The types of such nodes in a program."""

    def __init__(self, book: TypeBook) -> None:
        self._book = book
        self._whole: dict[int, tuple[int, int]] | None = None

    def node(self, number: int) -> bool:
        """Whether this type is what both kinds of nodes of a trie begin with."""
        what = self._book.types[number]
        if what.form != VALUE or what.size != 1 or not what.name.startswith(_NODES):
            return False
        found = self._book.reader.at(what.descriptor)
        return found is not None and [each.name for each in found.fields] == _FLAG

    def whole(self, number: int) -> tuple[int, int]:
        """Return the inner node and the entry that begin with a node of this type; 0 where the program has none."""
        return self._known().get(self._book.types[number].descriptor, (0, 0))

    def inner(self) -> list[int]:
        """Return the types of inner nodes of all tries, without those of generic functions."""
        found = [inner for inner, _ in self._known().values()]
        return [number for number in found if number and not self._book.is_shape(number)]

    def _known(self) -> dict[int, tuple[int, int]]:
        """Return both by the descriptor of the node that they begin with."""
        if self._whole is None:
            found: dict[int, list[int]] = {}
            for each in self._book.every():
                names = [field.name for field in each.fields[:2]]
                if names[:1] != ["node"] or names[-1] not in _SECOND or each.name.startswith(_SHAPES):
                    continue
                first = each.fields[0].type
                if not self.node(self._book.number(VALUE, first)):
                    continue
                row = _SECOND.index(names[-1])
                found.setdefault(first, [0, 0])[row] = self._book.number(VALUE, each.address)
            self._whole = {node: (inner, entry) for node, (inner, entry) in found.items()}
        return self._whole
