"""Through gdbserver: the figures of the process itself, in few reads."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tools import processes, programs, toolchains
from tools.gdbs import run_gdb
from tools.remote import served

if TYPE_CHECKING:
    from tools.gdbs import Gdb

pytestmark = pytest.mark.live

SUMMARY = "go-spans summary --json"
READS = "python from gdb_gospan.debugger.target import current_session as now; print(now().heap.memory.reads)"
MOST_READS = 500


def test_remote_is_the_same_process(gdb: Gdb) -> None:
    """24,000 descriptors: no more than 500 reads, and every figure is that of /proc."""
    spans = programs.build("spans", toolchains.NEWEST)
    with processes.start(spans, "-spans", "24000", "-end", "sleep") as running:
        running.line()
        here: dict[str, Any] = json.loads(run_gdb(gdb, [SUMMARY], pid=running.pid).stdout[0])
        with served(running.pid) as port:
            commands = [
                f"target remote 127.0.0.1:{port}",
                SUMMARY,
                READS,
                "go-spans summary",
                "go-spans check",
            ]
            said = run_gdb(gdb, commands, exe=spans).stdout
    there = json.loads(said[1])
    whole = int(said[2])
    own, target = here.pop("target"), there.pop("target")
    # Of a remote process nothing tells what is resident.
    assert here.pop("verdict")["code"] == there.pop("verdict")["code"]
    assert here == there
    assert (target["kind"], target["pid"], target["build_id"]) == ("remote", running.pid, own["build_id"])
    assert there["spans"]["descriptors"] > 24_000
    assert 0 < target["reads"] <= MOST_READS
    assert target["pause_ms"] > 0
    assert target["reads"] == whole, "what is read to open the session counts too"
    # What was read is kept for the next command, which says so.
    assert " with 0 reads" in said[3]
    # Each sample is a read of gdb's own.
    assert re.search(r"exact +gdb-values .* fields of 1[0-6] span\s+descriptors", said[4])


#: To open the heap takes half an hour, by the clock that this Python has.
SLOW = (
    "python import time; late = [0]; clock = time.perf_counter; time.perf_counter = lambda: clock() + late[0]",
    "python import gdb_gospan.debugger.target as t; real = t.open_heap",
    "python t.open_heap = lambda *a, **k: (late.append(late.pop() + 1800), real(*a, **k))[1]",
)


def test_the_first_command_of_a_stop_counts_what_opens_it(gdb: Gdb) -> None:
    """The process stands still all the while."""
    with processes.start(
        programs.build("frag", toolchains.NEWEST), "-objects", "2000", "-end", "sleep"
    ) as it:
        it.line()
        forget = "python t.forget()"
        said = run_gdb(gdb, [*SLOW, SUMMARY, SUMMARY, forget, SUMMARY], pid=it.pid).stdout
    first, second, again = (json.loads(said[at])["target"]["pause_ms"] for at in (3, 4, 6))
    assert first >= 1_800_000
    assert second < 1_800_000
    assert again >= 1_800_000
