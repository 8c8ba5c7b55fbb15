"""The command line prints byte for byte what gdb prints for the same core: as JSON, as CSV and as text.

No difference is allowed, in no command.
"""

from __future__ import annotations

import difflib
import json

import pytest

from gdb_gospan.commands.catalog import COMMANDS
from tools import cores, gdbs, programs, shell

#: Options that make a command print all that it knows.
FULL = {
    "classes": ["--limit", "0"],
    "list": ["--state", "all", "--limit", "0"],
    "central": ["--limit", "0"],
    "layout": ["--verbose"],
}


def questions(spans):
    """Every subcommand in every form; `show` for a descriptor, the start of a span and the middle of one."""
    for command in COMMANDS:
        names = [option.name for option in command.options]
        forms = [["--json"], []] + ([["--csv"]] if "csv" in names else []) + [["--bytes"]]
        if command.argument is None:
            for form in forms:
                yield command.name, [], [*FULL.get(command.name, []), *form]
        else:
            for address in addresses(spans):
                yield command.name, [address], ["--json"]
            yield command.name, [addresses(spans)[0]], []
    yield "spanalloc", [], ["--json"]


def addresses(spans):
    used = next(span for span in spans if span["state"] == "in use" and 2 <= span["nelems"] <= 16)
    dead = next(span for span in spans if span["state"] == "dead")
    return [used["descriptor"], used["start"], hex(int(used["start"], 16) + 5000), dead["descriptor"]]


@pytest.fixture(scope="session")
def compare():
    def compare(core, some=None):
        first = shell.run("list", *FULL["list"], "--json", core.executable, core.path)
        assert (first.stderr, first.status) == ("", 0)
        asked = [q for q in questions(json.loads(first.stdout)["list"]) if some is None or q[0] in some]
        lines = [" ".join(["go-spans", name, *argument, *options]) for name, argument, options in asked]
        gdb = gdbs.ensure(gdbs.system_label())
        answers = gdbs.run_gdb(gdb, lines, exe=core.executable, core=core.path)
        for (name, argument, options), line, expected, error in zip(
            asked, lines, answers.stdout, answers.stderr, strict=True
        ):
            assert error == "", line
            # The order of the files makes no difference.
            got = shell.inside(name, *options, *argument, core.path, core.executable)
            assert (got.stderr, got.status) == ("", 0), line
            difference = list(
                difflib.unified_diff(expected.splitlines(), got.stdout.splitlines(), "gdb", "shell", n=0)
            )
            assert difference == [], line

    return compare


@pytest.mark.gdb
def test_every_subcommand(frag_core, compare):
    compare(frag_core)


@pytest.mark.gdb
@pytest.mark.parametrize("core_kind", cores.KINDS)
@pytest.mark.parametrize(
    "build", [{"buildmode": "pie"}, {"ldflags": "-linkmode=external", "cgo": True}], ids=["pie", "cgo"]
)
def test_programs_that_the_loader_places(go_minor, core_kind, build, compare):
    executable = programs.build("frag", go_minor, **build)
    core = cores.core(core_kind, executable, "-objects", "2000")
    compare(core, some={"summary", "check", "layout"})
