"""doctor names the cause of each program of examples/lab first, and nothing where there is none."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.targets import core as coredump
from gdb_gospan.targets import snapshot
from tools import answers, cores, gdbs, processes, programs, shell, toolchains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gdb_gospan.analysis.session import Session

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

NAMES = sorted(each.parent.name for each in programs.LAB.glob("*/main.go"))
HEALTHY = tuple(name for name in NAMES if name.startswith("healthy"))

#: Releases that each program runs with: together the oldest, the newest, and those in which the runtime changed most.
LIVE = (toolchains.OLDEST, "1.22", "1.25", "1.26", toolchains.NEWEST)
CORES = (toolchains.OLDEST, "1.25", toolchains.NEWEST)

#: What a core tells less of: it does not have the kernel's word for each mapping.
OF_A_CORE = {
    "c-heap": "beyond-go",
    "c-threads": "beyond-go",
    "anonymous-memory": "beyond-go",
    "program-data": "beyond-go",
    "shared-memory": "beyond-go",
    "huge-pages": "returned-resident",
}
#: A core does not hold pages of files, unless somebody asks the kernel for them.
NOT_IN_A_CORE = ("mapped-files",)

#: Other verdicts that are true, too: those may be the second.
ALSO: dict[str, set[str]] = {}


def build(name: str, minor: str, ldflags: str = "") -> Path:
    if name == "user-arenas" and minor == "1.19":
        pytest.skip("user arenas came with Go 1.20")
    experiments = "arenas" if name == "user-arenas" else ""
    return programs.build(
        f"lab/{name}", minor, ldflags=ldflags, cgo=name.startswith("c-"), experiments=experiments
    )


def wanted(name: str) -> str:
    return "healthy" if name in HEALTHY else name


def holds(answer: dict[str, Any], code: str, name: str) -> None:
    """The verdict is the first, no other one is false, and no byte is explained twice or out of nothing."""
    codes = [each["code"] for each in answer["verdicts"]]
    assert codes[0] == code
    assert set(codes[1:2]) <= ALSO.get(name, set())
    explained = sum(each["bytes"] or 0 for each in answer["verdicts"])
    assert explained == answer["explained"] <= answer["total"]
    rest = sum(each["bytes"] for each in answer["rest"])
    assert abs(explained + rest - answer["total"]) <= answer["total"] / 50
    assert [each for each in answer["checks"] if each["status"] == "broken"] == []


def doctor(session: Session) -> dict[str, Any]:
    command = find("doctor")
    assert command is not None
    return answers.document(session, command, parse(command, []))


@pytest.fixture(scope="module", params=[(name, minor) for name in NAMES for minor in LIVE], ids="-go".join)
def standing(request: pytest.FixtureRequest) -> Iterator[tuple[str, processes.Running]]:
    """A program in its state, at the same place for all tests of it."""
    name, minor = request.param
    with processes.start(build(name, minor)) as running:
        said = running.line().strip()
        if said != "ready":
            pytest.skip(f"{name}: {said}")
        yield name, running


def test_live(standing: tuple[str, processes.Running], tmp_path: Path) -> None:
    """By the process itself, and by a snapshot that knows what was resident."""
    name, running = standing
    answer = shell.inside("doctor", "--json", "--pid", running.pid)
    assert (answer.status, answer.stderr) == (0, "")
    live = json.loads(answer.stdout)
    holds(live, wanted(name), name)
    shown = shell.inside("doctor", "--pid", running.pid)
    assert shown.stdout.splitlines()[1].startswith(f"1. {wanted(name)}")
    file = tmp_path / "heap.gospan"
    assert shell.inside("snapshot", file, "--rss", "--pid", running.pid).status == 0
    kept = doctor(snapshot.open_session(os.fspath(file)))
    holds(kept, wanted(name), name)
    first, again = (each["verdicts"][0] for each in (live, kept))
    assert again["sure"] == first["sure"]
    assert words(again) == words(first)


def words(verdict: dict[str, Any]) -> dict[str, Any]:
    """What it rests on: the names, and which figures are known; the figures of a process move."""
    return {each["name"]: (each["text"], each["number"] is None) for each in verdict["evidence"]}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_IN_A_CORE])
@pytest.mark.parametrize("minor", CORES)
def test_by_core(name: str, minor: str, tmp_path: Path) -> None:
    executable = build(name, minor)
    core = cores.aborted(executable, tmp_path)
    try:
        answer = doctor(coredump.open_session([os.fspath(executable), os.fspath(core)]))
    finally:
        core.unlink()
    holds(answer, OF_A_CORE.get(name, wanted(name)), name)
    assert answer["outside_known"]


#: Public reports with more than one cause: what doctor must say in its first lines.
REPORTED = {
    "outside": [r"1\. c-heap: 1[67]\d MiB, \d\d\.\d % of RSS", r"2\. anonymous-memory: 10\d MiB, "],
    "stacks": [
        r"1\. deep-stacks: 1\d\d MiB, .* 3 goroutines with deep stacks have 192 MiB of 286 MiB; .* mostly of main\.walk\.",
        r"2\. goroutine-leak: 94\.4 MiB, .* \(possible\) 1,500 goroutines started in main\.stacks ",
    ],
}


@pytest.mark.parametrize("minor", ["1.22", toolchains.NEWEST])
@pytest.mark.parametrize("mode", REPORTED)
def test_reports_of_several_causes(mode: str, minor: str) -> None:
    with processes.start(programs.build("reported", minor, cgo=mode == "outside"), "-mode", mode) as running:
        assert running.line().strip() == "ready"
        answer = shell.inside("doctor", "--pid", running.pid)
    assert (answer.status, answer.stderr) == (0, "")
    said = " ".join(answer.stdout.split())
    for line in REPORTED[mode]:
        assert re.search(line, said), answer.stdout


def test_a_core_with_a_copy_of_smaps(tmp_path: Path) -> None:
    """It has the whole process then, and not only what the kernel wrote; the copy must be of the same process."""
    executable, copy = build("c-heap", toolchains.NEWEST), tmp_path / "smaps"
    with processes.start(executable, env={"GOTRACEBACK": "crash"}, cwd=tmp_path, core=True) as running:
        running.line()
        copy.write_bytes(Path(f"/proc/{running.pid}/smaps").read_bytes())
        refused = shell.inside("doctor", "--smaps", copy, "--pid", running.pid)
        cores.kill(running, tmp_path, tmp_path / "core")
    answer = shell.inside("doctor", "--smaps", copy, "--json", executable, tmp_path / "core")
    document = json.loads(answer.stdout)
    holds(document, "c-heap", "c-heap")
    assert document["base"] == "rss"
    (tmp_path / "core").unlink()
    assert (refused.status, refused.stdout) == (2, "")
    assert "--smaps is for a core or a snapshot" in refused.stderr


def test_smaps_of_another_process_are_refused(tmp_path: Path) -> None:
    """Its heap lacks what this one has: all begin at the same address."""
    small, file = tmp_path / "small", tmp_path / "heap.gospan"
    with processes.start(build("c-heap", toolchains.NEWEST)) as running:
        running.line()
        small.write_bytes(Path(f"/proc/{running.pid}/smaps").read_bytes())
    with processes.start(build("goroutine-leak", toolchains.NEWEST)) as running:
        running.line()
        assert shell.inside("snapshot", file, "--pid", running.pid).status == 0
    for report in ("rss", "doctor"):
        answer = shell.inside(report, "--smaps", small, file)
        assert (answer.status, answer.stdout) == (3, "")
        assert "B of the Go heap are not mapped in it (is it of another process?)" in answer.stderr


@pytest.mark.parametrize("name", ["idle-retained", "limit-thrashing", "unswept"])
def test_by_a_debugger_that_reads_but_once(name: str) -> None:
    """In gdb and through Delve nothing is rehearsed: what a rule needs is read before the end of the stop, or it raises."""
    commands = ["go-spans summary", "go-spans doctor"]
    with processes.start(build(name, toolchains.NEWEST)) as running:
        running.line()
        said = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), commands, pid=running.pid)
    assert said.stderr == ["", ""]
    assert f"Verdict    {name}: " in said.stdout[0]
    assert said.stdout[1].splitlines()[1].startswith(f"1. {name}")


#: Of these the causes have names and figures that a stripped program does not give away so easily.
STRIPPED = (
    "finalizers-stuck",
    "goroutine-leak",
    "deep-stacks",
    "limit-thrashing",
    "p-hoard",
    "healthy-server",
)


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
@pytest.mark.parametrize("name", STRIPPED)
def test_stripped(name: str, minor: str) -> None:
    with processes.start(build(name, minor, "-s -w")) as running:
        running.line()
        answer = shell.inside("doctor", "--json", "--pid", running.pid)
    assert (answer.status, answer.stderr) == (0, "")
    document = json.loads(answer.stdout)
    holds(document, wanted(name), name)
    named = {
        "finalizers-stuck": "main.main.func1",
        "goroutine-leak": "main.handle",
        "deep-stacks": "main.walk",
    }
    assert named.get(name, "") in document["verdicts"][0]["cause"]
