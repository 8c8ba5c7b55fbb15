"""What `go_spans save` writes is enough for every report, and nothing else is taken for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.analysis.verification import IDENTITIES
from gdb_gospan.errors import GoSpansError
from gdb_gospan.targets import core as coredump
from gdb_gospan.targets import delve_save as dlvsaved
from tools import cores, delves, programs, reports, shell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.toolchain
def test_every_report_of_a_saved_heap(go_minor: str, tmp_path: Path) -> None:
    program = programs.build("corners", go_minor)
    core = cores.kernel_core(program, "-tiny", "2000", "-finalizers", "99", "-goroutines", "99", "-cached")
    file = tmp_path / "heap.saved"
    (said,) = delves.run(delves.ensure(delves.NEWEST), [f"go_spans save {file}"], exe=program, core=core.path)
    assert said.startswith("saved ")
    assert said.endswith(f"go-spans summary {file}\n")
    direct = dict(reports.documents(coredump.open_session([str(program), str(core.path)])))
    for name, document in reports.documents(dlvsaved.open_session(str(file))):
        assert figures(document) == figures(direct[name]), name
    unsaved = json.loads(shell.inside("profile", "--json", file).stdout)
    assert (unsaved["totals"], unsaved["sites"]) == (None, [])
    unsaved = json.loads(shell.inside("blame", "--json", file).stdout)
    assert (unsaved["found"], unsaved["sites"], unsaved["unreadable"]["bytes"]) == (False, [], 0)
    for words in (["summary"], ["cache"], ["cache", "0"], ["show", "0xc0ffee00"]):
        got = shell.inside(*words, file)
        nothing_there = words[0] == "show"
        assert got.status == (3 if nothing_there else 0), got.stderr
        assert got.stdout.count("saved by Delve") == 1 - nothing_there


@pytest.mark.toolchain
def figures(document: dict[str, Any]) -> dict[str, Any]:
    """What is there without the numbers of the threads and the scheduler's lists, which are not saved; Delve has one runtime."""
    of_heap = {entry.code for entry in IDENTITIES}
    if document["command"] == "stacks":
        return {key: document[key] for key in ("sizes", "goroutines")}
    if (
        document["command"] == "goroutines"
    ):  # without the executable functions have no names, and the runtime's own are unknown
        return {"goroutines": document["totals"]["goroutines"], "dead": document["dead"]}
    if document["command"] == "doctor":  # a core is judged by the holes of its file, too
        return {"verdicts": [each["code"] for each in document["verdicts"]], "total": document["total"]}
    if document["command"] in ("profile", "blame"):  # not saved, and so not known
        return {}
    if document["command"] == "rss":  # of files Delve tells nothing
        return {key: document[key] for key in ("bounds",) if key in document}
    for lost in ("limiter", "queues"):  # Delve's script does not read them
        document.pop(lost, None)
    found = {**document, "checks": [check for check in document["checks"] if check["code"] in of_heap]}
    if "identities" in found:
        found["identities"] = [row for row in found["identities"] if row["code"] in of_heap]
    return {**found, "runtimes": None}


def test_a_delve_that_writes_no_bytes_says_so(tmp_path: Path) -> None:
    core = cores.kernel_core(programs.build("frag", "1.19"), "-objects", "500")
    file = tmp_path / "heap.saved"
    file.write_text("kept")
    oldest = delves.ensure(delves.OLDEST)
    (said,) = delves.run(oldest, [f"go_spans save {file}"], exe=core.executable, core=core.path)
    assert "save: this Delve cannot write bytes (try: Delve 1.27, or go-spans --dlv)" in said
    assert file.read_text() == "kept"


HEAD = b'go_spans saved 1\n{"layout": %s, "target": {}, "ranges": %s}\n%s'


@pytest.mark.parametrize(
    "content",
    [
        b"go_spans saved 1\n",
        b"go_spans saved 1\n{\n",
        b"go_spans saved 1\n[]\n",
        HEAD % (b"{}", b"[[4096, 8]]", b"1234567"),
        HEAD % (b"{}", b"[[-1, 8]]", b"12345678"),
        HEAD % (b"{}", b"[[18446744073709551615, 8]]", b"12345678"),
        HEAD % (b"{}", b"[[4096, 8]]", b"12345678"),
        HEAD % (b"7", b"[]", b""),
    ],
)
def test_damage_is_one_line(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "heap.saved"
    file.write_bytes(content)
    with pytest.raises(GoSpansError, match=r"\(try: "):
        dlvsaved.open_session(str(file))
    got = shell.inside("summary", file)
    assert (got.status, got.stdout, got.stderr.count("\n")) == (3, "", 1)
