"""Go in libraries of a program in C, in plugins, and under the race detector."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, programs, shell, toolchains

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.toolchain
RELEASES = pytest.mark.parametrize("minor", [toolchains.OLDEST, "1.24", toolchains.NEWEST])


def library(minor: str, ldflags: str = "") -> Path:
    return programs.build("shared", minor, buildmode="c-shared", cgo=True, ldflags=ldflags)


def summary(*files: Path) -> dict[str, Any]:
    answer = shell.inside("summary", "--json", *files)
    assert answer.stderr == ""
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@RELEASES
def test_two_libraries_in_a_program_in_c(minor: str) -> None:
    """The figures are those of one of them, and the end of the report says that there is another."""
    host = programs.build_c("host")
    core = cores.kernel_core(host, str(library(minor)), str(library(minor, "-s -w")))
    for files in ([host, core.path], [core.path]):
        found = summary(*files)
        assert {check["status"] for check in found["checks"]} == {"exact"}
        assert len(found["layout"]["signature"]["other_runtimes"]) == 1
        assert found["go"]["version"] == f"go{toolchains.TOOLCHAINS[minor]}"
        kept = sum(row["objects"] for row in found["classes"] if row["elemsize"] == 112)
        assert kept >= 1000
        last = shell.inside("summary", *files).stdout.splitlines()[-2:]  # one fact, wrapped to the width
        assert "one of 2 Go runtimes here" in " ".join(last)


def test_libraries_of_different_releases() -> None:
    host = programs.build_c("host")
    core = cores.kernel_core(host, str(library(toolchains.NEWEST)), str(library(toolchains.OLDEST)))
    found = summary(host, core.path)
    assert {check["status"] for check in found["checks"]} == {"exact"}
    assert len(found["layout"]["signature"]["other_runtimes"]) == 1


@RELEASES
def test_one_library_is_one_runtime(minor: str) -> None:
    host = programs.build_c("host")
    found = summary(host, cores.kernel_core(host, str(library(minor))).path)
    assert {check["status"] for check in found["checks"]} == {"exact"}
    assert found["layout"]["signature"]["other_runtimes"] == []


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_a_plugin_shares_the_runtime(minor: str) -> None:
    plugged = programs.build("plugged", minor, cgo=True)
    core = cores.kernel_core(
        plugged, "-plugin", str(programs.build("plug", minor, buildmode="plugin", cgo=True))
    )
    for files in ([plugged, core.path], [core.path]):
        found = summary(*files)
        assert {check["status"] for check in found["checks"]} == {"exact"}
        assert found["memstats"]["HeapAlloc"] == core.stdout["HeapAlloc"]
        assert found["layout"]["signature"] is None or found["layout"]["signature"]["other_runtimes"] == []


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_a_race_build(minor: str) -> None:
    """With its debug information; without, the figures are the same, or it is refused in one sentence."""
    frag = programs.build("frag", minor, cgo=True, race=True)
    core = cores.kernel_core(frag, "-objects", "2000")
    found = summary(frag, core.path)
    assert {check["status"] for check in found["checks"]} == {"exact"}
    assert found["memstats"]["HeapAlloc"] == core.stdout["HeapAlloc"]
    alone = shell.inside("summary", "--json", core.path)
    if alone.status:
        assert alone.stderr.count("\n") == 1
        assert alone.stderr.startswith("go-spans: frag is a Go program ")
    else:
        without = json.loads(alone.stdout)
        assert without["memstats"] == found["memstats"]
        assert without["bytes"] == found["bytes"]
