"""Expressions in Delve, by its script and by `--dlv`: the addresses that gdb gives for them, and the same names of globals."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tools import cores, delves, gdbs, programs, shell, toolchains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cores import Core
    from tools.delves import Delve

pytestmark = pytest.mark.toolchain

HELD = "gospan.example/frag/last.held"

#: What points into the heap in as many ways.
POINTERS = (
    "main.sessions", "main.sessions[1]", "&main.sessions[3]", "runtime.allgs[1]", "os.Stdout", "os.Args", f"{HELD}[2]",
    "flag.CommandLine.formal", "flag.CommandLine.output",
)  # fmt: skip

#: What Delve 1.20.2 cannot evaluate in a program of a newer Go: it does not know its maps and interfaces.
OF_OLD_MAPS = {"flag.CommandLine.formal", "flag.CommandLine.output"}

#: What is not in the heap, and has a name.
NAMED = (
    "&main.sessions",
    "&os.Stdout",
    "&runtime.mheap_",
    "main.main",
    "&runtime.memstats.numgc",
    f"&{HELD}",
    f"&{HELD}[3]",
)


@pytest.fixture(scope="module", params=[toolchains.OLDEST, toolchains.NEWEST], ids=lambda minor: f"go{minor}")
def core(request: pytest.FixtureRequest) -> Core:
    return cores.kernel_core(programs.build("frag", request.param), "-objects", "3000", "-cached")


@pytest.fixture(scope="module")
def by_gdb(core: Core) -> dict[str, str]:
    """What gdb says: the document of an address in the heap, else the line that says what it is."""
    commands = [f"go-spans show {expression} --json" for expression in (*POINTERS, *NAMED)]
    said = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), commands, exe=core.executable, core=core.path)
    answers = [out or line for out, line in zip(said.stdout, said.stderr, strict=True)]
    return dict(zip((*POINTERS, *NAMED), answers, strict=True))


def place(said: str) -> tuple[str, object] | str:
    """Return address and slot of a document; of an error line what is the same everywhere."""
    if said.startswith("{"):
        document = json.loads(said)
        return document["address"], document["slot"]
    match = re.search(r"(0x[0-9a-f]+ is .+?)( \(try: .+\))?$", said.strip())
    assert match, said
    return match[1]


def unlike(delve: Delve, core: Core, by_gdb: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the expressions that both can evaluate, and what gdb says of them."""
    old = delve.label == delves.OLDEST and core.executable.parent.name.startswith(f"frag-{toolchains.NEWEST}")
    for expression, said in by_gdb.items():
        if not (old and expression in OF_OLD_MAPS):
            yield expression, said


def test_in_the_script(delve: Delve, core: Core, by_gdb: dict[str, str]) -> None:
    asked = dict(unlike(delve, core, by_gdb))
    commands = [f"go_spans show {expression} --json" for expression in asked]
    for said, (expression, wanted) in zip(
        delves.run(delve, commands, exe=core.executable, core=core.path), asked.items(), strict=True
    ):
        assert place(said) == place(wanted), expression


def test_with_dlv(delve: Delve, core: Core, by_gdb: dict[str, str]) -> None:
    with delves.headless(delve, exe=core.executable, core=core.path) as address:
        for expression, wanted in unlike(delve, core, by_gdb):
            got = shell.inside("show", expression, "--json", "--dlv", address)
            assert place(got.stdout or got.stderr) == place(wanted), expression
        for option in ("--zoom", "--arena"):
            got = shell.inside("map", option, "main.sessions[1]", "--json", "--dlv", address)
            assert got.status == 0, got.stderr
            at = int(str(place(by_gdb["main.sessions[1]"])[0]), 16)
            window = json.loads(got.stdout)["window"]
            assert int(window["base"], 16) <= at < int(window["end"], 16)


MISTAKES = {
    "'main.sessions'": "Delve takes names without quotes (try: go{}spans show main.sessions)",
    "&'main.sessions'[1]": "Delve takes names without quotes (try: go{}spans show &main.sessions[1])",
    "main.nosuch": "could not find symbol",
    "main.sessions[99999999]": "index out of bounds",
    "main.sessions = nil": "expected '==', found '='",
    "runtime.GC()": "",
}


def test_mistakes(delve: Delve, core: Core) -> None:
    commands = [f"go_spans show {expression}" for expression in MISTAKES]
    in_script = delves.run(delve, commands, exe=core.executable, core=core.path)
    with delves.headless(delve, exe=core.executable, core=core.path) as address:
        with_dlv = [shell.inside("show", expression, "--dlv", address) for expression in MISTAKES]
    for wanted, said, answer in zip(MISTAKES.values(), in_script, with_dlv, strict=True):
        assert wanted.format("_") in said
        assert wanted.format("-") in answer.stderr
        assert (answer.status in (2, 3), answer.stdout, answer.stderr.count("\n")) == (True, "", 1)


def test_the_hint_leads_on(delve: Delve, core: Core) -> None:
    (said,) = delves.run(delve, ["go_spans show &main.sessions"], exe=core.executable, core=core.path)
    assert "(try: go_spans show main.sessions)" in said
    with delves.headless(delve, exe=core.executable, core=core.path) as address:
        line = shell.inside("show", "&main.sessions", "--dlv", address).stderr
    if "go-spans show" in line:
        assert line.endswith("(try: go-spans show 'main.sessions')\n")
