"""profile: what runtime/pprof writes of a program, read from its memory, sample by sample."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.analysis.profiles import sampled
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.resolve import find_symbols
from gdb_gospan.targets import core as coredump
from tools import cores, gdbs, pprofs, processes, programs, shell, toolchains
from tools.damage import CopiedCore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

KINDS = ("heap", "block", "mutex")
Bag = Counter[Any]
_LOCKS = ("runtime.unlock", "runtime._LostContendedRuntimeLock")


def samples(path: Path) -> Bag:
    """What a file has: of each sample the calls with files and lines, the values and the labels.

    Those of the writing itself are left out: once a program has collected again, they are published, too. So are
    samples of nothing, and the runtime's own locks: a thread enters what it has noted when it next gives one back
    (mprof.go, mLockProfile.store).
    """
    found, bag = pprofs.read(path.read_bytes()), Bag()
    for values, stack, labels in zip(found.values, found.stacks, found.labels, strict=True):
        calls = tuple((each.function, each.file, each.line) for place in stack for each in found.calls[place])
        functions = [function for function, _, _ in calls]
        of_a_lock = found.sample_types[0][0] == "contentions" and functions[0] in _LOCKS
        if any(values) and "main.write" not in functions and not of_a_lock:
            bag[calls, tuple(values), tuple(labels)] += 1
    return bag


def ours(tmp_path: Path, kind: str, *target: object) -> Path:
    """The file of go-spans."""
    path = tmp_path / "ours.pb.gz"
    path.unlink(missing_ok=True)
    answer = shell.inside("profile", "--of", kind, "--pprof", path, *target)
    assert (answer.status, answer.stderr) == (0, "")
    assert f"wrote {path}" in answer.stdout
    return path


@pytest.fixture
def executable(go_minor: str) -> Path:
    return programs.build("sampled", go_minor)


@pytest.mark.parametrize("rate", [1, 4096, 512 << 10])
def test_it_is_gos_own(executable: Path, tmp_path: Path, go_minor: str, rate: int) -> None:
    """Live, and of a snapshot."""
    keep = ["-keep"] if go_minor == "1.19" else []
    with processes.start(executable, "-folder", tmp_path, "-rate", str(rate), *keep) as running:
        assert running.line() == "ready\n"
        for kind in KINDS:
            own, found = tmp_path / kind, ours(tmp_path, kind, "--pid", running.pid)
            assert samples(found) == samples(own)
            assert samples(own)
            ends = [pprofs.read(path.read_bytes()) for path in (own, found)]
            assert ends[0].sample_types == ends[1].sample_types
            assert (ends[0].period, ends[0].period_type) == (ends[1].period, ends[1].period_type)
            assert ends[0].mappings[0] == ends[1].mappings[0]
        kept = tmp_path / "heap.gospan"
        assert shell.inside("snapshot", kept, "--pid", running.pid).status == 0
    for kind in KINDS:
        assert samples(ours(tmp_path, kind, kept)) == samples(tmp_path / kind)


def test_nothing_is_published_yet(executable: Path, tmp_path: Path) -> None:
    """Without any collection runtime.MemProfile gives all that there is."""
    env = os.environ | {"GOGC": "off"}
    with processes.start(executable, "-folder", tmp_path, "-rate", "1", "-collect=false", env=env) as running:
        assert running.line() == "ready\n"
        assert samples(ours(tmp_path, "heap", "--pid", running.pid)) == samples(tmp_path / "heap")
        answer = json.loads(shell.inside("profile", "--json", "--pid", running.pid).stdout)
        text = shell.inside("profile", "--pid", running.pid).stdout
    assert answer["collections"] is None
    assert "what is dead is in it, for no GC cycle is published yet" in " ".join(text.split())


def test_up_to_which_cycle_it_is(executable: Path, tmp_path: Path) -> None:
    """What a cycle of its own has freed is published by the next one; runtime.GC waits for it (mprof.go, mProf_PostSweep)."""
    for words, behind in ((["-collect=false"], 1), ([], 0)):
        with processes.start(executable, "-folder", tmp_path, "-rate", "1", *words) as running:
            assert running.line() == "ready\n"
            asked = "--json", "--pid", running.pid
            gc, answer = (json.loads(shell.inside(name, *asked).stdout) for name in ("gc", "profile"))
            assert samples(ours(tmp_path, "heap", "--pid", running.pid)) == samples(tmp_path / "heap")
        assert gc["gc"]["num_gc"] > 1
        assert answer["collections"] == gc["gc"]["num_gc"] - behind


def test_stripped(executable: Path, tmp_path: Path, go_minor: str) -> None:
    """At the rate 1: before Go 1.24 nothing tells MemProfileRate without its symbol. Nor is there a clock's speed."""
    stripped = tmp_path / "sampled"
    subprocess.run(["objcopy", "--strip-all", executable, stripped], check=True)
    with processes.start(stripped, "-folder", tmp_path, "-rate", "1") as running:
        assert running.line() == "ready\n"
        assert samples(ours(tmp_path, "heap", "--pid", running.pid)) == samples(tmp_path / "heap")
        for kind in ("block", "mutex")[
            : 2 if go_minor > "1.19" else 1
        ]:  # which scales the latter as it is now
            found, own = (
                Counter((calls, values[0]) for calls, values, _ in samples(path).elements())
                for path in (ours(tmp_path, kind, "--pid", running.pid), tmp_path / kind)
            )
            assert found == own
        answer = json.loads(shell.inside("profile", "--json", "--pid", running.pid).stdout)
        text = shell.inside("profile", "--of", "mutex", "--pid", running.pid).stdout
    known = go_minor >= "1.24"
    assert answer["rate"] == (1 if known else None)
    assert all((each["inuse_error_bytes"] is not None) == known for each in answer["sites"])
    assert " ticks of the clock in all." in text
    assert "how fast the clock is the runtime computes when" in text


