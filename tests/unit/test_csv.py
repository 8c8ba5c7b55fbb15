"""--csv of every command: the rows of its table, or a row for each figure."""

from __future__ import annotations

import csv
import io
import json

import pytest

from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS, find
from gdb_gospan.reports.run import run
from tools import images
from tools.answers import document
from tools.questions import NEEDED

#: What the recorded heaps have nothing of.
WITHOUT_ROWS = ("profile", "blame")


@pytest.mark.parametrize(
    "command",
    [c for c in COMMANDS if not c.contents and c.name not in WITHOUT_ROWS],
    ids=lambda command: command.name,
)
def test_it_has_what_the_document_has(command, tmp_path) -> None:
    session = images.load("1.27-cached").session()
    words = ["--csv", *NEEDED.get(command.name, [])]
    if command.takes_address:
        words.append(hex(int(session.heap.spans.start[session.heap.spans.in_use][0])))
    elif command.needs_argument:
        words += [str(tmp_path / "heap.gospan"), *(["--replace"] if command.takes_file else [])]
    arguments = parse(command, words)
    rows = list(csv.DictReader(io.StringIO(run(session, command, arguments, Style()))))
    answer = document(session, command, arguments)
    sections = command.rows.split()
    if isinstance(answer[sections[0]], list):
        wanted = answer[sections[0]]
        assert len(rows) == len(wanted) > 0
        for row, source in zip(rows, wanted, strict=True):
            assert row == {
                key: text(value) for key, value in source.items() if not isinstance(value, (dict, list))
            }
    else:
        if command.name == "memstats":
            rows = [row for row in rows if not row["name"].startswith("BySize[")]
        assert {(row["section"], row["name"]): row["value"] for row in rows} == {
            (section, name): text(value)
            for section in sections
            for name, value in (answer.get(section) or {}).items()  # what is optional may not be there
            if not isinstance(value, (dict, list))
        }
        assert len(rows) > 3


def test_the_rows_of_by_size() -> None:
    session = images.load("1.27-cached").session()
    command = find("memstats")
    assert command is not None
    out = run(session, command, parse(command, ["--csv"]), Style())
    rows = {row["name"]: row["value"] for row in csv.DictReader(io.StringIO(out))}
    by_size = document(session, command, parse(command, []))["memstats"]["BySize"]
    assert len(by_size) > 60
    for number, row in enumerate(by_size):
        for name, value in row.items():
            assert rows[f"BySize[{number}].{name}"] == str(value)


def test_of_one_p_the_spans_it_has_cached() -> None:
    """What the report of that P shows, and the limit cuts."""
    session = images.load("1.27-cached").session()
    command = find("cache")
    assert command is not None
    every = document(session, command, parse(command, ["--json"]))["caches"]
    p = str(max(every, key=lambda row: row["spans"])["p"])
    out = run(session, command, parse(command, [p, "--csv"]), Style())
    rows = list(csv.DictReader(io.StringIO(out)))
    wanted = document(session, command, parse(command, [p]))["spans_cached"]
    assert [row["descriptor"] for row in rows] == [row["descriptor"] for row in wanted]
    assert len(rows) > 3
    short = run(session, command, parse(command, [p, "--csv", "--limit", "2"]), Style())
    assert short == "".join(out.splitlines(keepends=True)[:3])


def text(value: object) -> str:
    """Write a value as JSON has it, without the quotes; nothing for null."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
