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
from gdb_gospan.memory import permissions, procstatus


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
        assert "has ended: it is a zombie" in refusal(child.pid)
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
    assert "is a kernel thread" in refusal(pid)


def test_this_caller():
    own = permissions.caller()
    assert own.user == os.geteuid()
    assert own.may_trace or own.user != 0 or "CapEff" in Path("/proc/self/status").read_text()


USER = permissions.Caller(1000, may_trace=False, filtered=False, namespace=False)
ROOT = permissions.Caller(0, may_trace=True, filtered=False, namespace=False)
CONTAINED = attrs.evolve(ROOT, may_trace=False, filtered=True)
ROOTLESS = attrs.evolve(ROOT, namespace=True)


@pytest.mark.parametrize(
    ("own", "user", "scope", "expected"),
    [
        (USER, 0, 0, "it belongs to root (try: sudo)"),
        (USER, 4_000_000_000, 0, "it belongs to user 4000000000 (try: sudo)"),
        (attrs.evolve(USER, subordinate=(range(100_000, 165_536),)), 100_998, 0, "it belongs to user 100998 of a rootless container of yours (try: podman unshare, or sudo)"),
        (ROOTLESS, 65534, 0, "it belongs to a user outside this user namespace, as in a rootless container (try: run go-spans on the host)"),
        (USER, 1000, 1, "kernel.yama.ptrace_scope=1 forbids it (try: sudo, or sysctl kernel.yama.ptrace_scope=0)"),
        (USER, 1000, 2, "kernel.yama.ptrace_scope=2 forbids it to all but root (try: sudo)"),
        (USER, 1000, 3, "kernel.yama.ptrace_scope=3 forbids it for everyone until the next boot (try: a core, "),
        (ROOT, 0, 3, "kernel.yama.ptrace_scope=3 forbids it for everyone until the next boot (try: a core, "),
        (CONTAINED, 0, 1, "root has no CAP_SYS_PTRACE here, as in a container (try: start the container with --cap-add SYS_PTRACE, or run go-spans on the host)"),
        (attrs.evolve(USER, filtered=True), 1000, 0, "a seccomp filter forbids it, as in a container (try: start the container with --security-opt seccomp=unconfined, or run go-spans on the host)"),
        (attrs.evolve(ROOT, filtered=True), 0, 1, "a seccomp filter forbids it, "),
        (USER, 1000, 0, "its capabilities, a sandbox or a container forbid it (try: sudo; in a container: --cap-add SYS_PTRACE)"),
        (ROOT, 0, 1, "its capabilities, a sandbox or a container forbid it (try: in a container: --cap-add SYS_PTRACE)"),
        (USER, 1000, None, "its capabilities, a sandbox"),
    ],
)  # fmt: skip
def test_no_permission(own, user, scope, expected, monkeypatch, tmp_path):
    found = attrs.evolve(procstatus.status(os.getpid()), user=user, name="server")
    monkeypatch.setattr(procstatus, "status", lambda _pid: found)
    monkeypatch.setattr(permissions, "caller", lambda: own)
    (tmp_path / "overflow").write_text("65534\n")
    monkeypatch.setattr(permissions, "_OVERFLOW", tmp_path / "overflow")
    monkeypatch.setattr(procstatus, "_SCOPE", tmp_path / "scope")
    if scope is not None:  # the kernel has Yama
        (tmp_path / "scope").write_text(f"{scope}\n")
    line = str(procstatus.forbidden(42))
    assert line.startswith(f"process 42 (server): no permission to read it: {expected}")
    assert line.count("\n") == 0


def test_subordinate_users(monkeypatch, tmp_path):
    (tmp_path / "subuid").write_text("someone:300000:10\n0:100000:65536\n# comment\nroot:200000:x\n")
    monkeypatch.setattr(permissions, "_SUBUID", tmp_path / "subuid")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert permissions.caller().subordinate == (range(100_000, 165_536),)
