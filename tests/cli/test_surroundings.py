"""Small and odd surroundings: terminals of a few columns, streams that are closed before the start."""

from __future__ import annotations

import itertools
import re
import subprocess
from typing import Any

import pytest

from gdb_gospan.render.lines import filled
from gdb_gospan.render.style import NARROWEST, Style
from gdb_gospan.render.tables import TableColumn, fitted
from tools import cores, gdbs, images, programs, shell, toolchains

IMAGE = str(images.FOLDER / "1.27-frag.gospan")
UNIT = re.compile(r"\s*(([KMGTPE]i)?B\b|%|(n|µ|m)?s\b)")


def broken_figures(text: str) -> list[str]:
    """Return the line ends that part a number from its unit."""
    lines = text.splitlines()
    return [f"{line} | {after}" for line, after in itertools.pairwise(lines) if re.search(r"[\d≥]$", line) and UNIT.match(after)]  # fmt: skip


@pytest.mark.parametrize("name", ["1.19-386", "1.27-arenas", "1.27-frag", "1.27-unswept"])
@pytest.mark.parametrize("exact", [False, True])
def test_every_report_fits_forty_columns(name: str, exact: bool) -> None:
    for command, document in images.documents(images.load(name).session()):
        if command.name == "map":  # made for a width
            continue
        text = images.text(command, document, Style(width=40, exact=exact))
        long = [line for line in text.splitlines() if len(line) > 40 and "gospan-" not in line]
        assert (long, broken_figures(text)) == ([], []), command.name


@pytest.mark.parametrize("columns", [*range(40, 61), 80, 100])
def test_no_figure_is_parted_from_its_unit(columns: int) -> None:
    for command, document in images.documents(images.load("1.27-cached").session()):
        assert broken_figures(images.text(command, document, Style(width=columns))) == [], command.name


@pytest.mark.parametrize("style", [Style(width=40), Style(width=40, exact=True), Style(width=51, exact=True)])
@pytest.mark.parametrize("power", [20, 30, 40, 47])
def test_the_accounts_of_a_large_heap_fit(style: Style, power: int) -> None:
    session = images.load("1.27-frag").session()
    (document,) = (answer for command, answer in images.documents(session) if command.name == "summary")
    large: dict[str, Any] = {
        **document,
        "complete": False,
        "bytes": {
            key: (1 << power) + value if isinstance(value, int) else value for key, value in document["bytes"].items()
        },
        "target": {**document["target"], "resident": 1 << power},
    }  # fmt: skip
    summary = next(command for command, _ in images.documents(session) if command.name == "summary")
    text = images.text(summary, large, style)
    assert [line for line in text.splitlines() if len(line) > style.width] == []
    assert broken_figures(text) == []


def test_a_terminal_of_fewer_columns_gets_what_one_of_forty_gets() -> None:
    session = images.load("1.27-frag").session()
    for command, document in images.documents(session):
        if command.name != "snapshot":  # its file has another name
            wanted = images.text(command, document, Style(width=NARROWEST))
            for columns in (-1, 1, 2, 3, 4, 39):
                assert images.text(command, document, Style(width=columns)) == wanted


def test_lines() -> None:
    words = "of them 5.87 MiB and 12.0 % after ≥ 3.10 s, that is all"
    for width in range(1, 60):
        lines = filled(words, width, "- ", "  ")
        assert " ".join(line[2:] for line in lines) == words
        assert all(len(line) <= max(width, len("  ≥ 3.10 s,")) for line in lines)
        assert broken_figures("\n".join(lines)) == []
    assert filled("", 10, "  ") == [""]


def test_a_table_that_is_too_wide_is_folded() -> None:
    columns = (
        TableColumn("a", "name", lambda row: row[0], left=True),
        TableColumn("b", "bytes", lambda row: row[1]),
        TableColumn("c", "how many", lambda row: row[2]),
    )
    rows = [("first", "5.87 MiB", "12"), ("second", "", "3")]
    assert fitted(columns, rows, None, 28)[0].splitlines()[1].split() == ["first", "5.87", "MiB", "12"]
    assert fitted(columns, rows, None, 26)[0].splitlines() == [
        "  name", "  first", "    bytes: 5.87 MiB", "    how many: 12", "  second", "    how many: 3",
    ]  # fmt: skip


def test_the_heading_of_a_folded_list_and_its_addresses() -> None:
    session = images.load("1.27-frag").session()
    ((command, document),) = ((c, answer) for c, answer in images.documents(session) if c.name == "list")
    text = images.text(command, document, Style(width=40))
    for row in document["list"]:
        assert f"\n  {row['descriptor']}\n" in text


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_a_tiny_terminal(columns: int) -> None:
    for env in ({}, {"COLUMNS": str(columns)}):
        received = shell.on_a_terminal(["summary", IMAGE], 100 if env else columns, **env)
        assert ("Sys" in received, "error" in received) == (True, False)


@pytest.mark.parametrize(
    ("closed", "words", "status", "said"),
    [
        (">&-", f"summary {IMAGE}", 3, "go-spans: cannot write the output: Bad file descriptor\n"),
        (
            ">&-",
            f"list --json --limit 0 {IMAGE}",
            3,
            "go-spans: cannot write the output: Bad file descriptor\n",
        ),
        (">&-", "--version", 3, "go-spans: cannot write the output: Bad file descriptor\n"),
        (">&-", "sumary", 2, "go-spans: unknown command sumary (did you mean summary?)\n"),
        ("2>&-", f"summary {IMAGE}", 0, ""),
        ("2>&-", "sumary", 2, ""),
        ("<&- >&- 2>&-", f"summary {IMAGE}", 3, ""),
    ],
)
def test_closed_streams(closed: str, words: str, status: int, said: str) -> None:
    line = f'exec "$@" {words} {closed}'
    done = subprocess.run(
        ["sh", "-c", line, "sh", *shell.COMMAND], env=shell.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (status, said)
    assert bool(done.stdout) is (status == 0)


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path) -> None:
    """What is written to standard error must not end in a snapshot."""
    file = tmp_path / "heap.gospan"
    line = f'exec "$@" snapshot {file} {IMAGE} >&- 2>&-'
    done = subprocess.run(["sh", "-c", line, "sh", *shell.COMMAND], env=shell.environment(), check=False)
    assert done.returncode == 3
    assert shell.inside("check", file).status == shell.inside("check", IMAGE).status


@pytest.mark.toolchain
def test_a_tiny_width_in_gdb() -> None:
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")
    commands = [
        f"with width {columns} -- go-spans {words}"
        for columns in (1, 2, 3, 4, 39)
        for words in ("summary", "list", "gc", "map", "explain free_slots", "check")
    ]
    result = gdbs.run_gdb(gdbs.ensure(gdbs.labels()[0]), commands, exe=core.executable, core=core.path)
    assert [error for error in result.stderr if error] == []
    assert all(result.stdout)
