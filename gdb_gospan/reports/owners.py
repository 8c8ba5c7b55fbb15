"""go-spans owners: who keeps the objects, and with them memory: package variables, goroutines, and what hangs on them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gdb_gospan.analysis.goroutines import Living
from gdb_gospan.analysis.leakedgoroutines import Leaks, leaked_goroutines
from gdb_gospan.analysis.objecttypes import ObjectTypes
from gdb_gospan.analysis.ownership import Ownership, object_bytes, stranded_bytes
from gdb_gospan.analysis.ownertree import OwnerGroup, OwnerTree
from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import TargetError
from gdb_gospan.fields.command import LIMIT, MAX_PAUSE, Option
from gdb_gospan.fields.report import Arguments, Report, Rows, headings
from gdb_gospan.reports import pprof
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.graphextra import with_scipy
from gdb_gospan.reports.holding import holding
from gdb_gospan.reports.objects import KINDS
from gdb_gospan.reports.ownernames import OwnerNames
from gdb_gospan.reports.ownersof import kept
from gdb_gospan.reports.rows.owners import Leaked, Owner, Owners, Totals
from gdb_gospan.reports.screens import apart
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64

_DEPTH = 3
_SHARE = 10
"""A group below another one is shown if it has this part of it."""
_DEEPEST = 100


def _build(session: Session, arguments: Arguments) -> Owners:
    held = holding(session)
    heap, types, walk, owners, names = held.heap, held.types, held.walk, held.owners, held.names
    by = "stranded" if arguments["stranded"] else "bytes"
    place, path = arguments.get("argument"), arguments.get("pprof")
    weights = _weights(heap, owners, types, None if place else arguments.get("type"))
    tree = OwnerTree(owners.tree, names.label, {by: weights[by], **weights})
    chooser = _Chooser(arguments, names, by)
    top = tree.groups(-1 if place else min(arguments["depth"], _DEEPEST), chooser)
    leaks = leaked_goroutines(heap, walk, held.threads)
    return Owners(
        about=about(session, "owners"),
        by=f"{by}_bytes",
        type=arguments.get("type"),
        totals=Totals(
            objects=top.retained["objects"],
            bytes=top.retained["bytes"],
            stranded_bytes=top.retained["stranded"],
        ),
        object=kept(held, tree, place, arguments["paths"]) if place else None,
        leaked=None if leaks is None else _leaked(leaks, held.goroutines),
        leaked_bytes=None if leaks is None else int(object_bytes(heap)[leaks.kept].sum(dtype=np.int64)),
        unread_roots=tuple(sorted(KINDS[kind] for kind in walk.roots.unread)),
        unread_bytes=walk.graph.unread_bytes,
        owners=tuple(_rows(top, names)),
        total_rows=chooser.total,
        written=_write(path, session, tree, names, by) if path else None,
        proof=proof(session),
    )


def _weights(heap: Heap, owners: Ownership, types: ObjectTypes, wanted: str | None) -> dict[str, I64]:
    """Return what each row of the tree has; with a type only objects of that type have anything."""
    columns = {
        "objects": np.ones(owners.slots, np.int64),
        "bytes": object_bytes(heap),
        "stranded": stranded_bytes(heap),
    }
    if wanted is not None:
        number = np.array([each.name == wanted for each in types.types], np.bool_)
        named = number[types.number]
        if not named.any():
            raise TargetError(
                f"owners: no object is known to be of type {wanted} (try: go-spans objects, which lists types)"
            )
        columns = {name: np.where(named, values, 0) for name, values in columns.items()}
    found = {name: owners.of_objects(values) for name, values in columns.items()}
    return found | {"holders": (~owners.is_object).astype(np.int64)}


class _Chooser:
    """Chooses the groups to show: of the top so many, below a group those that have a share of it.

    Attributes
    ----------
    total
        How many of the top there are without the limit.
    """

    def __init__(self, arguments: Arguments, names: OwnerNames, by: str) -> None:
        self._least, self._limit, self._root = (
            arguments["min_bytes"],
            arguments["limit"],
            arguments.get("root"),
        )
        self._names, self._by = names, by
        self.total = 0

    def __call__(self, groups: list[OwnerGroup], above: OwnerGroup | None) -> list[OwnerGroup]:
        """Return those to show, the heaviest first."""
        by = self._by
        enough = self._least if above is None else self._least or -(-above.retained[by] // _SHARE)
        some = [each for each in groups if each.retained[by] >= max(enough, 1)]
        some.sort(key=lambda each: -each.retained[by])
        if above is not None:
            return some
        if self._root is not None:
            some = [each for each in some if self._is_wanted(self._names.node(each))]
            if not some:
                raise TargetError(
                    f"owners: no holder has {self._root} in its name (try: go-spans owners --limit 0)"
                )
        self.total = len(some)
        return some[: self._limit or None]

    def _is_wanted(self, node: int) -> bool:
        return self._names.kind(node) != "objects" and str(self._root) in self._names.title(node)


def _rows(top: OwnerGroup, names: OwnerNames, path: tuple[str, ...] = ()) -> Iterator[Owner]:
    """Yield the groups, each followed by those below it."""
    for each in top.children:
        node = names.node(each)
        name, kind = names.title(node), names.kind(node)
        yield Owner(
            depth=each.depth,
            kind="shared" if kind == "objects" and not each.depth else kind,
            name=name,
            path=(*path, name),
            holders=each.own["holders"] or 1,
            address=names.address(node),
            goid=names.goid(node),
            objects=each.own["objects"],
            bytes=each.own["bytes"],
            stranded_bytes=each.own["stranded"],
            retained_objects=each.retained["objects"],
            retained_bytes=each.retained["bytes"],
            retained_stranded_bytes=each.retained["stranded"],
            left_out=each.left_out,
        )
        yield from _rows(each, names, (*path, name))


def _leaked(leaks: Leaks, goroutines: Living) -> tuple[Leaked, ...]:
    """Return the goroutines that wait forever, those that are alike in one row, most stacks first."""
    found = list[Leaked]()
    for group in goroutines.groups():
        some = group.rows[np.isin(goroutines.rows[group.rows], leaks.rows)]
        if len(some):
            found.append(
                Leaked(
                    count=len(some),
                    wait_reason=group.reason or group.state,
                    function=group.function or None,
                    started_by=group.started.function or None,
                    stack_bytes=int(goroutines.stack_bytes[some].sum()),
                )
            )
    return tuple(sorted(found, key=lambda each: -each.stack_bytes))


def _write(path: str, session: Session, tree: OwnerTree, names: OwnerNames, by: str) -> pprof.Written:
    from gdb_gospan.reports.ownersfile import owners_file  # noqa: PLC0415  # only for who asks for it

    return pprof.write(path, owners_file(session, tree, names, by))


def _prepared(arguments: Arguments) -> Arguments:
    return pprof.prepared(with_scipy("owners")(arguments))


def _csv(answer: Owners) -> Rows:
    return answer.owners if answer.object is None else answer.object.dominators


REPORT = Report(
    name="owners",
    summary="who keeps the objects: package variables, goroutines, and what hangs on them",
    description=(
        "An object is retained by what would have to go for it to be garbage. Objects that are kept in the same way, by the\n"
        "same holder and along the same types, are one row. What several holders lead to is retained by none of them alone:\n"
        "it is shown as shared. With --stranded rows are weighed by the free slots that their objects keep in their spans,\n"
        "so that the owners of fragmentation are first. With an address it shows how that one object is kept."
    ),
    example="go-spans owners --stranded",
    place=23,
    document=Owners,
    build=_build,
    screen=apart("owners"),
    rows=("owners",),
    csv=_csv,
    argument=(
        "[ADDRESS]",
        "an object, by an address in it or the name of a variable that points to it: show the paths to it, and what retains it",
    ),
    options=(
        Option("stranded", "weigh and sort by stranded bytes"),
        Option("depth", "levels below the holders to print, up to 100", "N", _DEPTH, number=True),
        Option(
            "min-bytes",
            "print rows of at least so many bytes; 0 for those with a tenth of the row above",
            "BYTES",
            0,
        ),
        Option("type", "weigh only objects of this type, such as main.Session", "TYPE"),
        Option("root", "print only holders with this in their name", "TEXT"),
        Option("paths", "of one object: paths to print, 0 for up to 1000", "N", 3, number=True),
        LIMIT,
        MAX_PAUSE,
        pprof.OPTION,
    ),
    words=tuple(dict.fromkeys((*headings(Owner), *headings(Leaked)))),
    prepare=_prepared,
    contents=True,
)
