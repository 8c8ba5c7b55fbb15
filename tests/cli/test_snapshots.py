"""A snapshot answers every command as the core or the process did, and holds none of the program's own objects."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gdb_gospan.analysis.session import Session
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.model import Memory, Over, Rows, Unreadable
from gdb_gospan.memory.recorder import Recorder
from gdb_gospan.memory.segments import Segments, disjoint, overlaps
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.runtime.everything import capture_everything
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.targets import process
from gdb_gospan.targets import snapshot as snapshotfile
from tools import cores, forms, gdbs, images, processes, programs, shell, toolchains
from tools.answers import document
from tools.cores import Core

CORNERS = ["-tiny", "2000", "-finalizers", "99", "-goroutines", "99", "-stacks", "9", "-huge", "1"]
SMALL = "-objects", "2000"

MOST = 300
"""Spans to look into, evenly chosen of all that there are."""

newest_and_oldest = pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])


def recorded(session: Session, path: Path) -> Session:
    """Write a snapshot of a session, and open it."""
    command = find("snapshot")
    document(session, command, parse(command, [str(path), "--replace"]))
    return snapshotfile.open_session(str(path))


def everything(session: Session) -> dict[str, Any]:
    """Return every document about all there is, but for what the target is called."""
    answers = {}
    for command, answer in images.documents(session):
        if command.name != "snapshot":
            answers[f"{command.name} {answer.get('address')}"] = answer
    spans = session.heap.spans
    show = find("show")
    used = np.flatnonzero(spans.in_use)
    for row in used[:: 1 + len(used) // MOST].tolist():
        size, nelems = (int(spans.records[name][row]) for name in ("elemsize", "nelems"))
        for slot in {0, min(1, nelems - 1), nelems // 2, nelems - 1}:
            address = hex(int(spans.start[row]) + slot * size)
            answers[f"show {address}"] = document(session, show, parse(show, [address]))
        address = hex(int(spans.addresses[row]))
        answers[f"show {address}"] = document(session, show, parse(show, [address]))
    for answer in answers.values():
        answer.pop("target")
    return answers


def compare(core: Core, form: str, path: Path) -> None:
    original, copy = forms.open_in(core, form), recorded(forms.open_in(core, form), path)
    wanted, found = everything(original), everything(copy)
    assert list(found) == list(wanted)
    assert [name for name in wanted if found[name] != wanted[name]] == []
    assert len(wanted) > 100
    assert list(copy.frames()) == list(original.frames())
    assert copy.target.kind == "snapshot"
    assert copy.target.description == f"{original.target.description}, from a snapshot"


def test_every_command_says_what_the_core_says(go_minor: str, core_kind: cores.Kind, tmp_path: Path) -> None:
    compare(
        cores.core(core_kind, programs.build("corners", go_minor), *CORNERS), "full", tmp_path / "heap.gospan"
    )


@pytest.mark.toolchain
@pytest.mark.parametrize("form", ["w", "none"])
@newest_and_oldest
def test_what_a_layout_was_chosen_by_goes_along(minor: str, form: str, tmp_path: Path) -> None:
    core = cores.kernel_core(programs.build("corners", minor), *CORNERS)
    compare(core, form, tmp_path / "heap.gospan")
    answer = shell.run("layout", "--verbose", tmp_path / "heap.gospan")
    assert "layout checks passed" in " ".join(answer.stdout.split())


@pytest.mark.toolchain
@newest_and_oldest
def test_in_the_middle_of_something(minor: str, tmp_path: Path) -> None:
    """Where the threads stand excuses what is in flight, there as here."""
    core = cores.crash_core(programs.build("churn", minor), "-seconds", "60")
    compare(core, "full", tmp_path / "heap.gospan")
    copy = snapshotfile.open_session(str(tmp_path / "heap.gospan"))
    assert sum(len(stack.functions) > 2 for stack in copy.frames()) > 1


@pytest.mark.toolchain
def test_with_a_part_missing(tmp_path: Path) -> None:
    """Bounds stay bounds, and what is missing stays missing."""
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), *SMALL)
    whole = recorded(forms.open_in(core, "full"), tmp_path / "heap.gospan")
    spans, image = whole.heap.spans, whole.heap.memory
    assert isinstance(image, Image)
    bitmap = spans.records["allocBits"][np.flatnonzero(spans.counted)[-1]]
    start, size, offset = image.segments.start, image.segments.size, image.segments.offset
    left = (bitmap < start) | (bitmap >= start + size)
    segments = Segments(image.segments.flat, start[left], size[left], offset[left])

    def holey() -> Session:
        return Session(
            whole.target,
            Heap(Image(segments), whole.heap.layout, whole.heap.symbols),
            whole.frames,
            lwps=whole.lwps,
        )

    wanted = everything(holey())
    assert {row["status"] for row in wanted["summary None"]["checks"]} == {"exact", "unknown"}
    assert everything(recorded(holey(), tmp_path / "less.gospan")) == wanted


@pytest.mark.toolchain
def test_gdb_and_the_shell_write_the_same(tmp_path: Path) -> None:
    core = cores.kernel_core(programs.build("corners", toolchains.NEWEST), *CORNERS)
    lines = [
        f"go-spans snapshot {tmp_path}/gdb.gospan",
        "go-spans check --json",
        "go-spans snapshot --json ~/x/y",
    ]
    said = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), lines, exe=core.executable, core=core.path)
    assert f"wrote {tmp_path}/gdb.gospan\n" in said.stdout[0]
    assert "~" not in said.stderr[2]
    assert "there is no such folder" in said.stderr[2]
    shell.run("snapshot", tmp_path / "shell.gospan", core.executable, core.path)
    (first, one), (second, other) = (Image.load(tmp_path / f"{name}.gospan") for name in ("gdb", "shell"))
    for name in ("flat", "start", "size"):
        assert (getattr(first.segments, name) == getattr(second.segments, name)).all()
    innermost = [{stack[0] for _, stack, _ in meta["threads"] if stack} for meta in (one, other)]
    assert innermost[0] == innermost[1]
    assert {**one, "threads": None} == {**other, "threads": None}  # gdb sees more frames
    checks = json.loads(shell.run("check", "--json", tmp_path / "gdb.gospan").stdout)
    in_gdb_only = {"target": None, "samples": None}
    assert {**checks, **in_gdb_only} == {**json.loads(said.stdout[1]), **in_gdb_only}


@pytest.mark.toolchain
@pytest.mark.live
@newest_and_oldest
def test_of_a_running_process(minor: str, tmp_path: Path) -> None:
    """It stands still only while it is read; what the file says is of that moment."""
    path = tmp_path / "heap.gospan"
    with processes.start(programs.build("churn", minor), "-seconds", "60") as program:
        program.line()
        said = shell.run("snapshot", "--json", path, "--pid", program.pid)
        assert (said.status, said.stderr) == (0, "")
        program.fresh_line()
    written = json.loads(said.stdout)
    assert written["target"]["pause_ms"] > 0
    assert written["recorded"]["file_bytes"] == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    check = json.loads(shell.run("check", "--json", path).stdout)
    assert check["checks"] == written["checks"]
    assert {row["status"] for row in check["checks"]} <= {"exact", "transient"}
    assert check["target"]["kind"] == "snapshot"
    assert check["target"]["pid"] == written["target"]["pid"]
    assert check["target"]["pause_ms"] is None
    assert f"process {program.pid}, snapshot of 20" in check["target"]["description"]


@pytest.mark.toolchain
@pytest.mark.live
def test_a_process_goes_on_before_the_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, seen = Recorder.save, []
    with processes.start(programs.build("churn", toolchains.NEWEST), "-seconds", "60") as program:
        program.line()

        def slowly(recorder: Recorder, path: Path, meta: dict[str, Any], **more: Any) -> tuple[int, int]:
            seen.append(program.fresh_line())
            return save(recorder, path, meta, **more)

        monkeypatch.setattr(Recorder, "save", slowly)
        recorded(process.open_session(program.pid), tmp_path / "heap.gospan")
    assert len(seen) == 1


@pytest.mark.toolchain
@pytest.mark.parametrize("minor", toolchains.TOOLCHAINS)
def test_it_holds_no_byte_of_an_object(minor: str, tmp_path: Path) -> None:
    """Of the memory of spans in use: the runtime's own structs, marks that lie in the span, and malloc headers, which point to types."""
    core = cores.kernel_core(programs.build("corners", minor), *CORNERS)
    heap = recorded(forms.open_in(core, "full"), tmp_path / "heap.gospan").heap
    assert isinstance(heap.memory, Image)
    spans, segments = heap.spans, heap.memory.segments
    order = np.flatnonzero(spans.in_use)
    order = order[np.argsort(spans.start[order])]
    row = np.searchsorted(spans.start[order], segments.start, side="right") - 1
    home = order[np.maximum(row, 0)]
    offset = (segments.start - spans.start[home]).astype(np.int64)
    inside = (row >= 0) & (offset < spans.nbytes[home])
    runtime_s = {place_of(heap, address) for address in objects_of_the_runtime(heap)}
    of_ms = {place_of(heap, address) for address in ms(heap)}
    seen = Counter[str]()
    for piece in np.flatnonzero(inside).tolist():
        span, size, address = int(home[piece]), int(segments.size[piece]), int(segments.start[piece])
        room = int(spans.nbytes[span] - offset[piece])
        if place_of(heap, address) in runtime_s:
            assert place_of(heap, address + size - 1) == place_of(heap, address)
            seen["runtime's own"] += 1
        elif place_of(heap, address) in of_ms:
            # An m has the state of a random generator, too: of it only the fields are read that are named.
            place = place_of(heap, address)
            start = next(m for m in ms(heap) if place_of(heap, m) == place)
            fields = heap.layout["m"].fields.values()
            named = {start + field.offset + at for field in fields for at in range(field.size)}
            named |= {*range(start - 8, start)}  # the malloc header, which points to the type
            assert {*range(address, address + size)} <= named
            seen["ms"] += 1
        elif heap.span_map.inline_marks[span] and room <= heap.layout["spanInlineMarkBits"].size:
            seen["marks"] += 1
        else:
            elemsize, spanclass = (int(spans.records[name][span]) for name in ("elemsize", "spanclass"))
            assert (size, int(offset[piece]) % elemsize, spanclass & 1) == (8, 0, 0), hex(address)
            word = heap.reader.word(address)
            assert word == 0 or heap.type_at(word) is not None
            seen["headers"] += 1
    assert seen["runtime's own"] > 99
    assert seen["ms"] > 2
    assert bool(seen["headers"]) == (tuple(map(int, minor.split("."))) >= (1, 22))
    assert bool(seen["marks"]) == bool(heap.span_map.inline_marks.any())


