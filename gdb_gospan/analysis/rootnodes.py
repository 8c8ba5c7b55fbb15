"""What holds objects from outside of the heap, each once: a package variable, a goroutine, what waits to be run."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis.roots import Roots
from gdb_gospan.runtime import mgcmark
from gdb_gospan.runtime.record import I64, U64

VariablesAt = Callable[[U64], list[tuple[str, int] | None]]
"""Tells the name and the address of the package variable that each address is in."""


@attrs.frozen(eq=False, repr=False)
class RootNodes:
    """The holders.

    Attributes
    ----------
    of
        int64 (r,): the holder that each pointer of `Roots` is of.
    kind
        uint8 (k,): of `mgcmark`; `BSS` for any variable, and `STACK` for any goroutine.
    key
        uint64 (k,): the address of a variable, or of a pointer that belongs to none that is known; the row of a goroutine;
        0 of other kinds, each of which is one holder.
    names
        Of the variables that have one, by address.
    """

    of: I64
    kind: npt.NDArray[np.uint8]
    key: U64
    names: dict[int, str]

    def __len__(self) -> int:
        return len(self.kind)


def root_nodes(roots: Roots, variables_at: VariablesAt | None) -> RootNodes:
    """Tell the holders of all roots."""
    kind = roots.kind.copy()
    kind[kind == mgcmark.DATA] = mgcmark.BSS
    kind[kind == mgcmark.REGISTERS] = mgcmark.STACK
    key = np.zeros(len(kind), np.uint64)
    variables = kind == mgcmark.BSS
    key[variables], names = _variables(roots.at[variables], variables_at)
    key[kind == mgcmark.STACK] = roots.holder[kind == mgcmark.STACK].view(np.uint64)
    order = np.lexsort((key, kind))
    new = np.ones(len(order), np.bool_)
    new[1:] = (kind[order][1:] != kind[order][:-1]) | (key[order][1:] != key[order][:-1])
    of = np.empty(len(order), np.int64)
    of[order] = np.cumsum(new) - 1
    first = order[new]
    return RootNodes(of, kind[first], key[first], names)


def _variables(at: U64, variables_at: VariablesAt | None) -> tuple[U64, dict[int, str]]:
    """Return where the variable begins that each of these words is in: the word itself if none is known."""
    each, which = np.unique(at, return_inverse=True)
    begins, names = each.copy(), dict[int, str]()
    for row, found in enumerate(() if variables_at is None else variables_at(each)):
        if found is not None:
            names[found[1]] = found[0]
            begins[row] = found[1]
    return begins[which.reshape(-1)], names
