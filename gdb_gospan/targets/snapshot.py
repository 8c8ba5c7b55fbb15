"""A session on a snapshot written by `go-spans snapshot`."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.analysis.frozenstacks import thaw_stacks
from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.analysis.standing import Stack
from gdb_gospan.errors import GoSpansError, TargetError, UsageError
from gdb_gospan.layout.frozen import thaw, thaw_evidence
from gdb_gospan.memory.corecontents import thaw as thaw_contents
from gdb_gospan.memory.image import DAMAGED_GRAPH, Image, read_graph
from gdb_gospan.memory.mappings import thaw as thaw_mappings
from gdb_gospan.memory.residency import thaw as thaw_residency
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.several import Runtime, choose
from gdb_gospan.targets.variables import not_recorded


def open_session(path: str, runtime: str | None = None) -> Session:
    """Open the file.

    Parameters
    ----------
    runtime
        By number or name; a snapshot has only one runtime of the process.

    Raises
    ------
    GoSpansError
        It cannot be read, is damaged, was written by a newer release, or is of another runtime.
    """
    image, meta = Image.load(path)
    try:
        layout, symbols = thaw(meta.get("layout"))
        evidence = thaw_evidence(meta.get("evidence"), layout)
        target = _target(meta["target"])
        threads = None if meta.get("threads") is None else [_thread(row) for row in meta["threads"]]
        stacks = None if meta.get("goroutines") is None else thaw_stacks(meta["goroutines"])
        residency = thaw_residency(meta.get("residency"), f"{path}: smaps")
        contents = thaw_contents(meta.get("contents"))
        mapped = thaw_mappings(meta.get("mapped"))
        moment = _moment(meta)
    except GoSpansError as error:
        raise type(error)(f"{path}: {error}") from error
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise TargetError(f"{path}: damaged (try: go-spans snapshot again)") from error
    if runtime is not None and target.runtimes and not (other := choose(target.runtimes, runtime)).shown:
        own = next((each.name for each in target.runtimes if each.shown), "another runtime")
        raise UsageError(
            f"--runtime: {path} is a snapshot of {own}, not of {other.name} "
            f"(try: go-spans snapshot FILE --runtime {other.name} of the process or core)"
        )
    seen = None if threads is None else lambda: threads
    lwps = tuple(thread.lwp for thread in threads or ())
    # Older releases did not record the thread ids.
    known = None if not lwps or not all(lwps) else lambda: lwps
    heap = Heap(image, layout, symbols, evidence)
    heap.moment = moment
    session = Session(target, heap, seen, lwps=known, variables=not_recorded)
    if stacks is not None:  # older releases did not record them
        session.tracebacks, session.lines = stacks
    session.residency = None if residency is None else lambda: residency
    session.contents = None if contents is None else lambda: contents
    session.mapped = None if mapped is None else lambda: mapped
    if (graph := meta.get("graph")) is not None:
        _give_graph(path, image, session, graph)
    return session


def _give_graph(path: str, image: Image, session: Session, index: dict[str, Any]) -> None:
    """Let reports of objects find the graph in the file; for all others it is not read."""
    from gdb_gospan.analysis import frozengraph  # noqa: PLC0415  # few snapshots have it

    heap = session.heap

    def read() -> frozengraph.ObjectGraph:
        try:
            size, most = frozengraph.size_of_graph(heap, index)
            return frozengraph.thaw_graph(heap, index, read_graph(path, image, size, most))
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            raise TargetError(f"{path}: {DAMAGED_GRAPH}") from error

    frozengraph.give_graph(heap, read)
    session.variables_at = lambda addresses: frozengraph.recorded(heap).variables_at(addresses)


def _moment(meta: dict[str, Any]) -> int | None:
    """Return when the process was read; older releases have not recorded it."""
    moment = meta.get("moment")
    if moment is not None and type(moment) is not int:
        raise TypeError(moment)
    return moment


def _target(recorded: dict[str, Any]) -> Target:
    """Return the recorded target; other releases may have recorded more keys, or fewer."""
    known = {field.name: recorded[field.name] for field in attrs.fields(Target) if field.name in recorded}
    runtimes = tuple(Runtime(**each) for each in known.pop("runtimes", ()))
    target = Target(**{**known, "kind": "snapshot", "runtimes": runtimes})
    texts = [text for text in (target.executable, target.core, target.build_id) if text is not None]
    texts += [text for each in runtimes for text in (each.name, each.path, each.version) if text is not None]
    numbers = [number for number in (target.pid, target.resident) if number is not None]
    numbers += [number for each in runtimes for number in (each.mheap, each.in_use) if number is not None]
    if not all(type(each.shown) is bool for each in runtimes):
        raise TypeError(recorded)
    if not all(isinstance(text, str) for text in (target.description, *texts)):
        raise TypeError(recorded)
    if not all(type(number) is int for number in (target.missing, *numbers)):
        raise TypeError(recorded)
    return target


def _thread(row: list[Any]) -> Stack:
    name, functions, *lwp = row  # older releases have not recorded the number
    stack = Stack(name, tuple(functions), *lwp)
    if not all(isinstance(text, str) for text in (name, *functions)) or type(stack.lwp) is not int:
        raise TypeError(row)
    return stack
