"""What comes from outside is shown escaped in text and errors, kept in JSON, and no formula in CSV."""

from __future__ import annotations

import csv
import io
import json
import sys
import unicodedata

import attrs
import numpy as np
import pytest

from gdb_gospan.analysis.session import Session
from gdb_gospan.fields.command import options_of
from gdb_gospan.fields.document import Address, Document, document, field
from gdb_gospan.fields.table import Table
from gdb_gospan.layout.goversion import parse as parse_version
from gdb_gospan.render.csv import rows_as_csv
from gdb_gospan.render.gate import cell, shown, word
from gdb_gospan.render.plain import passed, plain
from gdb_gospan.render.progress import telling_of
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS, find, load
from gdb_gospan.reports.run import answered, laid_out, run
from gdb_gospan.runtime.several import Runtime
from tools import images, planted, shell
from tools.planted import NAME, PLAIN, SIGNS
from tools.questions import NEEDED

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_every_character_of_unicode() -> None:
    for number in range(sys.maxunicode + 1):
        sign = chr(number)
        hidden = unicodedata.category(sign) in HIDDEN
        assert (shown(sign) == sign) is not hidden, hex(number)
        assert not hidden or (shown(sign).isascii() and shown(sign).isprintable()), hex(number)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("süß 日本 é\u00a0", "süß 日本 é\u00a0"),
        ("a\\x1b", "a\\x1b"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\tb\r\nc\x00", r"a\tb\r\nc\x00"),
        ("\x7f\x85", r"\x7f\u0085"),
        ("\u202egpj", r"\u202egpj"),
        ("\U000e0041", r"\U000e0041"),
        ("\udcff\ud800", r"\xff\ud800"),
    ],
)
def test_spelling(text: str, wanted: str) -> None:
    assert shown(text) == wanted
    assert shown(wanted) == wanted, "once is enough"


@pytest.mark.parametrize("name", ["heap.gospan", "my heap.gospan", "it's", NAME, "a'\x1b b", "\udcff\n"])
def test_a_word_is_what_bash_takes_for_the_name(name: str) -> None:
    import os
    import subprocess

    line = f"printf %s {word(shown(name))}"
    assert planted.raw(line) == ""
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout == os.fsencode(name)


@document
class Cells(Document):
    name: str = field("a text")
    number: int = field("a number")
    share: float = field("another")
    flag: bool = field("true or not")
    none: int | None = field("nothing")


@document
class Placed(Document):
    at: Address = field("an address")
    name: str = field("a text")
    n: int = field("a number")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_is_no_formula(sign: str) -> None:
    assert cell(f"{sign}cmd|' /C calc'!A0").startswith("'")
    rows = [Cells(name=f"{sign}1", number=-1, share=-1.5, flag=True, none=None)]
    (row,) = csv.DictReader(io.StringIO("".join(rows_as_csv(rows))))
    assert row == {
        "name": "'" + shown(f"{sign}1"),
        "number": "-1",
        "share": "-1.5",
        "flag": "true",
        "none": "",
    }
    columns = {"at": np.array([7]), "name": np.array([f"{sign}1"], object), "n": np.array([-1])}
    table = Table(Placed, 1, lambda block: {name: column[block] for name, column in columns.items()})
    (row,) = csv.DictReader(io.StringIO("".join(rows_as_csv(table))))
    assert row == {"at": "0x7", "name": "'" + shown(f"{sign}1"), "n": "-1"}


@pytest.mark.parametrize("image", ["1.27-corners", "1.27-unswept", "1.19-386"])
def test_what_go_spans_says_itself_passes_as_it_is(image: str) -> None:
    for command, answer in images.answers_of(images.load(image).session()):
        assert plain(passed(answer, shown)) == plain(answer), command.name


