"""Why a process may not be looked at: the reason, in one line."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import attrs
import pytest

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import procstatus


def refusal(pid):
    with pytest.raises(TargetError) as refused:
        procstatus.examined(pid)
    return str(refused.value)


def test_this_process():
    found = procstatus.examined(os.getpid())
    assert (found.process, found.parent) == (os.getpid(), os.getppid())
    assert found.state in "RS"
    assert (found.tracer, found.user, found.kernel) == (0, os.geteuid(), False)
    assert procstatus.threads(os.getpid())[0] == os.getpid()


def test_no_such_process():
    beyond = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1
    assert refusal(beyond) == f"process {beyond}: no such process"
    assert procstatus.threads(beyond) == ()
    assert procstatus.ended(beyond)


def test_a_thread_is_not_a_process():
    over, numbers = threading.Event(), []
    thread = threading.Thread(target=lambda: (numbers.append(threading.get_native_id()), over.wait()))
    thread.start()
    try:
        line = refusal(numbers[0])
    finally:
        over.set()
        thread.join()
    assert line.startswith(f"{numbers[0]} is a thread of ")
    assert line.endswith(f", process {os.getpid()} (try: --pid {os.getpid()})")


def test_a_zombie():
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert f"process {child.pid} (" in refusal(child.pid)
        assert "has ended: a zombie" in refusal(child.pid)
        assert str(procstatus.forbidden(child.pid)) == f"process {child.pid}: no such process"


def test_a_name_that_imitates_other_fields(tmp_path):
    """A program calls itself as it likes, also with brackets, blanks and line ends (here of /proc/PID/stat)."""
    code = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b') Z 1 (\\nTgid: 7'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        found = procstatus.examined(child.pid)
        assert found.process == child.pid
        assert found.state in "RS"
        assert not found.kernel
        assert "\n" not in found.name
        child.stdin.close()


def test_a_thread_of_the_kernel():
    kernels = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    pid = next((pid for pid in kernels if (found := procstatus.status(pid)) and found.kernel), None)
    if pid is None:
        pytest.skip("no kernel thread to be seen from within this container")
    assert "is a thread of the kernel" in refusal(pid)


@pytest.mark.parametrize(
    ("root", "user", "scope", "expected"),
    [
        (False, 0, "0", "it belongs to root (try: sudo)"),
        (False, 4_000_000_000, "0", "it belongs to user 4000000000 (try: sudo)"),
        (False, 1000, "1", "kernel.yama.ptrace_scope=1 forbids it (try: sudo, or sysctl kernel.yama.ptrace_scope=0)"),
        (False, 1000, "2", "kernel.yama.ptrace_scope=2 forbids it"),
        (True, 0, "3", "kernel.yama.ptrace_scope=3 forbids it to all until the next boot"),
        (False, 1000, "3", "kernel.yama.ptrace_scope=3 forbids it to all until the next boot"),
        (False, 1000, None, "(try: sudo; in a container: --cap-add SYS_PTRACE)"),
        (True, 0, "1", "or a container (try: in a container: --cap-add SYS_PTRACE)"),
    ],
)  # fmt: skip
def test_no_permission(root, user, scope, expected, monkeypatch, tmp_path):
    found = attrs.evolve(procstatus.status(os.getpid()), user=user, name="server")
    monkeypatch.setattr(procstatus, "status", lambda _pid: found)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr(procstatus, "_SCOPE", tmp_path / "scope")
    if scope is not None:
        (tmp_path / "scope").write_text(f"{scope}\n")
    line = str(procstatus.forbidden(42))
    assert line.startswith("process 42 (server): no permission to read it, ")
    assert expected in line
