"""Holding real processes still: every thread, without a trace, and let go whatever happens to us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import procstatus
from gdb_gospan.memory.ptrace import Stop
from tools import processes, programs, shell

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

#: Holds the process until it is told to go or killed, in a process of its own.
HOLDER = """
import sys
from gdb_gospan.memory.ptrace import Stop
stop = Stop(int(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
stop.release()
"""


@contextlib.contextmanager
def running(mode="threads"):
    with processes.start(programs.build_c("held"), mode) as target:
        target.line()
        yield target


@contextlib.contextmanager
def held_by_another(pid):
    """Let another process hold this one; killed in the end, if not before."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(pid)],
        env=shell.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def states(pid):
    """State of each thread: t is held by a tracer, T stopped by a signal."""
    found = [procstatus.status(tid) for tid in procstatus.threads(pid)]
    return {one.state for one in found if one}


def becomes(pid, wanted):
    deadline = time.monotonic() + 10
    while not wanted(states(pid)):
        assert time.monotonic() < deadline, states(pid)
        time.sleep(0.001)


def last(target):
    """Ticks, signals, what they carried, waits cut short: in a line printed from now on."""
    return [int(word) for word in target.fresh_line().split()]


def queue(pid, value):
    """Send SIGRTMIN with a value: such signals are queued, none is merged into another."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.sigqueue(pid, signal.SIGRTMIN, ctypes.c_void_p(value)) == 0


def test_every_thread_stands_still_and_goes_on():
    with running() as target:
        stop = Stop(target.pid)
        assert stop.threads == procstatus.threads(target.pid)
        assert len(stop.threads) == 8
        assert states(target.pid) == {"t"}
        counted = sum(cpu(tid) for tid in stop.threads)
        time.sleep(0.1)
        assert sum(cpu(tid) for tid in stop.threads) == counted
        assert stop.seconds > 0.1
        stop.release()
        assert 0.1 < stop.seconds == stop.seconds
        assert not stop.ended
        assert procstatus.status(target.pid).tracer == 0
        stop.release()
        target.fresh_line()


def cpu(tid):
    """Time on a processor in nanoseconds, as the scheduler has it."""
    return int(Path(f"/proc/{tid}/schedstat").read_text().split()[0])


def test_a_thread_s_registers():
    with running() as target:
        stop = Stop(target.pid)
        size = {"x86_64": 27 * 8, "aarch64": 34 * 8}[os.uname().machine]
        assert {len(stop.registers(tid)) for tid in stop.threads} == {size}
        os.kill(target.pid, signal.SIGKILL)
        becomes(target.pid, lambda found: found <= {"Z"})
        assert stop.registers(stop.threads[-1]) == b""
        stop.release()
        assert stop.ended


def test_no_wait_is_cut_short_and_no_signal_is_lost_or_made_up():
    with running() as target:
        rounds = 300
        for value in range(1, rounds + 1):
            for _ in range(3):
                queue(target.pid, value)
            Stop(target.pid).release()
        _, signals, carried, cut_short = last(target)
        assert (signals, carried) == (3 * rounds, 3 * rounds * (rounds + 1) // 2)
        assert cut_short == 0


def test_a_signal_that_comes_meanwhile_comes_afterwards():
    with running() as target:
        stop = Stop(target.pid)
        queue(target.pid, 5)
        time.sleep(0.05)
        stop.release()
        assert last(target)[1:3] == [1, 5]


def test_what_is_stopped_by_a_signal_stays_so():
    with running() as target:
        os.kill(target.pid, signal.SIGSTOP)
        becomes(target.pid, lambda found: found == {"T"})
        for _ in range(3):
            stop = Stop(target.pid)
            assert states(target.pid) == {"t"}
            stop.release()
            becomes(target.pid, lambda found: found == {"T"})
        with held_by_another(target.pid):
            pass
        becomes(target.pid, lambda found: found == {"T"})
        os.kill(target.pid, signal.SIGCONT)
        assert last(target)[3] == 0


def test_a_stop_that_comes_meanwhile_comes_afterwards():
    with running() as target:
        stop = Stop(target.pid)
        os.kill(target.pid, signal.SIGSTOP)
        stop.release()
        becomes(target.pid, lambda found: found == {"T"})
        stop = Stop(target.pid)
        os.kill(target.pid, signal.SIGCONT)
        stop.release()
        target.fresh_line()


def test_threads_that_are_made_meanwhile_are_held_too():
    with running("makers") as target:
        for _ in range(50):
            stop = Stop(target.pid)
            listed = set(procstatus.threads(target.pid))
            assert listed == set(stop.threads)
            assert states(target.pid) == {"t"}
            stop.release()
        target.fresh_line()


def test_a_process_whose_first_thread_has_ended():
    with running("headless") as target:
        assert procstatus.examined(target.pid).state == "Z"
        stop = Stop(target.pid)
        assert len(stop.threads) == 7
        assert target.pid not in stop.threads
        assert states(target.pid) == {"t", "Z"}
        stop.release()
        target.fresh_line()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV])
def test_whoever_holds_it_dies(number):
    with running() as target:
        with held_by_another(target.pid) as holder:
            assert states(target.pid) == {"t"}
            queue(target.pid, 7)
            holder.send_signal(number)
            assert holder.wait() == -number
            assert "t" not in states(target.pid)
        assert last(target)[1:] == [1, 7, 0]


@pytest.mark.parametrize("where", ["_seize", "_interrupt", "_wait", "_let_go"])
@pytest.mark.parametrize("calls", [1, 3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_anywhere(monkeypatch, where, calls, when):
    """It comes in each step, at the first and at a later thread, before and after the step is done."""
    original, count = getattr(Stop, where), 0

    def interrupted(self, *arguments):
        nonlocal count
        count += 1
        if count == calls and when == "before":
            raise KeyboardInterrupt
        answer = original(self, *arguments)
        if count == calls:
            raise KeyboardInterrupt
        return answer

    with running() as target:
        monkeypatch.setattr(Stop, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            Stop(target.pid).release()
        assert "t" not in states(target.pid)
        assert procstatus.status(target.pid).tracer == 0
        assert last(target)[3] == 0


def test_what_is_dropped_lets_go():
    with running() as target:
        stop = Stop(target.pid)
        assert states(target.pid) == {"t"}
        del stop
        assert "t" not in states(target.pid)


def test_no_such_process():
    with subprocess.Popen(["true"]) as over:
        over.wait()
    with pytest.raises(TargetError, match=f"process {over.pid}: no such process"):
        Stop(over.pid)


def test_a_thread_that_does_not_stop(monkeypatch):
    """The parent of vfork waits for its child, and nothing but the child's exec or end wakes it up."""
    monkeypatch.setattr("gdb_gospan.memory.ptrace._PATIENCE", 0.2)
    monkeypatch.setattr("gdb_gospan.memory.ptrace._LAST_PATIENCE", 0.1)
    # The child says that it is there: before that, D may only mean a page that is read from disk. It goes
    # with its parent (PR_SET_PDEATHSIG).
    child = "libc.prctl(1, 9), libc.write(1, b'child\\n', 6), libc.sleep(60), libc._exit(0)"
    code = f"import ctypes; libc = ctypes.CDLL(None); libc.vfork() or ({child})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"child\n"
        becomes(parent.pid, lambda found: found == {"D"})
        with pytest.raises(
            TargetError, match=rf"thread {parent.pid} does not stop: it is blocked in the kernel"
        ):
            Stop(parent.pid)
        parent.kill()


def test_a_thread_that_waits_for_a_processor_gets_the_time(monkeypatch):
    """However long it takes: only a thread that waits in the kernel is given up."""
    monkeypatch.setattr("gdb_gospan.memory.ptrace._PATIENCE", 0)
    with running() as target:
        for _ in range(20):
            stop = Stop(target.pid)
            assert states(target.pid) == {"t"}
            stop.release()


def test_traced_by_another():
    with running() as target, held_by_another(target.pid) as holder:
        with pytest.raises(TargetError) as refused:
            Stop(target.pid)
        assert f"process {target.pid} is traced by " in str(refused.value)
        assert f", process {holder.pid}, " in str(refused.value)
