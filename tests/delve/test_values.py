"""GoSpans in Delve: another script gets the document of --json as a value, key by key."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, delves, programs, star, toolchains
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cores import Core
    from tools.delves import Delve

pytestmark = pytest.mark.toolchain

EXAMPLE = CHECKOUT / "examples" / "occupancy.star"

QUESTIONS = (
    "summary", "classes --sort free_bytes --limit 5", "list --state all --limit 20", "spanalloc", "central", "cache 0", "gc",
    "pages --chunks", "check", "show {}",
)  # fmt: skip
"""One of each command; an address stands for the braces."""

SCRIPT = """
def command_value(args):
    print(repr(GoSpans(args)))

def command_twice(args):
    one, other = GoSpans(args), GoSpans(args)
    one["classes"].clear()  # what a script gets is its own
    print(len(one["classes"]), len(other["classes"]))
"""


@pytest.fixture(scope="module", params=[toolchains.OLDEST, toolchains.NEWEST], ids=lambda minor: f"go{minor}")
def core(request: pytest.FixtureRequest) -> Core:
    return cores.kernel_core(programs.build("frag", request.param), "-objects", "3000", "-cached")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A script of a user's."""
    script = tmp_path / "other.star"
    script.write_text(SCRIPT)
    return script


def ask(delve: Delve, core: Core, *commands: str) -> list[str]:
    return delves.run(delve, commands, exe=core.executable, core=core.path)


def test_a_value_is_the_document_of_json(delve: Delve, core: Core, other: Path) -> None:
    listed: dict[str, Any] = json.loads(ask(delve, core, "go_spans list --limit 1 --json")[0])
    asked = [question.format(listed["list"][0]["start"]) for question in QUESTIONS]
    commands = [line for words in asked for line in (f"value {words}", f"go_spans {words} --json")]
    _, *said = ask(delve, core, f"source {other}", *commands)
    for words, value, text in zip(asked, said[::2], said[1::2], strict=True):
        got = ast.literal_eval(value)  # Starlark writes values as Python does
        assert json.dumps(got) == json.dumps(json.loads(text)), words


def test_each_caller_has_a_document_of_its_own(delve: Delve, core: Core, other: Path) -> None:
    assert ask(delve, core, f"source {other}", "twice classes --limit 4")[1].split() == ["0", "4"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "GoSpans: help has no document (try: summary, "),
        ("save somewhere", "GoSpans: save has no document"),
        ("classes --help", "GoSpans: classes has no document"),
        ("clases", "unknown command clases (did you mean classes?)"),
        ("classes --limit x", "classes: --limit: x is not a number"),
    ],
)
def test_what_has_no_document_is_an_error_of_a_line(
    delve: Delve, core: Core, other: Path, words: str, line: str
) -> None:
    assert line in ask(delve, core, f"source {other}", f"value {words}")[1]


def test_the_example_draws_a_bar_for_each_class(delve: Delve, core: Core) -> None:
    _, drawn, text = ask(
        delve, core, f"source {EXAMPLE}", "occupancy 3", "go_spans classes --sort free_bytes --limit 3 --json"
    )
    classes = json.loads(text)["classes"]
    lines = drawn.splitlines()
    assert len(lines) == len(classes) == 3
    for line, row in zip(lines, classes, strict=True):
        share = 100 * row["object_bytes"] // (row["object_bytes"] + row["free_bytes"])
        assert line.split()[:2] == [str(row["elemsize"]), "noscan" if row["noscan"] else "scan"]
        assert line.endswith(f" {share} %")
        assert line.count("█") == 40 * row["object_bytes"] // (row["object_bytes"] + row["free_bytes"])


#: Of each form that the package's functions use, values on both sides of where it changes.
FORMS = {
    ",": (0, 999, 1000, 1 << 40, -1234567),
    "+,": (0, 5, -1000),
    "#x": (0, 255, 0xC000000000),
    ".0f": (0.0, 2.5, 99.5), ",.0f": (0.0, 1234567.8),
    ".1f": (0.04, 0.05, 12.96), ".2f": (3.14159, 1e6), ",.1f": (12345.67,),
    ",.3g": (0.0, 0.000012345, 0.5, 9.996, 515.0544818052578, 99950.0, 51505.4, 1e21), ".3g": (1.0, 500.0, 0.01),
    ">7": ("ab", 12), "<4": ("ab",),
}  # fmt: skip


def test_a_number_is_written_as_in_python(delve: Delve, core: Core, tmp_path: Path) -> None:
    asked = [(value, form) for form, values in FORMS.items() for value in values]
    whole = tmp_path / "with_forms.star"
    whole.write_text(
        star.SCRIPT.read_text(encoding="utf-8")
        + f"\ndef command_forms(args):\n    print([written(value, form) for value, form in {asked!r}])\n"
    )
    written = ast.literal_eval(ask(delve, core, f"source {whole}", "forms")[1])
    assert written == [format(value, form) for value, form in asked]
