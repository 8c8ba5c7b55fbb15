"""The fast decoder against a slow one that goes field by field through gdb.Value, in the same gdb."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import cores, gdbs, programs
from tools.gdbs import Gdb, run_gdb

SYSTEM = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")
HERE = Path(__file__).parent
SCRIPTS = [f"source {HERE / 'reference_walker.py'}", f"source {HERE / 'engine_dump.py'}"]

#: Small ones: the slow walker takes some 10 µs for each field.
SMALL = {
    "frag": ("frag", ["-objects", "2000", "-cached"]),
    "corners": (
        "corners",
        ["-finalizers", "99", "-goroutines", "99", "-stacks", "9", "-tiny", "999", "-release", "-cached"],
    ),
    "unswept": ("corners", ["-unswept"]),
}


def dumps(gdb: Gdb, core: cores.Core, folder: Path, reference: str, engine: str) -> tuple[dict, dict]:
    files = folder / "reference.json", folder / "engine.json"
    calls = [f'python {call}("{file}")' for call, file in zip((reference, engine), files, strict=True)]
    result = run_gdb(gdb, [*SCRIPTS, *calls], exe=core.executable, core=core.path)
    assert result.text == ""
    return json.loads(files[0].read_text()), json.loads(files[1].read_text())


@SYSTEM
def test_every_field_of_every_span(gdb: Gdb, go_minor: str, tmp_path: Path) -> None:
    core = cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000", "-cached")
    reference, engine = dumps(gdb, core, tmp_path, "dump_spans", "dump_columns")
    assert engine["addresses"] == sorted(map(int, reference))
    assert len(engine["addresses"]) > 3000
    rows = [reference[str(address)] for address in engine["addresses"]]
    compared = []
    for path, column in engine["columns"].items():
        names = [name for name in (path, *engine["aliases"][path]) if name in rows[0]]
        if not names:
            assert column is None, f"{path} is in no mspan of this release"
            continue
        wanted = [row[names[0]] for row in rows]
        wrong = [row for row, value in enumerate(wanted) if value != column[row]]
        assert not wrong, f"{path}: {len(wrong)} differ, first {rows[wrong[0]]} against {column[wrong[0]]}"
        compared.append(path)
    assert len(compared) >= 22
    # Nor has the runtime's struct a field with contents that the table forgot, but for these.
    ours = {name for path in compared for name in (path, *engine["aliases"][path])}
    forgotten = {
        name for name in rows[0] if not any(name == our or name.startswith(f"{our}.") for our in ours)
    }
    assert {name.partition(".")[0] for name in forgotten} - {"userArenaChunkFree"} <= {
        "speciallock",
        "scanIdx",
    }


@SYSTEM
@pytest.mark.in_turn("small")
@pytest.mark.parametrize("small", SMALL)
def test_every_page_list_and_slot(gdb: Gdb, go_minor: str, small: str, tmp_path: Path) -> None:
    name, arguments = SMALL[small]
    core = cores.kernel_core(programs.build(name, go_minor), *arguments)
    reference, engine = dumps(gdb, core, tmp_path, "dump_structures", "dump_decoded")
    assert engine["pages"] == reference["pages"]
    assert engine["central"] == {key: entries for key, entries in reference["central"].items() if entries}
    assert engine["fixallocs"]["spanalloc"] == reference["spanalloc"]
    assert engine["fixallocs"]["cachealloc"] == reference["cachealloc"]
    assert engine["allocated"] == reference["allocated"] == engine["allocCount"]
    assert engine["marked"] == reference["marked"]
    assert engine["cached"] == reference["cached"]
    assert engine["stacks"] == reference["stacks"]
    assert engine["work buffers"] == reference["work buffers"]
    assert engine["state"] == reference["state"]
    assert engine["goroutines"] == reference["goroutines"]
    assert engine["new"] == reference["new"]
    if small != "unswept":  # the program collects twice before its end, so a cycle has seen most spans
        assert len(engine["new"]) < len(engine["allocated"]) / 2
    kinds = {kind for _, kind in engine["pages"]}
    assert {"in use", "manual"} <= kinds
    assert any("released" in kind for kind in kinds)
    if small == "unswept":
        assert any(key.endswith("unswept") for key in engine["central"])
        assert sum(reference["marked"][str(span)] for span in engine["unswept"]) > 0
    else:
        assert engine["cached"]
