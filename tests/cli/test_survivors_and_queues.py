"""What `gc`, `summary` and `classes` say of survivors, of the CPU limiter and of finalizers, against the program's own word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import gdb_gospan
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.resolve import find_symbols
from tools import cores, forms, processes, programs, shell, toolchains

if TYPE_CHECKING:
    from pathlib import Path

LIVE = 5 << 20
NODE = 112
"""Bytes of a slot of the objects that the program keeps."""
FEW = 200
"""Objects of the runtime's own in the same class."""


@pytest.fixture(scope="module")
def limited(go_minor: str) -> Path:
    return programs.build("limited", go_minor)


def started(program: Path, *words: str) -> Any:
    return processes.start(program, *words, "-end", "sleep", env={"GOTRACEBACK": "none"})


def test_objects_are_told_apart_by_the_last_cycle(limited: Path) -> None:
    """The program keeps 5 MiB of nodes, collects, and then keeps 30,000 more."""
    with started(limited, "-limit", "0", "-live", "5", "-since", "30000") as running:
        running.line()
        heap = gdb_gospan.open(pid=running.pid)
    classes, summary, gc = (heap.report(name) for name in ("classes", "summary", "gc"))
    (row,) = (row for row in classes.classes if row.elemsize == NODE and not row.noscan)
    assert 0 <= row.survived_bytes // NODE - LIVE // NODE < FEW
    assert 0 <= row.new_bytes // NODE - 30000 < FEW
    assert row.survived_bytes + row.new_bytes == row.object_bytes
    totals = classes.totals
    assert (totals.survived_bytes, totals.new_bytes) == (
        summary.survivors.survived_bytes,
        summary.survivors.new_bytes,
    )
    assert repr(summary.survivors) == repr(gc.objects)
    # All is swept: what the last cycle found live is what survived, but for a few objects that the runtime has freed since.
    assert 0 <= summary.gc.heap_marked - gc.objects.survived_bytes < 16 << 10
    assert gc.objects.survived_bytes + gc.objects.new_bytes == summary.bytes.objects


@pytest.mark.toolchain
@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_the_limiter_is_what_runtime_metrics_says(minor: str) -> None:
    """The program allocates far beyond its limit, until its own metric says that the limiter was enabled; or gives up."""
    with started(programs.build("limited", minor)) as running:
        own = json.loads(running.line())
        gc = json.loads(shell.inside("gc", "--pid", running.pid, "--json").stdout)
    assert gc["limiter"]["last_enabled_cycle"] == own["last_enabled"]
    assert gc["gc"]["num_gc"] == own["cycles"]
    assert gc["gc"]["last_gc"] == own["newest"]
    assert gc["limiter"]["capacity"] == gc["gc"]["gomaxprocs"] * 1_000_000_000
    assert 0 <= gc["limiter"]["fill"] <= gc["limiter"]["capacity"]
    assert gc["pace"]["cycles"] == 16
    assert gc["pace"]["nanoseconds"] == own["newest"] - own["sixteenth"]
    assert gc["pace"]["per_second"] == pytest.approx(15e9 / gc["pace"]["nanoseconds"], abs=0.001)


def test_the_limiter_is_found_without_symbols(limited: Path) -> None:
    """By the number of Ps alone, at the address that the symbol has."""
    core = cores.kernel_core(limited, "-limit", "0", "-live", "1")
    heap = forms.open_in(core, "stripped").heap
    assert heap.symbols["gcCPULimiter"] == find_symbols(DwarfTypes(limited))["gcCPULimiter"]
    assert heap.limiter is not None


@pytest.mark.since("1.25")
def test_cleanups_wait_behind_those_that_block(limited: Path) -> None:
    """Each of them blocks, so none is executed, however many goroutines run them."""
    with started(limited, "-cleanups", "5000") as running:
        running.line()
        queues = json.loads(shell.inside("gc", "--pid", running.pid, "--json").stdout)["queues"]
    assert queues["cleanups"] == 5000
    assert queues["cleanup_goroutines"] >= queues["cleanups_running"] >= 1
    assert {each["function"] for each in queues["goroutines"] if each["function"]} == {"main.held"}


def test_finalizers_wait_behind_one_that_blocks(limited: Path, tmp_path: Path) -> None:
    with started(limited, "-stuck", "20000") as running:
        running.line()
        answer = json.loads(shell.inside("gc", "--pid", running.pid, "--json").stdout)
        text = shell.inside("gc", "--pid", running.pid).stdout
        kept = tmp_path / "heap.gospan"
        assert shell.inside("snapshot", kept, "--pid", running.pid).status == 0
        goroutines = json.loads(shell.inside("goroutines", "--pid", running.pid, "--json").stdout)
    # As for runtime/pprof, the goroutine that runs a finalizer is the program's meanwhile (traceback.go, isSystemGoroutine).
    assert [group["function"] for group in goroutines["groups"] if not group["system"]].count(
        "main.held"
    ) == 1
    queues = answer["queues"]
    assert queues["finalizers"] == 20001  # the one that blocks is still counted
    (runner,) = (each for each in queues["goroutines"] if each["function"])
    assert (runner["function"], runner["wait_reason"]) == ("main.held", "chan receive")
    assert "20,001 finalizers waiting" in text
    assert f"goroutine {runner['goid']} is in main.held, waiting: chan receive" in text
    assert json.loads(shell.inside("gc", kept, "--json").stdout)["queues"] == queues


def test_no_finalizer_waits_in_a_quiet_program(limited: Path, go_minor: str) -> None:
    with started(limited, "-limit", "0", "-live", "1") as running:
        running.line()
        queues = json.loads(shell.inside("gc", "--pid", running.pid, "--json").stdout)["queues"]
    assert queues["finalizers"] == 0
    assert queues["cleanups"] == (None if go_minor < "1.25" else 0)
    assert [each["function"] for each in queues["goroutines"] if each["function"]] == []
