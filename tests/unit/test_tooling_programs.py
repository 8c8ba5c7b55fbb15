"""The test programs: what they print is what their cores hold, by gdb's own eyes and not by ours."""

import json
import subprocess

import pytest

from tools import cores, gdbs, processes, programs, toolchains

#: Runs inside gdb; prints as JSON what runtime.ReadMemStats (mstats.go) computes, from the runtime's counters.
COUNTERS = """
import gdb, json
gdb.execute("set language c")
def number(value):
    size = value.type.strip_typedefs().sizeof
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(int(value.address), size)), "little")
gc, ms, heap = (gdb.parse_and_eval("'runtime.%s'" % name) for name in ("gcController", "memstats", "mheap_"))
try:
    sizes = gdb.parse_and_eval("'runtime.class_to_size'")
except gdb.error:
    sizes = gdb.parse_and_eval("'internal/runtime/gc.SizeClassToSize'")
three = [ms["heapStats"]["stats"][generation] for generation in range(3)]
def total(name):
    return sum(number(stats[name]) for stats in three) % 2**64
def small(name, size=lambda i: 1):
    return sum(number(stats[name][i]) * size(i) for i in range(68) for stats in three) % 2**64
size = lambda i: number(sizes[i])
m = dict(HeapInuse=number(gc["heapInUse"]), HeapReleased=number(gc["heapReleased"]))
m["HeapIdle"] = number(gc["heapFree"]) + m["HeapReleased"]
m["HeapSys"] = m["HeapInuse"] + m["HeapIdle"]
m["StackInuse"] = total("inStacks")
m["StackSys"] = m["StackInuse"] + number(ms["stacks_sys"])
m["MSpanInuse"], m["MSpanSys"] = number(heap["spanalloc"]["inuse"]), number(ms["mspan_sys"])
m["MCacheInuse"], m["MCacheSys"] = number(heap["cachealloc"]["inuse"]), number(ms["mcache_sys"])
m["BuckHashSys"], m["OtherSys"] = number(ms["buckhash_sys"]), number(ms["other_sys"])
m["GCSys"] = number(ms["gcMiscSys"]) + total("inWorkBufs")
if any(field.name == "inPtrScalarBits" for field in three[0].type.strip_typedefs().fields()):
    m["GCSys"] += total("inPtrScalarBits")
m["Sys"] = sum(m[name + "Sys"] for name in ("Heap", "Stack", "MSpan", "MCache", "BuckHash", "GC", "Other"))
m["TotalAlloc"] = (total("largeAlloc") + small("smallAllocCount", size)) % 2**64
m["HeapAlloc"] = (m["TotalAlloc"] - total("largeFree") - small("smallFreeCount", size)) % 2**64
m["Mallocs"] = total("largeAllocCount") + small("smallAllocCount") + total("tinyAllocCount")
m["Frees"] = total("largeFreeCount") + small("smallFreeCount") + total("tinyAllocCount")
m["HeapObjects"] = m["Mallocs"] - m["Frees"]
m["NumGC"], m["LastGC"] = number(ms["numgc"]), number(ms["last_gc_unix"])
m["PauseNs"] = [number(ms["pause_ns"][i]) for i in range(256)]
print(json.dumps(m))
"""


def counters(core):
    gdb = gdbs.ensure(gdbs.system_label())
    done = gdbs.run_gdb(
        gdb, [f"python exec({COUNTERS!r})"], exe=core.executable, core=core.path, plugin=False
    )
    return json.loads(done.stdout[0].splitlines()[-1])  # after what gdb says about the language


def same(core, falling=(), rising=()):
    """Whether the core is the heap that the program printed, to the byte, in 22 fields.

    But for those that may have gone on falling or rising since.
    """
    assert core.stdout["Settled"]
    held = counters(core)
    assert len(held) == 22
    assert all(held.pop(name) <= core.stdout[name] for name in falling)
    assert all(held.pop(name) >= core.stdout[name] for name in rising)
    assert held == {name: core.stdout[name] for name in held}


def test_frag_prints_what_its_core_holds(frag_core):
    same(frag_core)
    stats = frag_core.stdout
    assert 0.4 < stats["HeapIdle"] / stats["HeapSys"] < 0.6
    assert 0.4 < stats["HeapAlloc"] / stats["HeapInuse"] < 0.6


@pytest.mark.in_turn("arguments")
@pytest.mark.parametrize(
    "arguments",
    ["-finalizers 1000", "-goroutines 2000", "-huge 1", "-release", "-stacks 50", "-tiny 50000"],
)
def test_corners_print_what_their_cores_hold(go_minor, arguments):
    same(cores.kernel_core(programs.build("corners", go_minor), *arguments.split()))


def test_a_core_before_the_sweep_holds_what_was_printed(go_minor, core_kind):
    """The background sweeper may free another span after the figures were taken, and nothing else may change."""
    core = cores.core(core_kind, programs.build("corners", go_minor), "-unswept")
    same(core, falling=("HeapAlloc", "HeapObjects"), rising=("Frees",))


@pytest.mark.parametrize("go_minor", ["1.21", toolchains.NEWEST])
def test_arenas(go_minor):
    core = cores.kernel_core(programs.build("corners", go_minor, experiments="arenas"), "-arenas", "5")
    same(core)
    assert core.stdout["HeapInuse"] > 3 * (8 << 20), "three arenas stay, of 8 MiB at least"


def test_cached_adds_what_it_says(frag_core, frag_core_cached):
    stats = frag_core_cached.stdout
    assert (stats["CachedObjects"], frag_core.stdout["CachedObjects"]) == (21, 0)
    assert counters(frag_core_cached)["HeapInuse"] >= stats["HeapInuse"]


@pytest.mark.ends
def test_frag_is_the_heap_that_is_promised(go_minor):
    """The default size: 320 MiB with about 24,000 span descriptors."""
    done = subprocess.run(
        [programs.build("frag", go_minor), "-end", "exit"],
        env={"GOMAXPROCS": "4"},
        capture_output=True,
        text=True,
        check=True,
    )
    stats = json.loads(done.stdout)
    assert 300 << 20 < stats["HeapSys"] < 340 << 20
    assert (
        22_000
        < stats["MSpanSys"] / (144 if go_minor == "1.19" else 168 if go_minor == "1.21" else 160)
        < 26_000
    )


@pytest.mark.ends
def test_churn_goes_on_and_ends_by_itself(go_minor):
    with processes.start(programs.build("churn", go_minor), "-seconds", "1", "-limit", "100") as program:
        assert program.line().startswith("churn 1: ")
        program.fresh_line()
        assert program.rest()[-1] == "churn: over\n"
        assert program.process.returncode == 0


@pytest.mark.ends
def test_a_process_is_gone_after_its_block(go_minor):
    with processes.start(programs.build("frag", go_minor), "-objects", "100", "-end", "sleep") as program:
        program.line()
        assert program.process.poll() is None
    assert program.process.returncode == -9


@pytest.mark.toolchain
def test_the_plain_program_is_not_go():
    executable = programs.build_c("plain")
    assert cores.kernel_core(executable).stdout == {"Version": "C"}
    assert b"Go build" not in executable.read_bytes()
