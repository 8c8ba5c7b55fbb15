"""Real programs of which a part of the memory is missing: bounds or one line, nothing called broken, the schema holds."""

from __future__ import annotations

import random

import attrs
import numpy as np
import pytest

from gdb_gospan.analysis.accounting import accounts
from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import GoSpansError
from gdb_gospan.memory.image import Image
from gdb_gospan.render.style import Style
from gdb_gospan.runtime.heap import Heap
from tools import images, schemas

#: Accounts that come from walking spans and pages; the others are counters of the runtime.
WALKED = (
    *("objects", "garbage_unswept", "free_slots", "span_metadata", "tail", "idle_retained", "idle_released"),
    *("stacks", "work_buffers"),
)


def without(recorded: images.Recorded, dropped: list[int]) -> Session:
    """Leave some of the recorded ranges out."""
    segments = recorded.image.segments
    keep = np.ones(len(segments.start), np.bool_)
    keep[dropped] = False
    fewer = attrs.evolve(
        segments, start=segments.start[keep], size=segments.size[keep], offset=segments.offset[keep]
    )
    return Session(
        recorded.target, Heap(Image(fewer, recorded.image.holes), recorded.layout, recorded.symbols)
    )


@pytest.mark.parametrize("name", [name for name in images.names() if "unswept" not in name])
@pytest.mark.filterwarnings("error")
def test_what_is_missing_is_unknown(name: str) -> None:
    recorded = images.load(name)
    whole = accounts(recorded.session().heap)
    choose, count = random.Random(name), len(recorded.image.segments.start)
    for _ in range(4):
        session = without(recorded, choose.sample(range(count), min(count, choose.choice([1, 1, 5]))))
        try:
            found = list(images.documents(session))
        except GoSpansError as error:
            one_line(error)
            continue
        for command, document in found:
            assert schemas.errors(document) == []
            assert images.text(command, document, Style(width=80))
            assert {check["status"] for check in document["checks"]} <= {"exact", "unknown"}
        summary = found[0][1]
        for account in WALKED:
            assert summary["bytes"][account] <= getattr(whole, account), account
        if summary["complete"]:
            assert summary["bytes"] == {key: getattr(whole, key) for key in summary["bytes"]}


def one_line(error: GoSpansError) -> None:
    assert "\n" not in str(error)


def test_the_descriptors_are_what_most_rests_on() -> None:
    """The whole of the above is worth little if nothing is ever unknown, or all is refused."""
    recorded = images.load("1.27-corners")
    heap, segments = recorded.session().heap, recorded.image.segments
    row = int(np.flatnonzero(heap.spans.in_use)[0])
    session = without(recorded, [segments.index(int(heap.spans.addresses[row]))])
    document = next(document for command, document in images.documents(session) if command.name == "summary")
    assert document["complete"] is False
    assert document["unreadable"]["bytes"] >= heap.layout["mspan"].size
    assert document["spans"]["unreadable"] > 0
    assert document["memstats"]["HeapAlloc"] is None
    assert "unknown" in {check["status"] for check in document["checks"]}
