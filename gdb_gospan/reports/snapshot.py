"""go-spans snapshot: the runtime's metadata in one file, to look at elsewhere."""

from __future__ import annotations

import os
import shlex
import time

import attrs

from gdb_gospan import __version__
from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.analysis.standing import Stack
from gdb_gospan.errors import TargetError
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Answer, Proof
from gdb_gospan.fields.command import Option
from gdb_gospan.fields.document import BYTES, COUNT, Document, Looks, document, field
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.layout.frozen import freeze, freeze_evidence
from gdb_gospan.memory import Memory
from gdb_gospan.memory.footprint import Footprint
from gdb_gospan.memory.image import is_image
from gdb_gospan.memory.prefetched import PrefetchedMemory
from gdb_gospan.memory.recorder import Recorder, RecorderOfCopy
from gdb_gospan.render.gate import word
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.runtime.everything import capture_everything, note_everything
from gdb_gospan.runtime.heap import Heap


@document
class Recorded(Document):
    """The file that was written."""

    file: str = field("its absolute path")
    file_bytes: int = field("bytes of the file, which is compressed", unit=BYTES)
    memory_bytes: int = field("bytes of the program's memory that it holds", unit=BYTES)
    ranges: int = field("separate pieces of memory", unit=COUNT)


@document
class Snapshot(Answer):
    """What was written, and where."""

    recorded: Recorded = field("the file")


def _build(session: Session, arguments: Arguments) -> Snapshot:
    """Read the whole heap, let the target go on, write the file; `TargetError` when it cannot be written."""
    path = arguments["argument"]
    memory = session.heap.memory
    recorder = RecorderOfCopy(memory) if isinstance(memory, PrefetchedMemory) else Recorder(memory)
    # A rehearsal ends in there: of that nothing need be kept.
    threads, proof_of_copy = _read(session, memory if isinstance(memory, Footprint) else recorder)
    heap = session.heap
    heap.trail.stage("writing the snapshot")
    meta = {
        "written_by": __version__,
        "target": attrs.asdict(_recorded(session.target)),
        "layout": freeze(heap.layout, heap.symbols),
        "evidence": freeze_evidence(heap.evidence),
        "threads": None if threads is None else [[*stack] for stack in threads],
    }
    nbytes, ranges = recorder.save(path, meta, replace=arguments["replace"])
    recorded = Recorded(
        file=path,
        file_bytes=os.stat(path).st_size,  # noqa: PTH116  # as below
        memory_bytes=nbytes,
        ranges=ranges,
    )
    return Snapshot(about=about(session, "snapshot"), recorded=recorded, proof=proof_of_copy)


def _read(session: Session, memory: Memory) -> tuple[list[Stack] | None, Proof]:
    """Read everything and let the target go on: where its threads stand, and the evidence for the figures."""
    heap = Heap(memory, session.heap.layout, session.heap.symbols, session.heap.evidence)
    heap.trail.begins = session.heap.trail.begins
    if isinstance(memory, Footprint):
        note_everything(heap, memory)
    else:
        capture_everything(heap)
    threads = None if session.frames is None else list(session.frames())
    session.release()
    copy = Session(session.target, heap, None if threads is None else lambda: threads, lwps=session.lwps)
    return threads, proof(copy, scheduler=True)


def _recorded(target: Target) -> Target:
    """Return what the snapshot is of; a process was like that at one moment only, a core stays as it is."""
    said = {
        "core": ", from a snapshot",
        "snapshot": "",
    }.get(target.kind, f", snapshot of {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC")
    return attrs.evolve(target, kind="snapshot", description=target.description + said)


def prepare(arguments: Arguments) -> Arguments:
    """Return the arguments with the whole path of a file that may be written; `TargetError` for any other."""
    return {**arguments, "argument": free(arguments["argument"], replace=arguments["replace"])}


def free(name: str, *, replace: bool = True) -> str:
    """Return the whole path of a file that may be written: a new one, or to `replace` an older snapshot; no link."""
    if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"":  # gdb takes no quotes away
        name = name[1:-1]
    given = os.path.abspath(os.path.expanduser(name))  # noqa: PTH100, PTH111  # a text, shown as it is
    folder = os.path.realpath(os.path.dirname(given))  # noqa: PTH120
    path = os.path.join(folder, os.path.basename(given))  # noqa: PTH118, PTH119
    if os.path.islink(given):  # noqa: PTH114
        raise TargetError(
            f"{given} is a symbolic link, which is not replaced (try: a new FILE, or {os.path.realpath(given)})"
        )
    if os.path.isdir(given):  # noqa: PTH112
        raise TargetError(
            f"{given} is a folder (try: go-spans snapshot {shlex.quote(f'{name}/heap.gospan')})"
        )
    if os.path.exists(given) and not is_image(given):  # noqa: PTH110
        raise TargetError(
            f"{given} exists and is not a snapshot, so it is not replaced (try: a new FILE, before the program: "
            "go-spans snapshot heap.gospan)"
        )
    if os.path.exists(given) and not replace:  # noqa: PTH110
        raise TargetError(f"{given} is a snapshot already (try: --replace, or a new FILE)")
    if not os.path.exists(folder):  # noqa: PTH110
        raise TargetError(f"{path}: there is no such folder (try: mkdir -p {shlex.quote(folder)})")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):  # noqa: PTH112
        raise TargetError(f"{folder} is no folder that can be written to (try: another FILE)")
    return path


def _screen(answer: Snapshot, looks: Looks) -> str:
    """Lay the facts out, and what to do with the file."""
    recorded = answer.recorded
    memory, file = (
        units.nbytes(size, exact=looks.exact) for size in (recorded.memory_bytes, recorded.file_bytes)
    )
    holds = f"{memory} of metadata in {units.count(recorded.ranges)} ranges, {file} in the file"
    lines = [
        heading(answer, looks),
        "",
        f"wrote {recorded.file}",
        *filled(holds, looks.width),
        note(
            "It holds what the runtime records about the heap. It has no contents of the program's own objects, "
            "but addresses, names of types and of the functions that threads are in, and the paths of the files. "
            "Only you can read it.",
            looks.width,
        ),
        *filled("It works for every report, in a shell:", looks.width),
        f"  go-spans summary {word(recorded.file)}",
        footer(answer, looks),
    ]
    return "\n".join(lines) + "\n"


REPORT = Report(
    name="snapshot",
    summary="write the runtime's metadata to a file, for use elsewhere",
    description=(
        "Records everything that any report reads: every span descriptor, bitmap, page and list, the types and "
        "where the\n"
        "threads are. A process is paused while this is read. In a shell every command accepts the file in place "
        "of\n"
        "a program and its core. It is small, and has no contents of the program's own objects; it has "
        "addresses, names\n"
        ""
        "of types and of the functions that threads are in, and the paths of the files."
    ),
    example="go-spans snapshot heap.gospan",
    place=145,
    document=Snapshot,
    build=_build,
    screen=_screen,
    rows=("recorded",),
    options=(Option("replace", "replace an older snapshot of that name"),),
    argument=(
        "FILE",
        "the file to write, completely or not at all; an existing file is kept, and no link is followed",
    ),
    prepare=prepare,
)
