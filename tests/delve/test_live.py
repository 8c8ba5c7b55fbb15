"""A running program: every report of it, left as it was found; and Ctrl-C in the middle of a long walk."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import delves, held, processes, programs, schemas, toolchains
from tools.processes import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.delves import Delve

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

REPORTS = "summary|classes|list|spanalloc|central|cache|cache 0|gc|pages|check|show runtime.allgs|help"


@pytest.mark.parametrize("oldest", [True, False])
def test_every_report_of_a_busy_program(delve: Delve, oldest: bool) -> None:
    go_minor = toolchains.OLDEST if oldest else delve.busy_go
    with held.at(held.SPAN_HALF_MADE, programs.build("churn", go_minor), "-seconds", "600") as running:
        said = delves.run(delve, [f"go_spans {words}" for words in REPORTS.split("|")], pid=running.pid)
        for words, text in zip(REPORTS.split("|"), said, strict=True):
            assert "init:" not in text, words
            assert "broken:" not in text, words
            assert words == "help" or re.search(
                r"identities exact · 0 B unreadable · read in \d+ ms", text
            ), words
        assert f"churn, process {running.pid}" in said[0]
        (checked,) = delves.run(delve, ["go_spans check --json"], pid=running.pid)
        assert schemas.errors(json.loads(checked)) == []
        statuses = {check["status"] for check in json.loads(checked)["checks"]}
        assert statuses == {"exact", "transient"}, checked
        running.goes_on()


def test_the_figures_of_a_process_are_those_of_gdb(delve: Delve) -> None:
    from tools import gdbs  # only this test needs one

    with start(programs.build("frag", "1.27"), "-objects", "2000", "-end", "sleep") as running:
        running.line()
        gdb = gdbs.ensure(gdbs.system_label())
        (wanted,) = gdbs.run_gdb(gdb, ["go-spans classes --limit 0 --json"], pid=running.pid).stdout
        (said,) = delves.run(delve, ["go_spans classes --limit 0 --json"], pid=running.pid)
        answer = json.loads(wanted)
        for row in (*answer["classes"], answer["totals"]):
            for lacking in ("survived_bytes", "new_bytes"):  # they take the bitmaps of all spans
                del row[lacking]
        for key in ("classes", "totals"):
            assert json.loads(said)[key] == answer[key]


@contextlib.contextmanager
def on_a_terminal(delve: Delve, pid: int) -> Iterator[Session]:
    """Attach a Delve on a terminal; whatever happens, the process is detached from at the end."""
    master, slave = pty.openpty()
    argv = delves.target(delve, pid=pid)
    process = subprocess.Popen(
        argv, env=delves.environment(), stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509  # so that Ctrl-C is a signal
    )  # fmt: skip
    os.close(slave)
    try:
        yield Session(master, process.pid)
    finally:
        process.kill()
        process.wait()
        os.close(master)


class Session:
    """What is typed, and what the screen gets."""

    def __init__(self, master: int, pid: int) -> None:
        self.pid = pid
        self._master = master
        self._text = ""

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def until(self, pattern: str, timeout: float = processes.PATIENCE) -> str:
        end = time.monotonic() + timeout
        while not (match := re.search(pattern, self._text)):
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {pattern!r} on the screen, but {self._text[-2000:]!r}"
            self._text += os.read(self._master, 65536).decode("utf-8", "replace")
        seen, self._text = self._text[: match.end()], self._text[match.end() :]
        return seen


def test_ctrl_c_leaves_a_usable_session(delve: Delve) -> None:
    with start(programs.build("spans", "1.27"), "-spans", "200000", "-end", "sleep") as running:
        running.line(300)
        with on_a_terminal(delve, running.pid) as session:
            session.until(r"\(dlv\) ")
            session.type(f"source {delves.SCRIPT}\n")
            session.until(r"star[^(]*\(dlv\) ")
            before = processor_time(session.pid)
            session.type("go_spans check\n")
            until(
                lambda: processor_time(session.pid) > before + 0.3
            )  # in the middle of the walk, which takes some seconds
            session.type("\x03")
            session.until(r"user interrupt|cancelled")
            session.until(r"\(dlv\) ")
            session.type("go_spans cache\n")
            assert "identities exact" in session.until("0 B unreadable", 120)
            # Delve answers Ctrl-C by a trap for the process, too, which stands already: once Delve has left, that ends it,
            # whatever was run before.
            assert running.process.poll() is None


def until(true: Callable[[], bool]) -> None:
    """Wait, however long it takes: what never becomes true is a test that hangs."""
    while not true():
        time.sleep(0.01)


def processor_time(pid: int) -> float:
    """Seconds that a process has had a processor for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
