"""The heap of a Go program from Python: in a script, in a notebook, and in gdb's own Python.

    import gdb_gospan

    with gdb_gospan.open("core", executable="server") as heap:
        print(heap.report("summary").bytes.idle_retained)
        full = heap.spans.occupied > 90
        print(heap.spans.span_bytes[full].sum())

Reports are the documents that ``--json`` prints, as frozen objects: each field says its meaning and its unit
(`gdb_gospan.fields.document.fields_of`). What is not known is None, never 0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis.session import Pause, Session
from gdb_gospan.analysis.spancolumns import LATE_COLUMNS, columns_of
from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.fields.answer import Check
from gdb_gospan.fields.document import Document, FieldMeta, fields_of
from gdb_gospan.memory.footprint import Footprint
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.memory.procmem import ProcessMemory
from gdb_gospan.memory.recorder import Recorder
from gdb_gospan.render.plain import plain
from gdb_gospan.reports.arguments import command_named, parse
from gdb_gospan.reports.catalog import load
from gdb_gospan.reports.envelope import check
from gdb_gospan.reports.rows.span import Span
from gdb_gospan.reports.run import answered
from gdb_gospan.runtime.everything import capture_everything, note_everything
from gdb_gospan.runtime.heap import Heap as RuntimeHeap
from gdb_gospan.targets.rehearsal import RehearsedError

Opener = Callable[[], Session]


class Spans:
    """Every span descriptor, a column for each field of a row of ``list``: ``heap.spans.free_bytes``.

    A column is a numpy array of shape ``(n,)``, n descriptors ascending by address; of objects, with None,
    where something is not known. `about` gives a column's meaning and unit.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, npt.NDArray[Any]] = {}

    def __len__(self) -> int:
        with _capturing(self._session, "spans", "list"):
            return len(self._session.heap.spans)

    def __getattr__(self, name: str) -> npt.NDArray[Any]:
        if name.startswith("_") or name not in self.about:
            raise AttributeError(f"spans have no column {name} (they have {', '.join(self.about)})")
        if name not in self._known:
            every = np.arange(len(self), dtype=np.int64)
            with _capturing(self._session, f"spans.{name}", "list"):
                self._known[name] = columns_of(self._session.heap, every, [name])[name]
        return self._known[name]

    @property
    def about(self) -> dict[str, FieldMeta]:
        """The metadata of each column, by name: ``about["tail_bytes"].meaning``, ``.unit``."""
        return {each.name: each.column for each in fields_of(Span)}

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.about]


class Heap:
    """The heap of one program at one moment.

    Attributes
    ----------
    spans
        Every span descriptor, as columns.

    Notes
    -----
    All reports of one heap are of the same moment: for a process, when it was opened; in gdb, as long as its program
    is stopped.
    """

    def __init__(self, opener: Opener, needs: Sequence[str] | None = None, max_pause: float = 1) -> None:
        self._opener, self._needs, self._max_pause = opener, needs, max_pause
        self.refresh()

    def refresh(self) -> None:
        """Read the target again: a process is stopped and copied again, a file is read from the start."""
        self._session = self._opener()
        if self._session.target.kind == "live" and isinstance(self._session.heap.memory, ProcessMemory):
            self._take()
        self.spans = Spans(self._session)

    def report(self, name: str, /, argument: str | int | None = None, **options: Any) -> Any:
        """Return a report as a document; its class and its fields are those of ``gdb_gospan/schema/NAME.json``.

        Parameters
        ----------
        name
            Of a subcommand: ``summary``, ``classes``, ``list``, ….
        argument
            As on the command line: an address for ``show``, a P for ``cache``.
        options
            As on the command line, with ``_`` for ``-``: ``limit=0``, ``state="all"``, ``verbose=True``; a list for one
            that may be repeated.

        Raises
        ------
        GoSpansError
            No such report or option, or what it needs is not there; one line says what to try.
        """
        command = command_named(name)
        words = [] if argument is None else [_typed(argument, address=command.takes_address)]
        for option, value in options.items():
            flag = f"--{option.replace('_', '-')}"
            if value is True:
                words.append(flag)
            elif isinstance(value, (list, tuple)):
                words += [f"{flag}={each}" for each in value]
            elif value is not None and value is not False:
                words.append(f"{flag}={value}")
        arguments = parse(command, words)
        if command.takes_file:
            raise UsageError(f"{name} writes a file (try: go-spans {name} in a shell or in gdb)")
        report = load(command)
        contents = "owners" if report.reads_contents(arguments) and not report.contents else ""
        with _explained(self._session, name, name, *filter(None, [contents])):
            return answered(self._session, command, arguments)

    def walk(self) -> Iterator[Any]:
        """Return the span descriptors as gdb's own values, one by one in the order of ``mheap_.allspans``, in gdb only.

        Each is a ``runtime.mspan`` of which nothing is read yet: ``span["npages"]`` reads it. `spans` has them by address.

        Raises
        ------
        UsageError
            There is no gdb, or the heap is not of gdb's own program.
        TargetError
            The program has run since, or has no debug information.
        """
        if not _in_gdb():
            raise UsageError("walk: gdb.Value exists only in gdb's Python (try: spans, which has columns)")
        from gdb_gospan.debugger.values import walk  # noqa: PLC0415  # only gdb can

        return walk(self._session)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every identity between the walk and the runtime's own counters, as ``check`` lists them."""
        with _capturing(self._session, "checks", "check"):
            return tuple(map(check, self._session.all_checks))

    def __enter__(self) -> Heap:  # noqa: PYI034  # Self is newer than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.end()

    def __repr__(self) -> str:
        return f"<heap of {self._session.target.description}>"

    def _take(self) -> None:
        """Copy what the reports need in one stop; read what the copy lacks in another one."""
        session = self._session
        contents = [name for name in self._needs or () if command_named(name).contents]
        pause = Pause(contents[0], self._max_pause) if contents else None
        try:
            with session.capture(self._read, pause):
                self._read(session)
        except ReadAfterReleaseError:
            if not session.recapture():
                raise
            with session.capture(None if pause is None else self._read, pause):
                self._read(session)
        session.taken = True

    def _read(self, session: Session) -> None:
        direct = isinstance(session.heap.memory, ProcessMemory)
        if session.residency is not None and (direct or self._needs is None):
            session.residency()
        if direct:
            _keep(session)
            return
        needs = None if self._needs is None else [*map(command_named, self._needs)]
        # A report of one address or file may need anything.
        if needs is None or any(each.argument and not each.argument[0].startswith("[") for each in needs):
            if isinstance(session.heap.memory, Footprint):
                note_everything(session.heap, session.heap.memory)
            else:
                capture_everything(session.heap)
            session.heap.want(*LATE_COLUMNS)
            _ = session.tracebacks
            session.finish_reading("goroutines")
            return
        for command in needs:
            with suppress(RehearsedError):  # of one, when all is noted; then the next
                load(command).build(session, {**parse(command, []), "width": 0})


