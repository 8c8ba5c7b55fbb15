"""In gdb, check holds some descriptors against gdb.Value: each kind of damage to the bulk reads is seen, and named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import cores, forms, programs, shell, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from tools.gdbs import Gdb

pytestmark = pytest.mark.toolchain

SCRIPT = Path(__file__).with_name("damaged_samples.py")


def core_of(minor: str) -> cores.Core:
    return cores.kernel_core(
        programs.build("corners", minor), "-tiny", "2000", "-finalizers", "99", "-stacks", "9"
    )


def test_damage_is_found(gdb: Gdb, go_minor: str, tmp_path: Path) -> None:
    core = core_of(go_minor)
    result = tmp_path / "outcome.json"
    run_gdb(
        gdb, [f"python RESULT = {str(result)!r}", f"source {SCRIPT}"], exe=core.executable, core=core.path
    )
    found = json.loads(result.read_text())
    whole = found["undamaged"]
    assert (whole["status"], whole["note"]) == ("exact", "")
    assert whole["expected"] == whole["observed"]
    sampled, most = whole["expected"] / found["fields"], min(found["descriptors"], 256)
    assert most / 2 < sampled <= most, "some are chosen twice"
    assert len(found["moved"]) == found["fields"]
    for path, outcome in found["moved"].items():
        assert outcome["status"] == "broken", path
        assert outcome["note"].startswith(f"the first difference is in {path} of the span descriptor at 0x")
        assert outcome["observed"] < outcome["expected"]
    assert found["rows"]["status"] == "broken"
    assert found["not_read"]["status"] == found["not_mapped"]["status"] == "unknown"
    assert found["not_mapped"]["note"].startswith("gdb cannot read the span descriptor at 0x")
    assert all(check["status"] == "exact" for check in json.loads(found["json"])["checks"])
    assert "broken  gdb-values" in found["report"]
    assert "gdb-values: the first difference is in divMul of the span descriptor at 0x" in found["report"]
    assert found["exit_status"] == 1


def test_only_where_a_debugger_has_the_types(gdb: Gdb) -> None:
    core = core_of(toolchains.NEWEST)
    target = {"core": core.path}
    with_types = json.loads(run_gdb(gdb, ["go-spans check --json"], exe=core.executable, **target).stdout[0])
    assert with_types["samples"]["code"] == "gdb-values"
    for form in ("stripped", "no-dwarf"):
        said = run_gdb(gdb, ["go-spans check --json"], exe=forms.executable(core, form), **target).stdout[0]
        assert json.loads(said)["samples"] is None
    said = shell.inside("check", "--json", core.executable, core.path).stdout
    assert json.loads(said)["samples"] is None


@pytest.mark.ends
def test_values_of_all(gdb: Gdb, go_minor: str) -> None:
    """One descriptor that is none of the samples is wrong: only reading all of them shows it."""
    core = cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000")
    damage = [
        "python from gdb_gospan.debugger import samples, target; heap = target.current_session().heap",
        "python heap.want(*heap.layout['mspan'].fields); chosen = set(samples._chosen(heap.spans, 256).tolist())",
        "python row = next(row for row in range(1, len(heap.spans)) if row not in chosen and heap.spans.state[row] == 1)",
        "python heap.spans.records.addresses[row] = heap.spans.addresses[0]",
    ]
    commands = [
        "go-spans check --values --json",
        *damage,
        "go-spans check --json",
        "go-spans check --values --json",
    ]
    found = run_gdb(gdb, commands, exe=core.executable, core=core.path).stdout
    whole, few, every = (json.loads(found[at]) for at in (0, 5, 6))
    fields = whole["samples"]["expected"] / whole["spans"]["descriptors"]
    assert whole["samples"]["status"] == few["samples"]["status"] == "exact"
    assert fields == int(fields) > 20
    assert whole["samples"]["observed"] == whole["samples"]["expected"]
    assert few["samples"]["expected"] <= 256 * fields
    assert every["samples"]["status"] == "broken"
    assert every["samples"]["expected"] == whole["samples"]["expected"]


def test_values_where_there_are_none_is_one_line(gdb: Gdb) -> None:
    core = core_of(toolchains.NEWEST)
    said = shell.inside("check", "--values", core.executable, core.path)
    assert (said.stdout, said.status) == ("", 2)
    stripped = forms.executable(core, "stripped")
    in_gdb = run_gdb(gdb, ["go-spans check --values"], exe=stripped, core=core.path)
    assert (
        in_gdb.stderr[0]
        == said.stderr
        == (
            "go-spans: check: --values needs gdb and the program's debug information "
            "(try: go-spans check --values in gdb, on the program with debug information)\n"
        )
    )
