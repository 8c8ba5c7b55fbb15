"""gdb that stops some threads of a process while the others go on."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cache import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MARK = "@@gospan-test@@"
_OPTIONS = ("pagination off", "confirm off", "style enabled off", "auto-load no", "non-stop on")
_LOOK = 0.1
"""Seconds between two samples of a process: ten of the longest naps of sysmon, which wakes up while others are at work."""

_DETACHES = 30
"""Seconds that gdb gets to let the process go. With threads that run it may wait for ever."""


@contextlib.contextmanager
def attached(executable: Path, pid: int) -> Iterator[Callable[[str], str]]:
    """Attach to a process, all threads of which then stand still, and give a function that has gdb run a command and returns its output.

    Of a command that lets threads go on (`continue -a &`) it does not wait for the end.
    """
    gdb = shutil.which("gdb")
    if not gdb:
        raise Unavailable("no gdb on PATH")
    settings = [word for option in _OPTIONS for word in ("-iex", f"set {option}")]
    with subprocess.Popen(
        [gdb, "-nx", "-q", *settings, str(executable)],
        env=os.environ | {"TERM": "dumb", "DEBUGINFOD_URLS": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        commands, output = process.stdin, process.stdout

        def say(command: str) -> str:
            commands.write(f"{command}\necho {_MARK}\\n\n")
            commands.flush()
            said = ""
            for line in output:
                said += line
                if _MARK in line:
                    break
            if "not permitted" in said:
                raise Unavailable(f"this machine does not let gdb attach: {said.strip().splitlines()[-1]}")
            assert _MARK in said, f"gdb ended in {command}:\n{said}"
            return said

        say(f"attach {pid}")
        wait_for(pid, lambda states: set(states) == {"t"})
        try:
            yield say
        finally:
            with contextlib.suppress(OSError):
                commands.write("quit\n")
                commands.close()
            try:
                process.wait(_DETACHES)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(pid: int, enough: Callable[[str], bool], *, asleep: bool = True, timeout: float = 60) -> None:
    """Wait until the threads of a process stand still, or until those that do not only sleep now and then.

    Parameters
    ----------
    enough
        Told the state of each thread (proc_pid_stat(5)), it says whether these are the ones that are waited for.
    asleep
        No thread runs between two samples. Where one holds a lock, sysmon does, and so do those who wait for it.
    """
    deadline, before = time.monotonic() + timeout, _ran(pid)
    while time.monotonic() < deadline:
        time.sleep(_LOOK)
        now = _ran(pid)
        states = ["".join(state for state, _ in sample.values()) for sample in (before, now)]
        if now.keys() == before.keys() and (now == before or not asleep) and all(map(enough, states)):
            return
        before = now
    raise AssertionError(f"process {pid} does not come to rest in {timeout} s: {before}")


def _ran(pid: int) -> dict[str, tuple[str, str]]:
    """Return of each thread its state, and how often it began and ceased to run."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            status = (task / "status").read_text()
            switches = re.findall(r"ctxt_switches:\t(\d+)", status)
            state = re.search(r"^State:\t(.)", status, re.MULTILINE)
            found[task.name] = (state[1] if state else "", " ".join(switches))
    return found