def _keep(session: Session) -> None:
    """Copy everything that any report may read, while the process is stopped."""
    now = session.heap
    recorder = Recorder(now.memory)
    heap = RuntimeHeap(recorder, now.layout, now.symbols, now.evidence)
    capture_everything(heap)
    heap.want(*LATE_COLUMNS)
    heap.read("goroutines")
    _ = session.tracebacks
    session.release()
    session.heap = RuntimeHeap(recorder.image(), now.layout, now.symbols, now.evidence)
    session.heap.trail.begins = now.trail.begins


@contextmanager
def _capturing(session: Session, what: str, report: str) -> Iterator[None]:
    """Stop and read the target, unless everything was copied already; `what` names the request in an error line."""
    with _explained(session, what, report), nullcontext() if session.taken else session.capture():
        yield


@contextmanager
def _explained(session: Session, what: str, *reports: str) -> Iterator[None]:
    closed = f"{what}: the heap is closed, or its program has run since (try: open it again)"
    if session.ended:  # a copy of a process could still answer, but what is closed is closed
        raise TargetError(closed)
    try:
        yield
    except ReadAfterReleaseError:
        lacks = (
            f"it needs memory that was not captured when the process was opened (try: needs={[*reports]!r})"
        )
        raise TargetError(closed if session.ended else f"{what}: {lacks}") from None


def _typed(argument: str | int, *, address: bool) -> str:
    return hex(argument) if address and isinstance(argument, int) else str(argument)


def report(name: str, /, argument: str | int | None = None, *, of: Heap | None = None, **options: Any) -> Any:
    """Return a report of a heap, or of gdb's own program; as `Heap.report`."""
    return (of or open_heap()).report(name, argument, **options)


def open_heap(
    core: str | None = None,
    *,
    executable: str | None = None,
    pid: int | None = None,
    snapshot: str | None = None,
    runtime: str | None = None,
    needs: Sequence[str] | None = None,
    max_pause: float = 1,
) -> Heap:
    """Open the heap of a core, a process or a snapshot; in gdb, without any of these, of gdb's own program.

    Parameters
    ----------
    core, executable
        Files; a core may be opened alone, and then has fewer names.
    pid
        Of a process on this machine, which is stopped for some milliseconds, once.
    snapshot
        A file that ``go-spans snapshot`` has written.
    runtime
        Which of several Go runtimes, by name or number; the largest if not given.
    needs
        Of a process: names of the reports that will be asked for; if not given, everything that any report reads but the
        contents of objects, which ``objects`` and ``owners`` need, and so do the options ``--owners`` and ``--types`` of others.
    max_pause
        Of a process of which the contents of objects are needed: seconds that it may be stopped for at most, 0 for any time.

    Raises
    ------
    GoSpansError
        It is not a Go program, cannot be read, or two targets are given.
    """
    given = [
        name for name, value in (("core", core), ("pid", pid), ("snapshot", snapshot)) if value is not None
    ]
    if len(given) > 1:
        raise UsageError(f"open: {' and '.join(given)} cannot be combined: give one target")
    return Heap(_opener(core, executable, pid, snapshot, runtime), needs, max_pause)


def _opener(
    core: str | None, executable: str | None, pid: int | None, snapshot: str | None, runtime: str | None
) -> Opener:
    """Return a function that opens the target; the module of each kind is imported only on use."""
    if pid is not None:
        from gdb_gospan.targets import process  # noqa: PLC0415  # see above

        return lambda: process.open_session(pid, runtime=runtime)
    if snapshot is not None:
        from gdb_gospan.targets import snapshot as saved  # noqa: PLC0415  # see above

        return lambda: saved.open_session(snapshot, runtime)
    if core is not None:
        from gdb_gospan.targets import core as files  # noqa: PLC0415  # see above

        return lambda: files.open_session([*([executable] if executable else []), core], runtime=runtime)
    if not _in_gdb():
        raise UsageError("open: no target (try: a core, pid=N or snapshot=FILE; in gdb its own program)")
    from gdb_gospan.debugger.target import current_session  # noqa: PLC0415  # see above

    return lambda: current_session(runtime)


def _in_gdb() -> bool:
    return hasattr(sys.modules.get("gdb"), "selected_inferior")


def rows(table: Iterable[Document]) -> list[dict[str, Any]]:
    """Return rows of a document as plain dicts, for pandas and the like: ``DataFrame(rows(heap.report("classes").classes))``."""
    return [plain(row) for row in table]
