"""Where the resident memory is: each program has much of one kind, and the sum closes on every one of them."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.memory import pagemap
from gdb_gospan.render.style import Style
from gdb_gospan.reports.catalog import find
from tools import cores, gdbs, images, processes, programs, realwork, shell, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

MIB = 1 << 20
CGO = ("malloc", "threads")
SYSTEM_GDB = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")

#: Each mode with a release; together they have the oldest, the newest and some in between.
MODES = (
    ("mmap", toolchains.OLDEST), ("mmap", toolchains.NEWEST), ("malloc", "1.24"), ("malloc", toolchains.NEWEST),
    ("threads", toolchains.OLDEST), ("threads", toolchains.NEWEST), ("burst", "1.22"), ("burst", toolchains.NEWEST),
    ("collapse", "1.25"), ("collapse", toolchains.NEWEST),
)  # fmt: skip
#: The part that each has at least so many bytes of.
MUCH = {
    "mmap": ("anonymous", 190 * MIB),
    "malloc": ("c_arenas", 130 * MIB),
    "threads": ("thread_stacks", 150 * MIB),
    "burst": ("heap_returned", 150 * MIB),
    "collapse": ("heap_returned", 30 * MIB),
}


@contextlib.contextmanager
def standing(mode: str, minor: str, **build: Any) -> Iterator[processes.Running]:
    env = {"GODEBUG": "madvdontneed=0"} if mode == "burst" else None
    program = programs.build("resident", minor, cgo=mode in CGO, **build)
    with processes.start(program, "-mode", mode, env=env) as running:
        said = running.line().strip()
        if said != "ready":
            pytest.skip(f"{mode}: {said}")
        yield running


def rss(*words: object) -> dict[str, Any]:
    answer = shell.inside("rss", "--json", *words)
    assert (answer.status, answer.stderr) == (0, "")
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def parts_of(answer: dict[str, Any], key: str = "resident") -> dict[str, int]:
    return {part["code"]: part[key] for part in answer["parts"]}


def it_closes(answer: dict[str, Any]) -> None:
    """The sum is Rss, next to nothing is unexplained, and the heap is the same both ways, to the byte."""
    parts, kernel = parts_of(answer), answer["kernel"]
    assert sum(parts.values()) == kernel["rss"] > 0
    assert abs(parts["unexplained"]) < kernel["rss"] / 50
    (check,) = [check for check in answer["checks"] if check["code"] == "heap-resident"]
    assert (check["status"], check["observed"]) == ("exact", check["expected"]), check
    states = sum(size for code, size in parts.items() if code.startswith("heap_") and code != "heap_tables")
    assert states + parts["work_buffers"] == kernel["heap_rss"]
    assert all(size >= 0 for size in parts.values())


@pytest.fixture(scope="module", params=[toolchains.OLDEST, "1.23", toolchains.NEWEST])
def plain(request: pytest.FixtureRequest) -> Iterator[processes.Running]:
    with standing("plain", request.param) as running:
        yield running


def test_plain(plain: processes.Running) -> None:
    answer = rss("--pid", plain.pid)
    it_closes(answer)
    parts = parts_of(answer)
    assert parts["anonymous"] < answer["kernel"]["rss"] / 50
    assert parts["c_arenas"] == parts["c_heap"] == parts["other_runtimes"] == 0
    # Slots, classes and parts are the same bytes.
    for key, code in (
        ("objects", "heap_objects"),
        ("free_slots", "heap_free_slots"),
        ("garbage", "heap_garbage"),
    ):
        assert sum(row[key] for row in answer["classes"]) == parts[code]
    mapped = parts_of(answer, "mapped")
    assert all(parts[code] <= most for code, most in mapped.items() if most is not None)


@pytest.mark.parametrize(("mode", "minor"), MODES)
def test_much_of_one_kind(mode: str, minor: str) -> None:
    with standing(mode, minor) as running:
        answer = rss("--pid", running.pid)
        shown = shell.inside("rss", "--pid", running.pid).stdout
    it_closes(answer)
    code, least = MUCH[mode]
    kernel, parts = answer["kernel"], parts_of(answer)
    # What lies in one mapping with the runtime's own can be told from it to a few MiB.
    assert least <= parts[code] < least + 40 * MIB
    assert (
        sum(parts[each] for each in ("anonymous", "c_heap", "c_arenas", "thread_stacks") if each != code)
        < kernel["rss"] / 20
    )
    if mode == "burst":
        assert kernel["lazy_free"] >= parts[code] - MIB
        assert "LazyFree" in shown
    if mode == "collapse":
        assert kernel["huge"] >= 30 * MIB
        assert parts_of(answer, "huge")["heap_returned"] in (None, parts[code])
    assert "unexplained" in shown


def test_a_kernel_without_runs_of_pages(monkeypatch: pytest.MonkeyPatch, plain: processes.Running) -> None:
    """Before Linux 6.7 there is a word for each page, and what may be the page of zeros is said."""
    with processes.stopped(plain.pid):
        with_runs = rss("--pid", plain.pid)
        monkeypatch.setattr(pagemap, "_scanned", lambda _file, _ranges: None)
        answer = rss("--pid", plain.pid)
    (check,) = [check for check in answer["checks"] if check["code"] == "heap-resident"]
    if (
        check["status"] == "unknown"
    ):  # the page of zeros is mapped somewhere, as after a look at a page never touched
        assert check["note"].startswith("this kernel does not tell the page of zeros")
        assert check["observed"] > check["expected"]
    else:
        assert check["status"] == "exact"
        assert parts_of(answer) == parts_of(with_runs)
    assert set(parts_of(answer, "huge").values()) >= {None}


def test_a_damaged_reading_is_broken(monkeypatch: pytest.MonkeyPatch, plain: processes.Running) -> None:
    """The check does not say exact of anything: pages that the kernel did not name are missed."""
    read = pagemap.joined_runs

    def fewer(start, end):
        return read(start[::2], end[::2])

    monkeypatch.setattr(pagemap, "joined_runs", fewer)
    answer = rss("--pid", plain.pid)
    (check,) = [check for check in answer["checks"] if check["code"] == "heap-resident"]
    assert check["status"] == "broken"
    assert parts_of(answer)["unexplained"] > 0


@SYSTEM_GDB
def test_in_gdb(gdb: gdbs.Gdb) -> None:
    """A process that gdb has stopped has the same figures in gdb and in the shell."""
    with standing("plain", toolchains.NEWEST) as running, processes.stopped(running.pid):
        outside = rss("--pid", running.pid)
        (inside,) = map(json.loads, run_gdb(gdb, ["go-spans rss --json"], pid=running.pid).stdout)
    it_closes(inside)
    assert parts_of(inside) == parts_of(outside)


def test_by_snapshot_core_and_a_copy_of_smaps(tmp_path: Path) -> None:
    """A snapshot of a process has all of it; a core has bounds, and what a copy of smaps tells."""
    program = programs.build("resident", toolchains.NEWEST)
    with standing("plain", toolchains.NEWEST) as running:
        with processes.stopped(running.pid):
            live = rss("--pid", running.pid)
            (tmp_path / "smaps").write_bytes(Path(f"/proc/{running.pid}/smaps").read_bytes())
            assert (
                shell.inside("snapshot", tmp_path / "heap.gospan", "--rss", "--pid", running.pid).status == 0
            )
        cores.gcore(running.pid, tmp_path / "core")
    kept = rss(tmp_path / "heap.gospan")
    assert (kept["parts"], kept["kernel"], kept["classes"]) == (
        live["parts"],
        live["kernel"],
        live["classes"],
    )
    assert shell.inside("snapshot", tmp_path / "copy.gospan", "--rss", tmp_path / "heap.gospan").status == 0
    assert rss(tmp_path / "copy.gospan")["parts"] == live["parts"]
    alone = rss(program, tmp_path / "core")
    assert (alone["kernel"], alone["producer"], alone["classes"]) == (None, "gdb", [])
    assert set(parts_of(alone).values()) == {None}
    assert {*parts_of(alone, "mapped")} <= {*parts_of(live, "mapped")}
    with_smaps = rss(program, tmp_path / "core", "--smaps", tmp_path / "smaps")
    parts = parts_of(with_smaps)
    assert sum(parts.values()) == with_smaps["kernel"]["rss"] == live["kernel"]["rss"]
    assert parts["go_heap"] == live["kernel"]["heap_rss"]
    assert parts["unexplained"] == 0
    text = shell.inside("rss", program, tmp_path / "core").stdout
    assert "gdb wrote this core" in text
    assert "what was resident is not recorded" in " ".join(text.split())


def test_a_core_of_the_kernel_has_holes() -> None:
    """What is no hole was in memory or in swap; there is less of it than address space."""
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000", "-cached")
    answer = rss(core.executable, core.path)
    assert answer["producer"] == "kernel"
    recorded, mapped = parts_of(answer, "recorded"), parts_of(answer, "mapped")
    assert 0 < recorded["heap_objects"] < mapped["heap_objects"]
    assert all(recorded[code] <= most for code, most in mapped.items())


def test_two_runtimes() -> None:
    """Of either one: the heap of the other is no part of C's, nor of its threads' stacks, for the sum closes.

    What the other has besides, its metadata, is anonymous memory, with the host's own: only its own report tells them apart.
    """
    libraries = [
        f"{programs.library(name, minor)}:{objects}:4000"
        for name, minor, objects in (
            ("libold.so", toolchains.OLDEST, 9000),
            ("libnew.so", toolchains.NEWEST, 5000),
        )
    ]
    python = Path(sys.executable).resolve()
    with processes.start(
        python, "-c", (programs.PROGRAMS / "host.py").read_text(), *libraries, "-end", "sleep"
    ) as running:
        running.line()
        with processes.stopped(running.pid):
            seen = {name: rss("--pid", running.pid, "--runtime", name) for name in ("libold.so", "libnew.so")}
    for name, answer in seen.items():
        it_closes(answer)
        parts = parts_of(answer)
        other = parts_of(seen["libold.so" if name == "libnew.so" else "libnew.so"])
        heap = sum(size for code, size in other.items() if code.startswith("heap_") and code != "heap_tables")
        assert parts["other_runtimes"] == heap + other["work_buffers"]


def test_a_stripped_server_of_a_distribution() -> None:
    with tempfile.TemporaryDirectory() as folder, realwork.at_work("prometheus", Path(folder)) as busy:
        answer = rss("--pid", busy.running.pid)
    assert answer["layout"]["source"] == "none"
    it_closes(answer)
    assert parts_of(answer)["text"] > 10 * MIB
    assert parts_of(answer)["anonymous"] < answer["kernel"]["rss"] / 50


def test_the_first_screen_is_short(plain: processes.Running) -> None:
    answer = rss("--pid", plain.pid)
    command = find("rss")
    assert command is not None
    for width in (40, 80, 120):
        lines = images.text(command, answer, Style(width=width)).splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) <= 24 or width < 80
        assert any("unexplained" in line for line in lines)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("/proc/self/maps", "is it a copy of /proc/PID/maps?"),
        ("/dev/null", "it has no mapping"),
        ("/nowhere", "no such file"),
    ],
)
def test_what_is_no_smaps_is_refused(what: str, why: str) -> None:
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000", "-cached")
    answer = shell.inside("rss", core.executable, core.path, "--smaps", what)
    assert answer.status == 3
    assert answer.stderr.count("\n") == 1
    assert why in answer.stderr
