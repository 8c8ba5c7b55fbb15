"""No answer depends on the language that gdb is set to, nor on how it reads and prints numbers and symbols."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.reports import catalog
from tools import cores, programs, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.gdbs import Gdb, Session

pytestmark = pytest.mark.parametrize("go_minor", [toolchains.NEWEST], scope="session")

#: What each command is given, of those that need something, or look names up.
ARGUMENTS = {
    "show": (
        "main.sessions", "'main.sessions'", "main.sessions[1]", "'main.sessions'.array[1]", "&main.sessions.array[1]",
        "main.sessions.array + 1", "*runtime.allgs[1]", "(long) main.sessions.array", "8 + (long) &main.sessions[1].id - 8", "$pc", "(long) gospan.example/frag/last.held[0]", "main.sessions[10]",
        "gospan.example/frag/last.held[0x2]", "main.sessions[99999999]", "main.nosuch", "'main.nosuch'", "&main.sessions",
        "runtime.mheap_", "main.main", "syscall.env[0]", "main.sessions[$x++]",
    ),
    "explain": ("idle pages, retained",),
    "gate": ("--max idle_retained=64MiB --min goroutines=1",),
    "map": ("", "--zoom main.sessions", "--arena main.sessions[1]"),
    "list": ("", "--state all --limit 0"),
}  # fmt: skip

#: Of a printer and a function, which gdb's own print would show in the language's way.
LOOKED_UP = (
    "python print(gdb.default_visualizer(gdb.lookup_global_symbol('runtime.mheap_').value()['spanalloc']).to_string())",
    "python print(gdb.default_visualizer(gdb.lookup_global_symbol('runtime.mheap_').value()['central'][5]['mcentral']).to_string())",
)

#: What a user may have set, and gdb's own value. Those of a group hide nothing from each other.
SETTINGS = {
    "numbers": {
        "input-radix": ("16", "0xa"),
        "output-radix": ("0x10", "0xa"),
        "max-value-size": ("0x10", "0x10000"),
        "case-sensitive": ("off", "auto"),
    },
    "symbols": {
        "print address": ("off", "on"),
        "print asm-demangle": ("on", "off"),
        "print object": ("on", "off"),
        "print symbol": ("off", "on"),
    },
    "symbols by their files": {
        "print max-symbolic-offset": ("1", "unlimited"),
        "print symbol-filename": ("on", "off"),
    },
    "names as they are": {
        "print demangle": ("off", "on"),
        "trace-commands": ("on", "off"),
        "verbose": ("on", "off"),
    },
}


@pytest.fixture(scope="session")
def core(go_minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "2000", "-cached")


def asked(folder: Path) -> Iterator[str]:
    for command in catalog.COMMANDS:
        if command.takes_file:
            yield f"shell rm -f {folder}/saved.gospan"
            yield f"go-spans {command.name} {folder}/saved.gospan --json"
            continue
        for words in ARGUMENTS.get(command.name, ("",)):
            yield f"go-spans {command.name} {words} --json"
    yield from LOOKED_UP


def answers(session: Session, folder: Path) -> list[tuple[str, str]]:
    """Ask everything anew, of a session that knows nothing yet."""
    session.run("python import gdb_gospan.debugger.target as t; t._forget_types(None)")
    return session.run(*asked(folder))


@pytest.fixture(scope="module")
def as_it_is(
    session: Session, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[tuple[str, str]]]:
    """A folder to save in, and what the commands say where nothing is set."""
    folder = tmp_path_factory.mktemp("languages")
    return folder, answers(session, folder)


def test_the_answers_are_answers(as_it_is: tuple[Path, list[tuple[str, str]]]) -> None:
    folder, said = as_it_is
    for command, (out, err) in zip(asked(folder), said, strict=True):
        assert bool(out) != bool(err) or command.startswith("shell"), (command, err)
        assert not err or command.startswith("go-spans show "), (command, err)


def test_languages(session: Session, as_it_is: tuple[Path, list[tuple[str, str]]]) -> None:
    folder, expected = as_it_is
    for language in languages(session):
        session.run(f"set language {language}")
        try:
            found = answers(session, folder)
            ((now, _),) = session.run("show language")
        finally:
            session.run("set language auto")
        assert f'"{language}' in now, "the setting is as the user left it"
        for command, one, other in zip(asked(folder), expected, found, strict=True):
            assert other == one, f"{language}: {command}"


def languages(session: Session) -> list[str]:
    """Return every language that gdb offers, and the one that it hides."""
    ((listed, _),) = session.run("help set language")
    found = re.findall(r"^(\S+) +Use the ", listed, re.MULTILINE)
    assert {"modula-2", "rust", "pascal", "ada", "fortran", "c", "go"} <= {*found}
    return [*found, "unknown"]


@pytest.mark.parametrize("language", ["auto", "modula-2"])
def test_settings(session: Session, as_it_is: tuple[Path, list[tuple[str, str]]], language: str) -> None:
    """In turn, and all at once in a language that spells numbers otherwise."""
    folder, expected = as_it_is
    every = {name: values for group in SETTINGS.values() for name, values in group.items()}
    for chosen in SETTINGS.values() if language == "auto" else [every]:
        session.run(
            *(f"set {name} {value}" for name, (value, _) in chosen.items()), f"set language {language}"
        )
        try:
            found = answers(session, folder)
        finally:
            session.run("set language auto", *(f"set {name} {value}" for name, (_, value) in chosen.items()))
        for command, one, other in zip(asked(folder), expected, found, strict=True):
            assert plain(other) == one, f"{[*chosen]}: {command}"


def plain(said: tuple[str, str]) -> tuple[str, str]:
    """Leave out what gdb itself traces."""
    out, err = (re.sub(r"^\+.*\n", "", text, flags=re.MULTILINE) for text in said)
    return out, err


@pytest.mark.live
def test_variables_of_a_function(gdb: Gdb, go_minor: str) -> None:
    """A parameter has the same value in each language, with and without an expression around it."""
    asked = ["go-spans show r.src --json", "go-spans show (long) r.src.data --json", "go-spans show r --json"]
    commands = ["tbreak main.expire", "run -objects 2000 -end exit >/dev/null"]
    for language in ("auto", "modula-2", "rust", "ada"):
        commands += [f"set language {language}", *asked]
    result = run_gdb(gdb, [*commands, "kill"], exe=programs.build("frag", go_minor, gcflags="-N -l"))
    said = [
        (json.loads(out)["address"], err)
        for command, out, err in zip(commands, result.stdout, result.stderr, strict=False)
        if command in asked
    ]
    assert said == said[:3] * 4
    assert said[0] == said[1]
