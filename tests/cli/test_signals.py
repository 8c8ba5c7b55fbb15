"""Signals to `go-spans` while it has stopped a process: whatever becomes of the capture, the process continues."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tools import processes, programs, shell, toolchains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.processes import Running

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

#: `go-spans`, but that it says when it has stopped the process, and takes as long as the one who started it likes.
LOOK = """
import sys
from gdb_gospan import cli
from gdb_gospan.memory.ptrace import Stop

def slowly(stop, pid):
    begin(stop, pid)
    print("it stands still", flush=True)
    sys.stdin.read()

begin, Stop.__init__ = Stop.__init__, slowly
sys.exit(cli.main(sys.argv[1:]))
"""


@contextlib.contextmanager
def during_a_look(running: Running, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start a capture and yield it when it has stopped the process; it ends when its input does."""
    with subprocess.Popen(
        [sys.executable, "-c", LOOK, *words, "--pid", str(running.pid)],
        env=shell.environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=os.setpgrp,  # noqa: PLW1509  # a job of its own, as a shell makes them: no other can be stopped by Ctrl-Z
    ) as looking:  # fmt: skip
        assert looking.stdout is not None
        assert looking.stdout.readline() == "it stands still\n"
        assert processes.is_held(running.pid)
        try:
            yield looking
        finally:
            looking.kill()  # who is stopped does not end by itself


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_ended_half_way(number: signal.Signals) -> None:
    with processes.start(programs.build("churn", toolchains.NEWEST), "-seconds", "600") as running:
        running.line()
        with during_a_look(running, "list", "--json") as looking:
            looking.send_signal(number)
            out, err = looking.communicate()
        assert looking.returncode == (130 if number == signal.SIGINT else -number)
        assert out == ""
        assert err == ("go-spans: interrupted\n" if number == signal.SIGINT else "")
        assert not processes.is_held(running.pid)
        running.fresh_line()


def test_ctrl_z_waits_until_the_process_goes_on() -> None:
    """Otherwise the process would stand still until somebody types fg."""
    frag = programs.build("frag", toolchains.NEWEST)
    with processes.start(frag, "-objects", "2000", "-end", "sleep") as running:
        running.line()
        with during_a_look(running, "summary", "--json") as looking:
            looking.send_signal(signal.SIGTSTP)
            out, _ = looking.communicate(timeout=60)
        assert looking.returncode == 0
        assert json.loads(out)["memstats"]
