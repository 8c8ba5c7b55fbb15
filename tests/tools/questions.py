"""Every option of every command about a target, with each of its values, in few questions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.command import options_of
from gdb_gospan.fields.document import evolved
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS, find, load
from gdb_gospan.reports.run import answered, laid_out
from gdb_gospan.targets import snapshot as snapshotfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gdb_gospan.analysis.session import Session
    from gdb_gospan.fields.command import Command, Option

Question = tuple["Command", list[str]]
"""A command and the words after it."""

FORMATS = ("json", "csv", "text")

#: Formats, of which each question is answered in all; what changes no report, or writes a file; what the target is opened
#: with; what there is in gdb alone; and what reads the contents of objects, which not every target has.
APART = {
    "json",
    "csv",
    "color",
    "runtime",
    "values",
    "smaps",
    "thresholds",
    "limits",
    "format",
    "pprof",
    "owners",
    "types",
    "max-pause",
}

#: Words without which a command is refused; that hold, whatever the program.
NEEDED = {"gate": ["--max", "sys=1TiB", "--max", "free_slots=100%", "--max", "goroutines=1000000"]}

#: What options that take anything are given; an address where there is none here.
VALUES = {
    "limit": ("20", "7000", "0"), "lines": ("20", "3"), "class": ("large scan", "91"), "size": ("6144", "8192"),
    "occupancy": ("0-50", "100"), "pages": ("1", "2-9"), "arena": ("0",), "zoom": (),
    "max": ("idle_retained=64MiB", "free_slots=90%", "HeapAlloc=1TiB", "sys=1TiB"), "min": ("goroutines=1", "NumGC=0"),
    "largest": ("3", "0"), "procs": ("1", "3"), "gogc": ("50", "off"), "memory-limit": ("64MiB", "4MiB"),
}  # fmt: skip

#: What a document has of the way to the target, and not of the heap.
OF_THE_WAY = ("target", "runtimes")

#: Without which a command has nothing that `--sort` or `--limit` could be of.
SORTED = {"pages": ["--chunks"]}

#: Options that take something away, or change what a row is, so that each is asked for alone; all others add to a report.
FILTERS = {"of", "by", "scan", "noscan", "class", "size", "occupancy", "pages", "arena", "zoom"}


def bare(command: Command, name: str = "") -> str:
    """Return the shortest line for a command without an argument, under another name if one is given."""
    return " ".join([name or command.name, *NEEDED.get(command.name, [])])


def questions(addresses: Sequence[str]) -> Iterator[Question]:
    """Yield a command and its words: each value of each option at least once; `snapshot` apart, which writes a file.

    Parameters
    ----------
    addresses
        What to show and to look around.
    """
    for command in COMMANDS:
        if not command.needs_target or command.takes_file or command.contents:
            continue
        options = [option for option in options_of(command) if option.name not in APART]
        together = [option for option in options if option.name not in FILTERS]
        valued = {f"--{option.name}": _values(option, addresses) for option in together if option.metavar}
        flags = [f"--{option.name}" for option in together if not option.metavar]
        arguments = addresses if command.takes_address else ("",)
        arguments = ("", "0") if command.argument_optional else arguments
        most = max([len(arguments), 2, *map(len, valued.values())])
        for number in range(most):
            words = [argument for argument in (arguments[number % len(arguments)],) if argument]
            for name, values in valued.items():
                words += [name, values[number % len(values)]]
            more = flags if number % 2 else SORTED.get(command.name, [])
            yield command, words + more
        for option in options:
            if option.name in FILTERS:
                for value in _values(option, addresses) if option.metavar else ("",):
                    yield command, [f"--{option.name}", *filter(None, [value]), *NEEDED.get(command.name, [])]


def _values(option: Option, addresses: Sequence[str]) -> Sequence[str]:
    return option.choices or VALUES[option.name] or addresses[:1]


def recorded(session: Session, path: str) -> Session:
    """Write a snapshot of a target that may go on, and open it."""
    command = find("snapshot")
    assert command is not None
    answered(session, command, parse(command, [path, "--replace", "--rss"]))
    return snapshotfile.open_session(path)


def dealt(asked: Iterable[Question], share: int, shares: int) -> Iterator[Question]:
    """Return one share of the questions; what a command says when nothing more is asked is in each."""
    seen = Counter[str]()
    for command, words in asked:
        if not seen[command.name] or seen[command.name] % shares == share % shares:
            yield command, words
        seen[command.name] += 1


def addresses(session: Session) -> list[str]:
    """Return one in a span of each sort, of descriptors alive and dead, and in a free page."""
    spans, kinds = session.heap.spans, session.heap.page_kinds
    live = [
        spans.in_use & (spans.records["spanclass"] == 0),
        spans.in_use & (spans.records["specials"] != 0),
        spans.in_use & (spans.records["spanclass"] > 1),
        spans.stack,
    ]
    rows = [np.flatnonzero(mask) for mask in live if mask.any()]
    starts = [int(spans.start[some[len(some) // 2]]) for some in rows]
    kinds_of = (spans.in_use, spans.state == 0)
    descriptors = [int(spans.addresses[np.flatnonzero(mask)[0]]) for mask in kinds_of if mask.any()]
    free = kinds.pages.addresses(np.flatnonzero(kinds.kinds == 0)[:1]).tolist()
    return [hex(address) for address in [*starts, *descriptors, *free]]


def _of_the_heap(answer: Any) -> Any:
    """Take out what is of the moment: looking at a process makes more of its files resident, and cgroups have others, too."""
    parts = tuple(part for part in answer.parts if part.code.startswith("heap_"))
    return evolved(answer, parts=parts, kernel=None, cgroup=None, producer=None)


def differences(opened: Callable[[], Session], copy: Session, asked: Iterable[Question]) -> Iterator[str]:
    """Yield the questions to which a target has another answer than a snapshot of it, in any format.

    The target is opened for each anew, and let go before its answer is laid out.
    """
    for command, words in asked:
        arguments = parse(command, words)
        target = opened()
        seen, moment = (target.residency, copy.residency), copy.heap.moment
        target.clock = copy.heap.moment = None  # time goes on, and with it what a verdict says of a sweep
        if command.name == "doctor":  # looking at a process makes more of it resident
            target.residency = copy.residency = None
        got, wanted = answered(target, command, arguments), answered(copy, command, arguments)
        (target.residency, copy.residency), copy.heap.moment = seen, moment
        assert isinstance(got, Answer)
        assert isinstance(wanted, Answer)
        if command.name == "summary" and got.about.target.resident is None:  # as of Delve's, for its verdict
            got, wanted = evolved(got, verdict=None), evolved(wanted, verdict=None)
        if command.name == "rss":
            got, wanted = _of_the_heap(got), _of_the_heap(wanted)
        about = evolved(wanted.about, **{name: getattr(got.about, name) for name in OF_THE_WAY})
        wanted = evolved(wanted, about=about, **({"samples": got.samples} if hasattr(got, "samples") else {}))
        for kind in FORMATS:
            form = {**arguments, "json": kind == "json", "csv": kind == "csv"}
            said, expected = (
                "".join(laid_out(load(command), answer, form, Style())) for answer in (got, wanted)
            )
            if said != expected:
                yield f"{command.name} {' '.join(words)} ({kind})"
