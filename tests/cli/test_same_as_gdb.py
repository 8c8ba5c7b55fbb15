"""The command line prints byte for byte what gdb prints for the same core or process: as JSON, as CSV and as text.

No difference is allowed, in no command.
"""

from __future__ import annotations

import difflib
import json
import re

import pytest

from gdb_gospan.memory import procstatus
from gdb_gospan.reports.catalog import COMMANDS
from tools import cores, gdbs, processes, programs, shell, toolchains
from tools.questions import NEEDED

#: Options that make a command print all that it knows.
FULL = {
    "classes": ["--limit", "0"],
    "list": ["--state", "all", "--limit", "0"],
    "central": ["--limit", "0"],
    "layout": ["--verbose"],
    "pages": ["--chunks", "--limit", "0"],
}


SMALL = ("-objects", "2000")


def questions(spans, every):
    """Every subcommand, in `every` form or in two; `show` for a descriptor, the start of a span and the middle of one."""
    for command in (command for command in COMMANDS if command.needs_target):
        names = [option.name for option in command.options]
        forms = [["--json"], []]
        if every:
            forms += ([["--csv"]] if "csv" in names else []) + [["--bytes"]]
        if command.argument is None:
            for form in forms:
                yield command.name, [], [*FULL.get(command.name, NEEDED.get(command.name, [])), *form]
        elif command.argument_optional:
            for words in ([], [an_object(spans) if command.takes_address else "0"]):
                yield command.name, words, ["--json"]
                yield command.name, words, []
        elif command.takes_address:
            for address in addresses(spans):
                yield command.name, [address], ["--json"]
            yield command.name, [addresses(spans)[0]], []
    yield "spanalloc", [], ["--json"]


def an_object(spans):
    """Return the address of an object: the first slot of a span without a free one."""
    return next(span["start"] for span in spans if span["state"] == "in use" and not span["free_slots"])


def addresses(spans):
    used = next(span for span in spans if span["state"] == "in use" and 2 <= span["nelems"] <= 16)
    dead = next(span for span in spans if span["state"] == "dead")
    return [used["descriptor"], used["start"], hex(int(used["start"], 16) + 5000), dead["descriptor"]]


def same(shell_words, some=None, *, still=str, **target):
    """Ask gdb and the shell everything about a target, and compare; `still` takes out what may differ."""
    first = shell.run("list", *FULL["list"], "--json", *shell_words)
    assert (first.stderr, first.status) == ("", 0)
    answer = json.loads(first.stdout)
    # How a figure is written does not depend on the release.
    every = any(f"go{minor}" in answer["go"]["version"] for minor in (toolchains.OLDEST, toolchains.NEWEST))
    asked = [q for q in questions(answer["list"], every) if some is None or q[0] in some]
    lines = [" ".join(["go-spans", name, *argument, *options]) for name, argument, options in asked]
    answers = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), lines, **target)
    for (name, argument, options), line, expected, error in zip(
        asked, lines, answers.stdout, answers.stderr, strict=True
    ):
        assert error == "", line
        got = shell.inside(name, *options, *argument, *shell_words)
        # Of a report that copies the contents of objects a line says that the process is about to stand still.
        told = re.sub(r"\Ago-spans: \w+ pauses process .* are read\n", "", got.stderr)
        assert (told, got.status) == ("", 0), line
        both = [still(without_samples(text)).splitlines() for text in (expected, got.stdout)]
        assert list(difflib.unified_diff(*both, "gdb", "shell", n=0)) == [], line


def without_samples(text):
    """Take out what `check` has in gdb only: gdb's own values."""
    text = re.sub(r'"samples": (null|\{.*?\n \}),\n', "", text, count=1, flags=re.DOTALL)
    return re.sub(r"\n  exact   gdb-values .*?(?=\nlayout )", "", text, count=1, flags=re.DOTALL)


@pytest.fixture(scope="session")
def compare():
    def compare(core, some=None):
        # The order of the files makes no difference.
        same([core.path, core.executable], some, exe=core.executable, core=core.path)

    return compare


def without_pause(text):
    """Leave out how long the process was paused: the one figure of the capture, and not of the process."""
    text, found = re.subn(r'"pause_ms": [\d.]+|[ ·\n]+read in \d+ ms', "", text)
    assert found <= 1, text
    # To read a page of a file that nobody has read makes it resident.
    text = re.sub(r'"resident": \d+', "", text, count=1)
    # What is charged to its cgroup is of other processes, too.
    return re.sub(r'"current": \d+|[\d.,]+ (?:[KMG]i)?B charged', "", text)


@pytest.mark.gdb
@pytest.mark.live
@pytest.mark.in_turn("build")
@pytest.mark.parametrize(
    "build",
    [{}, {"buildmode": "pie"}, {"ldflags": "-linkmode=external", "cgo": True}],
    ids=["plain", "pie", "cgo"],
)
def test_a_process_that_stands_still(go_minor, build):
    with processes.start(programs.build("frag", go_minor, **build), "-end", "sleep", *SMALL) as running:
        running.line()
        some = None if not build else {"summary", "check", "layout", "show"}
        # The runtime collects every two minutes, however idle a program is.
        with processes.stopped(running.pid):
            same(["--pid", running.pid], some, still=without_pause, pid=running.pid)
            assert {one.state for one in map(procstatus.status, procstatus.threads(running.pid)) if one} == {
                "T"
            }


@pytest.mark.gdb
def test_every_subcommand(frag_core, compare):
    compare(frag_core)


@pytest.mark.gdb
@pytest.mark.in_turn("build")
@pytest.mark.parametrize(
    "build", [{"buildmode": "pie"}, {"ldflags": "-linkmode=external", "cgo": True}], ids=["pie", "cgo"]
)
def test_programs_that_the_loader_places(go_minor, build, compare):
    core = cores.kernel_core(programs.build("frag", go_minor, **build), *SMALL)
    compare(core, some={"summary", "check", "layout"})


@pytest.mark.gdb
@pytest.mark.toolchain
def test_a_heap_of_everything(compare):
    """What a usual heap does not have: large objects, finalizers, deep stacks, user arenas, full caches."""
    program = programs.build("corners", toolchains.NEWEST, experiments="arenas")
    arguments = "-arenas 5 -ready 4 -quarantined 2 -tiny 999 -finalizers 99 -goroutines 99 -stacks 9 -cached"
    compare(cores.kernel_core(program, *arguments.split()))
