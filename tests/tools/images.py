"""Recorded images: the runtime's metadata of small real programs of every Go release, to decode without them.

``python tests/tools/images.py [NAME...]`` records those in tests/images anew: that needs the toolchains and
changes every figure, so do it when a command reads more than before, and commit the result.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

if __name__ == "__main__":  # run as a file: the package and the tools are beside it
    sys.path[:0] = [str(Path(__file__).resolve().parents[depth]) for depth in (2, 1)]

from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.layout.frozen import freeze, thaw
from gdb_gospan.memory.image import Image, write
from gdb_gospan.memory.recorder import Recorder
from gdb_gospan.memory.segments import Segments
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS
from gdb_gospan.reports.run import answered
from gdb_gospan.runtime.everything import capture_everything
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.targets import core as coredump
from tools import answers, cores, programs, toolchains
from tools.questions import NEEDED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gdb_gospan.fields.command import Command
    from gdb_gospan.fields.document import Document
    from gdb_gospan.layout.model import Layout
    from gdb_gospan.layout.resolve import Symbols
    from tools.cores import Core

FOLDER = Path(__file__).resolve().parents[1] / "images"
MOST, MOST_OF_ALL = 180_000, 1_500_000
"""Bytes of one file, and of all of them: they are in the repository for good."""

_EACH = "-tiny 2000 -finalizers 99 -goroutines 99 -stacks 9"
_OPTIONS: dict[str, dict[str, Any]] = {"386": {"goarch": "386"}, "arenas": {"experiments": "arenas"}}


def _wanted() -> dict[str, tuple[str, dict[str, Any], str]]:
    """Return program, options of its build and arguments of each image, by name."""
    wanted: dict[str, tuple[str, dict[str, Any], str]] = {}
    for minor in toolchains.TOOLCHAINS:
        wanted[f"{minor}-corners"] = "corners", {}, _EACH
        wanted[f"{minor}-cached"] = "corners", {}, f"{_EACH} -huge 1 -cached"
    # Large: only where garbage is found in another way. Marks moved into the spans in 1.26.
    for minor in ("1.24", "1.27"):
        wanted[f"{minor}-unswept"] = "corners", {}, "-unswept"
    # The last release that lists no arenas of user arenas, and the first that does.
    for minor in ("1.21", "1.24", "1.25", "1.27"):
        wanted[f"{minor}-arenas"] = "corners", _OPTIONS["arenas"], "-arenas 5 -ready 4 -quarantined 2"
    for minor in ("1.19", "1.27"):
        wanted[f"{minor}-386"] = "corners", _OPTIONS["386"], _EACH
        wanted[f"{minor}-released"] = "corners", {}, "-huge 1 -release"
        wanted[f"{minor}-frag"] = "frag", {}, "-objects 500"
        wanted[f"{minor}-exited"] = "exited", {}, ""
    return wanted


WANTED = _wanted()

_WRITTEN = Path(tempfile.gettempdir()) / f"gospan-{os.getpid()}.gospan"
"""A snapshot, each time over the one before."""
atexit.register(_WRITTEN.unlink, missing_ok=True)

_ARGUMENTS = {"cache": ["0"], "map": ["--arena=0"], "snapshot": [f"--replace {_WRITTEN}"]}
"""What else to ask the commands that take something else than an address."""


@dataclass(frozen=True)
class Recorded:
    """One image.

    Attributes
    ----------
    name
        Release and sort, such as ``1.27-cached``.
    printed
        What the program said of itself: runtime.MemStats and more.
    lwps
        Numbers of its threads.
    """

    name: str
    image: Image
    layout: Layout
    symbols: Symbols
    target: Target
    printed: dict[str, Any]
    lwps: tuple[int, ...]

    def session(self, *changes: tuple[int, bytes]) -> Session:
        """Return a fresh session on it, with other bytes at some addresses."""
        segments = self.image.segments
        if changes:
            flat = segments.flat.copy()
            for address, data in changes:
                at, inside = segments.locate(np.array([address], np.uint64), len(data))
                assert inside[0], f"{len(data)} bytes at {address:#x} are not recorded"
                flat[at[0] : at[0] + len(data)] = np.frombuffer(data, np.uint8)
            segments = Segments(flat, segments.start, segments.size, segments.offset)
        heap = Heap(Image(segments, self.image.holes), self.layout, self.symbols)
        return Session(self.target, heap, lwps=lambda: self.lwps)


def names() -> list[str]:
    """Return the names of all images that there are, in a stable order."""
    return sorted(path.stem for path in FOLDER.glob("*.gospan"))


@functools.cache
def load(name: str) -> Recorded:
    """Read one image."""
    image, meta = Image.load(FOLDER / f"{name}.gospan")
    layout, symbols = thaw(meta["layout"])
    target, lwps = Target(**{**meta["target"], "runtimes": ()}), tuple(meta["lwps"])
    return Recorded(name, image, layout, symbols, target, meta["printed"], lwps)


def documents(session: Session, without: Collection[str] = ()) -> Iterator[tuple[Command, dict[str, Any]]]:
    """Yield every command about a target with its answer about all there is, as who reads its JSON has it.

    Of a command with an argument there is an answer for each sort of it.
    """
    for command, answer in answers_of(session, without):
        yield command, answers.as_json(answer)


def answers_of(session: Session, without: Collection[str] = ()) -> Iterator[tuple[Command, Document]]:
    """Yield the same as documents."""
    without = {*without, *(command.name for command in COMMANDS if command.contents)}
    for command in (command for command in COMMANDS if command.needs_target and command.name not in without):
        for arguments in _arguments(session, command):
            yield command, answered(session, command, {**arguments, "width": 80})


def text(_command: Command, document: dict[str, Any], style: Any) -> str:
    """Lay a document out as the command would."""
    return answers.text(document, style)


def _arguments(session: Session, command: Command) -> Iterator[dict[str, Any]]:
    options = {option.name: option for option in command.options}
    words = [*NEEDED.get(command.name, []), *(["--limit", "0"] if "limit" in options else [])]
    words += ["--state", "all"] if "state" in options else []
    words += ["--verbose"] if "verbose" in options else []
    if not command.needs_argument:
        yield parse(command, words)
    for argument in _ARGUMENTS.get(command.name, ()):
        yield parse(command, [*words, *argument.split()])
    if not command.takes_address:
        return
    spans = session.heap.spans
    for mask in (
        spans.in_use,
        spans.stack,
        spans.work_buffer,
        spans.state == 0,
        spans.user_arena,
        spans.unswept,
    ):
        for row in np.flatnonzero(mask)[:1].tolist():
            yield parse(command, [*words, hex(int(spans.addresses[row]))])
            if spans.state[row] > 0:
                yield parse(command, [*words, hex(int(spans.start[row]) + 1)])


def record(core: Core, path: Path) -> None:
    """Record all that any command reads of a core."""
    whole = coredump.open_session([str(core.executable), str(core.path)])
    recorder = Recorder(whole.heap.memory)
    heap = Heap(recorder, whole.heap.layout, whole.heap.symbols)
    capture_everything(heap)
    assert whole.lwps is not None
    session = Session(whole.target, heap, lwps=whole.lwps)
    for _ in answers_of(session):
        pass
    target = attrs.evolve(whole.target, executable=core.executable.name, core="core", pid=None, runtimes=())
    meta = {
        "layout": freeze(heap.layout, heap.symbols),
        "target": attrs.asdict(target),
        "printed": core.stdout,
        "lwps": whole.lwps(),
    }
    recorder.save(path, meta)
    path.chmod(0o644)  # a file of the repository like any other


def rewrite(image: Image, path: Path, meta: dict[str, Any]) -> None:
    """Write an image again, with another meta."""
    segments = image.segments
    write(path, meta, segments.start, segments.size, [segments.flat], image.holes)


def main(wanted: list[str]) -> None:
    """Record the named images, or all."""
    FOLDER.mkdir(exist_ok=True)
    for name in wanted or WANTED:
        program, options, arguments = WANTED[name]
        minor = name.partition("-")[0]
        core = cores.kernel_core(programs.build(program, minor, **options), *arguments.split())
        path = FOLDER / f"{name}.gospan"
        record(core, path)
        print(json.dumps({"image": name, "bytes": path.stat().st_size}))
    for path in FOLDER.glob("*.gospan"):
        if path.stem not in WANTED:
            path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
