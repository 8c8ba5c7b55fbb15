"""Every option of every command about a target, with each of its values, in few questions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

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

#: Formats, of which each question is answered in all; what changes no report; what the target is opened with; and what there
#: is in gdb alone.
APART = {"json", "csv", "color", "runtime", "values"}

#: What options that take anything are given; an address where there is none here.
VALUES = {
    "limit": ("20", "7000", "0"), "lines": ("20", "3"), "class": ("large scan", "91"), "size": ("6144", "8192"),
    "occupancy": ("0-50", "100"), "pages": ("1", "2-9"), "arena": ("0",), "zoom": (),
}  # fmt: skip

#: What a document has of the way to the target, and not of the heap.
OF_THE_WAY = ("target", "runtimes")

#: Without which a command has nothing that `--sort` or `--limit` could be of.
SORTED = {"pages": ["--chunks"]}

#: Options that take something away, so that each is asked for alone; all others add to a report.
FILTERS = {"scan", "noscan", "class", "size", "occupancy", "pages", "arena", "zoom"}


def questions(addresses: Sequence[str]) -> Iterator[Question]:
    """Yield a command and its words: each value of each option at least once; `snapshot` apart, which writes a file.

    Parameters
    ----------
    addresses
        What to show and to look around.
    """
    for command in COMMANDS:
        if not command.needs_target or command.takes_file:
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
                    yield command, [f"--{option.name}", *filter(None, [value])]


def _values(option: Option, addresses: Sequence[str]) -> Sequence[str]:
    return option.choices or VALUES[option.name] or addresses[:1]


def recorded(session: Session, path: str) -> Session:
    """Write a snapshot of a target that may go on, and open it."""
    command = find("snapshot")
    assert command is not None
    answered(session, command, parse(command, [path, "--replace"]))
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


def differences(opened: Callable[[], Session], copy: Session, asked: Iterable[Question]) -> Iterator[str]:
    """Yield the questions to which a target has another answer than a snapshot of it, in any format.

    The target is opened for each anew, and let go before its answer is laid out.
    """
    for command, words in asked:
        arguments = parse(command, words)
        got, wanted = answered(opened(), command, arguments), answered(copy, command, arguments)
        assert isinstance(got, Answer)
        assert isinstance(wanted, Answer)
        about = evolved(wanted.about, **{name: getattr(got.about, name) for name in OF_THE_WAY})
        wanted = evolved(wanted, about=about, **({"samples": got.samples} if hasattr(got, "samples") else {}))
        for kind in FORMATS:
            form = {**arguments, "json": kind == "json", "csv": kind == "csv"}
            said, expected = (
                "".join(laid_out(load(command), answer, form, Style())) for answer in (got, wanted)
            )
            if said != expected:
                yield f"{command.name} {' '.join(words)} ({kind})"
