"""cache, stacks, gc and memstats: against what the program printed, did, and what other commands say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.reports.catalog import COMMANDS
from tools import cores, gdbs, programs, shell
from tools.gdbs import run_gdb
from tools.proofs import memstats_of
from tools.questions import bare

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.cores import Core
    from tools.gdbs import Gdb

    Answers = dict[str, dict[str, Any]]
    Ask = Callable[[Gdb, Core], Answers]

SYSTEM = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")


def test_memstats_is_what_the_program_printed(answers: Answers, frag_core: Core) -> None:
    assert answers["memstats"]["memstats"] == memstats_of(frag_core.stdout)
    assert set(answers["memstats"]["changed_by_reading"]) < set(memstats_of(frag_core.stdout))


def test_gc_has_what_read_gc_stats_returns(answers: Answers, frag_core: Core) -> None:
    gc, printed = answers["gc"]["gc"], frag_core.stdout
    count = printed["NumGC"]
    assert (gc["num_gc"], gc["last_gc"], gc["pause_total"]) == (
        count,
        printed["LastGC"],
        printed["PauseTotalNs"],
    )
    assert count > 1
    assert gc["pauses"] == [printed["PauseNs"][(count - 1 - back) % 256] for back in range(min(count, 256))]
    assert sum(gc["pauses"]) == printed["PauseTotalNs"]
    pacer = answers["gc"]["pacer"]
    assert pacer["heap_goal"] == printed["NextGC"]
    assert pacer["memory_used"] == printed["Sys"] - printed["HeapReleased"]
    assert answers["gc"]["sweep"]["sweepgen"] == 2 * count
    assert answers["gc"]["scavenger"]["retained"] == (
        printed["HeapInuse"] + printed["HeapIdle"] - printed["HeapReleased"]
    )


def test_parked_memory_is_that_of_the_caches(answers: Answers) -> None:
    """What the Ps hold is in other commands' figures too, found in other places."""
    totals, summary = answers["cache"]["totals"], answers["summary"]
    assert totals["spans"] == summary["spans"]["cached"] == answers["central"]["totals"]["cached"]
    assert totals["descriptors"] == summary["mspancache"]
    pages = summary["pages"]
    assert totals["page_bytes"] == 8192 * pages["cached"]
    assert totals["released_page_bytes"] == 8192 * pages["cached_and_released"]
    assert totals["stack_bytes"] == answers["stacks"]["totals"]["cached_bytes"]
    rows = answers["cache"]["caches"]
    assert len(rows) == summary["gc"]["gomaxprocs"]
    assert totals["parked_bytes"] == sum(
        totals[f"{part}_bytes"] for part in ("free", "stack", "page", "descriptor")
    )


def test_stacks_add_up_to_stack_inuse(answers: Answers) -> None:
    totals = answers["stacks"]["totals"]
    in_use = answers["summary"]["memstats"]["StackInuse"]
    assert totals["span_bytes"] == in_use == sum(row["span_bytes"] for row in answers["stacks"]["sizes"])
    parts = ("goroutine", "system", "other", "cached", "free")
    assert sum(totals[f"{part}_bytes"] for part in parts) == in_use
    assert all(totals[f"{part}_bytes"] >= 0 for part in parts)
    assert totals["other_bytes"] == 0, "a quiet stop: every stack given out has somebody on it"


def test_the_stack_kept_for_a_crash_is_counted(
    answers: Answers, gdb: Gdb, frag_core: Core, go_minor: str
) -> None:
    """runtime.gcrash, from Go 1.22 on; before, there is none."""
    asked = ["print 'runtime.gcrash'.stack.hi - 'runtime.gcrash'.stack.lo", "go-spans stacks"]
    said = run_gdb(gdb, asked, exe=frag_core.executable, core=frag_core.path)
    if int(go_minor.partition(".")[2]) < 22:
        assert "No symbol" in said.stderr[0]
    else:
        assert said.stdout[0] == "$1 = 16384\n"
        assert answers["stacks"]["totals"]["system_bytes"] >= 16384
    assert "threads and runtime (g0, gsignal, gcrash)" in said.stdout[1]
    assert "in transition" not in said.stdout[1]


