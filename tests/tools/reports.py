"""Every report of a session, to compare two routes to one heap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS
from tools import answers
from tools.questions import NEEDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gdb_gospan.analysis.session import Session

#: Differs by the route: what the target is called, and how it was read.
ROUTE = ("target",)


def documents(session: Session) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the document of every report that needs no argument, whole but for the route."""
    for command in COMMANDS:
        if not command.needs_target or command.needs_argument or command.contents:
            continue
        options = {option.name for option in command.options}
        words = [*NEEDED.get(command.name, ())]
        words += [f"--{name}" for name in ("chunks", "verbose") if name in options]
        words += ["--limit", "0"] if "limit" in options else []
        words += ["--state", "all"] if "state" in options else []
        yield command.name, without_route(answers.document(session, command, parse(command, words)))


def without_route(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without what differs by the route; Delve does not tell where the file of a runtime is."""
    runtimes = [{**row, "path": None} for row in document["runtimes"]]
    return {**{key: value for key, value in document.items() if key not in ROUTE}, "runtimes": runtimes}
