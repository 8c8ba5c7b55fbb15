"""A snapshot with the graph of objects answers `objects` and `owners` as its target does, and has no contents of objects."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.analysis import frozengraph
from gdb_gospan.analysis.objecttypes import object_types
from gdb_gospan.analysis.ownerpaths import Paths
from gdb_gospan.analysis.reach import reach
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.errors import TargetError
from gdb_gospan.memory.image import Image, read_graph, write
from gdb_gospan.memory.model import Memory, Over, Rows, Unreadable
from gdb_gospan.memory.packedcolumns import PackedColumns, pack_columns
from gdb_gospan.memory.segments import U64, overlaps
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.run import run
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.targets import snapshot as snapshotfile
from tools import answers, cores, forms, processes, programs, shell, toolchains
from tools.damage import CopiedCore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gdb_gospan.analysis.session import Session

pytestmark = pytest.mark.toolchain

DAMAGED = "the graph of objects is damaged; all else can be read (try: go-spans snapshot --graph again)"
SECRET = b"S3CRETS!"
REPORTS = (
    ("objects",),
    ("objects", "--by", "class"),
    ("owners",),
    ("owners", "--stranded", "--limit", "0", "--min-bytes", "1", "--depth", "60"),
    ("owners", "--type", "main.node"),
    ("owners", "--root", "main.ring"),
    ("blame",),
)
FEW = REPORTS[:3]


def core_of(program: str, minor: str = toolchains.NEWEST) -> cores.Core:
    return cores.kernel_core(programs.build(program, minor))


def recorded(path: Path, *target: Any) -> Path:
    said = shell.of_busy("snapshot", "--graph", path, *target)
    assert said.status == 0, said.stderr
    return path


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of the program owned."""
    core = core_of("owned")
    return recorded(tmp_path_factory.mktemp("graph") / "heap.gospan", core.executable, core.path)


def said_of(session: Session, *words: str) -> Any:
    found = answers.of(session, *words)
    found.pop("target")
    return found


