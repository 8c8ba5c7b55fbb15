"""set go-spans …: defaults that a command's own options override."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tools import cores, programs, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from tools.gdbs import Gdb

#: Commands that cut their table by themselves.
LONG = "classes, objects, owners, list, central, goroutines, profile, blame, pages --chunks"


@pytest.fixture
def core() -> cores.Core:
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000", "-cached")


def say(gdb: Gdb, core: cores.Core, *commands: str) -> list[str]:
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    assert result.stderr == [""] * len(commands)
    return result.stdout


def test_they_are_defaults(gdb: Gdb, core: cores.Core) -> None:
    said = say(
        gdb, core,
        "go-spans classes", "go-spans classes --color always --limit 3 --bytes",
        "set go-spans color always", "set go-spans limit 3", "set go-spans units bytes",
        "go-spans classes --color auto --limit 20 --units binary", "go-spans classes", "go-spans classes --color never", "go-spans classes --limit 5 --json", "go-spans summary",
        "set go-spans color auto", "set go-spans limit 20", "set go-spans units binary",
        "go-spans classes",
        "set go-spans limit 0", "go-spans list --json",
    )  # fmt: skip
    plain, asked = said[0], said[1]
    assert asked != plain
    assert said.pop(5) == plain
    assert said[5] == asked
    assert said[6] == re.sub(r"\x1b\[[0-9;]*m", "", asked) != asked
    assert len(json.loads(said[7])["classes"]) == 5
    assert not re.search(r"[KMG]iB", said[8])
    assert said[12] == plain
    everything = json.loads(said[14])
    assert len(everything["list"]) == everything["total_rows"] > 20
    assert said[2:5] == said[9:12] == [""] * 3


def test_they_are_shown(gdb: Gdb, core: cores.Core) -> None:
    """Without and with a value; `show` of all shows each."""
    before = [
        "uses colour: auto",
        f"limits long tables ({LONG}) to: 20 rows",
        "prints bytes as: KiB, MiB, GiB",
    ]
    after = [
        "uses colour: never",
        f"limits long tables ({LONG}) to: all rows",
        "prints bytes as: exact bytes",
    ]
    names = ("color", "limit", "units")
    settings = [
        f"set go-spans {name} {value}" for name, value in zip(names, ("never", 0, "bytes"), strict=True)
    ]
    shown = [*(f"show go-spans {name}" for name in names), "show go-spans"]
    said = say(gdb, core, *shown, *settings, *shown)
    for texts, expected in ((said[:4], before), (said[7:], after)):
        lines = [f"go-spans {line}\n" for line in expected]
        assert texts == [*lines, "".join(lines)]


def test_a_limit_leaves_small_tables_whole(gdb: Gdb, core: cores.Core) -> None:
    """Only their own --limit cuts what is a proof, or has a row for each P."""
    words = ["check", "fixalloc", "stacks", "cache", "cache 0"]
    commands = [f"go-spans {word}" for word in words]
    said = say(gdb, core, *commands, "set go-spans limit 1", *commands, "go-spans classes")
    assert said[: len(words)] == said[len(words) + 1 : -1]
    assert "1 of " in said[-1]
    (every,) = say(gdb, core, "go-spans cache --sort spans --json")
    words = [
        f"go-spans cache {json.loads(every)['caches'][0]['p']} {limit} --json" for limit in ("", "--limit 1")
    ]
    whole, cut = (json.loads(text) for text in say(gdb, core, *words))
    assert whole["spans_cached"][:1] == cut["spans_cached"]
    assert whole["total_spans_cached"] == cut["total_spans_cached"] == len(whole["spans_cached"]) > 1


def test_a_limit_can_be_unlimited(gdb: Gdb, core: cores.Core) -> None:
    everything, *said = say(
        gdb, core, "go-spans list --limit 0", "set go-spans limit unlimited", "show go-spans limit", "go-spans list",
        "complete set go-spans limit u",
    )  # fmt: skip
    assert said[1].endswith("to: all rows\n")
    assert said[2] == everything
    assert said[3] == "set go-spans limit unlimited\n"


def test_bad_values_are_one_line(gdb: Gdb) -> None:
    bad = ["color red", "limit -1", "units KB", "colour never", "limit x"]
    result = run_gdb(
        gdb, [words for setting in bad for words in (f"set go-spans {setting}", "show go-spans")]
    )
    for setting, error, shown in zip(bad, result.stderr[::2], result.stdout[1::2], strict=True):
        assert error.count("\n") == 1, setting
        assert "colour: auto" in shown
        assert "20 rows" in shown


def test_colour_is_switched_as_in_gdb_itself(gdb: Gdb) -> None:
    said = run_gdb(
        gdb, ["set go-spans color on", "show go-spans color", "set go-spans color off", "show go-spans color"]
    )
    assert said.stderr == [""] * 4
    assert said.stdout[1].endswith(": always\n")
    assert said.stdout[3].endswith(": never\n")


def test_they_are_explained(gdb: Gdb) -> None:
    said = run_gdb(gdb, [f"help set go-spans {name}" for name in ("color", "limit", "units")]).stdout
    assert "--color" in said[0]
    assert "0 or unlimited for all" in said[1]
    assert "--units" in said[2]
    assert not [text for text in said if "not documented" in text]
