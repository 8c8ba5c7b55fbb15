"""How far a run of tests/run is: a line now and then, in place of a dot for each test.

Registered by conftest.py for `--tell FILE`, to which the workers write what they fetch (`tools.cache.tell`).
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds after which the first lines are due; then there is one each minute.
FIRST = (10, 30, 60)
EVERY = 60


class Telling:
    """A plugin of the process that starts the workers."""

    def __init__(self, file: Path, reporter: pytest.TerminalReporter) -> None:
        self.file, self.reporter = file, reporter
        self.total = self.done = self.failed = self.told = 0
        self.last = ""
        self.began = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def pytest_sessionstart(self) -> None:
        self._thread.start()

    def pytest_sessionfinish(self) -> None:
        self._ended.set()
        self._thread.join()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.total = max(self.total, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self.total = len(ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Keep the letters of what is normal out of the output."""
        if hasattr(report, "wasxfail") or report.failed or (report.passed and report.when != "call"):
            return None
        return report.outcome, "", ""

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.last = nodeid.partition("::")[0]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed += report.failed
        self.done += report.when == "teardown"

    def line(self) -> str:
        """Return how far the run is."""
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        at = f", now in {self.last}" if self.last else ""
        return f"tests/run: after {minutes}:{seconds:02}: {self.done:,} of {self.total:,} tests done, {self.failed} failed{at}"

    def fetched(self) -> list[str]:
        """Return what the workers have written since the last call."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        new, self.told = lines[self.told :], len(lines)
        return [f"tests/run: {line}" for line in new]

    def _tell(self) -> None:
        due = [*FIRST]
        while not self._ended.wait(1):
            lines = self.fetched()
            if time.monotonic() - self.began >= due[0]:
                lines.append(self.line())
                due = due[1:] or [due[0] + EVERY]
            for line in lines:
                self.reporter.ensure_newline()
                self.reporter.write_line(line)
