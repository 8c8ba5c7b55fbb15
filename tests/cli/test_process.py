"""A running process, by --pid: it goes on unharmed, and whatever is wrong is one line."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gdb_gospan.errors import LayoutError, TargetError
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.layout.functions import functions_of
from gdb_gospan.layout.resolve import Symbols, find_symbols
from gdb_gospan.memory import procstatus
from gdb_gospan.memory.capture import Plan
from gdb_gospan.memory.heldstill import HeldStill
from gdb_gospan.memory.procmem import ProcessMemory
from gdb_gospan.memory.ptrace import Stop
from gdb_gospan.runtime.record import Reader
from gdb_gospan.runtime.stripped import find_again
from gdb_gospan.targets import process, rehearsal, stopping
from gdb_gospan.targets.frames import walked
from gdb_gospan.targets.process import ProcessSession, open_session
from tools import processes, programs, shell, toolchains

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

#: Variables that are found in any state of a program.
ALWAYS_FOUND = {"mheap_", "memstats", "gcController", "allp", "allgs", "allm", "sched", "firstmoduledata"}

#: Reports that are worked out when all is read.
LET_GO = (
    "summary", "classes", "fixalloc", "central", "cache", "stacks", "gc", "memstats", "pages", "check",
)  # fmt: skip


@contextlib.contextmanager
def sleeping(executable, *arguments):
    with processes.start(executable, "-end", "sleep", *(arguments or ("-objects", "2000"))) as running:
        running.line()
        processes.wait_for_rest(running.pid)
        yield running


@contextlib.contextmanager
def churning(minor=toolchains.NEWEST, env=None, **build):
    with processes.start(programs.build("churn", minor, **build), "-seconds", "240", env=env) as running:
        running.line()
        yield running


def refused(*words, status=3):
    answer = shell.inside(*words)
    assert answer.stdout == ""
    assert answer.status == status, answer.stderr
    assert re.fullmatch(r"go-spans: [^\n]+\n", answer.stderr), answer.stderr
    return answer.stderr.removeprefix("go-spans: ").rstrip()


def test_a_session_that_nobody_reads_stops_nothing():
    with churning() as running:
        session = open_session(running.pid)
        assert not processes.is_held(running.pid)
        before = session.heap.memory.reads
        with session.capture():
            assert processes.is_held(running.pid)
        assert not processes.is_held(running.pid)
        assert session.pause_ms > 0
        assert session.heap.memory.reads == before
        with pytest.raises(Exception, match="has run since it was read"), session.capture():
            pass
        assert not processes.is_held(running.pid)
        running.fresh_line()


def test_an_exception_within_a_look():
    with churning() as running:
        session = open_session(running.pid)
        with pytest.raises(ZeroDivisionError), session.capture():
            raise ZeroDivisionError
        assert not processes.is_held(running.pid)
        running.fresh_line()


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_many_ps_and_goroutines(minor):
    """Of so many not all is read at once; but all that is needed is read before the process goes on."""
    with processes.start(
        programs.build("corners", minor), "-end", "sleep", "-goroutines", "5000", env={"GOMAXPROCS": "400"}
    ) as running:
        running.line()
        for name in LET_GO:
            document = json.loads(shell.inside(name, "--json", "--pid", running.pid).stdout)
            assert {check["status"] for check in document["checks"]} == {"exact"}, name
            assert document["unreadable"]["bytes"] == 0, name
        stacks = json.loads(shell.inside("stacks", "--json", "--pid", running.pid).stdout)
        assert sum(row["count"] for row in stacks["goroutines"]) >= 5000


@pytest.mark.parametrize("late", [False, True])
def test_a_process_that_ends_while_it_is_read(monkeypatch, late):
    """Killed from outside, before anything is read and after everything is."""
    with sleeping(programs.build("frag", toolchains.NEWEST)) as running:

        def kill():
            os.kill(running.pid, signal.SIGKILL)
            while not procstatus.ended(running.pid):
                pass

        def take(*arguments):
            if not late:
                kill()
            original(*arguments)
            if late:
                kill()

        original = Plan.take
        monkeypatch.setattr(Plan, "take", take)
        assert f"process {running.pid} ended while it was being read" in refused(
            "summary", "--pid", running.pid
        )
        assert running.process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("name", ["summary", "check", "list", "pages", "stacks", "map", "cache", "central"])
@pytest.mark.parametrize("stripped", [False, True])
def test_nothing_is_decoded_while_the_process_stands_still(monkeypatch, name, stripped):
    """Of a program that sleeps the copy has all that a report needs: it is stopped once, for that alone."""
    stops, decoded = [], []
    stop, record = stopping.Stop, Reader.read_many

    def stopped(pid):
        stops.append(pid)
        return stop(pid)

    def read(*arguments):
        decoded.append(procstatus.held(running.pid))
        return record(*arguments)

    monkeypatch.setattr(stopping, "Stop", stopped)
    monkeypatch.setattr(Reader, "read_many", read)
    with sleeping(programs.build("frag", toolchains.NEWEST, ldflags="-s -w" if stripped else "")) as running:
        json.loads(shell.inside(name, "--json", "--pid", running.pid).stdout)
    assert stops == [running.pid]
    assert decoded
    assert not any(decoded)


@pytest.mark.parametrize("name", ["summary", "check", "list", "stacks"])
def test_what_the_copy_lacks_is_read_in_another_stop(monkeypatch, name):
    """Every other page that the rehearsal has come to is left out: an error inside, and the same answer."""
    with sleeping(programs.build("frag", toolchains.NEWEST)) as running:
        whole = json.loads(shell.inside(name, "--json", "--pid", running.pid).stdout)
        again = ProcessSession.recapture
        second = []
        monkeypatch.setattr(ProcessSession, "recapture", lambda session: second.append(1) or again(session))
        monkeypatch.setattr(rehearsal, "grown", lambda pages, *_: pages[::2])
        answer = json.loads(shell.inside(name, "--json", "--pid", running.pid).stdout)
        assert second == [1]
    for each in (whole, answer):
        each["target"].pop("pause_ms")
    assert answer == whole


def test_a_process_that_begins_another_program():
    """Of what was learnt of the first one nothing holds of the second; that one is looked at anew, and exact."""
    after = programs.build("frag", toolchains.NEWEST)
    with processes.start(
        programs.build("again", toolchains.NEWEST), after, "-objects", "500", "-end", "sleep"
    ) as running:
        running.line()
        session = open_session(running.pid)
        os.kill(running.pid, signal.SIGUSR1)
        printed = json.loads(running.line())
        with pytest.raises(TargetError, match="has just executed another program"), session.capture():
            pass
        assert not processes.is_held(running.pid)
        found = json.loads(shell.inside("memstats", "--json", "--pid", running.pid).stdout)
        assert found["memstats"]["HeapAlloc"] == printed["HeapAlloc"]


def test_no_such_process():
    with subprocess.Popen(["true"]) as over:
        over.wait()
    assert refused("summary", "--pid", over.pid) == f"process {over.pid}: no such process"


def test_not_a_go_program():
    with processes.start(programs.build_c("held")) as running:
        running.line()
        line = refused("summary", "--pid", running.pid)
        assert line.startswith("no Go runtime in held: ")
        assert "(try: the process id of the Go program)" in line
        assert not processes.is_held(running.pid)


def test_a_program_that_runs_programs_of_another_architecture(tmp_path):
    emulator = tmp_path / "qemu-aarch64-static"
    shutil.copy(programs.build_c("held"), emulator)
    with processes.start(emulator) as running:
        running.line()
        line = refused("summary", "--pid", running.pid)
        assert "runs a program of another architecture" in line
        assert "qemu-aarch64-static -g PORT" in line


@pytest.mark.parametrize("minor", [toolchains.OLDEST, "1.22", toolchains.NEWEST])
@pytest.mark.parametrize("ldflags", ["-w", "-s -w"])
def test_a_program_without_debug_information(minor, ldflags):
    """The figures are those that the program printed; no gdb, no symbols."""
    with processes.start(
        programs.build("frag", minor, ldflags=ldflags), "-objects", "2000", "-end", "sleep"
    ) as running:
        printed = json.loads(running.line())
        answer = shell.run("memstats", "--json", "--pid", running.pid)
        assert (answer.status, answer.stderr) == (0, "")
        found = json.loads(answer.stdout)
        assert {check["status"] for check in found["checks"]} == {"exact"}
        assert found["layout"]["source"] == ("none" if "-s" in ldflags else "symbols")
        for name in ("HeapAlloc", "HeapSys", "Sys", "Mallocs", "Frees", "NumGC", "NextGC"):
            assert found["memstats"][name] == printed[name]


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_the_variables_of_a_stripped_program_are_found_again_in_the_stop(monkeypatch, tmp_path, minor):
    """Where they were, else around; and everywhere, when one is not there. The symbols of the whole file have the truth."""
    whole, stripped = programs.build("frag", minor), tmp_path / "frag"
    subprocess.run(["objcopy", "--strip-all", whole, stripped], check=True)
    truth = find_symbols(DwarfTypes(whole)).addresses
    searches = []

    def counted(*arguments):
        searches.append(arguments)
        return find_again(*arguments)

    monkeypatch.setattr(importlib.import_module("gdb_gospan.targets.search"), "find_again", counted)
    with sleeping(stripped) as running:
        beside = {
            "gcBitsArenas": truth["gcBitsArenas"] - 8
        }  # what is found there at times while a program runs
        for known, count in (({}, 1), ({"nothing": truth["mheap_"]}, 2), ({"allp": 0x1000}, 1), (beside, 1)):
            session = open_session(running.pid)
            session.heap.symbols = Symbols(session.heap.symbols.addresses | known)
            searches.clear()
            with session.capture():
                found = session.heap.symbols.addresses
            assert (known, len(searches)) == (known, count)
            if count == 1:  # in a copy, too: once to learn what to take, once in it
                copied = open_session(running.pid)
                copied.heap.symbols = Symbols(copied.heap.symbols.addresses | known)
                with copied.capture(lambda session: session.checks):
                    assert copied.heap.symbols.addresses == found
                assert len(searches) == 3
            # Of work only its two lists of spans are looked for; when one is empty, the other may pass for it.
            lists = session.heap.layout["work"]
            between = lists["wbufSpans.busy.first"].offset - lists["wbufSpans.free.first"].offset
            away = {name: address - truth[name] for name, address in found.items() if address != truth[name]}
            assert away in ({}, {"work": between})
            assert found.keys() >= ALWAYS_FOUND


def test_an_executable_that_was_removed_or_replaced(tmp_path):
    """A new release is installed over the running one; what runs is still there, for its own process."""
    server = tmp_path / "server"
    shutil.copy(programs.build("frag", toolchains.NEWEST), server)
    with sleeping(server) as running:
        for replace in (
            server.unlink,
            lambda: shutil.copy(programs.build("frag", toolchains.OLDEST), server),
        ):
            replace()
            answer = shell.inside("summary", "--json", "--pid", running.pid)
            assert (answer.status, answer.stderr) == (0, "")
            document = json.loads(answer.stdout)
            assert document["go"]["version"].startswith(f"go{toolchains.NEWEST}")
            assert document["target"]["executable"] == str(server)
            assert document["target"]["description"].endswith(f"process {running.pid}, executable deleted")
            assert {check["status"] for check in document["checks"]} == {"exact"}


def test_a_name_that_ends_in_deleted(tmp_path):
    server = tmp_path / "server (deleted)"
    shutil.copy(programs.build("frag", toolchains.NEWEST), server)
    with sleeping(server) as running:
        target = json.loads(shell.inside("summary", "--json", "--pid", running.pid).stdout)["target"]
        assert target["executable"] == str(server)
        assert target["description"] == f"server (deleted), process {running.pid}"


@contextlib.contextmanager
def debugged(pid, action="stop = Stop(pid)"):
    """Trace a process from another one, until its standard input ends."""
    code = f"""
