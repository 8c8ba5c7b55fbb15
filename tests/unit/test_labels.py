"""Whatever stands on a screen as a label, explain knows: headings of all tables, names of lines, states."""

from __future__ import annotations

import re

import pytest

from gdb_gospan import cli
from gdb_gospan.errors import UsageError
from gdb_gospan.fields.pagewords import page_words
from gdb_gospan.layout.platform import P_STATUS
from gdb_gospan.render import tables
from gdb_gospan.render.style import Style
from gdb_gospan.reports.catalog import find
from gdb_gospan.runtime.goroutines import STATUS_NAMES
from gdb_gospan.runtime.mpagealloc import KIND_NAMES
from tools import answers, images

#: Reports whose lines have a name at the left.
NAMED = ("summary", "gc", "pages", "show")
NOT_WORDS = {"", "all"}
ASKED = (
    "GC", "gc", "P", "OOM", "large objects", "free slot", "stopped for GC", "would count against it", "in page caches", "Most free bytes",
    "Most free slots", "Most object bytes", "Cycle", "Heap", "GC used", "of the CPU time since the start", "lost to page rounding",
)  # fmt: skip


def known(word: str) -> bool:
    try:
        return bool(answers.of(None, "explain", word)["terms"])
    except UsageError:
        return False


def labels_of(text: str) -> set[str]:
    """Return the names of lines: words before two blanks, or before an amount."""
    found = set()
    for line in text.splitlines()[1:]:
        match = re.match(r"\s*([A-Za-z][^\d·]*?)  +\S", line) or re.match(
            r"  ([a-z][\w ,()']*?) +[\d,.]+ \S?i?B", line
        )
        if match and not match[1].endswith(" of"):
            found.add(match[1])
    return found


@pytest.mark.parametrize("image", ["1.19-386", "1.27-frag", "1.27-cached", "1.27-unswept"])
def test_every_label_is_a_term(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: set[str] = set()
    lay_out, lay_out_cells = tables.table, tables._table

    def noted(columns, rows, **options):
        said.update(re.sub(r" of [\d,.]+ \S+$", "", column.heading) for column in columns)
        return lay_out(columns, rows, **options)

    def noted_cells(columns, *rest):
        said.update(re.sub(r" of [\d,.]+ \S+$", "", column.heading) for column in columns)
        return lay_out_cells(columns, *rest)

    monkeypatch.setattr(tables, "_table", noted_cells)
    monkeypatch.setattr(tables, "table", noted)
    for command, document in images.documents(images.load(image).session()):
        text = images.text(command, document, Style(width=150))
        if command.name in NAMED:
            said |= labels_of(text)
    assert {"Scavenger", "Most object bytes", "Free runs, pages", "descriptor"} & said
    assert [word for word in sorted(said - NOT_WORDS) if not known(word)] == []


def test_every_state_is_a_term() -> None:
    states = {*P_STATUS.values(), *STATUS_NAMES.values(), *map(page_words, KIND_NAMES)}
    assert [word for word in sorted(states) if not known(word)] == []


@pytest.mark.parametrize("word", ASKED)
def test_words_that_were_looked_for(word: str) -> None:
    assert known(word)


def test_gc_is_first_the_collector() -> None:
    assert answers.of(None, "explain", "gc")["terms"][0]["name"] == "garbage collector"
    assert answers.of(None, "explain", "p")["terms"][0]["name"] == "P"


@pytest.mark.parametrize("words", [["explain", "tail", "--why"], ["explain", "--why"]])
def test_no_heading_without_anything_below(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    with_why = capsys.readouterr().out
    assert cli.main(words[:-1]) == 0
    assert with_why == capsys.readouterr().out


def test_a_pause_may_be_the_debuggers_own() -> None:
    (term,) = answers.of(None, "explain", "pauses")["terms"]
    assert "debugger" in term["unlike"]
    command = find("gc")
    assert command is not None
    assert "debugger" in dict(command.columns)["Pauses"]
