"""go-spans snapshot: the runtime's metadata in one file, to look at elsewhere."""

from __future__ import annotations

import os
import shlex
import time
from typing import Any

import attrs

from gdb_gospan import __version__
from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.analysis.standing import Stack
from gdb_gospan.errors import TargetError
from gdb_gospan.layout.frozen import freeze, freeze_evidence
from gdb_gospan.memory.image import is_image
from gdb_gospan.memory.recorder import Recorder
from gdb_gospan.render.style import Style
from gdb_gospan.reports.screens import snapshot as view
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.whole import read_whole


def document(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Read the whole heap, let the target go on, write the file; `TargetError` when it cannot be written."""
    path = arguments["argument"]
    recorder = Recorder(session.heap.memory)
    threads, proof = _read(session, recorder)
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
    recorded = {
        "file": path,
        "file_bytes": os.stat(path).st_size,  # noqa: PTH116  # as above
        "memory_bytes": nbytes,
        "ranges": ranges,
    }
    return {**session.envelope("snapshot"), "recorded": recorded, **proof}


def _read(session: Session, recorder: Recorder) -> tuple[list[Stack] | None, dict[str, Any]]:
    """Read everything and let the target go on: where its threads stand, and what the figures rest on."""
    heap = Heap(recorder, session.heap.layout, session.heap.symbols, session.heap.evidence)
    heap.trail.begins = session.heap.trail.begins
    read_whole(heap)
    threads = None if session.frames is None else list(session.frames())
    session.release()
    copy = Session(session.target, heap, None if threads is None else lambda: threads, lwps=session.lwps)
    return threads, copy.provenance(scheduler=True)


def _recorded(target: Target) -> Target:
    """Return what the snapshot is of; a process was like that at one moment only, a core stays as it is."""
    said = {
        "core": ", from a snapshot",
        "snapshot": "",
    }.get(target.kind, f", snapshot of {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC")
    return attrs.evolve(target, kind="snapshot", description=target.description + said)


def prepare(arguments: dict[str, Any]) -> dict[str, Any]:
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
            f"{given} is a symbolic link, which is left alone (try: a new FILE, or {os.path.realpath(given)})"
        )
    if os.path.isdir(given):  # noqa: PTH112
        raise TargetError(
            f"{given} is a folder (try: go-spans snapshot {shlex.quote(f'{name}/heap.gospan')})"
        )
    if os.path.exists(given) and not is_image(given):  # noqa: PTH110
        raise TargetError(
            f"{given} exists and is not a snapshot, so it is left alone (try: a new FILE, before the program: go-spans snapshot heap.gospan)"
        )
    if os.path.exists(given) and not replace:  # noqa: PTH110
        raise TargetError(f"{given} is a snapshot already (try: --replace, or a new FILE)")
    if not os.path.exists(folder):  # noqa: PTH110
        raise TargetError(f"{path}: there is no such folder (try: mkdir -p {shlex.quote(folder)})")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):  # noqa: PTH112
        raise TargetError(f"{folder} is no folder that can be written to (try: another FILE)")
    return path


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the document out."""
    return view.text(document, style)
