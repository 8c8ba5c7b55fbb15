"""What is said of one target by every way in: the status of each identity, and what the summary makes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gdb_gospan.analysis.verification import IDENTITIES
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.reports.run import run
from gdb_gospan.targets import core as coredump
from gdb_gospan.targets import snapshot as snapshotfile
from tools import delves, forms, gdbs
from tools.damage import CopiedCore, changed_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gdb_gospan.analysis.session import Session
    from tools.cores import Core
    from tools.damage import Change

View = tuple[Literal["gdb", "shell", "delve"], str]
"""A way in, and what it is given: the executable (full), one without symbols (stripped), none, or a snapshot."""

VIEWS: tuple[View, ...] = (
    ("shell", "full"),
    ("shell", "stripped"),
    ("shell", "none"),
    ("shell", "snapshot"),
    ("gdb", "full"),
    ("gdb", "stripped"),
    ("gdb", "none"),
    ("delve", "full"),
)


@dataclass(frozen=True)
class Verdict:
    """What is said of one target.

    Attributes
    ----------
    checks
        The checks of the document, by code.
    summary
        The text of the summary.
    """

    checks: dict[str, dict[str, Any]]
    summary: str

    def status(self, code: str) -> str:
        """Return the status of one identity."""
        return str(self.checks[code]["status"])

    def figures(self, code: str) -> tuple[Any, Any]:
        """Return what one identity compares."""
        return self.checks[code]["expected"], self.checks[code]["observed"]

    @property
    def off(self) -> dict[str, str]:
        """The status of each identity that is not exact."""
        return {code: check["status"] for code, check in self.checks.items() if check["status"] != "exact"}


class Ways:
    """All ways into one core, of which some bytes are changed for each question.

    Parameters
    ----------
    core
        Stays as it is.
    folder
        For a copy of it.
    """

    def __init__(self, core: Core, folder: Path) -> None:
        self.core = core
        self.folder = folder
        self.copy = CopiedCore(core.path, folder / "core")
        self.snapshot = folder / "heap.gospan"
        _printed(self.open("full"), "snapshot", str(self.snapshot))

    def open(self, form: str) -> Session:
        """Open the copy as it is now, without a debugger."""
        program = forms.executable(self.core, form)
        files = [self.copy.path] if program is None else [program, self.copy.path]
        return coredump.open_session([str(file) for file in files])

    def ask(self, view: View, changes: Sequence[Change | None]) -> list[Verdict]:
        """Return a verdict for each of these changes, of which None is none."""
        host, form = view
        if host == "gdb":
            return self._ask_gdb(form, changes)
        if host == "delve":
            return self._ask_delve(changes)
        if form == "snapshot":
            return [self._ask_snapshot(change) for change in changes]
        return [self._ask_core(form, change) for change in changes]

    def _ask_core(self, form: str, change: Change | None) -> Verdict:
        with self.copy.changed(change):
            return _of_session(self.open(form))

    def _ask_snapshot(self, change: Change | None) -> Verdict:
        path = self.snapshot
        if change is not None:
            path = changed_snapshot(path, change, self.folder / "changed.gospan")
        return _of_session(snapshotfile.open_session(str(path)))

    def _ask_gdb(self, form: str, changes: Sequence[Change | None]) -> list[Verdict]:
        """Ask one gdb, which opens the core anew for each."""
        commands, asked = [], []
        for change in changes:
            patch = self._patch(change) if change is not None else None
            commands += [f"python {patch[0]}"] if patch else []
            commands += [f"core-file {self.copy.path}"]
            asked.append(len(commands))
            commands += ["go-spans check --json", "go-spans summary"]
            commands += [f"python {patch[1]}"] if patch else []
        done = gdbs.run_gdb(
            gdbs.ensure(gdbs.system_label()), commands, exe=forms.executable(self.core, form), core=self.copy.path
        )  # fmt: skip
        return [_of_texts(done.stdout[at], done.stdout[at + 1]) for at in asked]

    def _patch(self, change: Change) -> tuple[str, str]:
        """Return two statements of Python, one that changes these bytes, and one that puts them back."""
        offset, new = self.copy.offset(change), change[1]
        with self.copy.path.open("rb") as file:
            file.seek(offset)
            old = file.read(len(new))
        first, second = (
            f"f = open({str(self.copy.path)!r}, 'r+b'); f.seek({offset}); f.write({data!r}); f.close()"
            for data in (new, old)
        )
        return first, second

    def _ask_delve(self, changes: Sequence[Change | None]) -> list[Verdict]:
        """Ask one Delve, which reads the file again for each question."""
        with delves.conversation(
            delves.ensure(delves.NEWEST), exe=self.core.executable, core=self.copy.path
        ) as say:
            verdicts = []
            for change in changes:
                with self.copy.changed(change):
                    verdicts.append(_of_texts(say("go_spans check --json"), say("go_spans summary")))
            return verdicts


def _of_session(session: Session) -> Verdict:
    return _of_texts(_printed(session, "check", "--json"), _printed(session, "summary"))


def _of_texts(check: str, summary: str) -> Verdict:
    document = json.loads(check)
    # Those of goroutines and threads have their own tests.
    of_heap = {entry.code for entry in IDENTITIES}
    return Verdict(
        {check["code"]: check for check in document["checks"] if check["code"] in of_heap}, summary
    )


def _printed(session: Session, name: str, *words: str) -> str:
    command = find(name)
    assert command is not None
    return run(session, command, parse(command, list(words)), Style(width=100))
