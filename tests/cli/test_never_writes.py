"""What --pid asks of the kernel: threads are stopped and let go, memory is read, and nothing is written or sent."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.targets.process import open_session
from tools import debian, processes, programs, shell, toolchains
from tools.questions import addresses, questions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

CALLS = "ptrace,process_vm_writev,kill,tkill,tgkill,pidfd_send_signal,pidfd_open,openat,open,creat,prlimit64"
#: Requests of ptrace(2) that write nothing.
HARMLESS = {"PTRACE_SEIZE", "PTRACE_INTERRUPT", "PTRACE_GETREGSET", "PTRACE_DETACH"}


@pytest.mark.parametrize("ldflags", ["", "-s -w"])
def test_system_calls(ldflags: str, tmp_path: Path) -> None:
    program = programs.build("corners", toolchains.NEWEST, ldflags=ldflags)
    with processes.start(program, "-end", "sleep", "-tiny", "2000", "-finalizers", "99") as running:
        running.line()
        session = open_session(running.pid)
        with session.capture():
            some = addresses(session)
        asked = [[command.name, *words] for command, words in questions(some)]
        asked = asked if not ldflags else asked[::5]
        asked.append(["snapshot", str(tmp_path / "heap.gospan")])
        code = (
            "import sys; from gdb_gospan import cli\n"
            f"print([cli.main([*words, '--pid', '{running.pid}']) for words in {asked!r}], file=sys.stderr)"
        )
        trace = tmp_path / "trace"
        strace = [*debian.strace(), "-f", "-qq", "-o", str(trace), "-e", f"trace={CALLS}"]
        done = subprocess.run(
            [*strace, sys.executable, "-c", code],
            env=shell.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert set(re.findall(r"\d+", done.stderr.splitlines()[-1])) <= {"0", "3"}, done.stderr
        lines = trace.read_text(errors="replace").splitlines()
        running_on = processes.is_held(running.pid)
    assert not running_on
    requests = {match[1] for line in lines if (match := re.search(r"ptrace\((\w+)", line))}
    assert requests <= HARMLESS
    assert "PTRACE_SEIZE" in requests
    assert [
        line
        for line in lines
        if re.search(r"process_vm_writev|[pf]?d?_?send_signal|t?g?kill\(", line) and ", 0)" not in line
    ] == []
    opened = [line for line in lines if f'"/proc/{running.pid}/' in line]
    assert any("/mem" in line for line in opened)
    assert [line for line in opened if "O_RDONLY" not in line] == []
