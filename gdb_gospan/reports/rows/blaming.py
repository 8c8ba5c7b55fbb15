"""Rows of go-spans blame out of columns."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import attrs
import numpy as np

from gdb_gospan.analysis.blame import ALIVE, NEW, OBJECTS, SPANS, STRANDED, AliveSamples, Whole, by_bucket
from gdb_gospan.analysis.callsites import By, Called, Gathered, Names, called, frames, gathered
from gdb_gospan.analysis.sampling import F64, Moments, tells
from gdb_gospan.fields.document import made_of
from gdb_gospan.reports.rows.blamed import Blamed, BlamedClass, Covered
from gdb_gospan.reports.rows.sites import Where
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.mprof import Stacks
from gdb_gospan.runtime.record import I64, Column
from gdb_gospan.runtime.sampledobjects import SampledObjects

if TYPE_CHECKING:
    from gdb_gospan.analysis.objecttypes import ObjectTypes

_MEASURES: Final[tuple[tuple[Literal["stranded", "alive", "spans"], int], ...]] = (
    ("stranded", STRANDED),
    ("alive", ALIVE),
    ("spans", SPANS),
)
_LARGEST: Final = 2.0**62


@attrs.frozen(eq=False)
class Sites:
    """The buckets that have sampled objects alive.

    Attributes
    ----------
    rows
        int64 (n,): their numbers.
    kept, samples
        What these objects keep, (n, 5); and how many they are, int64 (n,).
    stacks, calls
        The stack of each.
    estimated
        It is known for how many objects each stands.
    """

    rows: I64
    kept: Moments
    samples: I64
    stacks: Stacks
    calls: Called
    estimated: bool


def sites_of(objects: SampledObjects, found: AliveSamples, names: Names, hidden: Sequence[str]) -> Sites:
    """Name who allocated the objects; innermost calls whose names begin with these are not shown."""
    rows, kept, samples = by_bucket(found, len(objects.size))
    stacks = frames(objects.stacks, rows, names, hidden)
    return Sites(rows, kept, samples, stacks, called(stacks, names), tells(objects.rate))


def blamed(
    sites: Sites, by: By, every: Whole, found: AliveSamples, types: ObjectTypes | None
) -> list[Blamed]:
    """Return a row for each place; of those that are equal, above all 0, first the one with more in what it calls."""
    sums = gathered(
        sites.calls, np.concatenate([sites.kept.columns, sites.samples[:, np.newaxis]], axis=1), by
    )
    flat, cumulated = (Moments.from_columns(each[:, :-1]) for each in (sums.flat, sums.cumulated))
    columns: dict[str, list[Any]] = {"samples": sums.flat[:, -1].astype(np.int64).tolist()}
    low, high = flat.bounds(_most(every))
    for name, column in _MEASURES:
        parts = {"": flat.total, "_error": flat.error, "_low": low, "_high": high}
        for part, values in parts.items():
            known = sites.estimated or not part
            columns[_named(name, part)] = _written(name, values[:, column]) if known else [None] * len(values)
        columns[f"cum_{_named(name)}"] = _written(name, cumulated.total[:, column])
    columns["objects"], columns["new_bytes"] = (_written("", flat.total[:, each]) for each in (OBJECTS, NEW))
    columns |= _types(sites, found, types, sums)
    order = np.lexsort((-cumulated.total[:, ALIVE], -cumulated.total[:, STRANDED]))
    return [
        made_of(
            Blamed,
            {name: values[row] for name, values in columns.items()}
            | Where.of(sums, row)._asdict()
            | ({} if by == "stack" else {"stack": ()}),
        )
        for row in order.tolist()
    ]


def _types(
    sites: Sites, found: AliveSamples, types: ObjectTypes | None, sums: Gathered
) -> dict[str, list[Any]]:
    """Return the columns of types, if they are asked for."""
    count = len(sums.places)
    if types is None:
        return dict.fromkeys(("type", "type_samples", "other_types"), [None] * count)
    from gdb_gospan.analysis.sampletypes import sample_types  # noqa: PLC0415  # only for who asks for types

    some = sample_types(found, types, sums.row[np.searchsorted(sites.rows, found.bucket)], count)
    return {
        "type": list(some.names),
        "type_samples": some.samples.tolist(),
        "other_types": some.others.tolist(),
    }


def _most(every: Whole) -> F64 | None:
    return every.by_class.sum(axis=0).astype(np.float64) if every.known else None


def _named(measure: str, part: str = "") -> str:
    return f"{measure}{part}{'' if measure == 'spans' else '_bytes'}"


def _written(measure: str, values: F64) -> list[Any]:
    """Return figures as JSON has them: bytes and objects as whole numbers, spans with three decimals."""
    # Of a heap in which nothing says how much there is, damaged sizes make estimates of any size.
    bounded = np.minimum(values, _LARGEST)
    found: Column = np.round(bounded, 3) if measure == "spans" else np.rint(bounded).astype(np.int64)
    return list(found.tolist())


def by_class(found: AliveSamples, every: Whole, sites: Sites) -> list[BlamedClass]:
    """Return a row for each span class that has objects, with the line that strands most of it."""
    present = np.flatnonzero(every.by_class[:, OBJECTS])
    samples = np.bincount(found.spanclass, minlength=len(every.by_class))
    worst = _worst(found, sites)
    return [
        BlamedClass(
            spanclass=spanclass,
            elemsize=int(sizeclasses.sizes()[spanclass >> 1]) if 1 < spanclass < 2 * sizeclasses.COUNT else 0,
            noscan=bool(spanclass & 1),
            stranded_bytes=kept[STRANDED],
            alive_bytes=kept[ALIVE],
            spans=kept[SPANS],
            objects=kept[OBJECTS],
            new_bytes=kept[NEW],
            samples=int(samples[spanclass]),
            **worst.get(spanclass, _Worst())._asdict(),
        )
        for spanclass, kept in zip(present.tolist(), every.by_class[present].tolist(), strict=True)
    ]


class _Worst(NamedTuple):
    """Fields of `BlamedClass` of the line whose objects strand most."""

    function: str | None = None
    file: str | None = None
    line: int | None = None
    site_stranded_bytes: int | None = None
    site_stranded_error_bytes: int | None = None
    site_alive_bytes: int | None = None


def _worst(found: AliveSamples, sites: Sites) -> dict[int, _Worst]:
    """Return of each class that has samples the line whose objects strand most, or have most bytes."""
    present, which = np.unique(found.spanclass, return_inverse=True)
    row = np.searchsorted(sites.rows, found.bucket)
    parts = found.kept.total[:, STRANDED], found.kept.variance[:, STRANDED], found.kept.total[:, ALIVE]
    sums = np.zeros((len(sites.rows), len(present), len(parts)))
    np.add.at(sums, (row, which.reshape(-1)), np.stack(parts, axis=1))
    lines = gathered(sites.calls, sums.reshape(len(sums), len(present) * len(parts)), "line")
    if not lines.places:  # stacks without any call
        return {}
    flat = lines.flat.reshape(len(lines.places), len(present), len(parts))
    worst = {}
    for number, spanclass in enumerate(present.tolist()):
        place = max(range(len(flat)), key=lambda each: (flat[each, number, 0], flat[each, number, 2]))
        stranded, variance, alive = flat[place, number].tolist()
        where = Where.of(lines, place)
        error = round(sqrt(variance)) if sites.estimated else None
        worst[spanclass] = _Worst(
            where.function, where.file, where.line, round(stranded), error, round(alive)
        )
    return worst


def covered(sites: Sites, every: Whole) -> tuple[Covered, ...]:
    """Return how much of what all objects keep is known by stack."""
    sums = Moments.from_columns(sites.kept.columns.sum(axis=0, keepdims=True))
    low, high = sums.bounds(_most(every))
    return tuple(
        _covered(
            name,
            int(every.by_class[:, column].sum()),
            float(sums.total[0, column]),
            error=float(sums.error[0, column]) if sites.estimated else None,
            bounds=(float(low[0, column]), float(high[0, column])) if sites.estimated else None,
            whole_known=every.known,
        )
        for name, column in _MEASURES
    )


def _covered(
    name: Literal["stranded", "alive", "spans"],
    whole: int,
    attributed: float,
    *,
    error: float | None,
    bounds: tuple[float, float] | None,
    whole_known: bool,
) -> Covered:
    low, high = bounds or (None, None)
    share = 100 / whole if whole and whole_known and bounds else None
    left = [
        None if each is None or not whole_known else max(round(whole - each), 0)
        for each in (attributed if bounds else None, high, low)
    ]
    return Covered(
        of=name,
        whole=whole,
        attributed=round(attributed),
        error=None if error is None else round(error),
        low=None if low is None else round(low),
        high=None if high is None else round(high),
        share=None if share is None else round(attributed * share, 1),
        share_error=None if share is None or error is None else round(error * share, 1),
        unattributed=left[0],
        unattributed_low=left[1],
        unattributed_high=left[2],
    )