def test_between_the_end_of_a_cycle_and_its_flush(executable: Path, tmp_path: Path) -> None:
    """The cycle counts already (mgc.go, gcMarkTermination), and what it publishes is not added up yet."""
    commands = ["break runtime.mProf_Flush", "ignore 1 3", "run -count 20000 -rate 512 > /dev/null"]
    commands += [
        f"generate-core-file {tmp_path}/before",
        "finish",
        f"generate-core-file {tmp_path}/after",
        "kill",
    ]
    gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), commands, exe=executable)
    before, after = (
        coredump.open_session([os.fspath(executable), f"{tmp_path}/{name}"]).heap.buckets
        for name in ("before", "after")
    )
    for name in ("before", "after"):
        (tmp_path / name).unlink()
    assert before is not None
    assert after is not None
    waiting = before.counts["allocs"][:, 1 + before.cycle % 3]
    assert waiting.any(), "no such moment"
    assert not after.counts["allocs"][:, 1 + after.cycle % 3].any()
    assert sampled(before).allocs.sum() == sampled(after).allocs.sum()
    assert sampled(before).free_bytes.sum() == sampled(after).free_bytes.sum()


@pytest.fixture
def copy(executable: Path, tmp_path: Path) -> Iterator[tuple[Path, CopiedCore]]:
    with processes.start(executable, "-rate", "4096") as running:
        assert running.line() == "ready\n"
        cores.gcore(running.pid, tmp_path / "core")
    found = CopiedCore(tmp_path / "core", tmp_path / "copy")
    (tmp_path / "core").unlink()
    yield executable, found
    found.path.unlink()


def test_damage_is_no_figure(copy: tuple[Path, CopiedCore]) -> None:
    """A bucket in a place that its hash does not say is none, and what the chain led to is not known."""
    executable, core = copy
    heap = coredump.open_session([os.fspath(executable), os.fspath(core.path)]).heap
    assert heap.buckets is not None
    assert heap.buckets.complete
    table = heap.reader.word(heap.symbols["buckhash"])
    assert table is not None
    heads = heap.reader.words(table, 179999)
    first = int(heads[heads != 0][0])  # type: ignore[index]
    place = first + heap.layout["bucket"]["hash"].offset
    with core.changed((place, (12345).to_bytes(8, "little"))):
        answer = shell.inside("profile", "--json", executable, core.path)
        text = shell.inside("profile", executable, core.path).stdout
    found = json.loads(answer.stdout)["totals"]
    whole = json.loads(shell.inside("profile", "--json", executable, core.path).stdout)["totals"]
    assert whole["complete"]
    assert not found["complete"]
    assert found["stacks"] <= whole["stacks"]
    assert "some buckets could not be read: these are lower bounds" in text


