"""A report is one file, and so is a column: in a copy of the package they are there in every way in and every format."""

from __future__ import annotations

import csv
import filecmp
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tools import cores, images, programs, toolchains
from tools.cache import CHECKOUT
from tools.gdbs import run_gdb
from tools.mi import run_mi

if TYPE_CHECKING:
    from tools.gdbs import Gdb

TOY = Path(__file__).with_name("toy.py")
IMAGE = images.FOLDER / "1.27-frag.gospan"
MADE = {
    "gdb_gospan/reports/index.py", "gdb_gospan/schema/toy.json", "gdb_gospan/schema/classes.json",
    "gdb_gospan/schema/summary.json", "README.md", "dlv_scripts/go_spans.star",
}  # fmt: skip
"""What is generated, and so may differ from the checkout."""
COLUMN = {
    '    noscan: bool = field("its objects hold no pointers")\n': (
        '    per_span: int = field("slots of a span", unit=COUNT, heading="per span", rank=9, sorts=DOWN)\n'
    ),
    '        "noscan": table.spanclass & 1 != 0,\n': '        "per_span": table.nelems // table.spans,\n',
}
"""What a new column of `classes` takes: its field, and how it is computed."""
LEFT_OUT = shutil.ignore_patterns("__pycache__", "images", "golden", ".git", "core", ".*_cache")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout with one more file, and all that is generated made anew."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("gdb_gospan", "dlv_scripts", "tests/tools"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=LEFT_OUT)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, folder)
    shutil.copy(TOY, folder / "gdb_gospan" / "reports")
    classes = folder / "gdb_gospan" / "reports" / "classes.py"
    changed = classes.read_text()
    for after, more in COLUMN.items():
        assert changed.count(after) == 1, "classes.py is not what this test takes it for"
        changed = changed.replace(after, after + more)
    classes.write_text(changed)
    made = [sys.executable, str(folder / "tests" / "tools" / "generated.py")]
    subprocess.run(made, check=True, capture_output=True, env=environment(folder))
    return folder


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(folder / "tests")])}


def shell(folder: Path, *words: object) -> str:
    command = [sys.executable, "-m", "gdb_gospan", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment(folder)
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_no_other_file_is_touched(copy: Path) -> None:
    changed = {
        str(path.relative_to(copy))
        for path in copy.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and not (
            (CHECKOUT / path.relative_to(copy)).exists()
            and filecmp.cmp(path, CHECKOUT / path.relative_to(copy), shallow=False)
        )
    }
    assert changed - MADE == {"gdb_gospan/reports/toy.py", "gdb_gospan/reports/classes.py"}
    assert "`toy`" in (copy / "README.md").read_text()


def test_in_the_shell(copy: Path) -> None:
    answer = json.loads(shell(copy, "toy", IMAGE, "--json"))
    schema = json.loads((copy / "gdb_gospan" / "schema" / "toy.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(answer)
    assert not jsonschema.Draft202012Validator(schema).is_valid(answer | {"toys": [{"npages": 1}]})
    assert (
        sum(row["spans"] for row in answer["toys"]) == answer["totals"]["spans"] == answer["spans"]["in_use"]
    )
    rows = [*csv.DictReader(io.StringIO(shell(copy, "toy", IMAGE, "--csv", "--sort", "pages")))]
    assert [row["npages"] for row in rows] == sorted((row["npages"] for row in rows), key=int)
    assert {*rows[0]} == {"npages", "spans", "toy_bytes"}
    text = shell(copy, "toy", IMAGE, "--limit", "1")
    lines = [line.split() for line in text.splitlines()]
    assert ["pages", "spans", "toy", "bytes"] in lines
    assert any(words[:1] == ["all"] for words in lines)
    assert f"  1 of {answer['total_rows']} sizes shown (--limit 0 shows all)\n" in text
    assert lines[-1][:2] == ["layout", "DWARF"]


def test_a_column_of_classes(copy: Path) -> None:
    answer = json.loads(shell(copy, "classes", IMAGE, "--json", "--sort", "per span"))
    schema = json.loads((copy / "gdb_gospan" / "schema" / "classes.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(answer)
    slots = [row["per_span"] for row in answer["classes"]]
    assert slots == sorted((row["nelems"] // row["spans"] for row in answer["classes"]), reverse=True)
    assert "  per span" in shell(copy, "classes", IMAGE)
    assert "per_span" in shell(copy, "classes", IMAGE, "--csv").splitlines()[0]
    assert "per span slots of a span" in " ".join(shell(copy, "help", "classes").split())
    assert "classes/classes.per_span" in shell(copy, "explain", "per_span")


def test_in_help_and_explain(copy: Path) -> None:
    assert ["toy", "spans", "in", "use"] in [line.split()[:4] for line in shell(copy, "help").splitlines()]
    words = " ".join(shell(copy, "help", "toy").split())
    assert "column to sort by" in words
    assert "(npages, spans, toy_bytes) [toy_bytes]" in words
    assert "toy bytes bytes of these spans" in words
    assert "Example: go-spans toy --sort spans" in words
    assert "bytes of these spans." in shell(copy, "explain", "toy_bytes")
    assert "toy/toys.toy_bytes" in shell(copy, "explain", "toy_bytes")


@pytest.mark.gdb
@pytest.mark.toolchain
def test_in_gdb_and_mi(gdb: Gdb, copy: Path) -> None:
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000", "-cached")
    plugin = copy / "gdb_gospan" / "gdb_gospan"
    source = f"source {plugin}"
    commands = [
        source,
        "go-spans toy",
        "help go-spans toy",
        "complete go-spans toy --so",
        "complete go-spans toy --sort to",
    ]
    target = {"exe": core.executable, "core": core.path}
    _, text, help_text, options, values = run_gdb(gdb, commands, plugin=False, **target).stdout
    assert "toy bytes" in text
    assert "One row for each number of pages" in help_text
    assert options == "go-spans toy --sort\n"
    assert values == "go-spans toy --sort toy_bytes\n"
    (answer,) = run_mi(gdb, ["-go-spans-toy --sort npages"], plugin=plugin, **target)
    assert answer.status == "done"
    assert {*answer.results["toys"][0]} == {"npages", "spans", "toy_bytes"}
