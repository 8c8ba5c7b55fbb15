"""What the README says is so: its commands exist, its table is made from the requirements, its screen is today's."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.reports import catalog
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.screens import summary
from tools import gdbs, readme_tables, recipes
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    *(
        CHECKOUT / name
        for name in (
            "README.md",
            "CONTRIBUTING.md",
            "CHANGELOG.md",
            "tests/bench/README.md",
            "dlv_scripts/README.md",
        )
    ),
    *recipes.PAGES,
]
NAMES = {name for command in catalog.COMMANDS for name in (command.name, *command.aliases)}


def test_the_tables_are_made_from_the_package() -> None:
    assert readme_tables.updated(README) == README, "run python tests/tools/readme_tables.py"


def test_every_command_is_described() -> None:
    rows = re.findall(r"^\| (`.*?) \|", README, re.MULTILINE)
    described = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    assert described == NAMES


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_it_fits(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 120] == []
    assert page.name != "README.md" or len(lines) < 250


def test_every_option_of_the_installer_is_described() -> None:
    usage = (CHECKOUT / "install.sh").read_text().partition("EOT")[2].partition("EOT")[0]
    options = set(re.findall(r"^  (--[\w-]+)", usage, re.MULTILINE)) - {"--help"}
    page = (CHECKOUT / "examples" / "install.md").read_text(encoding="utf-8")
    assert options == set(re.findall(r"`(--[\w-]+)", "".join(re.findall(r"^\| .*? \|", page, re.MULTILINE))))


def test_every_command_named_is_one() -> None:
    named = set(re.findall(r"(?:\(gdb\) |    )go-spans ([a-z]+)", README))
    assert named
    assert named <= NAMES


@pytest.mark.parametrize("command", catalog.COMMANDS, ids=lambda command: command.name)
def test_every_example_parses(command: catalog.Command) -> None:
    program, name, *words = shlex.split(command.example)
    assert (program, name in (command.name, *command.aliases)) == ("go-spans", True)
    parse(command, words)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_what_is_named_exists(page: Path) -> None:
    """Paths in the checkout, links to other pages, and the headings that links lead to."""
    text = page.read_text(encoding="utf-8")
    paths = re.findall(
        r"(?:^|[ `(])\.?/?((?:tests|gdb_gospan|examples|dlv_scripts)/[\w./-]*\w)", text, re.MULTILINE
    )
    assert [path for path in paths if not list(CHECKOUT.glob(path))] == []
    for link in re.findall(r"\]\((?!https?:)(.*?)\)", text):
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_the_debuggers_are_the_tested_ones() -> None:
    tested = re.search(r"\(tested: ([\d., ]+)\)", README)
    assert tested
    assert tested[1].split(", ")[1:] == list(gdbs.WHEELS)


def test_the_screen_has_every_line_of_the_summary() -> None:
    screen = README.partition("```")[2].partition("```")[0]
    labels = [label for label, _ in summary.ACCOUNTS if label not in summary._SOMETIMES]
    assert [label for label in [*labels, "runtime metadata", "Sys"] if f"  {label} " not in screen] == []
    assert " · ".join(summary.MORE) in screen.replace("\n", " · ")
