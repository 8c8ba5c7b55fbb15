"""What go-spans says about a core inside gdb, asked once for each program, core and debugger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Callable

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
        return known[key]

    return answers


@pytest.fixture(scope="session")
def answers(ask: Callable[[Gdb, Core], Answers], gdb: Gdb, frag_core: Core) -> Answers:
    """All documents about a core of the sample program at rest."""
    return ask(gdb, frag_core)