import sys
from gdb_gospan.memory import procstatus
from gdb_gospan.memory.ptrace import Stop, _SEIZE, _ptrace
pid = int(sys.argv[1])
{action}
print(flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(pid)],
        env=shell.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as tracer:
        tracer.stdout.readline()
        yield tracer
        tracer.stdin.close()


@pytest.mark.parametrize("ldflags", ["", "-s -w"])
def test_a_process_that_another_debugger_holds(ldflags):
    """As at a breakpoint in an editor: it is read, and its debugger keeps it."""
    executable = programs.build("frag", toolchains.NEWEST, ldflags=ldflags)
    with sleeping(executable) as running, debugged(running.pid):
        answer = shell.inside("check", "--json", "--pid", running.pid)
        assert (answer.status, answer.stderr) == (0, "")
        document = json.loads(answer.stdout)
        assert {check["status"] for check in document["checks"]} == {"exact"}
        assert document["target"]["pause_ms"] > 0
        assert processes.is_held(running.pid)


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_where_the_threads_of_such_a_process_stand(minor):
    """Without their frame pointers, and nevertheless what these tell."""
    executable = programs.build("frag", minor)
    functions = functions_of(SymbolTable(executable), executable)
    with sleeping(executable) as running, contextlib.ExitStack() as stack:
        stop = Stop(running.pid)
        stack.callback(stop.release)
        memory, still = ProcessMemory(running.pid), HeldStill(running.pid)
        stack.callback(memory.close)
        assert still.threads == stop.threads
        for tid in still.threads:
            kind = 62, 64, "little"
            wanted = walked(memory, stop.thread(tid, 1, *kind), functions)
            assert walked(memory, still.thread(tid, 1, *kind), functions) == wanted
            assert len(wanted) > 2
        still.release()
        assert (still.moved, still.ended) == (False, False)


