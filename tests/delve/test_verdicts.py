"""What is off is told as in a shell, by threads that Delve itself shows; and it keeps what the user has selected."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.analysis import verification
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.reports.run import run
from gdb_gospan.targets import core as coredump
from tools import delves, targets, toolchains
from tools.damage import DAMAGES, CopiedCore
from tools.notes import says

if TYPE_CHECKING:
    from pathlib import Path

    from gdb_gospan.analysis.notes import Code

pytestmark = pytest.mark.toolchain

SMALL, LARGE = "heapInUse +8 KiB", "heapInUse +1 GiB"


@pytest.fixture(autouse=True)
def of_the_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of goroutines and threads the script has no identities; so here the engine has none either."""
    monkeypatch.setattr(verification, "of_scheduler", lambda: ())


def of_shell(copy: CopiedCore, executable: Path, *words: str) -> str:
    """Return what a shell says of a core."""
    command = find(words[0])
    assert command is not None
    session = coredump.open_session([str(executable), str(copy.path)])
    return run(session, command, parse(command, list(words[1:])), Style(width=100))


def test_where_to_look_is_told_alike(tmp_path: Path) -> None:
    core = targets.TARGETS["idle"].core("1.27")
    copy = CopiedCore(core.path, tmp_path / "core")
    heap = coredump.open_session([str(core.executable), str(core.path)]).heap
    places = []
    with delves.conversation(delves.ensure(delves.NEWEST), exe=core.executable, core=copy.path) as say:
        for damage in DAMAGES:
            with copy.changed(damage.find(heap)):
                expected = of_shell(copy, core.executable, "check", "--json")
                said, wanted = (
                    json.loads(text)["checks"] for text in (say("go_spans check --json"), expected)
                )
                assert said == wanted, damage.name
                wanted_text = of_shell(copy, core.executable, "check")
                assert say("go_spans check").splitlines()[1:] == wanted_text.splitlines()[1:], damage.name
            places += [check["note"] for check in said if check["note"]]
    codes: tuple[Code, ...] = ("wrong-size-class", "page-not-allocated", "page-not-owned", "wrong-span")
    named = {code for code in codes for note in places if says(note, code)}
    assert {"wrong-size-class", "wrong-span"} < named
    assert all(says(note, *codes) for note in places)


STACKS = """
def command_stacks(args):
    threads = state(True).State.Threads
    print(dumps({thread.ID: names for thread, names in zip(threads, stacks(open_heap(), threads))}))
"""


def test_the_stack_of_each_thread_and_what_is_selected(go_minor: str, tmp_path: Path) -> None:
    """No thread of this core has a goroutine, so each is selected for its stack, and the user's selection is put back."""
    core = targets.TARGETS["idle"].core(go_minor)
    session = coredump.open_session([str(core.executable), str(core.path)])
    assert session.frames is not None
    wanted = {stack.lwp: stack.functions for stack in session.frames()}
    script = tmp_path / "stacks.star"
    script.write_text(delves.SCRIPT.read_text() + STACKS)
    with delves.conversation(
        delves.ensure(delves.NEWEST), exe=core.executable, core=core.path, script=script
    ) as say:
        for selecting in (f"thread {sorted(wanted)[1]}", "goroutine 2"):
            say(selecting)
            before = say("goroutine"), say("threads")
            said = {int(lwp): iter(names) for lwp, names in json.loads(say("stacks")).items()}
            assert said.keys() == wanted.keys()
            # Delve has the functions that were inlined, too.
            lacking = {
                lwp: [name for name in names if name not in said[lwp]] for lwp, names in wanted.items()
            }
            assert not any(lacking.values()), lacking
            assert (say("goroutine"), say("threads")) == before, selecting


@pytest.mark.parametrize(
    ("name", "minor", "small", "hidden"),
    [
        # Each M is idle, which shows in the runtime's own fields.
        ("idle", toolchains.OLDEST, "broken", None),
        # The thread that has died is in runtime.raise, and what that interrupted is not seen.
        ("miscounted", toolchains.NEWEST, "unknown", "is known only down to runtime.raise"),
    ],
)
def test_a_delve_that_gives_no_stacks(
    name: str, small: str, hidden: str | None, minor: str, tmp_path: Path
) -> None:
    core = targets.TARGETS[name].core(minor)
    copy = CopiedCore(core.path, tmp_path / "core")
    heap = coredump.open_session([str(core.executable), str(core.path)]).heap
    changes = {damage.name: damage.find(heap) for damage in DAMAGES if damage.name in (SMALL, LARGE)}
    with delves.conversation(delves.ensure(delves.OLDEST), exe=core.executable, core=copy.path) as say:
        for damage, status in ((SMALL, small), (LARGE, "broken")):
            with copy.changed(changes[damage]):
                said, summary = json.loads(say("go_spans check --json")), say("go_spans summary")
            (check,) = [check for check in said["checks"] if check["code"] == "heap-inuse"]
            assert check["status"] == status
            if status == "broken":
                assert re.search(
                    r"  does not add up .*\n +\(.*\) · see check heap-inuse and \d+ more\n", summary
                )
            else:
                assert hidden is not None
                assert hidden in check["note"]
                assert re.search(r"  not known \((Sys minus the above|more than Sys)\) ", summary)
                assert "  cannot be decided because the stack of thread" in summary
            assert "in flight" not in summary