class Damaged(Over):
    """Memory in which some pointers point elsewhere."""

    def __init__(self, memory: Memory, start: int, pointers: Sequence[int]) -> None:
        super().__init__(memory)
        self._start, self._damage = start, np.array(pointers, np.uint64).view(np.uint8)

    def read(self, address: int, size: int) -> bytes | Unreadable:
        data = self.memory.read(address, size)
        return self._changed(address, data) if isinstance(data, bytes) else data

    def read_many(self, addresses: npt.NDArray[np.uint64], size: int) -> Rows:
        rows = self.memory.read_many(addresses, size)
        changed = [self._changed(*one) for one in zip(addresses.tolist(), map(bytes, rows.data), strict=True)]
        return Rows(np.frombuffer(b"".join(changed), np.uint8).reshape(-1, size), rows.readable)

    def _changed(self, address: int, data: bytes) -> bytes:
        low, high = max(address, self._start), min(address + len(data), self._start + len(self._damage))
        if low >= high:
            return data
        changed = bytearray(data)
        changed[low - address : high - address] = self._damage[
            low - self._start : high - self._start
        ].tobytes()
        return bytes(changed)


def bytes_of_objects(heap: Heap, segments: Segments) -> int:
    """Bytes of the image that lie in spans in use."""
    used = np.flatnonzero(heap.spans.in_use)
    start, size, _ = disjoint(
        heap.spans.start[used], heap.spans.nbytes[used].astype(np.uint64), heap.spans.start[used]
    )
    place = np.concatenate(
        [np.arange(int(a), int(a + n), 8) for a, n in zip(segments.start, segments.size, strict=True)]
    )
    return 8 * int(np.count_nonzero(overlaps(start, size, place.astype(np.uint64), 1)))