def some_objects(session: Session, count: int) -> list[str]:
    """Return addresses of objects, evenly chosen of all."""
    numbered, taken = slots(session.heap), np.flatnonzero(slot_states(session.heap).taken)
    some = taken[:: 1 + len(taken) // count]
    return [hex(address) for address in numbered.addresses(some).tolist()]


@pytest.mark.ends
@pytest.mark.parametrize(
    ("program", "form", "reports", "objects"),
    [
        ("owned", "full", REPORTS, 4),
        ("owned", "none", FEW, 1),
        ("typed", "stripped", FEW, 1),
        ("leaks", "full", FEW[2:], 0),
    ],
)
def test_every_report_says_what_the_core_says(
    go_minor: str, program: str, form: str, reports: tuple[tuple[str, ...], ...], objects: int, tmp_path: Path
) -> None:
    core = core_of(program, go_minor)
    original, path = forms.open_in(core, form), tmp_path / "heap.gospan"
    answers.of(forms.open_in(core, form), "snapshot", "--graph", str(path))
    copy = snapshotfile.open_session(str(path))
    one_by_one = [("owners", address) for address in some_objects(original, objects)] if objects else []
    for words in (*reports, *one_by_one):
        assert said_of(copy, *words) == said_of(original, *words), words


class Holes(Over):
    """Memory of which these ranges are missing."""

    def __init__(self, memory: Memory, start: U64, size: U64) -> None:
        super().__init__(memory)
        self._holes = start, size

    def read(self, address: int, size: int) -> bytes | Unreadable:
        lost = size and overlaps(*self._holes, np.array([address], np.uint64), size)[0]
        return Unreadable(address, size, "not there") if lost else self.memory.read(address, size)

    def read_many(self, addresses: U64, size: int) -> Rows:
        rows = self.memory.read_many(addresses, size)
        return Rows(rows.data, rows.readable & ~overlaps(*self._holes, addresses, size))


def test_what_could_not_be_read(tmp_path: Path) -> None:
    """Of spans and of a stack: what is missing is said as of the core."""
    core, path = core_of("owned"), tmp_path / "heap.gospan"

    def holey() -> Session:
        session = forms.open_in(core, "full")
        heap, numbered = session.heap, slots(session.heap)
        spans = np.flatnonzero(numbered.spanclass & 1 == 0)[::9]
        stack = heap.goroutine_details["stack.lo"][:1]
        start = np.sort(np.concatenate([numbered.base[spans], stack]))
        memory = Holes(heap.memory, start, np.full(len(start), 4096, np.uint64))
        session.heap = Heap(memory, heap.layout, heap.symbols, heap.evidence)
        session.heap.image, session.heap.variables = heap.image, heap.variables
        return session

    answers.of(holey(), "snapshot", "--graph", str(path))
    for words in FEW:
        found, wanted = (said_of(each, *words) for each in (snapshotfile.open_session(str(path)), holey()))
        assert found == wanted
    assert wanted["unread_bytes"] > 4096
    assert wanted["unread_roots"] == ["stack"]
    assert wanted["leaked"] is None
    assert wanted["unreadable"]["bytes"] > 0


@pytest.mark.ends
def test_where_a_pointer_lies(go_minor: str, tmp_path: Path) -> None:
    """For one pointer in many, and those of threads: the word of the object leads to the other one, and is a pointer.

    The g that a thread runs is also in its thread-local storage, in a word that is none.
    """
    core = core_of("owned", go_minor)
    original = forms.open_in(core, "full")
    copy = snapshotfile.open_session(str(recorded(tmp_path / "heap.gospan", core.executable, core.path)))
    paths = [_paths(session) for session in (original, copy)]
    graph = paths[1][1].graph
    source = np.repeat(np.arange(len(graph.starts) - 1), np.diff(graph.starts))
    numbered, reader = slots(original.heap), original.heap.reader
    types = object_types(copy.heap)
    names = np.array([each.name for each in types.types], np.object_)[types.number[source]]
    threads = np.flatnonzero(np.isin(names, ("runtime.m", "runtime.mPadded")))
    assert len(threads) > 5
    for edge in {*threads.tolist(), *range(0, len(source), 1 + len(source) // 200)}:
        slot, target = int(source[edge]), int(graph.targets[edge])
        found, wanted = (each.offset(slot, target) for each, _ in reversed(paths))
        assert found == wanted is not None
        word = reader.word(int(numbered.addresses(np.array([slot]))[0]) + wanted)
        assert numbered.at(np.array([word], np.uint64))[0].tolist() == [target]


def _paths(session: Session) -> tuple[Paths, Any]:
    walk = reach(session.heap, () if session.threads is None else tuple(session.threads()))

    class Nodes:
        slots = len(walk.reached)

    return Paths(session.heap, Nodes(), walk.graph, walk.roots), walk  # type: ignore[arg-type]


def test_a_process(tmp_path: Path) -> None:
    """It is paused once, which is announced and limited as for objects; the file is of that moment."""
    path = tmp_path / "heap.gospan"
    with processes.start(programs.build("owned", toolchains.NEWEST), "-end", "sleep") as running:
        running.line()
        said = shell.inside("snapshot", "--graph", "--max-pause", "0.001", path, "--pid", running.pid)
        assert (said.status, path.exists()) == (3, False)
        assert f"snapshot would pause process {running.pid} for about" in said.stderr
        with processes.stopped(running.pid):
            wanted = [
                json.loads(shell.inside(*words, "--json", "--max-pause", "0", "--pid", running.pid).stdout)
                for words in FEW
            ]
            recorded(path, "--max-pause", "0", "--pid", running.pid)
        assert not processes.is_held(running.pid)
    for words, answer in zip(FEW, wanted, strict=True):
        found = json.loads(shell.inside(*words, "--json", path).stdout)
        assert found.pop("target")["kind"] == "snapshot"
        answer.pop("target")
        assert found == answer, words


def test_a_program_that_allocates_all_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Everything is of the moment of the stop, and pointers are followed behind it."""
    path, held, walk = tmp_path / "heap.gospan", list[bool](), frozengraph.read_graph

    def watched(session: Session) -> frozengraph.ObjectGraph:
        held.append(processes.is_held(running.pid))
        return walk(session)

    monkeypatch.setattr(frozengraph, "read_graph", watched)
    with processes.start(programs.build("churn", toolchains.NEWEST), "-seconds", "240") as running:
        running.line()
        recorded(path, "--max-pause", "0", "--pid", running.pid)
        running.fresh_line()
    assert held  # twice, where the first stop has not copied all that is needed
    assert not any(held)
    answer = json.loads(shell.inside("objects", "--json", path).stdout)
    assert answer["unread_bytes"] == answer["totals"]["unknown"] == 0
    assert not any(kind["unread"] for kind in answer["roots"])
    assert answer["totals"]["reached"] > 0
    assert not [check for check in answer["checks"] if check["status"] == "broken"]


def test_only_who_asks_for_the_graph_has_it(owned: Path, tmp_path: Path) -> None:
    """All else is as without; a snapshot of a snapshot has it again."""
    core, plain, again = core_of("owned"), tmp_path / "plain.gospan", tmp_path / "again.gospan"
    assert shell.inside("snapshot", plain, core.executable, core.path).status == 0
    for words in (("objects", plain), ("snapshot", "--graph", tmp_path / "no.gospan", plain)):
        said = shell.inside(*words)
        assert said.status == 3
        assert (
            "needs the contents of objects, which a snapshot does not hold (try: a snapshot " in said.stderr
        )
    with zipfile.ZipFile(plain) as without, zipfile.ZipFile(owned) as whole:
        names = set(without.namelist())
        assert set(whole.namelist()) - names == {"graph_packed.npy", "graph_length.npy"}
        assert all(without.read(name) == whole.read(name) for name in names - {"meta.npy"})
    kept, more = Image.load(plain)[1], Image.load(owned)[1]
    assert more.keys() - kept.keys() == {"graph"}
    assert all(more[key] == value for key, value in kept.items())
    recorded(again, owned)
    assert Image.load(again)[1]["graph"] == more["graph"]
    wanted, found = (said_of(snapshotfile.open_session(str(path)), "owners") for path in (owned, again))
    assert found == wanted
    assert shell.inside("snapshot", "--replace", again, plain).status == 0


def test_it_has_no_contents_of_objects(tmp_path: Path) -> None:
    """Every word that is no pointer is a secret: of objects without pointers, and of a type with both kinds."""
    core, path = core_of("owned"), tmp_path / "heap.gospan"
    heap = forms.open_in(core, "full").heap
    numbered, taken = slots(heap), slot_states(heap).taken
    found = frozengraph.read_graph(forms.open_in(core, "full"))
    nodes = np.array([each.name == "main.node" for each in found.types.types])[found.types.number]
    noscan = (numbered.spanclass & 1 == 1)[numbered.spans_of(np.arange(len(numbered)))]
    copied = CopiedCore(core.path, tmp_path / "core")
    with copied.path.open("r+b") as file:
        for some, skip, nbytes in ((noscan & taken, 0, 0), (nodes, 16, 48)):
            rows = np.flatnonzero(some)
            sizes = numbered.elemsize[numbered.spans_of(rows)].tolist()
            for address, size in zip(numbered.addresses(rows).tolist(), sizes, strict=True):
                secret = SECRET * ((nbytes or size) // len(SECRET))
                file.seek(copied.offset((address + skip, secret)))
                file.write(secret)
    copied.path.chmod(0o600)
    recorded(path, core.executable, copied.path)
    copied.path.unlink()
    assert int(nodes.sum()) > 6000
    image, meta = Image.load(path)
    columns = columns_of(path)
    flat = np.concatenate([values.astype(np.int64).view(np.uint8) for values in columns.values()])
    for data in (path.read_bytes(), image.segments.flat.tobytes(), json.dumps(meta).encode(), flat.tobytes()):
        assert SECRET not in data
        assert SECRET[::-1] not in data
    texts = columns["text.bytes"].astype(np.uint8).tobytes()
    assert b"main.node" in texts
    assert SECRET[:4] not in texts


def columns_of(path: Path) -> dict[str, Any]:
    """Return the columns of a graph."""
    image, meta = Image.load(path)
    heap = snapshotfile.open_session(str(path)).heap
    flat = read_graph(path, image, *frozengraph.size_of_graph(heap, meta["graph"]))
    packed = PackedColumns(meta["graph"]["columns"], flat)
    return {name: packed.column(name, np.int64) for name in meta["graph"]["columns"]}


def rewritten(path: Path, columns: dict[str, Any], **more: Any) -> None:
    """Write a snapshot again, with another graph."""
    image, meta = Image.load(path)
    table, pieces = pack_columns(columns, ())
    segments = image.segments
    meta["graph"] |= {"columns": table, **more}
    write(path, meta, segments.start, segments.size, [segments.flat], image.holes, graph=pieces)


def is_refused(path: Path) -> None:
    """Whether reports of objects say so in a line, and all others answer."""
    for name in ("objects", "owners"):
        said = shell.inside(name, path)
        assert (said.status, said.stdout) == (3, "")
        assert said.stderr == f"go-spans: {path}: {DAMAGED}\n"
    assert shell.inside("summary", path).status == 0


def test_damaged_bytes(owned: Path, tmp_path: Path) -> None:
    """A flipped bit, and a graph that is another file's."""
    path = tmp_path / "heap.gospan"
    with zipfile.ZipFile(owned) as archive:
        place = archive.getinfo("graph_packed.npy")
    whole = bytearray(owned.read_bytes())
    whole[place.header_offset + place.compress_size // 2] ^= 4
    path.write_bytes(whole)
    is_refused(path)
    columns = columns_of(owned)
    shutil.copy(owned, path)
    rewritten(path, {**columns, "span.base": columns["span.base"] + 8192})
    is_refused(path)


HUGE = 1 << 41


@pytest.mark.parametrize("change", [
    lambda found: found | {"edge.target": found["edge.target"] + HUGE},
    lambda found: found | {"edge.word": found["edge.word"][:-1]},
    lambda found: found | {"slot.pointers": -found["slot.pointers"]},
    lambda found: found | {"slot.type": found["slot.type"] + len(found["type.name"])},
    lambda found: found | {"slot.how": found["slot.how"] + 4},
    lambda found: found | {"type.name": found["type.name"] + HUGE},
    lambda found: found | {"type.size": 0 * found["type.size"]},
    lambda found: found | {"type.form": found["type.form"] + 40},
    lambda found: found | {"descriptor.fields": found["descriptor.fields"] + 1},
    lambda found: found | {"root.target": found["root.target"] - HUGE},
    lambda found: found | {"root.kind": found["root.kind"] + 9},
    lambda found: found | {"root.holder": found["root.holder"] + 9999},
    lambda found: found | {"variable.word": found["variable.word"][::-1]},
    lambda found: found | {"wait.row": found["wait.row"] + 9999},
    lambda found: found | {"text.length": found["text.length"] + 1},
    lambda found: {name: values for name, values in found.items() if name != "root.at"},
])  # fmt: skip
def test_columns_that_do_not_fit(
    owned: Path, tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    path = shutil.copy(owned, tmp_path / "heap.gospan")
    rewritten(path, change(columns_of(owned)))
    said = shell.inside("owners", path)
    assert (said.status, said.stdout, said.stderr) == (3, "", f"go-spans: {path}: {DAMAGED}\n")


@pytest.mark.parametrize(
    "value",
    [
        7,
        [],
        {},
        {"columns": 7},
        {"columns": {"span.base": [9, 0, 1]}},
        {"columns": {"span.base": [8, 0, 1 << 39]}},
    ],
)
def test_its_table_damaged(owned: Path, tmp_path: Path, value: object) -> None:
    """More is claimed than there is, or there is no table: no memory is taken for it."""
    image, meta = Image.load(owned)
    path, segments = tmp_path / "heap.gospan", image.segments
    write(
        path, {**meta, "graph": value}, segments.start, segments.size, [segments.flat], image.holes, graph=[]
    )
    is_refused(path)


@pytest.mark.parametrize("seed", range(8))
def test_a_number_that_is_another_one(owned: Path, tmp_path: Path, seed: int) -> None:
    """Whatever it says then, it says it in a report or in a line."""
    chance, path = random.Random(seed), shutil.copy(owned, tmp_path / "heap.gospan")
    columns = columns_of(owned)
    for name, values in columns.items():
        if len(values) and chance.random() < 0.2 and name != "span.base":
            values[chance.randrange(len(values))] = chance.choice([*values[:9].tolist(), 0, 1])
    rewritten(path, columns)
    session = snapshotfile.open_session(str(path))
    for words in (("objects",), ("owners",)):
        command = answers.named(words[0])
        with contextlib.suppress(TargetError):
            run(session, command, parse(command, words[1:]), Style())


def test_a_file_that_was_replaced_meanwhile(owned: Path, tmp_path: Path) -> None:
    path = shutil.copy(owned, tmp_path / "heap.gospan")
    session = snapshotfile.open_session(str(path))
    path.unlink()
    shutil.copy(owned, path)
    with pytest.raises(TargetError, match=r"the file has changed since it was opened \(try: again\)"):
        answers.of(session, "objects")
