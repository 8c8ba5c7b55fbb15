"""What go-spans says about a core inside gdb, asked once for each program, core and debugger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools import schemas
from tools.gdbs import Session, run_gdb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.cores import Core
    from tools.gdbs import Gdb

    Answers = dict[str, dict[str, Any]]

#: Every command that describes the whole heap, with all of its rows.
COMMANDS = {
    "summary": "go-spans summary --json",
    "check": "go-spans check --json",
    "classes": "go-spans classes --limit 0 --json",
    "list": "go-spans list --state all --limit 0 --json",
    "fixalloc": "go-spans fixalloc --json",
    "central": "go-spans central --limit 0 --json",
    "layout": "go-spans layout --json",
    "cache": "go-spans cache --json",
    "stacks": "go-spans stacks --json",
    "gc": "go-spans gc --json",
    "memstats": "go-spans memstats --json",
}


@pytest.fixture(scope="session")
def ask() -> Callable[[Gdb, Core], Answers]:
    """Give a function that returns the document of every command, by its name."""
    known: dict[tuple[str, str], Answers] = {}

    def answers(gdb: Gdb, core: Core) -> Answers:
        key = gdb.label, str(core.path)
        if key not in known:
            result = run_gdb(gdb, list(COMMANDS.values()), exe=core.executable, core=core.path)
            assert result.stderr == [""] * len(COMMANDS)
            known[key] = dict(zip(COMMANDS, map(json.loads, result.stdout), strict=True))
            assert [error for document in known[key].values() for error in schemas.errors(document)] == []
        return known[key]

    return answers


@pytest.fixture(scope="session")
def answers(ask: Callable[[Gdb, Core], Answers], gdb: Gdb, frag_core: Core) -> Answers:
    """All documents about a core of the sample program at rest."""
    return ask(gdb, frag_core)


@pytest.fixture(scope="module")
def session(gdb: Gdb, core: Core) -> Iterator[Session]:
    """Give a gdb that stays open on the module's ``core``.

    Of the module, as all that asks it: pytest would give the next module, which has a ``core`` of its own, this gdb again.
    """
    session = Session(gdb, exe=core.executable, core=core.path)
    yield session
    session.close()


@pytest.fixture(scope="module")
def say(session: Session) -> Callable[..., list[str]]:
    """Give a function that runs go-spans commands and returns what each printed; nothing on stderr."""

    def run(*commands: str) -> list[str]:
        said = session.run(*(f"go-spans {command}" for command in commands))
        assert [error for _, error in said] == [""] * len(commands)
        return [out for out, _ in said]

    return run


@pytest.fixture(scope="module")
def refuse(session: Session) -> Callable[..., list[str]]:
    """Give a function that runs go-spans commands of which each must fail with one line, and returns the lines."""

    def run(*commands: str) -> list[str]:
        said = session.run(*(f"go-spans {command}" for command in commands))
        assert [out for out, _ in said] == [""] * len(commands)
        lines = [error.removesuffix("\n") for _, error in said]
        assert all(line.startswith("go-spans: ") and "\n" not in line for line in lines), lines
        assert not any("internal error" in line for line in lines), lines
        return lines

    return run


@pytest.fixture(scope="module")
def spans(say: Callable[..., list[str]]) -> list[dict[str, Any]]:
    """Every span, as list gives them."""
    return json.loads(say("list --state all --limit 0 --json")[0])["list"]
