"""Of what type the sampled objects are that were allocated at a place: joins blame with the types of objects."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.blame import AliveSamples
from gdb_gospan.analysis.objecttypes import ObjectTypes
from gdb_gospan.runtime.record import I64


@attrs.frozen(eq=False, repr=False)
class SampleTypes:
    """The types in each of n rows.

    Attributes
    ----------
    names
        Of most samples in the row whose types are known; None where none is.
    samples
        int64 (n,): how many are of that type.
    others
        int64 (n,): how many other types there are in the row.
    """

    names: tuple[str | None, ...]
    samples: I64
    others: I64


def sample_types(found: AliveSamples, types: ObjectTypes, row: I64, count: int) -> SampleTypes:
    """Find the type of most samples of each row.

    Parameters
    ----------
    row
        int64, one for each sample: the row that it is in, of `count`; -1 for none.
    """
    number = types.number[found.slot].astype(np.int64)
    known = np.flatnonzero((number > 0) & (row >= 0))
    each, samples = np.unique(row[known] * len(types.types) + number[known], return_counts=True)
    of_row, number = np.divmod(each, len(types.types))
    order = np.lexsort((number, -samples, of_row))
    rows, first = np.unique(of_row[order], return_index=True)
    best = order[first]
    names: list[str | None] = [None] * count
    for at, kind in zip(rows.tolist(), number[best].tolist(), strict=True):
        names[at] = types.types[kind].name
    most, others = (np.zeros(count, np.int64) for _ in range(2))
    most[rows] = samples[best]
    others[rows] = np.bincount(of_row, minlength=count)[rows] - 1
    return SampleTypes(tuple(names), most, others)
