"""One core with its executable as it was built, without debug information, without symbols, and not at all."""

from __future__ import annotations

import copy
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np

from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS
from gdb_gospan.targets import core as coredump
from tools import guests, schemas
from tools.answers import document
from tools.cache import once, root
from tools.questions import NEEDED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gdb_gospan.analysis.session import Session
    from tools.cores import Core

#: What objcopy takes away for each form that has an executable.
OPTIONS = {"full": None, "no-dwarf": "--strip-debug", "stripped": "--strip-all"}
FORMS = (*OPTIONS, "none")

#: layout.source of each.
SOURCES = {"full": "dwarf", "no-dwarf": "symbols", "stripped": "none", "none": "none"}

#: Options with which a command leaves no row out.
FULL = {"list": ["--state", "all", "--limit", "0"], "classes": ["--limit", "0"], "central": ["--limit", "0"]}

#: What may be unknown without symbols: how far a sweep is that goes on, for its variable then looks like others, and what
#: waits to be run; and without the executable names of types and functions, which are text in it.
WITHOUT_SYMBOLS = (
    "sweepers", "class_reached", "finalizers", "cleanups", "cleanup_goroutines", "cleanups_running", "limiter",
)  # fmt: skip
MAY_BE_UNKNOWN = {
    "no-dwarf": (),
    "stripped": WITHOUT_SYMBOLS,
    "none": (*WITHOUT_SYMBOLS, "type", "large_type", "goroutines"),
}


def executable(core: Core, form: str) -> Path | None:
    """Return the executable of a core in that form; None for the form that has none."""
    option = OPTIONS.get(form)
    if option is None:
        return core.executable if form == "full" else None
    objcopy, env = guests.objcopy(core.executable)

    def make(folder: Path) -> None:
        stripped = folder / core.executable.name
        subprocess.run([objcopy, option, str(core.executable), str(stripped)], env=env, check=True)

    folder = root() / "programs" / f"{core.executable.parent.name}-{form}"
    return once(folder, make) / core.executable.name


def figures(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without its provenance: what the figures were read with, and not what they are."""
    bare = copy.deepcopy(document)
    for key in ("executable", "build_id"):
        bare["target"].pop(key)
    for key in ("source", "signature", "missing"):
        bare["layout"].pop(key)
    # Of layout, and of check in gdb.
    for key in ("symbols", "stated", "evidence", "structs", "samples"):
        bare.pop(key, None)
    return bare


def open_in(core: Core, form: str) -> Session:
    """Open a core without a debugger, with its executable in that form."""
    program = executable(core, form)
    files = [core.path] if program is None else [program, core.path]
    return coredump.open_session([str(file) for file in files])


def answers(session: Session) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the document of each command that is about the whole heap, and of some addresses."""
    for command in COMMANDS:
        if not command.needs_target or command.needs_argument or command.contents:
            continue
        words = [*FULL.get(command.name, []), *NEEDED.get(command.name, [])]
        answer = document(session, command, parse(command, words))
        assert schemas.errors(answer) == []
        yield command.name, answer
    show = next(command for command in COMMANDS if command.name == "show")
    spans = session.heap.spans
    for row in np.flatnonzero(spans.in_use)[::200].tolist():
        address = int(spans.start[row]) + 100
        answer = document(session, show, {**parse(show, [hex(address)]), "argument": hex(address)})
        yield f"show {address:#x}", answer


def without_unknown(expected: Any, found: Any, names: tuple[str, ...]) -> Any:
    """Return what is expected of an answer, as far as it is known there."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {
            key: found.get(key)
            if key in names and found.get(key) in (None, False)
            else without_unknown(value, found.get(key), names)
            for key, value in expected.items()
        }
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [without_unknown(*pair, names) for pair in zip(expected, found, strict=True)]
    return expected


def compare(core: Core, form: str, also: tuple[str, ...] = ()) -> None:
    """Assert that every command gives the figures with this form that it gives with the full executable.

    Parameters
    ----------
    also
        What else may be unknown.
    """
    whole, stripped = open_in(core, "full"), open_in(core, form)
    for (name, wanted), (_, found) in zip(answers(whole), answers(stripped), strict=True):
        assert found["layout"]["source"] == SOURCES[form]
        assert found["layout"]["signature"]["held"] == found["layout"]["signature"]["pieces"] > 15
        names = (*MAY_BE_UNKNOWN[form], *also)
        if name == "goroutines" and form == "none":  # without names the runtime's own are not known
            assert (found["dead"], found["groups"] != []) == (wanted["dead"], True)
            continue
        if name == "profile" and form in (
            "stripped",
            "none",
        ):  # tests/cli/test_profile.py compares what has samples
            named = {"named": found["totals"]["named"]} if found["totals"] else {}
            assert found["totals"] in (None, {**wanted["totals"], **named})
            continue
        if name == "blame" and form in ("stripped", "none"):  # likewise, in test_blame.py
            assert [row["whole"] for row in found["covered"]] == [row["whole"] for row in wanted["covered"]]
            continue
        assert figures(found) == figures(without_unknown(wanted, found, names)), name
