"""Nodes of paths put into words: what holds objects from outside, objects, and their fields."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gdb_gospan.analysis.edges import Ids
from gdb_gospan.analysis.fieldpaths import field_path
from gdb_gospan.analysis.ownerpaths import Link
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.typescan import header_bytes
from gdb_gospan.reports.holding import Holding
from gdb_gospan.reports.rows.owners import Step

WAYS = ("unknown", "exact", "edges", "shape")
"""How a type is known (`objecttypes`)."""


class Steps:
    """Describes nodes.

    Parameters
    ----------
    retained
        What each row of the tree retains, of the weight of that name.
    """

    def __init__(self, held: Holding, retained: Callable[[str], Ids]) -> None:
        self._held, self._retained = held, retained
        self._headers = header_bytes(held.heap)

    def retained(self, name: str, node: int) -> int:
        """Return what a node retains, of this weight."""
        return int(self._retained(name)[np.searchsorted(self._held.owners.tree.nodes, node)])

    def step(self, link: Link) -> Step:
        """Describe a node of a path."""
        names = self._held.names
        return Step(
            kind=names.kind(link.node),
            name=names.title(link.node),
            address=names.address(link.node),
            goid=names.goid(link.node),
            through=self.through(link),
            retained_bytes=self.retained("bytes", link.node),
        )

    def through(self, link: Link) -> str | None:
        """Return the field that leads on from a node; None where that is not known."""
        return None if link.offset is None else self._field(link.node, link.offset)

    def _field(self, node: int, offset: int) -> str:
        if node >= self._held.owners.slots:
            return f"+{offset}" if offset else ""
        types = self._held.types
        behind = offset - int(self._headers[slots(self._held.heap).spans_of(np.array([node]))[0]])
        number = int(types.number[node])
        return (field_path(types, number, behind) if number else "") or f"+{behind}"
