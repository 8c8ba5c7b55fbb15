"""Every damage by every way in with every target, and the same of a busy program at random moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import matrix, soak, targets
from tools.targets import Target

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", targets.TARGETS)
def test_of_programs_at_rest_at_work_and_dead(name: str, go_minor: str, tmp_path: Path) -> None:
    wrong = matrix.wrong_of(targets.TARGETS[name], go_minor, tmp_path)
    assert not wrong, "\n".join(wrong)


@pytest.mark.since("1.20")
@pytest.mark.parametrize("name", targets.ARENAS)
def test_of_user_arenas(name: str, go_minor: str, tmp_path: Path) -> None:
    wrong = matrix.wrong_of(targets.ARENAS[name], go_minor, tmp_path)
    assert not wrong, "\n".join(wrong)


def test_of_random_moments(go_minor: str, tmp_path: Path) -> None:
    target = Target("at random", lambda minor: targets.at_random(minor, tmp_path), any_moment=True)
    wrong = [
        line
        for turn in range(soak.captures(0.1))
        for line in matrix.wrong_of(target, go_minor, tmp_path, turn)
    ]
    assert not wrong, "\n".join(wrong)
