"""Damage to a heap is told from what is going on in it, and every way in says the same.

Each target is looked at as it is by every way in, and with each damage by two: in a session of the shell with the
executable, which is the reference, and by another one, such that each damage meets each way in with some target.
Each damage by each way in with each target, and random moments, are in tests/soak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gdb_gospan.analysis.notes import Note
from gdb_gospan.targets import core as coredump
from tools import forms, matrix, targets, toolchains

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.toolchain, pytest.mark.gdb]


@pytest.mark.in_turn("name")
@pytest.mark.parametrize("name", targets.TARGETS)
def test_of_programs_at_rest_at_work_and_dead(name: str, go_minor: str, tmp_path: Path) -> None:
    turn = list(targets.TARGETS).index(name) + list(toolchains.TOOLCHAINS).index(go_minor)
    wrong = matrix.wrong_of(targets.TARGETS[name], go_minor, tmp_path, turn)
    assert not wrong, "\n".join(wrong)


@pytest.mark.since("1.20")
@pytest.mark.in_turn("name")
@pytest.mark.parametrize("name", targets.ARENAS)
def test_of_user_arenas(name: str, go_minor: str, tmp_path: Path) -> None:
    turn = list(targets.ARENAS).index(name) + list(toolchains.TOOLCHAINS).index(go_minor)
    wrong = matrix.wrong_of(targets.ARENAS[name], go_minor, tmp_path, turn)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["miscounted", "zombie"])
def test_the_span_that_a_throw_is_about_is_named(name: str, go_minor: str) -> None:
    core = targets.TARGETS[name].core(go_minor)
    session = coredump.open_session([str(core.executable), str(core.path)])
    # Another thread may have had a span in hand, too: then the first one that is named may be that.
    alone = [
        check
        for check in session.checks
        if check.expected is not None and check.expected - check.observed == 1
    ]
    notes = {check.code: check.notes for check in alone if check.status == "broken"}
    about = [note for code in ("span-slots", "central-lists") for note in notes.get(code, ())]
    assert about or name == "zombie"
    assert [
        note for note in about if note != Note("wrong-span", {"address": core.stdout["descriptor"]})
    ] == []


@pytest.mark.since("1.20")
@pytest.mark.parametrize("form", ["full", "stripped"])
def test_the_caller_of_a_function_without_a_frame_is_seen(form: str, go_minor: str) -> None:
    """By frame pointers alone it is not: the newest one is that of the caller's caller."""
    core = targets.ARENAS["clears a chunk"].core(go_minor)
    files = [forms.executable(core, form), core.path]
    session = coredump.open_session([str(file) for file in files])
    assert session.frames is not None
    callers = [
        stack.functions[1]
        for stack in session.frames()
        if stack.functions[:1] == ("runtime.memclrNoHeapPointers",)
    ]
    # Another thread may be clearing something at that moment, for its own caller.
    assert callers.count("runtime.(*mheap).allocUserArenaChunk") == 1
