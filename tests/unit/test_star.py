"""The script for Delve is what its parts and the package make, and it uses nothing that the oldest Delve lacks."""

from __future__ import annotations

import ast
import re

import pytest

from gdb_gospan.fields.document import in_tables
from gdb_gospan.reports import catalog
from tools import star, star_functions, star_tables
from tools.star_rewriter import Rewriter
from tools.star_source import Untranslatable, source_of

SCRIPT = star.SCRIPT.read_text(encoding="utf-8")
CODE = re.sub(r'(?m)"""(.|\n)*?"""|#.*$|"[^"\n]*"', "", SCRIPT)


def test_the_script_is_made_of_its_parts_and_the_package() -> None:
    assert star.joined() == SCRIPT, "run python tests/tools/star.py"


def test_a_part_is_short_and_none_is_left_out() -> None:
    """Who looks for one thing reads one file of a few screens."""
    lines = {part.stem: part.read_text(encoding="utf-8").count("\n") for part in star.PARTS.iterdir()}
    assert {name: count for name, count in lines.items() if count >= 400} == {}
    assert {*lines, star.TABLES, star.FUNCTIONS} == set(star.ORDER)


@pytest.mark.parametrize(
    "name",
    [
        "abs", "time", "type_info", "append_file", "tgt", "set_expr", "dlv_command", "restart",
        "create_breakpoint", "write_memory", "amend_breakpoint", "detach", "package_vars",
    ],
)  # fmt: skip
def test_no_name_that_some_delve_lacks_and_none_that_changes_the_target(name: str) -> None:
    # An unknown name is an error when the script is loaded, on whatever path it is; package_vars loads every variable.
    assert not re.search(rf"(?<![.\w]){name}\(", CODE)


def test_the_one_raw_command_selects() -> None:
    """What is selected in Delve is the debugger's; all else that this command does moves the program."""
    assert set(re.findall(r"raw_command\((.*?),", SCRIPT)) == {'"switchThread"', '"switchGoroutine"'}


def test_every_command_of_the_script_is_one_of_the_package() -> None:
    assert set(star_tables.COMMANDS) <= {command.name for command in catalog.COMMANDS}


def test_no_name_is_given_twice() -> None:
    """The later one would be called for both."""
    names = re.findall(r"^(?:def (\w+)\(|(\w+) = )", CODE, re.MULTILINE)
    flat = ["".join(pair) for pair in names]
    assert sorted({name for name in flat if flat.count(name) > 1}) == []


def test_every_cell_that_is_no_plain_value_is_in_the_script() -> None:
    own = {
        f"{row.__name__}.{each.name}"
        for row in star_tables.ROWS
        for each in in_tables(row)
        if each.column.shown and not each.column.optional
    }
    assert set(re.findall(r'"([A-Z]\w+\.\w+)": ', SCRIPT)) == own


def rewritten(text: str) -> str:
    """Return an expression of a module of the package in Starlark."""
    node = ast.parse(text, mode="eval").body
    return Rewriter(star_functions.Translation(), source_of("gdb_gospan.fields.units"), node).expression()


@pytest.mark.parametrize(
    ("python", "starlark"),
    [
        ("lambda row: row.free is None", 'lambda row: row["free"] == None'),
        ("lambda answer: answer.proof.checks", 'lambda answer: answer["checks"]'),
        ("lambda size: f'{size:,} B, 9 %'", 'lambda size: "%s B, 9 %%" % (written(size, ","),)'),
        (
            "lambda rows: max((each.size for each in rows), default=0)",
            'lambda rows: max([each["size"] for each in rows] or [0])',
        ),
        ("lambda at: 0 <= at < 3", "lambda at: 0 <= at and at < 3"),
        ("lambda some: [*some, len(some)]", "lambda some: list(some) + [length(some)]"),
        ("lambda looks: looks.paint('bad', 'x')", 'lambda looks: "x"'),
        ("lambda row: share(row.a, row.b)", 'lambda row: share(row["a"], row["b"])'),
    ],
)
def test_what_starlark_says_otherwise(python: str, starlark: str) -> None:
    assert rewritten(python) == starlark


@pytest.mark.parametrize("python", ["dt.timezone", "lambda x: (y := x)", "open('x')", "lambda x: f'{x:e}'"])
def test_what_starlark_lacks_is_an_error_that_names_the_line(python: str) -> None:
    with pytest.raises(Untranslatable, match=r"units\.py:1: "):
        rewritten(python)
