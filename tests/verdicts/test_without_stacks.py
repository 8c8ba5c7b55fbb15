"""Where nobody knows what the threads were doing, damage is not excused by what they might have been doing."""

from __future__ import annotations

import pytest

from gdb_gospan.analysis.verification import verify
from tools import images
from tools.damage import DAMAGES

#: Of programs at rest, recorded without any thread.
NAMES = [name for name in images.names() if name.endswith(("-frag", "-corners", "-cached", "-released"))]


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_not_transient(name: str) -> None:
    recorded = images.load(name)
    heap = recorded.session().heap
    wrong = []
    for damage in DAMAGES:
        change = damage.find(heap)
        if change is None:
            continue
        checks = verify(recorded.session(change).heap)
        off = {check.code: check.status for check in checks if check.status != "exact"}
        if not off or not {*off.values()} <= {"broken", "unknown"}:
            wrong.append(f"{damage.name}: {off or 'nothing is noticed'}")
    assert not wrong, "\n".join(wrong)
