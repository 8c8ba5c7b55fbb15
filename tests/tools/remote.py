"""Processes behind gdbserver."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

from tools import debian

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def served(pid: int) -> Iterator[str]:
    """Attach a gdbserver to a process and give its port."""
    command = [debian.gdbserver(), "--once", "--attach", "127.0.0.1:0", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        listening = next(line for line in server.stderr if "Listening on port" in line)
        yield listening.split()[-1]
        server.kill()
