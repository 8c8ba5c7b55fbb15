"""`go-spans` as a shell runs it: a process of its own."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gdb_gospan import cli
from tools import processes
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND = [sys.executable, "-m", "gdb_gospan"]


@dataclass(frozen=True)
class Answer:
    """What a run printed, and its exit status."""

    stdout: str
    stderr: str
    status: int


def environment(**more: str) -> dict[str, str]:
    """Return all that the command needs of the environment, and `more`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm", "PYTHONPATH": str(CHECKOUT), **more}


def inside(*words: object) -> Answer:
    """Do the same in this process, where numpy and all is loaded already: for many runs."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main([str(word) for word in words])
    texts = []
    for stream in (out, err):
        stream.seek(0)
        texts.append(stream.read())
    return Answer(texts[0], texts[1], status)


def of_busy(*words: object) -> Answer:
    """Do the same, and as often as it says so again: a heap may double between two looks, on a machine that is busy, too."""
    for _ in range(20):
        answer = inside(*words)
        if "its heap has more than doubled since it was looked at (try: again" not in answer.stderr:
            break
    return answer


def run(*words: object, **env: str) -> Answer:
    """Run `go-spans` with these words, and these variables besides."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=processes.PATIENCE,
    )
    return Answer(done.stdout, done.stderr, done.returncode)


def on_a_terminal(words: Sequence[object], columns: int = 100, **env: str) -> str:
    """Run `go-spans` on a terminal of that many columns, and return what it gets, errors too."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    with subprocess.Popen(
        [*COMMAND, *map(str, words)], stdout=there, stderr=there, stdin=there, env=environment(**env)
    ) as process:
        os.close(there)
        received = b""
        try:
            while chunk := os.read(here, 1 << 16):
                received += chunk
        except OSError:  # the other end is closed
            pass
        assert process.wait() == 0
    os.close(here)
    return received.decode()
