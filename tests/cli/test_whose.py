"""`show` says of an object that it is pinned, as a real program pins them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from gdb_gospan.analysis.location import locate
from gdb_gospan.analysis.session import Session
from gdb_gospan.render.style import Style
from gdb_gospan.reports import run
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.targets.core import open_session
from tools import cores, images, programs, shell, toolchains

pytestmark = pytest.mark.toolchain

SLOT = 18432


def pins_of(session: Session) -> dict[int, int | None]:
    """Return how often each object of that size is pinned, by its address."""
    spans = session.heap.spans
    found = {}
    for row in np.flatnonzero(spans.in_use & (spans.records["elemsize"] == SLOT)).tolist():
        for index in range(int(spans.records["nelems"][row])):
            place = locate(session.heap, int(spans.start[row]) + index * SLOT)
            assert place is not None
            assert place.slot is not None
            if place.slot.allocated:
                found[place.slot.address] = place.slot.pins
    return found


def shown(session: Session, address: int) -> str:
    command = find("show")
    assert command is not None
    return run.run(session, command, parse(command, [hex(address)]), Style(width=100))


def test_pinned_once_and_more_than_once(tmp_path) -> None:
    core = cores.kernel_core(programs.build("pins", toolchains.NEWEST))
    session = open_session([str(core.executable), str(core.path)])
    pins = pins_of(session)
    assert Counter(pins.values()) == {0: 4, 1: 1, 2: 1}
    lines = {pinned: shown(session, address) for address, pinned in pins.items()}
    assert " · pinned\n" in lines[1]
    assert "pin counter" not in lines[1]  # the special is there for more than one only
    assert " · pinned more than once\n" in lines[2]
    assert "pin counter" in lines[2]
    assert "pinned" not in lines[0]

    taken = tmp_path / "pins.gospan"
    words = ["snapshot", "--replace", str(taken), str(core.executable), str(core.path)]
    assert shell.inside(*words).status == 0
    for address, pinned in pins.items():
        said = shell.inside("show", hex(address), taken).stdout
        assert (" · pinned" in said) is bool(pinned)


def test_before_pinners_nothing_is_said() -> None:
    heap = images.load("1.19-cached").session().heap
    starts = heap.spans.start[heap.spans.in_use].tolist()
    pins = {place.slot.pins for place in (locate(heap, start) for start in starts) if place and place.slot}
    assert pins == {None}