@pytest.mark.toolchain
@newest_and_oldest
def test_damage_brings_no_objects_along(minor: str, tmp_path: Path) -> None:
    """Pointers of allspans, or of a span to its bitmaps, that point into objects: no page of these is recorded."""
    core = cores.kernel_core(programs.build("corners", minor), *CORNERS)
    heap = forms.open_in(core, "full").heap
    spans, array = heap.spans, heap.mheap.slice("allspans").array
    used = np.flatnonzero(spans.in_use & (spans.nbytes == heap.spans.page_size))[-40:]
    objects = (spans.start[used] + np.uint64(1024)).tolist()
    bitmaps = int(spans.addresses[used[0]]) + heap.layout["mspan"]["allocBits"].offset
    assert heap.layout["mspan"]["gcmarkBits"].offset == heap.layout["mspan"]["allocBits"].offset + 8
    held = {}
    for name, damage in {
        "nothing": (array, []),
        "allspans": (array, objects),
        "bitmaps": (bitmaps, objects[:2]),
    }.items():
        recorder = Recorder(Damaged(heap.memory, *damage))
        capture_everything(Heap(recorder, heap.layout, heap.symbols, heap.evidence))
        recorder.save(tmp_path / name, {})
        held[name] = bytes_of_objects(heap, Image.load(tmp_path / name)[0].segments)
    assert 0 < held["nothing"] <= held["allspans"] <= held["nothing"] + 40 * heap.layout["mspan"].size
    assert held["bitmaps"] <= held["nothing"] + 2 * 128


