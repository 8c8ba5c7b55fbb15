"""Ctrl-C at any moment of a command in a shell: one line, status 130, and no import is broken off."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tools import images, shell
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from types import FrameType

SNAPSHOT = str(images.FOLDER / "1.27-frag.gospan")
MOMENTS = 24

#: `go-spans`, but that Ctrl-C is pressed at imports, or that those are listed at which it would do harm.
COMMAND = f"""
import sys
sys.path.append({str(CHECKOUT / "tests" / "gdb")!r})
import moments
seen = moments.Imports({{press}}).watch()
from gdb_gospan.__main__ import main
status = main()
seen.end()
print(*seen.unguarded, file=sys.stderr)
sys.exit(status)
"""

#: What begins a process, before anything can be done about Ctrl-C; each is small and in Python.
BEGIN = {"gdb_gospan", "gdb_gospan.__main__", "gdb_gospan.errors", "gdb_gospan.interrupts"}


def run(press: str, *words: str) -> tuple[int, str, list[str]]:
    """Return the status, what was written but the last line of standard error, and the words of that."""
    command = [sys.executable, "-c", COMMAND.format(press=press), *words]
    done = subprocess.run(command, env=shell.environment(), capture_output=True, text=True, check=False)
    *lines, last = done.stderr.rstrip("\n").split("\n")
    return done.returncode, "".join(f"{line}\n" for line in lines), last.split()


@pytest.mark.parametrize(
    "words",
    [["check", SNAPSHOT], ["list", SNAPSHOT, "--csv", "--why"], ["summary", SNAPSHOT, "--color", "always"], ["show", "0x10", SNAPSHOT]],
    ids=lambda words: words[0],
)  # fmt: skip
def test_no_import_is_broken_off(words: list[str]) -> None:
    _, _, unguarded = run("None", *words)
    assert {*unguarded} - BEGIN == set()


def test_at_every_import() -> None:
    status, written, _ = run("range(5, 100_000)", "check", SNAPSHOT)
    assert (status, written) == (130, "go-spans: interrupted\n")


def test_at_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: the same command of one process, stopped at one of all its calls after the other."""
    calls = press = 0

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        if (
            event == "call"
            and f"{CHECKOUT}/gdb_gospan/" in frame.f_code.co_filename
            and not frame.f_code.co_flags & 0x20
        ):
            calls += 1
            if calls == press:
                signal.raise_signal(signal.SIGINT)

    def go() -> shell.Answer:
        nonlocal calls
        calls = 0
        sys.setprofile(profile)
        try:
            return shell.inside("check", SNAPSHOT)
        except KeyboardInterrupt:  # before cli has begun, and when it is over, __main__ says so
            return shell.Answer("", "go-spans: interrupted\n", 130)
        finally:
            sys.setprofile(None)

    monkeypatch.setattr("sys.unraisablehook", lambda _: None)
    go()  # what is made once for the process is not counted
    expected = go()
    told = 0
    for press in range(3, calls, calls // MOMENTS):  # the profile reads it
        answer = go()
        assert answer.status == 130, press
        assert re.fullmatch(r"(Interrupted\. [\s\S]+)?go-spans: interrupted\n", answer.stderr), answer.stderr
        told += "Known so far" in answer.stderr
    assert told > 1
    assert shell.inside("check", SNAPSHOT) == expected