def test_a_process_that_its_debugger_lets_go_on_meanwhile(monkeypatch):
    with churning() as running, debugged(running.pid) as tracer:
        original = Plan.take

        def take(*arguments):
            original(*arguments)
            tracer.stdin.close()
            tracer.wait()
            running.fresh_line()

        monkeypatch.setattr(Plan, "take", take)
        line = refused("summary", "--pid", running.pid)
        assert line.startswith(f"process {running.pid} ran while it was being read: ")


def test_a_process_that_its_debugger_stops_again_meanwhile(monkeypatch):
    """Every thread is stopped at the end as at the beginning, and has run in between."""
    again = "import time\nstop = Stop(pid)\nprint(flush=True)\nsys.stdin.readline()\nstop.release()\nprint(flush=True)\nsys.stdin.readline()\nstop = Stop(pid)"
    with churning() as running, debugged(running.pid, again) as tracer:
        original = Plan.take

        def say():
            tracer.stdin.write(b"\n")
            tracer.stdin.flush()
            tracer.stdout.readline()

        def take(*arguments):
            original(*arguments)
            say()
            running.fresh_line()
            say()
            assert procstatus.held(running.pid)

        monkeypatch.setattr(Plan, "take", take)
        assert "ran while it was being read" in refused("summary", "--pid", running.pid)