def place_of(heap: Heap, address: int) -> tuple[int, int] | None:
    """Return the span in use and the slot that an address lies in."""
    row = heap.spans.find(address)
    if row is None or not heap.spans.in_use[row]:
        return None
    return row, (address - int(heap.spans.start[row])) // int(heap.spans.records["elemsize"][row])


def ms(heap: Heap) -> list[int]:
    found, link = [], heap.reader.word(heap.symbols["allm"])
    while link:
        found.append(link)
        link = heap.reader.word(link + heap.layout["m"]["alllink"].offset)
    return found


def objects_of_the_runtime(heap: Heap) -> list[int]:
    """Return where its own structs are that it keeps in the heap like any other: gs and Ps, and lists of them."""
    lists = [heap.reader.word(heap.symbols[name]) or 0 for name in ("allgs", "allp")]
    known = (heap.goroutines.gs, heap.goroutines.system, heap.ps.ps)
    return [*lists, *(address for records in known for address in records.addresses.tolist())]


@pytest.fixture(scope="module")
def core() -> Core:
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), *SMALL)


@pytest.mark.toolchain
class TestErrors:
    """One line for each, and nothing is lost."""

    @pytest.fixture(scope="class")
    def written(self, core: Core, tmp_path_factory: pytest.TempPathFactory) -> Path:
        path = tmp_path_factory.mktemp("written") / "heap.gospan"
        assert shell.run("snapshot", path, core.executable, core.path).status == 0
        return path

    @pytest.fixture
    def path(self, written: Path, tmp_path: Path) -> Path:
        return Path(shutil.copy(written, tmp_path))

    def refused(self, *words: object) -> str:
        answer = shell.inside(*words)
        assert (answer.stdout, answer.stderr.count("\n")) == ("", 1)
        assert answer.status in (2, 3)
        assert "internal error" not in answer.stderr
        return answer.stderr

    def test_what_is_no_snapshot_is_not_replaced(self, core: Core, path: Path, tmp_path: Path) -> None:
        program = Path(shutil.copy(core.executable, tmp_path))
        before = program.read_bytes()
        archive = tmp_path / "thesis.docx"
        with zipfile.ZipFile(archive, "w") as other:
            other.writestr("word/document.xml", "years of work")
        for name in (program, archive, "/dev/stdout"):
            assert "not replaced (try: a new FILE" in self.refused("snapshot", name, core.path)
        assert f"{tmp_path} is a folder (try: go-spans snapshot {tmp_path}/heap.gospan)" in self.refused(
            "snapshot", tmp_path, core.path
        )
        assert program.read_bytes() == before
        assert zipfile.is_zipfile(archive)
        os.mkfifo(tmp_path / "pipe")
        assert "not replaced" in self.refused("snapshot", tmp_path / "pipe", core.path)
        self.refused("summary", tmp_path / "pipe")
        before = path.read_bytes()
        assert "is a snapshot already (try: --replace, or a new FILE)" in self.refused(
            "snapshot", path, core.path
        )
        assert path.read_bytes() == before
        assert shell.inside("snapshot", "--replace", path, core.path).status == 0
        assert path.read_bytes() != before  # it was of core and executable
        assert "there is no such folder (try: mkdir -p" in self.refused(
            "snapshot", tmp_path / "no/x", core.path
        )
        assert "/proc/x.gospan" in self.refused("snapshot", "/proc/x.gospan", core.path)

    @pytest.mark.parametrize("replace", [[], ["--replace"]])
    def test_no_link_is_followed(self, core: Core, path: Path, tmp_path: Path, replace: list[str]) -> None:
        """Neither to a snapshot nor to nowhere, as planted in a folder that others write to."""
        before = path.read_bytes()
        for target in (path, tmp_path / "nothing"):
            link = tmp_path / "link.gospan"
            link.symlink_to(target)
            line = self.refused("snapshot", *replace, link, core.path)
            assert "is a symbolic link, which is not replaced (try: a new FILE, or " in line
            assert link.is_symlink()
            link.unlink()
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_where_there_is_no_room(self, core: Core, path: Path, tmp_path: Path) -> None:
        """What was there stays, and nothing is left beside it."""
        before = path.read_bytes()
        words = [sys.executable, "-m", "gdb_gospan", "snapshot", "--replace", str(path), str(core.path)]
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))  # noqa: E731
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env=shell.environment(), preexec_fn=limit
        )
        assert (done.stdout, done.stderr) == ("", f"go-spans: {path}: cannot be written: file too large\n")
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_other_files_beside_it(self, core: Core, path: Path) -> None:
        for files in ((path, core.path), (core.executable, path), (path, path)):
            assert "a snapshot is read without other files" in self.refused("summary", *files)
        assert "needs FILE" in self.refused("snapshot")

    def test_cut_off_or_something_else(self, path: Path, tmp_path: Path) -> None:
        whole = path.read_bytes()
        for part in range(1, 10):
            path.write_bytes(whole[: len(whole) * part // 10])
            assert "not a go-spans snapshot, or damaged" in self.refused("summary", path)
        with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
            other.writestr("a", "b")
        assert "not a go-spans snapshot" in self.refused("summary", tmp_path / "other.zip")

    @pytest.mark.parametrize("key", ["target", "layout"])
    @pytest.mark.parametrize("value", [None, [], {}, {"go": 1}, {"description": None}, 7])
    def test_its_own_description_damaged(self, path: Path, key: str, value: object) -> None:
        self.damaged(path, {key: value})

    @pytest.mark.parametrize("value", [7, [7], [["a"]], [["a", [1]]], "x"])
    def test_its_threads_damaged(self, path: Path, value: object) -> None:
        self.damaged(path, {"threads": value})

    @pytest.mark.parametrize(
        "value",
        [
            7,
            {},
            {"signatures": []},
            {"signatures": [{"release": [1, 1]}], "also": [], "others": [], "stated": None},
        ],
    )
    def test_its_evidence_damaged(self, path: Path, value: object) -> None:
        self.damaged(path, {"evidence": value})

    def damaged(self, path: Path, change: dict[str, object]) -> None:
        image, meta = Image.load(path)
        images.rewrite(image, path, {**meta, **change})
        assert re.search(
            r"gospan: (damaged|the recorded (layout is|layout checks are) damaged)",
            self.refused("summary", path),
        )

    def test_of_another_release(self, path: Path) -> None:
        """What is not there yet is as it would be by itself."""
        image, meta = Image.load(path)
        meta["target"].pop("resident")
        images.rewrite(image, path, {**meta, "target": {**meta["target"], "of a later one": 1}})
        assert shell.run("summary", path).status == 0

    def test_a_program_with_an_odd_name(self, core: Core, tmp_path: Path) -> None:
        odd = tmp_path / "pröграм-\udcff"
        odd.symlink_to(core.executable)
        path = tmp_path / "odd.gospan"
        assert shell.run("snapshot", path, odd, core.path).status == 0
        answer = shell.run("summary", path)
        assert (answer.status, answer.stderr) == (0, "")

    def test_nothing_else_than_text_gets_to_the_terminal(self, path: Path) -> None:
        image, meta = Image.load(path)
        images.rewrite(image, path, {**meta, "target": {**meta["target"], "description": "a\n\x1b[31mb"}})
        answer = shell.inside("summary", path)
        assert answer.status == 0, "a program may have that name"
        assert "a\\n\\x1b[31mb" in answer.stdout.splitlines()[0]
        assert "\x1b" not in answer.stdout
