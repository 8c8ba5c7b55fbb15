"""Reports of objects on damaged cores: a document or one line, whatever was damaged, and no more time or memory than usual.

Everything that they go by is damaged, by chance but for each seed alike: objects and what they are made of, type descriptors
and tables of code, stacks, goroutines, spans and their bitmaps, samples. `tests/run --soak` has many more seeds.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gdb_gospan.runtime.abitype import ARRAY, POINTER, STRUCT, TypeReader
from gdb_gospan.targets.core import open_session
from tools import damage, damaged_objects, programs, shell, soak, toolchains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools import cores

pytestmark = [
    pytest.mark.toolchain,
    pytest.mark.fuzz,
    pytest.mark.filterwarnings("error::RuntimeWarning"),  # of NumPy, which a user would see
]

PROGRAMS = {
    "objects": ("-since", "100", "-list", "2000"),
    "leaks": (),
    "typed": (),
    "stranded": ("-rate", "1"),
    "owned": (),
}
FEW, MANY = 1, 10
"""Seeds of each program, and what `tests/run --soak` multiplies; of the programs any other run takes three."""
ROOM = 768 << 20
"""Bytes that a report may take; these take 50 MB."""
PATIENCE = 30.0
"""Seconds of CPU; these take half of one."""
REPORTS = (
    ("objects", "--by", "type"),
    ("owners",),
    ("owners", "--stranded", "--depth", "60", "--min-bytes", "1"),
    ("blame", "--types", "--by", "stack"),
    ("blame",),
    ("profile",),
)


class Case:
    """A program's core, where it can be damaged, and a copy to damage."""

    def __init__(self, name: str, folder: Path) -> None:
        executable = programs.build(name, toolchains.NEWEST)
        self.core: cores.Core = damaged_objects.whole_core(executable, *PROGRAMS[name])
        session = open_session([str(executable), str(self.core.path)])
        self.places = damaged_objects.Places(session)
        self.copy = damage.CopiedCore(self.core.path, folder / name)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Case]]:
    made: dict[str, Case] = {}
    yield made
    for each in made.values():
        each.copy.path.unlink()


def memory() -> int:
    """Return the bytes of this process that a limit counts (setrlimit(2), RLIMIT_DATA)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:"))


def ask(case: Case, words: tuple[str, ...], *, data: bool) -> None:
    """Ask for a report; `data`: as JSON."""
    began = time.process_time()
    limit = f"{(memory() + ROOM) >> 10}KiB"
    more = ("--json",) if data else ()
    said = shell.inside(*words, *more, "--max-memory", limit, case.core.executable, case.copy.path)
    lines = said.stderr.splitlines()
    if said.status == 0:
        assert lines == []
        assert not data or json.loads(said.stdout)
    else:
        assert said.status == 3, said.stderr
        assert len(lines) == 1, said.stderr
        assert "needs more memory" not in lines[0]
    assert time.process_time() - began < PATIENCE


@pytest.mark.parametrize("seed", soak.seeds(MANY if soak.count else FEW))
@pytest.mark.parametrize("name", PROGRAMS if soak.count else [*PROGRAMS][:3])
def test_a_document_or_a_line(
    cases: dict[str, Case],
    name: str,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOSPANS_TRACEBACK", "1")  # what is no error of ours is raised
    if name not in cases:
        cases[name] = Case(name, tmp_path_factory.mktemp("damaged"))
    case, chance = cases[name], np.random.default_rng([seed, *name.encode()])
    one = hex(int(chance.choice(case.places.objects)))
    with damaged_objects.damaged(case.copy, damaged_objects.changes(case.places, chance)) as count:
        assert count
        for words in (*REPORTS, ("owners", one)):
            ask(case, words, data=bool(chance.integers(2)))


def test_a_field_that_is_larger_than_its_struct(
    cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every smaller struct of the program has a large array of pointers as its first field: then what is in them is not known."""
    if "typed" not in cases:
        cases["typed"] = Case("typed", tmp_path_factory.mktemp("damaged"))
    case = cases["typed"]
    heap = open_session([str(case.core.executable), str(case.core.path)]).heap
    types = TypeReader(heap.reader, heap.symbols).every()
    pointers = {each.address for each in types if each.kind == POINTER}
    largest = max(
        (each for each in types if each.kind == ARRAY and each.pointers and each.elem in pointers),
        key=lambda each: each.size,
    )
    struct, field = heap.layout["StructType"]["Fields"].offset, heap.layout["StructField"]["Typ"].offset
    with contextlib.ExitStack() as stack:
        for each in types:
            if each.kind == STRUCT and each.fields and each.size < largest.size:
                where = damage.value_at(heap, each.address + struct, 8) + field
                stack.enter_context(case.copy.changed((where, largest.address.to_bytes(8, "little"))))
        said = shell.inside("objects", "--json", "--limit", "0", case.core.executable, case.copy.path)
    assert said.status == 0, said.stderr
    assert json.loads(said.stdout)["typed"]["unknown_bytes"] > 0
