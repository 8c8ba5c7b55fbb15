"""A process in the middle of an allocation or of a sweep, by --pid: every identity is exact, or what is in progress is named.

Where it stands is the same in every run (tools/held.py). Random moments of the same program are in tests/soak.
"""

from __future__ import annotations

import importlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.analysis.verification import verify
from tools import gdbs, held, processes, programs, shell, toolchains
from tools.notes import GOING_ON, says

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

SECONDS = ("-seconds", "600")

#: Reports that are worked out when all is read.
REPORTS = (
    "summary", "classes", "fixalloc", "central", "cache", "stacks", "gc", "memstats", "pages", "check",
    "pages --chunks --blockers",
)  # fmt: skip


def check(pid: int) -> dict[str, Any]:
    """Take one capture, and assert all that is true of any capture."""
    answer = shell.inside("check", "--json", "--pid", pid)
    assert (answer.status, answer.stderr) == (0, "")
    document: dict[str, Any] = json.loads(answer.stdout)
    assert document["unreadable"]["bytes"] == 0
    assert document["target"]["pause_ms"] > 0
    off = [one for one in document["checks"] if one["status"] != "exact"]
    assert {one["status"] for one in off} <= {"transient"}, off
    assert [one for one in off if not says(one["note"], *GOING_ON)] == []
    return document


@pytest.mark.in_turn("function")
@pytest.mark.parametrize("function", held.PLACES)
def test_no_place_raises_a_false_alarm(go_minor: str, function: str) -> None:
    with held.at(function, programs.build("churn", go_minor), *SECONDS) as churn:
        check(churn.pid)
        assert not processes.is_held(churn.pid)
        churn.goes_on()


@pytest.mark.gdb
def test_a_span_that_is_half_made_is_named_by_all(go_minor: str, tmp_path: Path) -> None:
    """In a shell, from a snapshot of it, and in gdb: the same identities are off, by the same."""
    with held.at(held.SPAN_HALF_MADE, programs.build("churn", go_minor), *SECONDS) as churn:
        in_shell = check(churn.pid)["checks"]
        shell.inside("snapshot", tmp_path / "heap.gospan", "--pid", churn.pid)
        gdb = gdbs.ensure(gdbs.system_label())
        in_gdb = gdbs.run_gdb(gdb, ["go-spans check --json"], pid=churn.pid).stdout[0]
        churn.goes_on()
    recorded = shell.inside("check", "--json", tmp_path / "heap.gospan").stdout
    wanted = {one["code"]: (one["status"], one["expected"], one["observed"]) for one in in_shell}
    assert [code for code, (status, *_) in wanted.items() if status == "transient"]
    for text in (in_gdb, recorded):
        found = json.loads(text)["checks"]
        assert {one["code"]: (one["status"], one["expected"], one["observed"]) for one in found} == wanted


@pytest.mark.parametrize("function", [held.SPAN_HALF_MADE, "runtime.(*spanSet).push"])
def test_a_32_bit_program(function: str) -> None:
    """Where its threads are is not known: that may leave the identities open, and breaks none."""
    with held.at(function, programs.build("churn", toolchains.NEWEST, goarch="386"), *SECONDS) as churn:
        document = json.loads(shell.inside("check", "--json", "--pid", churn.pid).stdout)
        assert document["go"]["arch"] == "386"
        assert "broken" not in {one["status"] for one in document["checks"]}
        assert document["unreadable"]["bytes"] == 0
        churn.goes_on()


def test_a_32_bit_program_at_rest() -> None:
    program = programs.build("corners", toolchains.NEWEST, goarch="386")
    with processes.start(program, "-end", "sleep", "-goroutines", "50") as running:
        running.line()
        assert {one["status"] for one in check(running.pid)["checks"]} == {"exact"}


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_a_stripped_program(minor: str, tmp_path: Path) -> None:
    whole, stripped = programs.build("churn", minor), tmp_path / "churn"
    subprocess.run(["objcopy", "--strip-all", whole, stripped], check=True)
    with held.at(held.SPAN_HALF_MADE, stripped, *SECONDS, symbols=whole) as churn:
        assert check(churn.pid)["layout"]["source"] == "none"
        churn.goes_on()


def test_it_goes_on_while_the_reports_are_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """All identities are checked after that, of memory that cannot be read any more."""
    stood = []
    with held.at(held.SPAN_HALF_MADE, programs.build("churn", toolchains.NEWEST), *SECONDS) as churn:

        def late(*arguments: Any, **options: Any) -> Any:
            stood.append(processes.is_held(churn.pid))
            return verify(*arguments, **options)

        monkeypatch.setattr(importlib.import_module("gdb_gospan.analysis.session"), "verify", late)
        for words in REPORTS:
            answer = shell.inside(*words.split(), "--json", "--pid", churn.pid)
            document = json.loads(answer.stdout)
            assert {one["status"] for one in document["checks"]} <= {"exact", "transient"}
            assert document["unreadable"]["bytes"] == 0
        assert stood == [False] * len(REPORTS)
        churn.goes_on()
