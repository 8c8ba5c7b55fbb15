"""A program whose name, folder and Go version hold what a terminal obeys: in the shell, in gdb, through MI and in Delve."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import category

import pytest

from gdb_gospan.render.gate import shown
from gdb_gospan.reports.catalog import COMMANDS
from tools import cores, delves, gdbs, mi, planted, processes, programs, shell, toolchains
from tools.planted import NAME, UTF8
from tools.questions import NEEDED

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.toolchain, pytest.mark.xdist_group("planted")]

#: As long as go1.27.3, for it takes its place.
VERSION = "go1.27\x1b\n"


@dataclass(frozen=True)
class Odd:
    """A program of an odd name, and a core of it."""

    executable: Path
    core: Path


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odd]:
    plain = programs.build("frag", toolchains.NEWEST)
    folder = tmp_path_factory.mktemp("odd") / UTF8
    folder.mkdir()
    made = Odd(folder / UTF8, folder / f"core of {UTF8}")
    version = _version(plain)
    made.executable.write_bytes(
        plain.read_bytes().replace(version, VERSION.encode().ljust(len(version), b"!"))
    )
    made.executable.chmod(0o755)
    with processes.start(
        made.executable, "-objects", "500", "-end", "sleep", env={"GOTRACEBACK": "crash"}, cwd=folder, core=True,
        stderr=subprocess.DEVNULL,
    ) as program:  # fmt: skip
        program.line()
        cores.kill(program, folder, made.core)
    yield made
    shutil.rmtree(folder)


def _version(executable: Path) -> bytes:
    """Return the version of Go that built a program, as the program has it."""
    data = executable.read_bytes()
    at = data.index(b"go1.", data.index(b"\xff Go buildinf:"))
    return data[at : data.index(b"\n", at)].split(b"\x00")[0][: len(VERSION)]


def lines(address: str, snapshot: Path) -> Iterator[list[str]]:
    """Yield every command with what it needs."""
    for command in COMMANDS:
        if command.needs_target and not command.contents:
            words = [address] if command.takes_address else [str(snapshot)] if command.takes_file else []
            yield [command.name, *NEEDED.get(command.name, []), *words]


def test_in_the_shell(odd: Odd, tmp_path: Path) -> None:
    """Of the core with its executable and alone, and of the snapshot, which is written and read back."""
    snapshot = tmp_path / f"{NAME}.gospan"
    files = [str(tmp_path / f"{kind} {NAME}") for kind in ("executable", "core")]
    for file, there in zip(files, (odd.executable, odd.core), strict=True):
        Path(file).symlink_to(there)
    answer = shell.inside("list", "--json", *files)
    address = json.loads(answer.stdout)["list"][0]["start"]
    assert shell.inside("snapshot", snapshot, *files).status == 0
    wanted = json.loads(answer.stdout)
    assert wanted["target"]["executable"] == str(odd.executable)
    assert wanted["go"]["version"].startswith(VERSION)
    read = json.loads(shell.inside("list", "--json", snapshot).stdout)
    assert (read["target"]["executable"], read["list"]) == (wanted["target"]["executable"], wanted["list"])
    for where in (files, files[1:], [str(snapshot)]):
        for words in lines(address, tmp_path / f"{NAME}.2.gospan"):
            (tmp_path / f"{NAME}.2.gospan").unlink(missing_ok=True)
            answer = shell.inside(*words, *where)
            assert answer.status in (0, 3), (words, answer.stderr)
            assert planted.raw(answer.stdout + answer.stderr) == "", words
            assert shown(planted.SIGNS["RLO"]) in "".join(answer.stdout.split()), words
    table = shell.inside("layout", "--csv", *files).stdout
    assert planted.raw(table) == ""
    assert len([*csv.DictReader(io.StringIO(table))]) > 9


def test_in_errors_about_files(odd: Odd) -> None:
    for words in (
        ["summary", odd.executable],
        ["summary", odd.core, odd.core],
        ["summary", odd.executable, f"{odd.core}.gz"],
        ["summary", odd.executable, odd.core, "--runtime", f"{UTF8}?"],
        ["show", odd.executable, odd.core, "0x10"],
        ["snapshot", odd.core, odd.executable, odd.core],
        ["snapshot", f"{odd.executable}.d/x.gospan", odd.executable, odd.core],
        ["list", "--size", UTF8, odd.executable, odd.core],
    ):
        answer = shell.inside(*words)
        assert (answer.stdout, answer.stderr.count("\n")) == ("", 1), words
        assert planted.raw(answer.stderr) == ""
        assert shown(UTF8) in answer.stderr


def test_of_a_process(odd: Odd) -> None:
    with processes.start(odd.executable, "-objects", "500", "-end", "sleep") as program:
        program.line()
        for words in (["summary"], ["check"], ["summary", "--runtime", f"{UTF8}?"]):
            answer = shell.inside(*words, "--pid", program.pid)
            assert planted.raw(answer.stdout + answer.stderr) == ""
            assert shown(UTF8) in "".join((answer.stdout + answer.stderr).split()), answer.stdout


def test_in_gdb(odd: Odd, tmp_path: Path) -> None:
    gdb = gdbs.ensure(gdbs.labels()[0])
    commands = [
        "go-spans summary", "go-spans layout", "go-spans list --csv", "go-spans list --json --limit 1", "go-spans check",
        f"go-spans snapshot {tmp_path / 'a'}.gospan", "go-spans list --sort \x1b\u202e", "go-spans \x1b\u202e",
        "go-spans explain \x1b\u202e", "go-spans show \x1b\u202e", "set go-spans \x1b\u202e",
        "python from gdb_gospan.debugger import mi; print(mi._spelt(['a\\udcffb', 'c\\x1b']))",
    ]  # fmt: skip
    result = gdbs.run_gdb(gdb, commands, exe=odd.executable, core=odd.core)
    for command, out, error in zip(commands, result.stdout, result.stderr, strict=True):
        assert planted.raw(out + error) == "", command
        assert "\ufffd" not in out + error, command
        assert "internal error" not in out + error, command
    assert shown(UTF8) in "".join(result.stdout[0].split())
    assert shown(VERSION) in result.stdout[0]
    assert json.loads(result.stdout[3])["target"]["executable"] == os.fspath(odd.executable)
    assert result.stdout[11] == "['a\\\\xffb', 'c\\x1b']\n", "gdb itself takes no surrogate"
    assert all(r"\x1b\u202e" in error for error in result.stderr[6:10])


def test_through_mi(odd: Odd) -> None:
    gdb = gdbs.ensure(gdbs.labels()[0])
    answers = mi.run_mi(
        gdb, ["-go-spans-summary", "-go-spans-list --sort \x1b"], exe=odd.executable, core=odd.core
    )
    assert answers[0].status == "done"
    assert VERSION in answers[0].results["go"]["version"]
    assert answers[1].status == "error"
    assert r"\x1b" in answers[1].results["msg"]


def test_in_delve(odd: Odd) -> None:
    delve = delves.ensure(delves.NEWEST)
    texts = delves.run(
        delve,
        ["go_spans summary", "go_spans check", "go_spans list --sort \x1b", "go_spans list --json --limit 1"],
        exe=odd.executable,
        core=odd.core,
    )
    for text in texts:
        assert planted.raw(text) == ""
    assert shown(UTF8) in "".join(texts[0].split())
    assert shown(VERSION) in texts[0]
    document = json.loads(texts[3])
    assert document["target"]["description"] == f"core of {UTF8}"
    assert VERSION in document["go"]["version"]
    hidden = ast.literal_eval(
        re.search(r"^HIDDEN = (\[.*?^\])", delves.SCRIPT.read_text(), re.MULTILINE | re.DOTALL)[1]
    )
    for number in range(sys.maxunicode + 1):
        known = category(chr(number))
        listed = any(first <= number <= last for first, last in hidden)
        assert known == "Cn" or listed is (known in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}), hex(number)


@pytest.mark.gdb
def test_a_name_that_the_character_set_of_gdb_lacks(tmp_path: Path) -> None:
    """Under LANG=C that is every letter with an accent: gdb's Python raises when it is asked for the name."""
    program = tmp_path / "ä"
    documents = [json.loads(text) for text in _asked_of(program, ["", "", ""]).stdout]
    assert {document["target"]["executable"] for document in documents} == {str(program)}
    assert {check["status"] for check in documents[1]["checks"]} == {"exact"}


@pytest.mark.gdb
def test_a_name_that_gdb_cannot_say(tmp_path: Path) -> None:
    line = (
        "go-spans: gdb cannot decode the output of its `info files`: a file name is not UTF-8 "
        "(try: symbolic links with ASCII names)\n"
    )
    _asked_of(tmp_path / "\udcff", [line] * len(ASKED))


ASKED = ("summary", "check", "layout")


def _asked_of(program: Path, errors: list[str]) -> gdbs.GdbResult:
    shutil.copy(programs.build("frag", toolchains.NEWEST), program)
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "500")
    asked = [f"go-spans {command} --json" for command in ASKED]
    said = gdbs.run_gdb(
        gdbs.ensure(gdbs.system_label()), asked, exe=program, core=core.path, env={"LANG": "C", "LC_ALL": "C"}
    )
    assert said.stderr == errors
    return said