def test_what_next_gc_and_the_scavenger_go_by(answers: Answers, frag_core: Core) -> None:
    pacer, printed = answers["gc"]["pacer"], frag_core.stdout
    scanned = pacer["heap_marked"] + pacer["stack_scan_last"] + pacer["globals_scan"]
    assert pacer["stack_scan_last"] > 0 < pacer["globals_scan"]
    percent = answers["gc"]["gc"]["gc_percent"]
    goal = max(pacer["heap_marked"] + scanned * percent // 100, pacer["heap_minimum"])
    assert pacer["heap_goal"] >= goal
    assert pacer["heap_goal"] <= max(goal, pacer["heap_live"] + (1 << 20)) + (64 << 10)
    scavenger = answers["gc"]["scavenger"]
    assert scavenger["heap_in_use"] == printed["HeapInuse"]
    assert scavenger["heap_free"] == printed["HeapIdle"] - printed["HeapReleased"]
    assert scavenger["retained"] == scavenger["heap_in_use"] + scavenger["heap_free"]


def test_goroutines_that_the_program_started(go_minor: str) -> None:
    program = programs.build("corners", go_minor)
    stacks = asked("stacks", cores.kernel_core(program, "-goroutines", "500"))
    waiting = next(row for row in stacks["goroutines"] if row["state"] == "waiting")
    assert 500 <= waiting["count"] <= 520
    small = next(row for row in stacks["sizes"] if row["size"] == 2048)
    assert small["given_out"] >= 500
    deep = asked("stacks", cores.kernel_core(program, "-stacks", "20"))
    large = next(row for row in deep["sizes"] if row["large"])
    assert large["given_out"] >= 20
    assert sum(row["stack_bytes"] for row in deep["goroutines"]) > 20 * 100_000


@SYSTEM
@pytest.mark.ends
def test_one_p_and_its_spans(gdb: Gdb, frag_core_cached: Core) -> None:
    core = frag_core_cached
    result = run_gdb(gdb, ["go-spans cache --json"], exe=core.executable, core=core.path)
    every = json.loads(result.stdout[0])["caches"]
    ps = [row["p"] for row in every]
    each = run_gdb(
        gdb, [f"go-spans cache {p} --json" for p in ps], exe=core.executable, core=core.path
    ).stdout
    documents = [json.loads(text) for text in each]
    assert (
        sum(len(document["spans_cached"]) for document in documents) == sum(row["spans"] for row in every) > 5
    )
    for document, row in zip(documents, every, strict=True):
        assert document["caches"] == [row]
        spans = document["spans_cached"]
        assert sum(span["free_bytes"] for span in spans) == row["free_bytes"]
        assert all(span["sweep"] == "cached" for span in spans)
        assert len({span["spanclass"] for span in spans}) == len(spans)


def asked(name: str, core: Core) -> dict[str, Any]:
    """In a shell: that gdb says the same is proven in tests/cli/test_same_as_gdb.py."""
    return json.loads(shell.inside(name, "--json", core.executable, core.path).stdout)


def test_settings_in_force(go_minor: str) -> None:
    env = {"GODEBUG": "madvdontneed=0,gcshrinkstackoff=1", "GOGC": "33", "GOMEMLIMIT": "512MiB"}
    core = cores.kernel_core(programs.build("corners", go_minor), "-tiny", "999", env=env)
    gc = asked("gc", core)
    assert (gc["godebug"]["madvdontneed"], gc["godebug"]["gcshrinkstackoff"]) == (0, 1)
    assert gc["pacer"]["memory_limit"] == 512 << 20
    assert gc["pacer"]["memory_headroom"] == (512 << 20) - gc["pacer"]["memory_used"]
    text = shell.inside("gc", core.executable, core.path).stdout
    assert "GODEBUG    madvdontneed=0 · gcshrinkstackoff=1" in text
    assert "GOMEMLIMIT 512 MiB" in text


@SYSTEM
@pytest.mark.ends
def test_the_same_again_and_one_line_for_a_mistake(gdb: Gdb, frag_core: Core) -> None:
    words = [f"go-spans {bare(command)} --json" for command in COMMANDS if not command.needs_argument]
    words += ["go-spans show main.held --json", "go-spans list --state all --limit 0 --json"]
    first, again = (run_gdb(gdb, words, exe=frag_core.executable, core=frag_core.path) for _ in range(2))
    assert first.stdout == again.stdout
    mistakes = ["go-spans cache 99", "go-spans cache x", "go-spans stacks 1", "go-spans gc --sort x"]
    result = run_gdb(gdb, mistakes, exe=frag_core.executable, core=frag_core.path, check=True)
    assert all(text.count("\n") == 1 and text.startswith("go-spans: ") for text in result.stderr)
