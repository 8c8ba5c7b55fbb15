"""Go programs for arm64, run by qemu: exact in every form, in the shell and in a gdb that knows the architecture."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, forms, gdbs, guests, programs, toolchains
from tools.proofs import assert_proven, memstats_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.cores import Core

pytestmark = pytest.mark.toolchain

SMALL = ("-objects", "2000")

#: What is asked in gdb: it starts anew for each form.
ASKED = ("summary", "check", "classes", "central", "fixalloc", "cache", "pages", "gc", "stacks", "memstats")


@pytest.fixture(scope="session")
def core(guest_minor: str) -> Core:
    return cores.guest_core("arm64", programs.build("frag", guest_minor, goarch="arm64"), *SMALL)


def test_every_figure_is_proven(core: Core) -> None:
    answers = dict(forms.answers(forms.open_in(core, "full")))
    assert_proven(answers, core.stdout)
    assert answers["summary"]["go"]["arch"] == "arm64"


@pytest.mark.parametrize("form", forms.FORMS[1:])
def test_without_symbols(core: Core, form: str) -> None:
    forms.compare(core, form)


@pytest.mark.parametrize(
    "state", [("-cached", "-tiny", "500"), ("-unswept",), ("-goroutines", "50", "-stacks", "5")]
)
def test_in_other_states(guest_minor: str, state: tuple[str, ...]) -> None:
    program = programs.build("corners", guest_minor, goarch="arm64")
    forms.compare(cores.guest_core("arm64", program, *state), "none")


@pytest.mark.gdb
@pytest.mark.parametrize("form", forms.FORMS)
def test_gdb_says_what_the_shell_says(core: Core, form: str) -> None:
    lines = [" ".join(["go-spans", name, *forms.FULL.get(name, []), "--json"]) for name in ASKED]
    said = gdbs.run_gdb(guests.multiarch(), lines, exe=forms.executable(core, form), core=core.path)
    assert said.stderr == [""] * len(lines)
    found = [json.loads(text) for text in said.stdout]
    assert {document["layout"]["source"] for document in found} == {forms.SOURCES[form]}
    shell = dict(forms.answers(forms.open_in(core, "full")))
    for name, document in zip(ASKED, found, strict=True):
        wanted = forms.without_unknown(shell[name], document, forms.MAY_BE_UNKNOWN.get(form, ()))
        assert forms.figures(document) == forms.figures(wanted), name


@contextlib.contextmanager
def served(program: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Run a program that qemu stops at its first instruction, and give the port of qemu's gdb server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The gdb server of qemu 7.2 hangs over the signals with which Go preempts goroutines.
    env = {"GOMAXPROCS": "4", "GODEBUG": "asyncpreemptoff=1"}
    command = [guests.qemu("arm64"), "-g", str(port), str(program), *SMALL, "-end", "abort"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield port, running
        finally:
            running.kill()


@pytest.mark.gdb
@pytest.mark.live
def test_a_remote_process() -> None:
    """In qemu's gdb server: refused before the runtime is there, exact at the program's end."""
    program = programs.build("frag", toolchains.NEWEST, goarch="arm64")
    with served(program) as (port, running):
        lines = [
            "set tcp connect-timeout 20",
            f"target remote 127.0.0.1:{port}",
            "go-spans summary",
            "break 'gospan.example/frag/last.abort'",
            "continue",
            "go-spans summary --json",
            "kill",
        ]
        said = gdbs.run_gdb(guests.multiarch(), lines, exe=program)
        assert running.stdout is not None
        printed = json.loads(running.stdout.readline())
    assert "has not set up its heap yet" in said.stderr[2]
    summary: dict[str, Any] = json.loads(said.stdout[5])
    assert {check["status"] for check in summary["checks"]} == {"exact"}
    assert (summary["target"]["kind"], summary["go"]["arch"]) == ("remote", "arm64")
    assert summary["memstats"] == memstats_of(printed)
