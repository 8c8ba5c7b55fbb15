"""gdb on a terminal, as a person has it: what is typed and what the screen gets."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import subprocess
import time
from typing import TYPE_CHECKING

from tools import processes
from tools.gdbs import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.gdbs import Gdb

PROMPT = "gdb-is-ready> "


class Terminal:
    """A gdb whose standard input and output are a terminal."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self.process = process
        self._text = ""

    def type(self, keys: str) -> None:
        """Type keys; a line ends with a newline."""
        os.write(self._master, keys.encode())

    def until(self, pattern: str, timeout: float = processes.PATIENCE) -> str:
        """Return what the screen got up to and with the first match."""
        end = time.monotonic() + timeout
        while not (match := re.search(pattern, self._text)):
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            data = b""
            with contextlib.suppress(OSError):  # the other end is closed
                data = os.read(self._master, 65536) if ready else b""
            if not data:
                raise AssertionError(f"no {pattern!r} on the screen, but {self._text[-2000:]!r}")
            self._text += data.decode("utf-8", "replace").replace("\r\n", "\n")
        seen, self._text = self._text[: match.end()], self._text[match.end() :]
        return seen

    def run(self, command: str) -> str:
        """Type a command and return what the screen got until the next prompt."""
        self.type(command + "\n")
        return self.until(re.escape(PROMPT)).removesuffix(PROMPT).removeprefix(command + "\n")


@contextlib.contextmanager
def gdb_on_a_terminal(gdb: Gdb, *, exe: Path | None = None, core: Path | None = None) -> Iterator[Terminal]:
    """Start gdb with the plugin on a terminal; the newer gdbs echo what is typed all the same."""
    argv = [*gdb.argv, "-nx", "-q"]
    settings = ("auto-load no", "confirm off", "width 100", f"prompt {PROMPT}", "editing off", "height 0")
    for setting in settings:
        argv += ["-iex", f"set {setting}"]
    argv += [str(exe)] if exe else []
    argv += ["-core", str(core)] if core else []
    argv += ["-ex", f"source {PLUGIN}"]
    master, slave = pty.openpty()
    environment = gdb.environment() | {"TERM": "xterm"}
    process = subprocess.Popen(
        argv, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509  # no thread of the tests holds a lock at a fork
    )  # fmt: skip
    os.close(slave)
    try:
        terminal = Terminal(master, process)
        terminal.until(re.escape(PROMPT))
        terminal.run("shell stty -echo")
        yield terminal
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _take_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C is a signal."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))
