"""The fewest spans that objects need, class by class and bit by bit: slow, and past all that the package counts itself."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gdb_gospan.analysis.session import Session
    from gdb_gospan.runtime.heap import Heap

PAGE = 8192


def told(document: Mapping[str, Any]) -> dict[int, tuple[int, ...]]:
    """Return what the JSON of `whatif` says of each span class, in the same order."""
    names = ("spans", "packed_spans", "saved_bytes", "survivor_spans", "survivor_saved_bytes")
    return {row["spanclass"]: tuple(row[name] for name in names) for row in document["classes"]}


def by_class(
    session: Session, rows: Iterable[Mapping[str, Any]]
) -> dict[int, tuple[int, int, int, int, int]]:
    """Return of each span class: spans, fewest spans, bytes saved; and the last two for the survivors alone.

    Parameters
    ----------
    rows
        All rows of the JSON of `list`.
    """
    classes: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
    heap = session.heap
    inline = dict(zip(heap.spans.addresses.tolist(), heap.span_map.inline_marks.tolist(), strict=True))
    for row in rows:
        if row["state"] in ("in use", "user arena"):
            survived = min(_survived(heap, row, inline=inline[int(row["descriptor"], 16)]), row["objects"])
            classes[row["spanclass"]].append((row["npages"] * PAGE, row["nelems"], row["objects"], survived))
    found = {}
    for number, spans in classes.items():
        whole = sum(size for size, *_ in spans)
        packed = [_packed(number, [(each[0], each[1], each[index]) for each in spans]) for index in (2, 3)]
        (needed, size), (needed_survivors, size_survivors) = packed
        found[number] = (len(spans), needed, whole - size, needed_survivors, whole - size_survivors)
    return found


def _packed(number: int, spans: list[tuple[int, int, int]]) -> tuple[int, int]:
    """Fill one span after the other until all objects have a slot; return how many it takes, and their bytes."""
    if number <= 1:
        filled = [size for size, _, objects in spans if objects]
        return len(filled), sum(filled)
    left, used, taken = sum(objects for *_, objects in spans), 0, 0
    for size, nelems, _ in spans:
        if left <= 0:
            break
        left, used, taken = left - nelems, used + 1, taken + size
    return used, taken


def _survived(heap: Heap, row: Mapping[str, Any], *, inline: bool) -> int:
    """Count the bits of a span that the last cycle has set: in allocBits, or where the marks are that are not swept yet."""
    struct, number = heap.layout["mspan"], int(row["descriptor"], 16)

    def word(path: str) -> int:
        return int.from_bytes(
            _read(heap, number + struct[path].offset, heap.layout.platform.pointer_size), "little"
        )

    unswept = row["sweep"] in ("unswept", "being swept", "cached, unswept")
    where = word("gcmarkBits" if unswept else "allocBits")
    bits = _bits(heap, where, row["nelems"])
    if unswept and inline:
        struct = heap.layout["spanInlineMarkBits"]
        end = int(row["start"], 16) + row["npages"] * PAGE
        bits += _bits(heap, end - struct.size + struct["marks"].offset, row["nelems"])
    return bits


def _bits(heap: Heap, address: int, count: int) -> int:
    data = _read(heap, address, -(-count // 64) * 8)
    return (int.from_bytes(data, "little") & ((1 << count) - 1)).bit_count()


def _read(heap: Heap, address: int, size: int) -> bytes:
    data = heap.memory.read(address, size)
    assert isinstance(data, bytes | bytearray | memoryview)
    return bytes(data)
