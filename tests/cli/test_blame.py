"""blame: who allocated what keeps the spans, against a slow walk over a program that knows what it has allocated."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pytest

from gdb_gospan.analysis.blame import blame
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.runtime.special import specials_of
from gdb_gospan.targets.core import open_session
from tools import answers, cores, damage, forms, images, pprofs, processes, programs, shell, toolchains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gdb_gospan.analysis.session import Session
    from gdb_gospan.runtime.heap import Heap
    from tools.toolchains import Toolchain

pytestmark = pytest.mark.toolchain

#: Functions of the program, and the variables that have the addresses of what they have allocated.
LINES = {
    "main.keep": "Sessions",
    "main.index": "Records",
    "main.load": "Loaded",
    "main.greet": "Greeted",
    "main.afterwards": "Late",
}
FIGURES = ("samples", "objects", "alive_bytes", "stranded_bytes", "spans")


def made(minor: str, *words: str) -> cores.Core:
    return cores.kernel_core(programs.build("stranded", minor), *words)


@pytest.fixture(scope="module")
def core(go_minor: str) -> cores.Core:
    """Every object is sampled."""
    return made(go_minor, "-rate", "1")


def asked(*words: Any) -> Any:
    said = shell.inside("blame", "--json", "--limit", "0", *words)
    assert (said.status, said.stderr) == (0, "")
    return json.loads(said.stdout)


#: What objects have in them: their size, where, and what; those of all others are where the program has noted.
NAMES = {
    "main.keep": (96, 8, b"sessions"),
    "main.index": (48, 16, b"records!"),
    "main.afterwards": (48, 16, b"lateones"),
}


def noted(session: Session, name: str) -> list[int]:
    """Return the addresses that a variable of the program has, in words of the core."""
    executable = session.target.executable
    assert executable is not None
    where = DwarfTypes(Path(executable)).address(f"main.{name}")
    assert where is not None
    begin, length = (damage.value_at(session.heap, where + offset, 8) for offset in (0, 8))
    return [each for i in range(length) if (each := damage.value_at(session.heap, begin + 8 * i, 8))]


def walked(session: Session) -> dict[str, list[Any]]:
    """Return what each function has allocated keeps, span by span and slot by slot, of a heap that is swept."""
    heap = session.heap
    columns = heap.spans.records
    homes: dict[int, tuple[int, int]] = {}
    shares: dict[int, list[int]] = {}
    for row in np.flatnonzero(heap.spans.counted).tolist():
        assert not heap.spans.unswept[row]
        start, size, count = (int(columns[name][row]) for name in ("startAddr", "elemsize", "nelems"))
        data = heap.memory.read(int(columns["allocBits"][row]), (count + 7) // 8)
        assert isinstance(data, bytes)
        free = int(columns["freeindex"][row])
        taken = [i for i in range(count) if i < free or data[i // 8] >> i % 8 & 1]
        left = (count - len(taken)) * size
        shares[row] = [len(taken), size]
        for place, number in enumerate(taken):
            kept = left // len(taken) + (place < left % len(taken))
            homes[start + number * size] = row, kept
    found: dict[str, list[Any]] = {}
    for function, name in LINES.items():
        sums: list[Any] = [0, 0, 0, Fraction(0)]
        addresses = set(noted(session, name))
        if function in NAMES:
            size, where, text = NAMES[function]
            alike = [each for each, (row, _) in homes.items() if shares[row][1] == size]
            named = {each for each in alike if heap.memory.read(each + where, 8) == text}
            assert addresses <= named
            assert len(named) <= len(addresses) + 5
            addresses = named
        for address in addresses:
            row, kept = homes.get(address) or homes[address - 8]  # a malloc header
            objects, size = shares[row]
            sums = [sums[0] + 1, sums[1] + size, sums[2] + kept, sums[3] + Fraction(1, objects)]
        found[function] = [sums[0], *sums[:3], round(float(sums[3]), 3)]
    return found


def by_function(answer: Any) -> dict[str, list[Any]]:
    """Return the figures of each of these functions, of the stacks that it is on."""
    found: dict[str, list[Any]] = defaultdict(lambda: [0] * len(FIGURES))
    for row in answer["sites"]:
        for function in LINES:
            if any(call.startswith(f"{function} ") for call in row["stack"]):
                found[function] = [
                    have + row[name] for have, name in zip(found[function], FIGURES, strict=True)
                ]
    return {name: [*values[:-1], round(values[-1], 3)] for name, values in found.items()}


def kept(answer: Any) -> Any:
    """Return an answer without where it comes from."""
    return {
        key: answer[key] for key in ("rate", "samples", "stacks", "covered", "sites", "classes", "new_bytes")
    }


def test_each_line_has_what_it_keeps_to_the_byte(core: cores.Core) -> None:
    answer = asked("--by", "stack", core.executable, core.path)
    expected = walked(open_session([str(core.executable), str(core.path)]))
    assert by_function(answer) == expected
    assert all(values[0] for values in expected.values())
    assert expected["main.keep"][0] >= 2000
    worst = asked(core.executable, core.path)["sites"][0]
    assert worst["function"] == "main.keep"
    assert worst["stranded_bytes"] == expected["main.keep"][3] > 4 << 20
    for name in ("stranded", "alive"):
        assert worst[f"{name}_error_bytes"] == 0
        assert worst[f"{name}_low_bytes"] == worst[f"{name}_bytes"] == worst[f"{name}_high_bytes"]
    assert answer["all_read"]
    assert answer["lost"] == 0


def test_the_whole_is_what_the_other_reports_have(core: cores.Core) -> None:
    answer = asked("--by", "class", core.executable, core.path)
    classes = json.loads(shell.inside("classes", "--json", "--limit", "0", core.executable, core.path).stdout)
    whole = {row["of"]: row["whole"] for row in answer["covered"]}
    totals = classes["totals"]
    assert whole["alive"] == totals["object_bytes"]
    assert whole["stranded"] + answer["empty_bytes"] == totals["free_bytes"]
    assert answer["objects"] == totals["objects"]
    assert answer["new_bytes"] == totals["new_bytes"]
    objects = {row["spanclass"]: row["objects"] for row in classes["classes"] if row["objects"]}
    assert {row["spanclass"]: row["objects"] for row in answer["classes"]} == objects
    for name, key in (("stranded", "stranded_bytes"), ("alive", "alive_bytes"), ("spans", "spans")):
        assert sum(row[key] for row in answer["classes"]) == whole[name]
    for row in answer["covered"]:
        assert row["error"] == 0
        assert row["unattributed_low"] == row["unattributed_high"] == row["unattributed"]
        assert 0 < row["unattributed"] < row["whole"] // 10  # from before main set the rate
    (worst,) = (row for row in answer["classes"] if row["elemsize"] == 96 and not row["noscan"])
    assert worst["function"] == "main.keep"
    assert worst["samples"] >= 2000


@pytest.mark.parametrize("by", ["function", "line", "stack"])
@pytest.mark.ends
def test_rows_add_up(core: cores.Core, by: str) -> None:
    answer = asked("--by", by, core.executable, core.path)
    covered = {row["of"]: row["attributed"] for row in answer["covered"]}
    assert sum(row["samples"] for row in answer["sites"]) == answer["samples"]
    assert sum(row["stranded_bytes"] for row in answer["sites"]) == covered["stranded"]
    assert sum(row["alive_bytes"] for row in answer["sites"]) == covered["alive"]
    assert sum(row["spans"] for row in answer["sites"]) == pytest.approx(covered["spans"], abs=1)
    callers = asked("--by", by, "--sort", "cum", core.executable, core.path)["sites"]
    if by == "function":
        only = {row["function"] for row in callers if not row["samples"] and row["cum_alive_bytes"]}
        assert "runtime.main" in only
        assert not only & {row["function"] for row in answer["sites"]}


@pytest.mark.live
def test_a_process_its_core_and_its_snapshot(go_minor: str, tmp_path: Path) -> None:
    program = programs.build("stranded", go_minor)
    with processes.start(program, "-rate", "1", "-end", "sleep") as running:
        running.line()
        with processes.stopped(running.pid):
            answer = asked("--by", "stack", "--pid", running.pid)
            said = shell.inside("snapshot", tmp_path / "a.gospan", "--pid", running.pid)
            assert said.status == 0, said.stderr
            cores.gcore(running.pid, tmp_path / "core")
    said = shell.inside("snapshot", tmp_path / "b.gospan", program, tmp_path / "core")
    assert said.status == 0, said.stderr
    assert answer["target"]["pause_ms"] > 0
    assert by_function(answer) == walked(open_session([str(program), str(tmp_path / "core")]))
    assert kept(asked("--by", "stack", program, tmp_path / "core")) == kept(answer)
    (tmp_path / "core").unlink()
    for name in "ab":
        assert kept(asked("--by", "stack", tmp_path / f"{name}.gospan")) == kept(answer)


def test_stripped(core: cores.Core, go_minor: str) -> None:
    """Before Go 1.24 nothing tells MemProfileRate without its symbol: then the figures are of the sampled objects."""
    whole = asked("--by", "stack", core.executable, core.path)
    program = forms.executable(core, "stripped")
    answer = asked("--by", "stack", program, core.path)
    known = go_minor >= "1.24"
    assert (answer["rate"], answer["estimated"]) == ((1, True) if known else (None, False))
    assert by_function(answer) == by_function(whole)
    assert all((row["stranded_error_bytes"] == 0) == known for row in answer["sites"])
    text = shell.inside("blame", program, core.path).stdout
    assert (
        "MemProfileRate is not known: the figures are of the sampled objects alone" in " ".join(text.split())
    ) != known
    without = shell.inside("blame", core.path).stdout
    assert "functions have no names without the executable" in " ".join(without.split())


def test_what_a_collection_has_found_dead_is_not_alive(go_minor: str) -> None:
    """Before it is swept; its stack is still there."""
    core = made(go_minor, "-rate", "1", "-unswept")
    session = open_session([str(core.executable), str(core.path)])
    assert session.heap.spans.unswept.sum() > 500
    left = len(noted(session, "Records"))
    found = by_function(asked("--by", "stack", core.executable, core.path))["main.index"]
    assert left == 5000
    assert left <= found[0] == found[1] <= left + 5
    sampled = session.heap.sampled_objects
    assert sampled is not None
    assert len(sampled.row) > 10_000


@pytest.mark.ends
def test_no_samples(go_minor: str) -> None:
    """A line says it, and the bitmaps tell what they can."""
    core = made(go_minor, "-rate", "0")
    answer = asked(core.executable, core.path)
    assert (answer["rate"], answer["estimated"]) == (0, False)
    assert {row["stranded_error_bytes"] for row in answer["sites"]} <= {None}
    assert answer["classes"][0]["elemsize"] == 96
    assert answer["classes"][0]["stranded_bytes"] > 4 << 20
    for row in answer["covered"]:
        assert (row["share"], row["error"], row["unattributed"]) == (None, None, None)
    text = " ".join(shell.inside("blame", core.executable, core.path).stdout.split())
    assert "MemProfileRate is 0: what the program allocates is not sampled" in text
    assert "the bitmaps tell which span classes strand most" in text
    refused = shell.inside("blame", "--by", "class", "--sort", "cum_spans", core.executable, core.path)
    assert refused.status == 2
    assert "invalid --sort cum_spans: classes have no such column" in refused.stderr


def resampled(session: Session, rate: int, seed: int) -> Any:
    """Return the answer as if the runtime had sampled at this rate: each object with the probability that it would have."""
    heap = session.heap
    every = attrs.evolve(heap.sampled_objects)
    size = every.size[every.bucket]
    some = np.random.default_rng(seed).random(len(size)) < 1 - np.exp(-size / rate)
    chosen = attrs.evolve(
        every, row=every.row[some], offset=every.offset[some], bucket=every.bucket[some], rate=rate
    )
    values = heap.trail._values  # what was read stays, but for this part
    before = dict(values)
    values["sampled_objects"] = chosen
    values.pop("blame", None)
    command = find("blame")
    assert command is not None
    found = answers.document(session, command, parse(command, ["--limit", "0"]))
    values.clear()
    values.update(before)
    return found


@pytest.mark.parametrize("rate", [300, 20_000])
def test_the_truth_is_within_the_bounds(rate: int) -> None:
    """Of 2,000 sessions some 500 are sampled, or 10. The seeds are fixed, so that it is the same in every run."""
    core = made(toolchains.NEWEST, "-rate", "1")
    session = open_session([str(core.executable), str(core.path)])
    session.heap.spans.records.load(["specials"])
    command = find("blame")
    assert command is not None
    truth = answers.document(session, command, parse(command, ["--limit", "0"]))
    assert blame(session.heap) is not None
    exact = {row["function"]: row for row in truth["sites"]}
    runs, within, sums = 300, defaultdict(int), defaultdict(float)
    for seed in range(runs):
        answer = resampled(session, rate, seed)
        rows = {row["function"]: row for row in answer["sites"]}
        for function in ("main.keep", "main.index"):
            for name, error, low, high in (
                ("stranded_bytes", "stranded_error_bytes", "stranded_low_bytes", "stranded_high_bytes"),
                ("alive_bytes", "alive_error_bytes", "alive_low_bytes", "alive_high_bytes"),
                ("spans", "spans_error", "spans_low", "spans_high"),
            ):
                if function == "main.index" and name == "stranded_bytes":
                    continue  # a few objects of its last span strand all of it: samples seldom see any of them
                value = exact[function][name]
                row = rows.get(function, {name: 0, error: 0, low: 0, high: 0})
                within[function, name] += row[low] <= value <= row[high]
                sums[function, name] += row[name]
        for row in answer["covered"]:
            within["all", row["of"]] += (
                row["low"]
                <= next(each["attributed"] for each in truth["covered"] if each["of"] == row["of"])
                <= row["high"]
            )
            assert 0 <= row["unattributed_low"] <= row["unattributed_high"] <= row["whole"]
            assert row["attributed"] <= row["whole"] + answer["stacks"]  # each is rounded
    assert {name: count for name, count in within.items() if count < 0.92 * runs} == {}
    for (function, name), total in sums.items():
        # What is more than there is in the class is no estimate: with few samples the mean is less than the truth.
        if exact[function][name]:
            mean = total / runs / exact[function][name]
            assert (0.97 if rate == 300 else 0.8) < mean < 1.01, (function, name)


@pytest.mark.live
@pytest.mark.ends
def test_the_runtime_samples_as_theory_says(go_minor: str) -> None:
    """Four processes together, whose own samples are drawn by luck: by seven standard errors they are not off in a billion years."""
    program, rows = programs.build("stranded", go_minor), []
    for _ in range(4):
        with processes.start(program, "-rate", "512", "-end", "sleep", env={"GOMAXPROCS": "1"}) as running:
            running.line()
            found = asked("--pid", running.pid)["sites"]
        rows.append({row["function"]: row for row in found})
    for function, objects, size in (("main.keep", 2000, 96), ("main.index", 10_000, 48)):
        some = [each[function] for each in rows]
        error = sum(row["alive_error_bytes"] ** 2 for row in some) ** 0.5
        assert abs(sum(row["alive_bytes"] for row in some) - 4 * objects * size) < 7 * error
        assert 0 < error < 0.05 * 4 * objects * size
        assert all(row["samples"] < objects for row in some)


@pytest.fixture
def file(core: cores.Core, tmp_path: Path) -> Iterator[Path]:
    said = shell.inside("blame", "--pprof", tmp_path / "kept.pb.gz", core.executable, core.path)
    assert f"wrote {tmp_path / 'kept.pb.gz'}" in said.stdout
    return tmp_path / "kept.pb.gz"


def top(toolchain: Toolchain, *words: Any) -> list[tuple[str, int, int]]:
    """Return what go tool pprof -top shows: names, flat and cum."""
    said = pprofs.pprof(toolchain, "-top", "-unit=B", "-nodefraction=0", "-nodecount=1000", *words)
    lines = said.splitlines()
    head = next(i for i, line in enumerate(lines) if line.lstrip().startswith("flat"))
    rows = [line.split(None, 5) for line in lines[head + 1 :]]
    return [
        (row[5].removesuffix(" (inline)"), *(int(float(row[i].rstrip("B"))) for i in (0, 3))) for row in rows
    ]


@pytest.mark.ends
def test_go_tool_pprof_shows_the_same(core: cores.Core, toolchain: Toolchain, file: Path) -> None:
    for name, key in (("stranded", "stranded_bytes"), ("alive", "alive_bytes")):
        answer = asked("--sort", f"cum_{key}", core.executable, core.path)["sites"]
        shown = top(toolchain, f"-sample_index={name}", file)
        expected = {row["function"]: (row[key], row[f"cum_{key}"]) for row in answer if row[f"cum_{key}"]}
        assert {row[0]: row[1:] for row in shown} == expected
        flat = asked("--sort", key, core.executable, core.path)["sites"]
        values = [row[key] for row in flat if row[key]]
        assert [row[1] for row in shown][: len(values)] == values
        assert shown[0][0] == flat[0]["function"]
    assert top(toolchain, file) == top(toolchain, "-sample_index=stranded", file)
    spans = {row[0]: row[1] for row in top(toolchain, "-sample_index=spans", file)}
    rows = {row["function"]: row["spans"] for row in asked(core.executable, core.path)["sites"]}
    assert abs(spans["main.keep"] - rows["main.keep"]) < 1
    assert abs(sum(spans.values()) - sum(rows.values())) < 1
    assert "accounting for 0" in pprofs.pprof(toolchain, "-top", f"-base={file}", file).lower()


@pytest.mark.ends
def test_lines_and_mappings_are_in_the_file(core: cores.Core, file: Path) -> None:
    found = pprofs.read(file.read_bytes())
    assert found.mappings[0].file == str(core.executable)
    assert found.named[0]
    calls = {call.function: call for place in found.calls.values() for call in place}
    source = (Path(programs.PROGRAMS) / "stranded" / "main.go").read_text().splitlines()
    for function, text in (("main.keep", "return &session"), ("main.inner", "return make")):
        call = calls[function]
        assert call.line is not None
        assert text in source[call.line - 1]
        assert (call.file or "").endswith("stranded/main.go")
    assert (found.period, found.period_type) == (1, ("space", "bytes"))
    assert found.default_sample_type == "stranded"


@pytest.mark.ends
def test_damage_is_no_figure(core: cores.Core, tmp_path: Path) -> None:
    """A bucket that is none, and a special that leads nowhere: what they were is not known, and all else is as it was."""
    whole = asked(core.executable, core.path)
    session = open_session([str(core.executable), str(core.path)])
    heap, layout = session.heap, session.heap.layout
    row = int(np.flatnonzero(heap.spans.in_use & (heap.spans.records["specials"] != 0))[0])
    special = int(heap.spans.records["specials"][row])
    sampled = heap.sampled_objects
    assert sampled is not None
    copy = damage.CopiedCore(core.path, tmp_path / "copy")
    try:
        bucket = damage.value_at(heap, special + layout["specialprofile"]["b"].offset, 8)
        with copy.changed((bucket + layout["bucket"]["typ"].offset, (3).to_bytes(8, "little"))):
            answer = asked(core.executable, copy.path)
        assert 0 < answer["lost"] < whole["samples"]
        assert not answer["all_read"]
        with copy.changed((special + layout["special"]["next"].offset, (8).to_bytes(8, "little"))):
            cut = asked(core.executable, copy.path)
        assert not cut["all_read"]
        assert cut["samples"] <= whole["samples"]
    finally:
        copy.path.unlink()


@pytest.mark.ends
def test_types_of_what_was_allocated(core: cores.Core, go_minor: str, tmp_path: Path) -> None:
    """Each of these functions makes objects of one type; nothing else of the answer is another one.

    What leads to these is a slice, whose elements know their type since Go 1.22 and without that need its variable's.
    """
    stripped = tmp_path / "stranded"
    subprocess.run(["objcopy", "--strip-all", core.executable, stripped], check=True)
    expected = {"main.keep": "main.session", "main.index": "main.record", "main.inner": "[]uint8"}
    plain = asked("--by", "function", core.executable, core.path)
    for program in (stripped,) * (go_minor != toolchains.OLDEST) + (core.executable,):
        answer = asked("--by", "function", "--types", program, core.path)
        assert answer["described"]
        rows = {row["function"]: row for row in answer["sites"]}
        for function, name in expected.items():
            row = rows[function]
            assert (row["type"], row["other_types"]) == (name, 0), row
            assert 0.9 * row["samples"] < row["type_samples"] <= row["samples"]
        for row in answer["sites"]:
            assert (row["type"] is None) == (row["type_samples"] == 0)
    assert plain["described"] is None
    new = ("type", "type_samples", "other_types")
    assert all(row[name] is None for row in plain["sites"] for name in new)
    assert [{**row, **dict.fromkeys(new)} for row in answer["sites"]] == plain["sites"]
    (stack,) = (
        row
        for row in asked("--by", "stack", "--types", core.executable, core.path)["sites"]
        if row["function"] == "main.keep"
    )
    assert (stack["type"], stack["type_samples"]) == ("main.session", rows["main.keep"]["type_samples"])
    text = shell.inside("blame", "--types", "--by", "stack", core.executable, core.path).stdout
    assert "of type main.session" in " ".join(text.split())
    alone = shell.inside("blame", "--types", core.path).stdout
    assert "types are not known without the executable" in alone


@pytest.mark.ends
def test_types_need_the_contents_of_objects(core: cores.Core, tmp_path: Path) -> None:
    snapshot = tmp_path / "heap.gospan"
    assert shell.inside("snapshot", snapshot, core.executable, core.path).status == 0
    for words, line in (
        (
            ["--types", snapshot],
            "blame --types needs the contents of objects, which a snapshot does not hold (try: ",
        ),
        (["--types", "--by", "class", snapshot], "blame --types needs the contents of objects"),
        (
            ["--types", "--by", "class", core.executable, core.path],
            "blame: --types does not apply to --by class (try: ",
        ),
    ):
        said = shell.inside("blame", *words)
        assert said.status in (2, 3)
        assert said.stderr.startswith(f"go-spans: {line}")
        assert said.stderr.count("\n") == 1


@pytest.mark.live
def test_types_of_a_process() -> None:
    program = programs.build("stranded", toolchains.NEWEST)
    with processes.start(program, "-rate", "1", "-end", "sleep") as running:
        running.line()
        said = shell.inside("blame", "--types", "--json", "--max-pause", "0", "--pid", running.pid)
    assert said.status == 0
    assert said.stderr.startswith(f"go-spans: blame pauses process {running.pid} for about ")
    answer = json.loads(said.stdout)
    (row,) = (row for row in answer["sites"] if row["function"] == "main.keep")
    assert (row["type"], row["other_types"]) == ("main.session", 0)
    assert answer["target"]["pause_ms"] > 0


@pytest.mark.ends
def test_a_rate_that_tells_nothing_and_stacks_of_nothing(core: cores.Core, tmp_path: Path) -> None:
    """MemProfileRate may be math.MaxInt, which turns sampling off, or damaged; a stack that is empty has no place."""
    session = open_session([str(core.executable), str(core.path)])
    heap, copy = session.heap, damage.CopiedCore(core.path, tmp_path / "copy")
    try:
        with copy.changed((heap.symbols["MemProfileRate"], (2**63 - 1).to_bytes(8, "little"))):
            answer = asked(core.executable, copy.path)
            profile = shell.inside("profile", "--json", core.executable, copy.path)
            text = shell.inside("blame", core.executable, copy.path).stdout
        assert (answer["rate"], answer["estimated"]) == (2**63 - 1, False)
        assert (
            answer["sites"][0]["stranded_bytes"]
            == asked(core.executable, core.path)["sites"][0]["stranded_bytes"]
        )
        assert answer["sites"][0]["stranded_error_bytes"] is None
        assert not json.loads(profile.stdout)["totals"]["scaled"]
        assert "MemProfileRate is so large that nothing is sampled" in " ".join(text.split())
        with contextlib.ExitStack() as stack:
            stack.enter_context(
                copy.changed((heap.symbols["MemProfileRate"], (1 << 30).to_bytes(8, "little")))
            )
            for at, value in _counts(heap, 1 << 62):
                stack.enter_context(copy.changed((at, value.to_bytes(8, "little"))))
            said = shell.inside("profile", "--json", core.executable, copy.path)
        assert (said.status, said.stderr) == (0, "")
        assert json.loads(said.stdout)["totals"]["inuse_bytes"] > 1 << 61
        with contextlib.ExitStack() as stack:
            for bucket in _buckets(heap):
                stack.enter_context(copy.changed((bucket + heap.layout["bucket"]["nstk"].offset, bytes(8))))
            answer = asked("--by", "class", core.executable, copy.path)
        assert answer["samples"] > 0
        assert {row["function"] for row in answer["classes"]} == {None}
    finally:
        copy.path.unlink()


def _counts(heap: Heap, nbytes: int) -> Iterator[tuple[int, int]]:
    """Yield where one bucket has how much its stack has allocated, and the figures for so many bytes."""
    layout, bucket = heap.layout, _buckets(heap)[0]
    depth, size = (
        damage.value_at(heap, bucket + layout["bucket"][name].offset, 8) for name in ("nstk", "size")
    )
    active = bucket + layout["bucket"].size + 8 * depth + layout["memRecord"]["active"].offset
    for name, value in (("allocs", nbytes // size), ("alloc_bytes", nbytes)):
        if name in layout["memRecordCycle"]:  # the bytes up to some release
            yield active + layout["memRecordCycle"][name].offset, value


def _buckets(heap: Heap) -> list[int]:
    """Return where the buckets of the sampled objects are."""
    heads = heap.spans.records["specials"]
    found = specials_of(heap.reader, heads[heads != 0])
    kinds = {name: number for number, name in heap.layout.traits.special_kinds.items()}
    where = found.address[found.kind == kinds["profile record"]]
    field = heap.layout["specialprofile"]["b"].offset
    pointers: list[int] = np.unique(heap.reader.pointers(where + np.uint64(field))[0]).tolist()
    return pointers


def test_a_snapshot_of_an_older_release_says_so() -> None:
    """It has the specials of sampled objects, and not where their stacks are."""
    session = images.load("1.27-frag").session()
    command = find("blame")
    assert command is not None
    answer = answers.document(session, command, parse(command, []))
    assert not answer["found"]
    assert (answer["samples"], answer["sites"], answer["rate"]) == (0, [], None)
    assert answer["classes"]
    assert answer["unreadable"]["bytes"] == 0


@pytest.mark.ends
def test_doctor_names_who_allocated_what_strands_most(go_minor: str) -> None:
    core = made(go_minor, "-rate", "4096", "-burst", "1500000", "-usual")
    said = json.loads(shell.inside("doctor", "--json", core.executable, core.path).stdout)
    (found,) = (each for each in said["verdicts"] if each["code"] == "class-waste")
    evidence = {each["name"]: each["text"] or each["number"] for each in found["evidence"]}
    (worst,) = (row for row in asked(core.executable, core.path)["sites"] if row["function"] == "main.keep")
    assert evidence["stranded_in"] == "main.keep"
    assert evidence["stranded_bytes"] == pytest.approx(worst["stranded_bytes"], abs=100)
    text = " ".join(shell.inside("doctor", core.executable, core.path).stdout.split())
    assert "Objects that main.keep allocated strand about" in text
    none = made(go_minor, "-rate", "0", "-burst", "1500000", "-usual")
    assert "main.keep" not in shell.inside("doctor", none.executable, none.path).stdout


@pytest.mark.ends
def test_show_says_who_allocated_an_object(core: cores.Core, tmp_path: Path) -> None:
    """Of those that the program has noted, by their function; live, from a snapshot and stripped alike; else nothing."""
    session = forms.open_in(core, "full")
    snapshot, stripped = tmp_path / "heap.gospan", tmp_path / "stranded"
    assert shell.inside("snapshot", snapshot, core.executable, core.path).status == 0
    subprocess.run(["objcopy", "--strip-all", core.executable, stripped], check=True)
    for function, name in LINES.items():
        address = hex(noted(session, name)[0])
        for target in ([core.executable, core.path], [snapshot], [stripped, core.path]):
            said = shell.inside("show", address, "--json", *target)
            assert said.status == 0, said.stderr
            calls = json.loads(said.stdout)["allocated_by"]
            names = [call.split()[0] for call in calls]
            assert function in names[:2], (function, target)  # main.load calls another one
            assert names[-1] == "runtime.main", (function, target)
    assert f"  allocated {function} " in shell.inside("show", address, core.executable, core.path).stdout
    other = cores.kernel_core(programs.build("owned", toolchains.NEWEST))
    boxes = json.loads(
        shell.inside("owners", "--json", "--root", "main.single", other.executable, other.path).stdout
    )
    said = shell.inside("show", boxes["owners"][1]["address"], "--json", other.executable, other.path)
    assert json.loads(said.stdout)["allocated_by"] is None