def test_no_samples(go_minor: str) -> None:
    """Of a program in which nothing reads the profile the linker turns it off."""
    core = cores.kernel_core(programs.build("frag", go_minor), "-objects", "2000")
    answer = json.loads(shell.inside("profile", "--json", core.executable, core.path).stdout)
    assert (answer["rate"], answer["totals"]["scaled"]) == (0, False)
    assert answer["totals"]["samples"] < 10  # some before it is off, since Go 1.25
    assert {each["inuse_error_bytes"] for each in answer["sites"]} <= {None}
    text = shell.inside("profile", core.executable, core.path).stdout
    assert "MemProfileRate is 0: what the program allocates is not sampled" in text
    assert find_symbols(DwarfTypes(core.executable)).get("buckhash")


def test_a_column_of_another_profile(copy: tuple[Path, CopiedCore]) -> None:
    executable, core = copy
    answer = shell.inside("profile", "--of", "mutex", "--sort", "samples", executable, core.path)
    assert answer.status == 2
    assert "invalid --sort samples: the mutex profile has no such column" in answer.stderr


def test_what_was_not_found_is_not_nothing(tmp_path: Path) -> None:
    """Neither symbols nor a sampled object that is alive."""
    core = cores.kernel_core(programs.build("frag", toolchains.OLDEST), "-objects", "2000")
    stripped, file = tmp_path / "frag", tmp_path / "heap.pb.gz"
    subprocess.run(["objcopy", "--strip-all", core.executable, stripped], check=True)
    answer = json.loads(shell.inside("profile", "--json", stripped, core.path).stdout)
    assert (answer["rate"], answer["collections"], answer["totals"]) == (None, None, None)
    assert (
        "The runtime's table of profiles was not found."
        in shell.inside("profile", stripped, core.path).stdout
    )
    refused = shell.inside("profile", "--pprof", file, stripped, core.path)
    assert "so there is nothing to write" in refused.stderr
    (line,) = shell.inside("profile", "--pprof", "", core.path).stderr.splitlines()
    assert line == "go-spans: the name of the file is empty (try: --pprof heap.pb.gz)"
    assert refused.status
    assert not file.exists()


def test_without_the_executable_there_are_no_names(copy: tuple[Path, CopiedCore]) -> None:
    executable, core = copy
    text = shell.inside("profile", core.path).stdout
    assert "functions have no names without the executable" in " ".join(text.split())
    whole, bare = (
        json.loads(shell.inside("profile", "--json", *files, core.path).stdout)["totals"]
        for files in ([executable], [])
    )
    assert whole["named"]
    assert not bare["named"]
    assert bare["stacks"] == whole["stacks"]


@pytest.mark.parametrize("sort", ["flat", "cum"])
def test_waits_sort_by_their_time(copy: tuple[Path, CopiedCore], sort: str) -> None:
    executable, core = copy
    answer = json.loads(
        shell.inside("profile", "--of", "block", "--sort", sort, "--json", executable, core.path).stdout
    )
    ticks = [each["ticks" if sort == "flat" else "cum_ticks"] for each in answer["waits"]]
    assert ticks == sorted(ticks, reverse=True)
    assert answer["totals"]["ticks"] > 0


@pytest.mark.parametrize("by", ["function", "line", "stack"])
def test_rows_add_up(copy: tuple[Path, CopiedCore], by: str) -> None:
    """What happened at the places themselves is all that happened, and main.main has all of it below."""
    executable, core = copy
    answer = json.loads(
        shell.inside("profile", "--json", "--limit", 0, "--by", by, executable, core.path).stdout
    )
    for name in ("inuse_bytes", "inuse_objects", "alloc_bytes", "alloc_objects", "samples"):
        assert sum(each[name] for each in answer["sites"]) == answer["totals"][name]
    if by == "function":
        (main,) = (each for each in answer["sites"] if each["function"] == "main.work")
        assert main["cum_inuse_bytes"] > 0.9 * answer["totals"]["inuse_bytes"]
