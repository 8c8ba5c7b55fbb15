"""Cores that are not whole, in a shell: every figure is a bound that holds, or one sentence says what is missing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.memory.elfcore import CoreFile
from gdb_gospan.reports.catalog import COMMANDS
from gdb_gospan.targets.core import open_session
from tools import cores, forms, gdbs, processes, programs, shell, toolchains
from tools.questions import NEEDED

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.toolchain
RELEASES = pytest.mark.parametrize("minor", [toolchains.OLDEST, "1.24", toolchains.NEWEST])
FORMS = ("full", "none")

#: Accounts and counts that come from walking what there is: of a part there is no more than of all.
WALKED = ("objects", "garbage_unswept", "free_slots", "span_metadata", "tail", "idle_retained", "idle_released",
          "stacks", "work_buffers")  # fmt: skip
COUNTED = ("in_use", "manual", "stack", "work_buffer", "user_arena", "dead", "needzero", "cached", "unswept")
NEITHER = re.compile(r"go-spans: \S+ is cut off, ([\d,]+) bytes are missing: .*\(try: ")


def frag(minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("frag", minor), "-objects", "2000")


def files(core: cores.Core, form: str, file: Path) -> list[Path]:
    executable = forms.executable(core, form)
    return [file] if executable is None else [executable, file]


def points(core: cores.Core) -> list[int]:
    """Return 20 sizes: ten all over the file, and ten where the spans' descriptors are, which come late in it."""
    heap = open_session([str(core.executable), str(core.path)]).heap
    segments = CoreFile(core.path).segments
    row = np.searchsorted(segments.start, heap.spans.addresses, "right") - 1
    at = np.sort(heap.spans.addresses - segments.start[row] + segments.offset[row])
    size = core.path.stat().st_size
    late = [int(at[len(at) * share // 100]) + 77 for share in (0, 30, 50, 60, 70, 80, 90, 95, 98, 99)]
    return sorted([size - 1, *(size * share // 100 for share in range(2, 92, 10)), *late], reverse=True)


def compare(found: dict[str, Any], whole: dict[str, Any], text: str, exact: str) -> str:
    """Say whether these are the figures of all, or bounds; fail when they are neither."""
    statuses = {check["status"] for check in found["checks"]}
    assert statuses <= {"exact", "unknown"}, [c for c in found["checks"] if c["status"] not in statuses]
    whole_figures = not found["unreadable"]["bytes"]
    words = re.sub(r"\s+", " ", text)
    assert words.count("the core is cut off: ") == 1
    assert f"{found['target']['missing']:,} B are missing at its end" in re.sub(r"\s+", " ", exact)
    assert ("no figure of this report needs them" in words) is whole_figures
    if whole_figures:
        keys = ("bytes", "memstats", "spans", "pages", "classes", "fixallocs", "checks")
        assert {key: found[key] for key in keys} == {key: whole[key] for key in keys}
        return "whole"
    assert "unknown" in statuses
    last = "\n".join(text.splitlines()[-5:])
    assert "0 B unreadable" not in last.replace(",", "").split("·")
    assert "cut off" in last
    assert "cannot be checked: part of the memory is missing" in last
    for name, value in found["memstats"].items():  # the runtime's own counters
        assert value is None or value == whole["memstats"][name], name
    less = [name for name in WALKED if found["bytes"][name] != whole["bytes"][name]]
    for name in WALKED:
        assert 0 <= found["bytes"][name] <= whole["bytes"][name], name
    assert found["bytes"]["remainder"] >= whole["bytes"]["remainder"]  # what is not known to be anything
    if less:
        assert found["complete"] is False
        assert "lower bounds" in last
        assert "≥" in text
    spans, wanted = found["spans"], whole["spans"]
    assert spans["descriptors"] == wanted["descriptors"]
    for name in COUNTED:
        assert spans[name] <= wanted[name] <= spans[name] + spans["unreadable"], name
    rows = {row["spanclass"]: row for row in whole["classes"]}
    for row in found["classes"]:
        for name in ("spans", "nelems", "objects", "free_slots", "free_bytes", "tail_bytes"):
            assert row[name] <= rows[row["spanclass"]][name], (row["spanclass"], name)
    return "bounds"


def every_command(names: Sequence[Path]) -> None:
    for command in COMMANDS:
        if command.needs_target and not command.needs_argument:
            answer = shell.inside(command.name, *NEEDED.get(command.name, []), *names)
            assert "internal error" not in answer.stderr
            assert answer.stderr.count("\n") == (answer.stdout == ""), command.name
            unknown = answer.stdout == "" or command.name == "check"
            if command.name != "gate":  # which may know enough
                assert answer.status == (3 if unknown else 0), command.name


@RELEASES
def test_cut_at_twenty_points(minor: str, tmp_path: Path) -> None:
    core = frag(minor)
    whole = json.loads(shell.inside("summary", "--json", core.executable, core.path).stdout)
    copy = tmp_path / "core"
    subprocess.run(["cp", "--sparse=always", str(core.path), str(copy)], check=True)
    cuts, size = points(core), core.path.stat().st_size
    assert len(cuts) == 20
    came = []
    for cut in cuts:
        with copy.open("r+b") as file:
            file.truncate(cut)
        for form in FORMS:
            names = files(core, form, copy)
            answer = shell.inside("summary", "--json", *names)
            if answer.status:
                assert answer.stdout == ""
                assert answer.stderr.count("\n") == 1
                told = NEITHER.match(answer.stderr)
                assert told, answer.stderr
                assert int(told[1].replace(",", "")) == size - cut
                came.append("refused")
            else:
                text, exact = (shell.inside("summary", *more, *names).stdout for more in ((), ("--bytes",)))
                came.append(compare(json.loads(answer.stdout), whole, text, exact))
        if "bounds" in came[-2:] and came.count("bounds") <= 4:
            every_command(names)
    assert came[0] == "whole"
    assert came[-1] == "refused"
    assert set(came) == {"whole", "bounds", "refused"}
    print(minor, {what: came.count(what) for what in set(came)})
    shutil.rmtree(tmp_path)


#: Bits of core(5): 1 anonymous private memory, 2 shared, 4 and 8 the same of files, 0x10 first pages of files, 0x20 and 0x40
#: private and shared huge pages.
@pytest.mark.parametrize(
    ("minor", "bits", "works"),
    [
        (toolchains.OLDEST, 0x21, True), ("1.24", 0x21, True), (toolchains.NEWEST, 0x21, True), (toolchains.OLDEST, 0x10, False),
        (toolchains.NEWEST, 0, False), (toolchains.NEWEST, 0x32, False), (toolchains.NEWEST, 0x3E, False),
    ],
)  # fmt: skip
def test_a_filter_that_drops_pages(minor: str, bits: int, works: bool, tmp_path: Path) -> None:
    program = programs.build("frag", minor)
    script = f"echo {bits:#x} > /proc/$$/coredump_filter; exec {program} -objects 2000 -end abort"
    with (
        cores._core_pattern() as pattern,
        processes.start(Path("/bin/sh"), "-c", script, cwd=tmp_path, core=True) as running,
    ):
        printed = json.loads(running.line())
        running.rest()
    written = cores._find_core(pattern, tmp_path, running.pid)
    assert written is not None
    core = tmp_path / "core"
    shutil.move(written, core)
    for names in ([program, core], [core]):
        answer = shell.inside("summary", "--json", *names)
        if works:
            found = json.loads(answer.stdout)
            assert {check["status"] for check in found["checks"]} == {"exact"}
            assert found["unreadable"]["bytes"] == 0
            assert found["memstats"]["HeapAlloc"] == printed["HeapAlloc"]
        else:
            assert (answer.stdout, answer.status) == ("", 3)
            assert re.fullmatch(
                rf"go-spans: {core} has none of the program's writable memory, [\d,]+ bytes: coredump_filter left it out "
                r"\(try: echo 0x33 > /proc/PID/coredump_filter before the crash; bit 0, .*\)\n",
                answer.stderr,
            )
    if not works and minor == toolchains.NEWEST:
        said = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), ["go-spans summary"], exe=program, core=core)
        assert "has none of the program's writable memory" in said.stderr[0]
    shutil.rmtree(tmp_path)
