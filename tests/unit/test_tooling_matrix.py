"""What is left out of the matrix of verdicts leaves nothing unseen."""

from __future__ import annotations

from tools.damage import DAMAGES
from tools.matrix import OTHERS, meets
from tools.targets import TARGETS


def test_each_damage_meets_each_way_in_and_each_target() -> None:
    turns = range(len(TARGETS))
    pairs = {
        (damage.name, view)
        for turn in turns
        for damage in DAMAGES
        for view in OTHERS
        if meets(damage, view, turn)
    }
    assert pairs == {(damage.name, view) for damage in DAMAGES for view in OTHERS}
    for turn in turns:
        for damage in DAMAGES:
            assert sum(meets(damage, view, turn) for view in OTHERS) == 1
