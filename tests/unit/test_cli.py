"""The command line without any program: help, version, and what cannot be understood."""

from __future__ import annotations

import re
import sys

import pytest

from gdb_gospan import __version__, cli
from gdb_gospan.fields.command import options_of
from gdb_gospan.reports.catalog import COMMANDS
from tools import images


def test_version(capsys):
    for word in ("--version", "-V", "version"):
        assert cli.main([word]) == 0
        first, second = capsys.readouterr().out.splitlines()
        assert re.fullmatch(rf"go-spans {__version__} \(Python [\d.]+\w*, numpy [\d.]+\)", first)
        assert second == "Go 1.19 to 1.27; 56 bundled layout tables for amd64, arm64, 386, arm"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["help", "-h"]])
def test_the_overview_lists_every_subcommand(words, capsys):
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    _, usage, ways, commands, *_ = out.split("\n\n")
    first = [line.split()[0] for line in commands.splitlines()[1:] if line[2] != " "]
    assert first == [command.name for command in COMMANDS]
    for way in ("PROGRAM CORE", "--pid N", "--dlv HOST:PORT", "SNAPSHOT"):
        assert f" go-spans COMMAND {way} [OPTIONS]" in usage
        assert f"\n  {way}  " in ways
    assert "go-spans help COMMAND explains a command." in out


def test_nothing_at_all_shows_the_overview_but_is_a_mistake(capsys):
    assert cli.main([]) == 2
    assert capsys.readouterr().out == cli.overview()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.parametrize("words", ["help {}", "{} --help", "{} -h", "--help {}"])
def test_help_of_a_subcommand(command, words, capsys):
    assert cli.main(words.format(command.name).split()) == 0
    out = capsys.readouterr().out
    argument = f"{command.argument[0]} " if command.argument else ""
    files = "PROGRAM CORE " if command.needs_target else ""
    assert f"Usage: go-spans {command.name} {argument}{files}[OPTIONS]\n" in out
    assert (f"\nor     go-spans {command.name} {argument}--pid N [OPTIONS]\n" in out) is command.needs_target
    assert ("\n  --pid N  " in out) is command.needs_target
    assert out.rstrip().endswith("./program core") is command.needs_target
    for option in options_of(command):
        assert f"  --{option.name}" in out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("sumary", "did you mean summary?"),
        ("help sumary", "did you mean summary?"),
        ("summary --jsn a b", "did you mean --json?"),
        ("summary --qqq a b", "try: go-spans help summary"),
        ("summary", "go-spans summary ./program core"),
        ("summary a b c", "got 3 files"),
        ("show", "needs ADDRESS"),
        ("list --sort zork a b", "invalid --sort zork (choose from descriptor, start, npages, "),
        ("list --state zork a b", "invalid --state zork (choose from in-use, manual,"),
        ("list --state inus a b", "did you mean in-use?"),
        ("list --limit x a b", "x is not a number"),
        ("list --limit 0.5 a b", "0.5 is not a whole number"),
        ("list --json=3 a", "list: --json accepts no value (try: go-spans help list)"),
        ("list --limit", "list: --limit needs a value (try: go-spans help list)"),
        ("./svc core", "try: go-spans summary ./svc core)"),
        ("/bin/true", "try: go-spans summary /bin/true)"),
        ("heap.gospan list --json", "try: go-spans list heap.gospan --json)"),
        ("--json summary", "try: go-spans summary --json)"),
        ("--json", "try: go-spans summary --json)"),
        ("--pid 5 check", "try: go-spans check --pid 5)"),
        ("-p 5", "try: go-spans summary -p 5)"),
        ("--limit 5 list a b", "try: go-spans list --limit 5 a b)"),
        ("1234", "for a process, try: go-spans summary --pid 1234)"),
        ("0xc000012340 a b", "for an address, try: go-spans show 0xc000012340 a b)"),
        (
            "summary --pid 5 --dlv localhost:1",
            "--pid 5 and --dlv localhost:1 cannot be combined: give one target",
        ),
        (
            "summary --dlv localhost:1 -p 5",
            "--pid 5 and --dlv localhost:1 cannot be combined: give one target",
        ),
        (
            "summary --dlv localhost:1 --debug-directory /d",
            "no effect: Delve looks for debug information itself",
        ),
        ("summary -p x", "--pid/-p: x is not a number"),
        ("show -p 5", "needs ADDRESS"),
    ],
)
def test_what_cannot_be_understood(words, hint, capsys):
    assert cli.main(words.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("go-spans: ")
    assert captured.err.count("\n") == 1
    assert hint in captured.err


def test_the_address_comes_first(capsys, tmp_path):
    program = tmp_path / "program"
    program.touch()
    assert cli.main(["show", str(program), "core", "0xc000000000"]) == 2
    assert "ADDRESS comes before the files" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--completion"], "--completion needs a shell (choose from bash, zsh, fish)"),
        (["--completion", "csh"], "invalid --completion csh (choose from bash, zsh, fish)"),
        (["--completion=csh"], "invalid --completion csh (choose from bash, zsh, fish)"),
    ],
)
def test_completion_for_no_shell(words, line, capsys):
    assert cli.main(words) == 2
    assert capsys.readouterr() == ("", f"go-spans: {line}\n")


def test_completion_without_its_library(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert cli.main(["--completion", "bash"]) == 3
    assert capsys.readouterr().err == (
        "go-spans: cannot write the completion: the Python package shtab is not installed (try: pip install shtab)\n"
    )


@pytest.mark.parametrize("wanted", ["", "1"])
def test_a_defect_is_one_line_unless_asked_for(wanted, monkeypatch, capsys):
    class BadWord(str):
        __slots__ = ()

        def __eq__(self, other):
            raise ZeroDivisionError("a defect")

        __hash__ = str.__hash__

    monkeypatch.setenv("GOSPANS_TRACEBACK", wanted)
    if wanted:
        with pytest.raises(ZeroDivisionError):
            cli.main([BadWord("x")])
    else:
        assert cli.main([BadWord("x")]) == 3
        err = capsys.readouterr().err
        assert err.startswith("go-spans: internal error: ZeroDivisionError: a defect (please report it")
        assert err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_fits_a_terminal(command):
    from gdb_gospan.render.help import help_text

    assert [line for line in help_text(command).splitlines() if len(line) > 112] == []


IMAGE = str(images.FOLDER / "1.27-frag.gospan")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["pages", "--limit", "1"], "--limit applies to the chunks and the blockers, which are not shown (try: pages --chunks --limit 1)"),
        (["pages", "--limit=20"], "(try: pages --chunks --limit 20)"),
        (["pages", "--blockers", "--sort", "free"], "--sort applies to the chunks, which are not shown (try: pages --chunks --sort free)"),
        (["summary", "--debug-directory", "/d"], "--debug-directory has no effect: a snapshot contains the types"),
    ],
)  # fmt: skip
def test_an_option_without_effect_is_a_mistake(words, hint, capsys):
    assert cli.main([*words, IMAGE]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert hint in captured.err


@pytest.mark.parametrize(
    "words", ["--limit 1 --chunks", "--limit 1 --blockers", "--limit 1 --csv", "--sort free --json", "--limit 0", "--sort start"]
)  # fmt: skip
def test_an_option_with_effect_is_none(words, capsys):
    assert cli.main(["pages", *words.split(), IMAGE]) == 0
    assert capsys.readouterr().out
