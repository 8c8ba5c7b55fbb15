"""Stripped programs that others built, each at work: live, and in cores of the kernel and of gcore."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, gdbs, processes, realwork, realworld, shell
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEM = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")
pytestmark = pytest.mark.live

#: What the executable has no say in.
FIGURES = ("memstats", "spans", "bytes", "pages", "classes", "fixallocs", "mspancache", "unreadable")

#: Go's names of what never shrinks, and those of the program's own metrics.
GROWING = {
    "TotalAlloc": "alloc_bytes_total",
    "Mallocs": "mallocs_total",
    "Frees": "frees_total",
    "Sys": "sys_bytes",
    "MSpanSys": "mspan_sys_bytes",
    "MCacheSys": "mcache_sys_bytes",
}
#: These, too, it knows to the last byte; the others without what lies in the caches of the Ps.
EXACT = ("Sys", "MSpanSys", "MCacheSys")
LARGEST_SPAN = 10 * 8192
"""Bytes of the largest span of small objects (sizeclasses.go)."""


@dataclass
class Seen:
    """What was seen of one program; all captures are of the same run of it.

    Attributes
    ----------
    summaries
        The summary of each capture.
    before, after
        What the program itself said around the capture of the running process, if it does.
    """

    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    def summarise(self, name: str, *words: object) -> None:
        answer = shell.inside("summary", "--json", *words)
        assert answer.stderr == "", name
        self.summaries[name] = json.loads(answer.stdout)


@pytest.fixture(scope="session")
def seen(real_program: str, tmp_path_factory: pytest.TempPathFactory, gdb: gdbs.Gdb) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp(real_program)
    seen = Seen()
    with realwork.at_work(real_program, folder) as busy:
        pid = busy.running.pid
        tells = bool(busy.plan.metrics)
        seen.before = busy.own_figures() if tells else {}
        seen.summarise("live", "--pid", pid)
        seen.after = busy.own_figures() if tells else {}
        steps = busy.steps
        result = run_gdb(gdb, ["go-spans summary --json"], pid=pid)
        assert result.stderr == [""]
        seen.summaries["gdb, live"] = json.loads(result.stdout[0])
        cores.gcore(pid, folder / "gcore")
        until = time.monotonic() + processes.PATIENCE
        while busy.steps <= steps and time.monotonic() < until:  # it goes on after all of that
            time.sleep(0.01)
        assert busy.steps > steps
        cores.kill(busy.running, folder, folder / "kernel")
    for kind in ("gcore", "kernel"):
        seen.summarise(f"{kind} alone", folder / kind)
        seen.summarise(kind, realworld.executable(real_program), folder / kind)
    yield seen
    shutil.rmtree(folder)


def off(summary: dict[str, Any]) -> list[dict[str, Any]]:
    return [check for check in summary["checks"] if check["status"] != "exact"]


def every_identity_is_exact_or_in_flight_by_name(seen: Seen) -> None:
    """A capture may fall into an allocation or a sweep: then a thread is seen there."""
    for name, summary in seen.summaries.items():
        assert len(summary["checks"]) > 30
        # A core alone has no names of functions, so who was in the middle of what is not known.
        named = {"unknown"} if name.endswith("alone") else {"transient"}
        assert {check["status"] for check in off(summary)} <= named, (name, off(summary))
        assert all(check["note"] for check in off(summary))
        assert summary["unreadable"]["bytes"] == 0
        assert summary["spans"]["in_use"] > 50
        assert summary["layout"]["source"] == "none"
        assert summary["layout"]["signature"]["held"] == summary["layout"]["signature"]["pieces"] > 15


def the_version_is_that_of_the_program(seen: Seen, real_program: str) -> None:
    program = realworld.PROGRAMS[real_program]
    for name, summary in seen.summaries.items():
        version = summary["go"]["version"]
        assert version.startswith(program.release)
        if not program.build_information and name.endswith("alone"):
            assert " or " in version  # what lays mheap out like this; its text is in the executable
        else:
            assert " or " not in version


def a_core_without_the_executable_has_the_same_figures(seen: Seen) -> None:
    for kind in ("gcore", "kernel"):
        whole, alone = seen.summaries[kind], seen.summaries[f"{kind} alone"]
        assert {name: alone[name] for name in FIGURES} == {name: whole[name] for name in FIGURES}
        both = [[(c["code"], c["expected"], c["observed"]) for c in one["checks"]] for one in (whole, alone)]
        assert both[0] == both[1]


def what_the_program_says_of_itself(seen: Seen, real_program: str) -> None:
    """It says so a moment before and a moment after; what only grows lies between, whatever it does meanwhile.

    It asks runtime/metrics, which counts the objects of a span only when a P gives it back (metrics.go): that may be
    less than what there is by all the objects in the spans that Ps have, and never more.
    """
    if not seen.before:
        assert real_program not in {"prometheus", "node-exporter", "etcd"}
        return
    ours = seen.summaries["live"]["memstats"]
    for name, theirs in GROWING.items():
        assert seen.before[theirs] <= ours[name], name
    for name in EXACT:
        assert ours[name] <= seen.after[GROWING[name]], name
    in_caches = seen.summaries["live"]["spans"]["cached"] * LARGEST_SPAN
    assert ours["TotalAlloc"] <= seen.after["alloc_bytes_total"] + in_caches
    assert seen.before["alloc_bytes_total"] < seen.after["alloc_bytes_total"]


@SYSTEM
def test_a_program_at_work(seen: Seen, real_program: str) -> None:
    """One test, for the program runs and dies once for all of it."""
    every_identity_is_exact_or_in_flight_by_name(seen)
    the_version_is_that_of_the_program(seen, real_program)
    a_core_without_the_executable_has_the_same_figures(seen)
    what_the_program_says_of_itself(seen, real_program)
