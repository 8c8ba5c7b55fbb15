"""go-spans snapshot: the runtime's metadata in one file, to read elsewhere."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

import attrs

from gdb_gospan import __version__
from gdb_gospan.analysis.frozenstacks import frozen_stacks
from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.errors import TargetError
from gdb_gospan.fields import units
from gdb_gospan.fields.answer import Answer, Proof
from gdb_gospan.fields.command import MAX_PAUSE, Option
from gdb_gospan.fields.document import BYTES, COUNT, Document, Looks, document, field
from gdb_gospan.fields.report import Arguments, Report
from gdb_gospan.layout.frozen import freeze, freeze_evidence
from gdb_gospan.memory import Memory
from gdb_gospan.memory.corecontents import freeze as freeze_contents
from gdb_gospan.memory.footprint import Footprint
from gdb_gospan.memory.image import graph_bytes, is_image
from gdb_gospan.memory.mappings import freeze as freeze_mappings
from gdb_gospan.memory.prefetched import PrefetchedMemory
from gdb_gospan.memory.recorder import Recorder, RecorderOfCopy
from gdb_gospan.memory.residency import freeze as freeze_residency
from gdb_gospan.render.gate import word
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.reports.newfile import new_file
from gdb_gospan.runtime.everything import capture_everything, note_everything
from gdb_gospan.runtime.heap import Heap

if TYPE_CHECKING:
    from gdb_gospan.analysis.frozengraph import FrozenGraph, ObjectGraph


@document
class Recorded(Document):
    """The file that was written."""

    file: str = field("its absolute path")
    file_bytes: int = field("bytes of the file, which is compressed", unit=BYTES)
    memory_bytes: int = field("bytes of the program's memory that it holds", unit=BYTES)
    ranges: int = field("separate pieces of memory", unit=COUNT)
    graph_objects: int | None = field("objects in the graph; null without --graph", unit=COUNT)
    graph_edges: int | None = field("pointers from objects to objects in it", unit=COUNT)
    graph_bytes: int | None = field("part of file_bytes: what the graph takes", unit=BYTES)


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
    residency = session.residency() if arguments["rss"] and session.residency is not None else None
    copy, proof_of_copy, graph = _read(
        session, memory if isinstance(memory, Footprint) else recorder, walk=arguments["graph"]
    )
    heap, threads = session.heap, None if copy.frames is None else list(copy.frames())
    heap.trail.stage("writing the snapshot")
    if session.clock is not None and heap.moment is None:
        heap.moment = session.clock()
    meta = {
        "written_by": __version__,
        "target": attrs.asdict(_recorded(session.target)),
        "moment": heap.moment,
        "layout": freeze(heap.layout, heap.symbols),
        "evidence": freeze_evidence(heap.evidence),
        "threads": None if threads is None else [[*stack] for stack in threads],
        "goroutines": frozen_stacks(copy),
        "residency": freeze_residency(residency),
        "mapped": freeze_mappings(None if session.mapped is None else session.mapped()),
        "contents": None if session.contents is None else freeze_contents(session.contents()),
    }
    frozen = None if graph is None else _frozen(session.heap, graph)
    if frozen is not None:
        meta["graph"] = frozen.index
    nbytes, ranges = recorder.save(
        path, meta, graph=None if frozen is None else frozen.pieces, replace=arguments["replace"]
    )
    recorded = Recorded(
        file=path,
        file_bytes=os.stat(path).st_size,  # noqa: PTH116  # as below
        memory_bytes=nbytes,
        ranges=ranges,
        graph_objects=None if graph is None else graph.objects,
        graph_edges=None if graph is None else len(graph.graph.targets),
        graph_bytes=None if graph is None else graph_bytes(path),
    )
    return Snapshot(about=about(session, "snapshot"), recorded=recorded, proof=proof_of_copy)


def _read(session: Session, memory: Memory, *, walk: bool) -> tuple[Session, Proof, ObjectGraph | None]:
    """Read everything and let the target go on: a session on the copy, the evidence for the figures, and the graph."""
    heap = Heap(memory, session.heap.layout, session.heap.symbols, session.heap.evidence)
    heap.trail.begins = session.heap.trail.begins
    if isinstance(memory, Footprint):
        note_everything(heap, memory)
    else:
        capture_everything(heap)
    threads = None if session.frames is None else list(session.frames())
    seen = None if threads is None else lambda: threads
    copy = Session(session.target, heap, seen, lwps=session.lwps, code=session.code)
    if session.target.kind == "snapshot":
        copy.tracebacks, copy.lines = session.tracebacks, session.lines
    _ = copy.tracebacks  # while the target stands still
    graph = _walked(session) if walk else None
    session.release()
    return copy, proof(copy, scheduler=True), graph


def _walked(session: Session) -> ObjectGraph:
    """Follow the pointers of all objects, whose contents are read past the recorder."""
    session.finish_reading("goroutines", "goroutine_details")
    from gdb_gospan.analysis.frozengraph import read_graph  # noqa: PLC0415  # only for who asks for it

    return read_graph(session)


def _frozen(heap: Heap, graph: ObjectGraph) -> FrozenGraph:
    from gdb_gospan.analysis.frozengraph import freeze_graph  # noqa: PLC0415  # as above

    return freeze_graph(heap, graph)


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
    return new_file(name, "go-spans snapshot", "heap.gospan", partial(_refuse, replace=replace))


def _refuse(given: str, *, replace: bool) -> None:
    if not is_image(given):
        raise TargetError(
            f"{given} exists and is not a snapshot, so it is not replaced (try: a new FILE, before the program: "
            "go-spans snapshot heap.gospan)"
        )
    if not replace:
        raise TargetError(f"{given} is a snapshot already (try: --replace, or a new FILE)")


_OF_GRAPH = ", and of each object its type and which others it points to, with the names of fields and of package variables"


def _screen(answer: Snapshot, looks: Looks) -> str:
    """Lay the facts out, and what to do with the file."""
    recorded = answer.recorded
    memory, file = (
        units.nbytes(size, exact=looks.exact) for size in (recorded.memory_bytes, recorded.file_bytes)
    )
    holds = f"{memory} of metadata in {units.count(recorded.ranges)} ranges, {file} in the file"
    if recorded.graph_bytes is not None:
        holds += (
            f"; {units.nbytes(recorded.graph_bytes, exact=looks.exact)} of that is the graph of "
            f"{units.count(recorded.graph_objects)} objects and {units.count(recorded.graph_edges)} pointers"
        )
    graph = recorded.graph_bytes is not None
    lines = [
        heading(answer, looks),
        "",
        f"wrote {recorded.file}",
        *filled(holds, looks.width),
        note(
            f"It holds what the runtime records about the heap{_OF_GRAPH if graph else ''}. It has no contents of the "
            "program's own objects, but addresses, names of types and of the functions that threads are in, and the paths "
            "of the files. Only you can read it.",
            looks.width,
        ),
        *filled(
            f"It works for {'every report' if graph else 'every report that reads no objects'}, in a shell:",
            looks.width,
        ),
        f"  go-spans summary {word(recorded.file)}",
        footer(answer, looks),
    ]
    return "\n".join(lines) + "\n"


REPORT = Report(
    name="snapshot",
    summary="write the runtime's metadata to a file, for use elsewhere",
    description=(
        "Records everything that the reports read, but the contents of objects: every span descriptor, bitmap, page and\n"
        "list, the types and where the threads are. A process is paused while this is read. In a shell every command accepts\n"
        "the file in place of a program and its core; objects and owners if it was written with --graph, for which pointers\n"
        "are followed. It is small; it has addresses, names of types and of the functions that threads are in, and the paths\n"
        "of the files."
    ),
    example="go-spans snapshot heap.gospan",
    place=145,
    document=Snapshot,
    build=_build,
    screen=_screen,
    rows=("recorded",),
    options=(
        Option("replace", "replace an older snapshot of that name"),
        Option(
            "rss", "record what is resident, for go-spans rss; a process is paused for about twice as long"
        ),
        Option(
            "graph",
            "record which object points to which, and of what types they are, for go-spans objects and owners; no contents",
        ),
        Option(
            MAX_PAUSE.name,
            f"with --graph, {MAX_PAUSE.help}",
            MAX_PAUSE.metavar,
            MAX_PAUSE.default,
        ),
    ),
    argument=(
        "FILE",
        "the file to write; it appears when it is complete. An existing file is an error (see --replace), and so is a symbolic link",
    ),
    prepare=prepare,
    contents_for="graph",
)