@pytest.mark.parametrize("traced", ["pid", "procstatus.threads(pid)[-1]"])
def test_a_process_that_another_debugger_lets_run(traced):
    with (
        sleeping(programs.build("frag", toolchains.NEWEST)) as running,
        debugged(running.pid, f"_ptrace(_SEIZE, {traced})") as tracer,
    ):
        line = refused("summary", "--pid", running.pid)
        assert re.match(
            rf"process {running.pid} is traced by \S+, process {tracer.pid}, and is running: only one tracer is allowed ",
            line,
        )
        assert (
            "(try: stop it in that debugger, for example at a breakpoint, and run go-spans again; with Delve: --dlv HOST:PORT)"
            in line
        )


@pytest.mark.parametrize("when", ["stop", "open"])
def test_a_process_that_is_killed_before_it_stands_still(monkeypatch, when):
    """It has ended, and neither waits for a disk nor lacks a part of its core."""
    monkeypatch.setattr("gdb_gospan.memory.ptrace._PATIENCE", 0)
    with sleeping(programs.build("frag", toolchains.NEWEST)) as running:

        def kill():
            os.kill(running.pid, signal.SIGKILL)

        if when == "stop":
            interrupt = Stop._interrupt
            monkeypatch.setattr(Stop, "_interrupt", lambda stop, tid: (kill(), interrupt(stop, tid)))
        else:
            fill = ProcessMemory.fill

            def ended(memory, address, buffer):
                kill()
                while not procstatus.over(running.pid):
                    pass
                return fill(memory, address, buffer)

            monkeypatch.setattr(ProcessMemory, "fill", ended)
        assert f"process {running.pid} ended while it was being read" in refused(
            "summary", "--pid", running.pid
        )
        assert running.process.wait() == -signal.SIGKILL


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_another_user_s_process():
    with sleeping(programs.build("frag", toolchains.NEWEST)) as running:
        line = as_nobody(lambda: shell.inside("summary", "--pid", running.pid).stderr)
    assert (
        line
        == f"go-spans: process {running.pid} (frag): no permission to read it: it belongs to root (try: sudo)\n"
    )


