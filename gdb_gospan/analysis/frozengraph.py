"""The graph of objects in a snapshot: which points to which, roots and types, without the contents of any object.

The file has columns of numbers (`memory/packedcolumns.py`), and ``graph`` in its meta has their table and what else there is.
Objects are numbers of slots, by span class, pages, slot size, slots, marks inside and address of their spans; ``span.base`` has
these spans in that order. Which slots have objects, and how large these are, the runtime's metadata in the file say.

    span.base                      address of each span
    slot.pointers                  pointers of each slot
    edge.target edge.word          of each pointer the slot that it leads to, and which word of its object it is
    slot.type slot.how             of each slot the number of its type, and how that is known
    type.* descriptor.* field.*    types by number: name, form, size; what tells the field of a word (`frozentypes`)
    root.kind root.target root.at root.holder      as in `Roots`
    variable.word variable.at variable.name        of each root word of a package variable where the variable begins, and its name
    wait.row wait.target wait.sudog                what goroutines wait for (`leakedgoroutines`)
    lost.start lost.end            ranges that could not be read
    text.bytes text.length         names of types, fields and variables
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import attrs
import numpy as np

from gdb_gospan.analysis.edges import Graph, id_type
from gdb_gospan.analysis.frozentypes import STEPPED, Texts, freeze_types, thaw_texts, thaw_types
from gdb_gospan.analysis.leakedgoroutines import Waits, waits
from gdb_gospan.analysis.objecttypes import ObjectTypes, types_by_edges
from gdb_gospan.analysis.roots import Roots, roots
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import Slots, slots
from gdb_gospan.analysis.typescan import edges
from gdb_gospan.memory.packedcolumns import Numbers, PackedColumns, bytes_of_columns, pack_columns
from gdb_gospan.memory.segments import U64, Bytes, Mask
from gdb_gospan.runtime import mgcmark
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Session

_STEPPED: Final = STEPPED | {
    "span.base", "edge.target", "edge.word", "root.target", "root.at", "variable.word", "variable.at", "lost.start", "lost.end",
}  # fmt: skip
_KINDS: Final = 10
"""Of roots (`mgcmark`)."""
_PART: Final = "recorded graph"
_SLOT_BYTES: Final = 16
"""Bytes of the columns of a slot at most, and of a word of objects with pointers."""


@attrs.frozen(eq=False, repr=False)
class ObjectGraph:
    """What reports of objects would read the contents of objects for.

    Attributes
    ----------
    graph
        With words.
    waits
        None where it is not known what goroutines wait for.
    variable_words
        uint64 (v,): addresses of words of package variables, ascending; and of each the name of its variable and where that
        begins.
    lost
        Ranges that could not be read: where they begin and end.
    objects
        How many there are.
    """

    graph: Graph
    roots: Roots
    types: ObjectTypes
    waits: Waits | None
    variable_words: U64
    variables: list[tuple[str, int]]
    lost: tuple[U64, U64]
    objects: int

    def variables_at(self, addresses: U64) -> list[tuple[str, int] | None]:
        """Return the name and the address of the package variable that each address is in, as far as recorded."""
        place = np.searchsorted(self.variable_words, addresses)
        known = np.append(self.variable_words, np.uint64(0))[place] == addresses
        known &= place < len(self.variable_words)
        return [
            self.variables[row] if is_known else None
            for row, is_known in zip(place.tolist(), known.tolist(), strict=True)
        ]


def read_graph(session: Session) -> ObjectGraph:
    """Follow all pointers of a heap, whose contents can be read; or return what a snapshot has recorded of it."""
    heap = session.heap
    if has_graph(heap):
        return recorded(heap)
    threads = () if session.threads is None else tuple(session.threads())
    known = edges(heap)
    types = types_by_edges(heap, known, threads)
    graph = attrs.evolve(known.graph, word=known.word)
    del known
    first = roots(heap, threads)
    lost = heap.reader.losses.ranges()
    of_variables = np.isin(first.kind, (mgcmark.DATA, mgcmark.BSS))
    words = np.unique(first.at[of_variables])
    found = [None] * len(words) if session.variables_at is None else session.variables_at(words)
    named = np.array([each is not None for each in found], np.bool_)
    return ObjectGraph(
        graph=graph,
        roots=first,
        types=types,
        waits=waits(heap, graph, threads),
        variable_words=words[named],
        variables=[each for each in found if each is not None],
        lost=lost,
        objects=int(np.count_nonzero(slot_states(heap).taken)),
    )


@attrs.frozen(eq=False, repr=False)
class FrozenGraph:
    """A graph for a file.

    Attributes
    ----------
    index
        JSON data.
    pieces
        The bytes of the columns, one after the other.
    """

    index: dict[str, Any]
    pieces: list[Bytes]


def freeze_graph(heap: Heap, found: ObjectGraph) -> FrozenGraph:
    """Return the graph as JSON data and bytes, for `thaw_graph`."""
    texts, graph, first = Texts(), found.graph, found.roots
    names = [texts.number(name) for name, _ in found.variables]
    columns: dict[str, Numbers] = {
        "span.base": slots(heap).base,
        "slot.pointers": np.diff(graph.starts),
        "edge.target": graph.targets,
        "edge.word": np.empty(0, np.uint32) if graph.word is None else graph.word,
        **freeze_types(found.types, texts),
        "root.kind": first.kind,
        "root.target": first.target,
        "root.at": first.at,
        "root.holder": first.holder,
        "variable.word": found.variable_words,
        "variable.at": np.array([at for _, at in found.variables], np.uint64),
        "variable.name": np.array(names, np.int64),
        "lost.start": found.lost[0],
        "lost.end": found.lost[1],
    }
    if found.waits is not None:
        columns |= {
            "wait.row": found.waits.row,
            "wait.target": found.waits.target,
            "wait.sudog": found.waits.sudogs,
        }
    table, pieces = pack_columns(columns | texts.columns(), _STEPPED)
    index = {
        "columns": table,
        "unread_bytes": graph.unread_bytes,
        "untyped": graph.untyped,
        "unread": sorted(first.unread),
        "guessed": sorted(first.guessed),
        "types_known": found.types.known,
        "conflicts": found.types.conflicts,
    }
    return FrozenGraph(index, pieces)


def recorded(heap: Heap) -> ObjectGraph:
    """Return what a snapshot has recorded, read once."""
    found: ObjectGraph = heap.trail.part(_PART, _not_recorded)
    return found


def _not_recorded() -> ObjectGraph:
    raise LookupError(_PART)


def give_graph(heap: Heap, read: Callable[[], ObjectGraph]) -> None:
    """Let what reports of objects need come out of a snapshot, at its first use.

    Parameters
    ----------
    read
        Returns the `ObjectGraph`.
    """

    def once() -> ObjectGraph:
        found = read()
        for start, end in zip(*(each.tolist() for each in found.lost), strict=True):
            heap.reader.losses.add(np.array([start], np.uint64), end - start)
        return found

    trail = heap.trail
    trail.give(_PART, once)
    trail.give("graph", lambda: recorded(heap).graph)
    trail.give("roots", lambda: recorded(heap).roots)
    trail.give("object types", lambda: recorded(heap).types)
    trail.give("waits", lambda: recorded(heap).waits)


def has_graph(heap: Heap) -> bool:
    """Whether a snapshot has recorded the graph."""
    return heap.trail.given(_PART)


def size_of_graph(heap: Heap, index: dict[str, Any]) -> tuple[int, int]:
    """Return how many bytes the columns have, and may have by the spans of the heap; errors as of `thaw_graph`."""
    numbered = slots(heap)
    scanned = numbered.npages[numbered.spanclass & 1 == 0] << numbered.pages.shift
    words = int(scanned.sum()) // heap.layout.platform.pointer_size
    return bytes_of_columns(index["columns"].values()), _SLOT_BYTES * (len(numbered) + words)


def thaw_graph(heap: Heap, index: dict[str, Any], flat: Bytes) -> ObjectGraph:
    """Return what `freeze_graph` had.

    Parameters
    ----------
    heap
        Of the metadata in the same file.

    Raises
    ------
    AttributeError, LookupError, OverflowError, TypeError, ValueError
        It is damaged, or does not fit the heap.
    """
    columns, numbered = PackedColumns(index["columns"], flat), slots(heap)
    if not np.array_equal(columns.column("span.base", np.uint64), numbered.base):
        raise ValueError("spans")
    texts = thaw_texts(columns)
    names = columns.column("variable.name", np.int64)
    words, at = (columns.column(f"variable.{name}", np.uint64) for name in ("word", "at"))
    if not len(words) == len(at) == len(names) or (words[1:] <= words[:-1]).any() or (names < 0).any():
        raise ValueError("variables")
    known = index["types_known"]
    if type(known) is not bool:
        raise TypeError(known)
    lost = columns.column("lost.start", np.uint64), columns.column("lost.end", np.uint64)
    if len(lost[0]) != len(lost[1]) or (lost[0] >= lost[1]).any():
        raise ValueError("lost")
    return ObjectGraph(
        graph=_thawed_edges(columns, numbered, index),
        roots=_thawed_roots(columns, numbered, heap, index),
        types=thaw_types(
            columns, texts, len(numbered), heap.layout, known=known, conflicts=_count(index, "conflicts")
        ),
        waits=_thawed_waits(columns, numbered, heap),
        variable_words=words,
        variables=[(texts[name], begin) for name, begin in zip(names.tolist(), at.tolist(), strict=True)],
        lost=lost,
        objects=int(np.count_nonzero(slot_states(heap).taken)),
    )


def _count(index: dict[str, Any], name: str) -> int:
    value = index[name]
    if type(value) is not int or value < 0:
        raise TypeError(name)
    return value


def _good(columns: PackedColumns, name: str, low: int, end: int) -> I64:
    """Return a column whose numbers are not below the low one, and below the end."""
    found: I64 = columns.column(name, np.int64)
    if (found < low).any() or (found >= end).any():
        raise ValueError(name)
    return found


def _thawed_edges(columns: PackedColumns, numbered: Slots, index: dict[str, Any]) -> Graph:
    count = columns.count("edge.target")
    ids = id_type(max(len(numbered), count) + 1)
    each = columns.column("slot.pointers", ids)
    starts = np.zeros(len(numbered) + 1, ids)
    if len(each) != len(numbered) or (each < 0).any() or int(each.sum(dtype=np.int64)) != count:
        raise ValueError("slot.pointers")
    np.cumsum(each, out=starts[1:])
    targets, word = columns.column("edge.target", ids), columns.column("edge.word", np.uint32)
    if len(word) != count or (targets < 0).any() or (targets >= len(numbered)).any():
        raise ValueError("edge.target")
    return Graph(starts, targets, _count(index, "unread_bytes"), _count(index, "untyped"), word)


def _thawed_roots(columns: PackedColumns, numbered: Slots, heap: Heap, index: dict[str, Any]) -> Roots:
    kind = _good(columns, "root.kind", 0, _KINDS).astype(np.uint8)
    target = _good(columns, "root.target", 0, len(numbered))
    at, holder = columns.column("root.at", np.uint64), _good(columns, "root.holder", -1, 1 << 31)
    stacks: Mask = np.isin(kind, (mgcmark.STACK, mgcmark.REGISTERS))
    if not len(kind) == len(target) == len(at) == len(holder):
        raise ValueError("roots")
    if (holder[stacks] < 0).any() or (holder[stacks] >= len(heap.goroutines.gs)).any():
        raise ValueError("root.holder")
    kinds = {name: frozenset(index[name]) for name in ("unread", "guessed")}
    if not all(type(each) is int and 0 <= each < _KINDS for some in kinds.values() for each in some):
        raise TypeError("roots")
    return Roots(kind=kind, target=target, at=at, holder=holder, **kinds)


def _thawed_waits(columns: PackedColumns, numbered: Slots, heap: Heap) -> Waits | None:
    if not columns.has("wait.row"):
        return None
    row = _good(columns, "wait.row", 0, len(heap.goroutines.gs))
    target = _good(columns, "wait.target", -1, len(numbered))
    if len(row) != len(target):
        raise ValueError("waits")
    return Waits(row, target, _good(columns, "wait.sudog", 0, len(numbered)))