def planted_session() -> Session:
    """Return a session in which every string from outside is what it should not be."""
    recorded = images.load("1.27-unswept")
    name = np.frombuffer(b"[]uint8", np.uint8)
    flat = recorded.image.segments.flat
    (at,) = (
        int(at)
        for at in np.flatnonzero(flat[: -len(name)] == name[0])
        if (flat[at : at + len(name)] == name).all()
    )
    segments = recorded.image.segments
    (row,) = np.flatnonzero((segments.offset <= at) & (at < segments.offset + segments.size))
    address = int(segments.start[row]) + at - int(segments.offset[row])
    session = recorded.session((address, b"=\x1b\n\xe2\x80\xae|"))
    version = parse_version("go1.27.1" + NAME)
    assert version is not None
    session.heap.layout = attrs.evolve(session.heap.layout, go=version, missing=("mspan." + NAME,))
    session.target = attrs.evolve(
        session.target,
        description=f"core of {NAME}",
        executable=f"/{NAME}",
        core=f"/{NAME}.core",
        build_id=NAME,
        runtimes=tuple(Runtime(NAME + str(n), f"/{NAME}", n + 4096, NAME, 5, shown=n == 0) for n in range(2)),
    )
    return session


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c.needs_target and not c.contents], ids=lambda command: command.name
)
@pytest.mark.parametrize("style", [Style(), Style(width=40), Style(unicode=False), Style(colour=True)])
def test_in_text(command, style, tmp_path) -> None:
    session = planted_session()
    words = [hex(int(session.heap.spans.start[0]))] if command.takes_address else []
    words += NEEDED.get(command.name, [])
    words += [str(tmp_path / "heap.gospan")] if command.takes_file else []
    words += ["--verbose"] if command.name == "layout" else []
    text = run(session, command, parse(command, [*words, "--why"]), style)
    assert planted.raw(text, coloured=style.colour) == ""
    escaped = "".join(text.split())
    for sign in SIGNS.values():
        assert shown(sign) in escaped


def test_the_width_is_that_of_what_is_shown() -> None:
    command = find("list")
    assert command is not None
    lines = run(planted_session(), command, parse(command, []), Style(room=0)).splitlines()
    rows = [line for line in lines if line.endswith(r"=\x1b\n\u202e|")]
    assert rows
    assert {len(line) for line in rows} == {len(rows[0])}


def test_in_json_and_csv() -> None:
    session = planted_session()
    command = find("list")
    assert command is not None
    report, answer = load(command), answered(session, command, parse(command, []))
    text = "".join(laid_out(report, answer, {"json": True}, Style()))
    assert planted.raw(text) == ""
    read = json.loads(text)
    assert read["target"]["description"] == f"core of {NAME}"
    assert read["go"]["version"] == f"go1.27.1{NAME}"
    assert "=\x1b\n\u202e|" in {row["large_type"] for row in read["list"]}
    text = "".join(laid_out(report, answer, {"csv": True}, Style()))
    assert planted.raw(text) == ""
    rows = csv.DictReader(io.StringIO(text))
    assert "'=\\x1b\\n\\u202e|" in {row["large_type"] for row in rows}


def test_in_progress() -> None:
    written: list[str] = []
    seconds = iter(range(100))
    with telling_of(f"unpacking {NAME}", written.append, lambda: next(seconds)) as tell:
        assert tell is not None
        tell(5, 10)
    assert planted.raw(written[0].removeprefix("\r")) == ""
    assert shown(NAME) in written[0]


def errors() -> list[list[str]]:
    """Return command lines with that name in every place that they have."""
    lines = [
        [NAME],
        ["help", NAME],
        ["--" + NAME],
        ["explain", NAME],
        ["summary", NAME],
        ["summary", NAME, "core"],
    ]
    lines += [
        ["show", NAME, "a", "b"],
        ["snapshot", f"{NAME}/{NAME}", "core"],
        ["summary", "--pid", "1", NAME],
    ]
    lines += [["summary", "--dlv", NAME], ["summary", "a", "b", NAME], ["map", "--zoom", NAME, "a", "b"]]
    for command in COMMANDS:
        lines.append([command.name, f"--{NAME}"])
        lines += [
            [command.name, f"--{option.name}={NAME}", "core"]
            for option in options_of(command)
            if option.metavar and (option.number or option.choices)
        ]
    return lines


@pytest.mark.parametrize(
    "words", errors(), ids=lambda words: f"{len(words)} {words[0]:.9}".replace("\x1b", "")
)
def test_in_errors(words) -> None:
    answer = shell.inside(*words)
    assert (answer.stdout, answer.stderr.count("\n")) == ("", 1)
    assert answer.status in (2, 3)
    assert planted.raw(answer.stderr) == ""
    assert answer.stderr.startswith("go-spans: ")


def test_not_in_what_is_plain() -> None:
    assert shown(PLAIN) == PLAIN