def as_nobody(ask):
    """Return what a child of this process answers as another user: what it needs is loaded already."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os.write(there, ask().encode())
        finally:
            os._exit(0)
    os.close(there)
    with os.fdopen(here) as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


def test_an_argument_and_a_process():
    with sleeping(programs.build("frag", toolchains.NEWEST)) as running:
        pid = str(running.pid)
        spans = json.loads(shell.inside("list", "--limit", "1", "--json", "--pid", pid).stdout)["list"]
        for words in (
            [spans[0]["start"], "--pid", pid],
            ["--pid", pid, spans[0]["start"]],
            [spans[0]["start"], f"--pid={pid}"],
        ):
            shown = json.loads(shell.inside("show", "--json", *words).stdout)
            assert shown["span"]["descriptor"] == spans[0]["descriptor"]
        for words in (["cache", "0"], ["cache"], ["stacks"]):
            assert shell.inside(*words, "--pid", pid).status == 0
        assert "needs ADDRESS" in refused("show", "--pid", pid, status=2)
        assert "cannot be combined with files" in refused("summary", "--pid", pid, "core", status=2)
        assert "cannot be combined with files" in refused(
            "show", "0xc000000000", "core", "--pid", pid, status=2
        )


@pytest.mark.parametrize(
    ("pid", "hint"), [("0", "is not a process"), ("-1", "is negative"), ("x", "is not a number")]
)
def test_a_number_that_no_process_has(pid, hint):
    assert hint in refused("summary", "--pid", pid, status=2)


def test_no_file_of_the_process_stays_open():
    with sleeping(programs.build("frag", toolchains.NEWEST)) as running:
        session = open_session(running.pid)
        assert f"/proc/{running.pid}/mem" in open_files()
        with session.capture():
            pass
        assert f"/proc/{running.pid}/mem" not in open_files()


def open_files():
    """What the files of this process are."""
    names = set()
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them
            names.add(str(file.readlink()))
    return names


def test_what_seems_no_layout_while_it_runs_is_looked_at_again_in_a_stop(monkeypatch):
    """What tells a layout may be changing just then, of a busy program without symbols."""
    held, real = [], process.open_heap
    with sleeping(programs.build("corners", toolchains.NEWEST), "-tiny", "2000") as target:

        def first_refused(*arguments, **keywords):
            held.append(processes.is_held(target.pid))
            if len(held) == 1:
                raise LayoutError("the signs do not fit")
            return real(*arguments, **keywords)

        monkeypatch.setattr(process, "open_heap", first_refused)
        session = process.open_session(target.pid)
        assert held == [False, True]
        assert not processes.is_held(target.pid)
        with session.capture():
            assert {check.status for check in session.checks} == {"exact"}
