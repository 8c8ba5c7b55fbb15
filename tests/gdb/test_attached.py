"""What the runtime knows of single objects: their type, their finalizer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, gdbs, programs
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from tools.cores import Core
    from tools.gdbs import Gdb

SYSTEM = pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session")
WITH_TYPES = pytest.mark.parametrize("go_minor", ["1.19", "1.22", "1.25", "1.27"], scope="session")


def ask(gdb: Gdb, core: Core, *commands: str) -> list[dict[str, Any]]:
    result = run_gdb(
        gdb, [f"go-spans {words} --json" for words in commands], exe=core.executable, core=core.path
    )
    return [json.loads(text) for text in result.stdout]


@pytest.fixture
def core(go_minor: str) -> Core:
    """1,000 objects with a finalizer, in an array of interfaces of 16 KB; of 5,000 in a large one."""
    return cores.kernel_core(programs.build("corners", go_minor), "-finalizers", "5000")


@SYSTEM
@WITH_TYPES
def test_an_object_and_its_finalizer(gdb: Gdb, core: Core) -> None:
    """main.held is a []interface{}; the first one holds a *[64]byte with a finalizer."""
    array, first = ask(gdb, core, "show main.held", "show 'main.held'.array[0]")
    (inside,) = ask(gdb, core, f"show {int(array['address'], 16) + 8000:#x}")
    known = tuple(int(part) for part in array["go"]["version"][2:].split(".")[:2]) >= (1, 22)
    kind = array["slot"]["type"] and array["slot"]["type"]["name"]
    assert kind == ("interface {}" if known else None)
    assert inside["slot"]["type"] == array["slot"]["type"]
    assert [special["kind"] for special in first["specials"]] == ["finalizer"]
    start = int(first["span"]["start"], 16)
    assert start + first["specials"][0]["offset"] == int(first["slot"]["address"], 16)
    assert first["slot"]["type"] is None, "64 bytes: too small to know its type"


@SYSTEM
@WITH_TYPES
def test_every_finalizer_is_found(gdb: Gdb, core: Core) -> None:
    (listed,) = ask(gdb, core, "list --size 64 --noscan --limit 0")
    spans = [row["descriptor"] for row in listed["list"] if row["has_specials"]]
    shown = ask(gdb, core, *[f"show {span}" for span in spans])
    kinds = [special["kind"] for document in shown for special in document["specials"]]
    assert kinds.count("finalizer") == 5000


@SYSTEM
@WITH_TYPES
def test_large_objects_have_their_type(gdb: Gdb, core: Core) -> None:
    (listed,) = ask(gdb, core, "list --pages 5-1000 --scan --limit 0")
    types = {row["large_type"] for row in listed["list"] if row["spanclass"] == 0}
    known = tuple(int(part) for part in listed["go"]["version"][2:].split(".")[:2]) >= (1, 22)
    assert ("interface {}" in types) is known
