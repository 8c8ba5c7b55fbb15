"""Where the threads stood: frame pointers and symbols against gdb, which has unwinding tables; and without symbols."""

from __future__ import annotations

import json

import pytest

from gdb_gospan.layout.elfsymbols import SymbolTable
from gdb_gospan.layout.functions import functions_of
from gdb_gospan.memory.corenotes import read_notes
from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.targets import core as coredump
from gdb_gospan.targets import process
from gdb_gospan.targets.frames import stacks
from tools import cores, gdbs, processes, programs, split

ASK = "python import json; from gdb_gospan.debugger.threads import frames; print(json.dumps(list(frames())))"


def is_subsequence(few, many):
    rest = iter(many)
    return all(name in rest for name in few)


def compare(got, expected):
    assert [label for label, *_ in got] == [label for label, *_ in expected]
    assert len(got) > 2
    for (label, names, _), (_, wanted, _) in zip(got, expected, strict=True):
        assert len(names) > 2, label
        assert names[0] == wanted[0], label
        # gdb stops at main.main, and has more: inlined functions, and callers without a frame of their own.
        shared = names[: names.index("main.main") + 1] if "main.main" in names else names
        assert is_subsequence(shared, wanted), (label, names, wanted)


@pytest.mark.gdb
def test_the_functions_of_every_thread_are_gdb_s(frag_core):
    gdb = gdbs.ensure(gdbs.system_label())
    done = gdbs.run_gdb(gdb, ["go-spans check", ASK], exe=frag_core.executable, core=frag_core.path)
    expected = json.loads(done.stdout[1])
    session = coredump.open_session([str(frag_core.executable), str(frag_core.path)])
    compare(list(session.frames()), expected)


@pytest.mark.gdb
@pytest.mark.live
@pytest.mark.in_turn("build")
@pytest.mark.parametrize("build", [{}, {"buildmode": "pie"}], ids=["plain", "pie"])
def test_those_of_a_process_too(go_minor, build):
    executable = programs.build("frag", go_minor, **build)
    with processes.start(executable, "-objects", "2000", "-end", "sleep") as running:
        running.line()
        with processes.stopped(running.pid):
            session = process.open_session(running.pid)
            with session.capture():
                got = list(session.frames())
            done = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), ["go-spans check", ASK], pid=running.pid)
        compare(got, json.loads(done.stdout[1]))


def test_without_symbols_the_functions_are_the_same(frag_core, tmp_path):
    stripped, _ = split.split(frag_core.executable, tmp_path)
    symbols = SymbolTable(stripped)
    assert len(symbols) == 0
    core = CoreFile(frag_core.path)
    got = list(stacks(core, read_notes(core).threads, functions_of(symbols, stripped)))
    assert got == list(coredump.open_session([str(frag_core.executable), str(frag_core.path)]).frames())
    assert any("main.main" in stack.functions for stack in got)


@pytest.mark.gdb
@pytest.mark.in_turn("build")
@pytest.mark.parametrize("build", [{}, {"ldflags": "-linkmode=external", "cgo": True}], ids=["plain", "cgo"])
def test_what_a_signal_interrupted_is_seen(go_minor, build):
    """Every thread of a crash is in Go's handler; each goes on below to where it was."""
    core = cores.crash_core(programs.build("churn", go_minor, **build), "-seconds", "60")
    done = gdbs.run_gdb(
        gdbs.ensure(gdbs.system_label()), ["go-spans check", ASK], exe=core.executable, core=core.path
    )
    expected = json.loads(done.stdout[1])
    for (label, names, _), (_, wanted, _) in zip(
        coredump.open_session([str(core.executable), str(core.path)]).frames(), expected, strict=True
    ):
        ends = [at for at, name in enumerate(names) if name == "runtime.sigtramp"]
        assert ends, label
        interrupted = names[ends[-1] + 2 :]
        assert len(interrupted) > 2, (label, names)
        shared = names[: len(names) - len(interrupted)] + interrupted[:4]
        # gdb passes over the caller of a function without a frame that a signal came into, until Go 1.20; we do not.
        callers = {1, *(at + 3 for at in ends)}
        shared = [name for at, name in enumerate(shared) if at not in callers]
        # The C library's function that ends a handler has a name in gdb only.
        assert is_subsequence([name for name in shared if name], wanted), (label, names, wanted)
