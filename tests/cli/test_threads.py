"""Where the threads stood: frame pointers and symbols against gdb, which has unwinding tables."""

from __future__ import annotations

import json

import pytest

from gdb_gospan.commands.coredump import open_session
from tools import gdbs

ASK = "python import json; from gdb_gospan.debugger.target import frames; print(json.dumps(list(frames())))"


def is_subsequence(few, many):
    rest = iter(many)
    return all(name in rest for name in few)


@pytest.mark.gdb
def test_the_functions_of_every_thread_are_gdb_s(frag_core):
    gdb = gdbs.ensure(gdbs.system_label())
    done = gdbs.run_gdb(gdb, ["go-spans check", ASK], exe=frag_core.executable, core=frag_core.path)
    expected = json.loads(done.stdout[1])
    session = open_session([str(frag_core.executable), str(frag_core.path)])
    got = list(session.frames())
    assert [label for label, _ in got] == [label for label, _ in expected]
    assert len(got) > 2
    for (label, names), (_, wanted) in zip(got, expected, strict=True):
        assert len(names) > 2, label
        assert names[0] == wanted[0], label
        # gdb stops at main.main, and has more: inlined functions, and callers without a frame of their own.
        shared = names[: names.index("main.main") + 1] if "main.main" in names else names
        assert is_subsequence(shared, wanted), (label, names, wanted)
