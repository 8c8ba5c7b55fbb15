"""Goroutines that wait in inlined functions: their stacks are those that the program itself prints, however it is looked at."""

from __future__ import annotations

import re
from collections import Counter
from itertools import dropwhile
from typing import TYPE_CHECKING, Any, Final

import pytest

import gdb_gospan
from tools import cores, forms, processes, programs, shell

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cores import Core

    Stacks = Counter[tuple[str, ...]]

STANDS: Final = {"main.receive": 3, "main.locker": 1, "main.lock": 1}
"""Where how many goroutines stand; receive is inlined into functions of three, and Lock, of the library, into the others."""


@pytest.fixture(scope="module")
def inlined(go_minor: str) -> Path:
    return programs.build("inlined", go_minor)


@pytest.fixture(scope="module")
def core(inlined: Path) -> Core:
    return cores.kernel_core(inlined)


@pytest.fixture(scope="module")
def own(inlined: Path, tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """The stacks of all goroutines but the main one, as runtime.Stack writes them."""
    path = tmp_path_factory.mktemp("own") / "stacks"
    with processes.start(inlined, "-stacks", str(path), "-end", "sleep") as running:
        running.line()
    found: Stacks = Counter()
    for goroutine in path.read_text(encoding="utf-8").split("\n\n"):
        calls = goroutine.partition("\ncreated by ")[0].splitlines()[1::2]
        names = tuple(call[: call.rindex("(")] for call in calls)
        if "main.main" not in names:
            found[names] += 1
    assert sum(found.values()) == sum(STANDS.values())
    return found


def told(answer: Any) -> Stacks:
    """The stacks that are reported, without what runtime.Stack leaves out: the newest functions of the runtime."""
    found: Stacks = Counter()
    for each in (each for each in answer.largest if each.started_by == "main.start"):
        names = [re.sub(r"\[.*\]", "[...]", name) for name in each.frames]
        found[tuple(dropwhile(lambda name: name.startswith("runtime."), names))] += 1
    return found


def check(heap: Any, own: Stacks) -> None:
    answer = heap.report("goroutines", limit=0, largest=1000)
    assert told(answer) == own
    stands = Counter[str]()
    for group in answer.groups:
        if group.started_by == "main.start":
            stands[group.function] += group.count
    assert stands == STANDS


def test_a_process(inlined: Path, own: Stacks) -> None:
    with processes.start(inlined, "-end", "sleep") as running:
        running.line()
        with gdb_gospan.open(pid=running.pid) as heap:
            check(heap, own)


@pytest.mark.parametrize("form", ["full", "no-dwarf", "stripped"])
def test_a_core(core: Core, own: Stacks, form: str) -> None:
    check(gdb_gospan.open(str(core.path), executable=str(forms.executable(core, form))), own)


@pytest.mark.parametrize("form", ["full", "stripped"])
def test_a_snapshot(core: Core, own: Stacks, form: str, tmp_path: Path) -> None:
    file = tmp_path / "inlined.gospan"
    assert shell.inside("snapshot", file, forms.executable(core, form), core.path).status == 0
    check(gdb_gospan.open(snapshot=str(file)), own)
