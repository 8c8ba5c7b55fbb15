"""What a report is: one subcommand, declared once in its own module of `reports`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs

from gdb_gospan.fields.command import Command, Option, sort_option
from gdb_gospan.fields.document import Document, Looks, document, field, fields_of, in_tables

D = TypeVar("D", bound=Document)

Arguments = Mapping[str, Any]
"""The values of the options by their names, and ``argument``."""
Rows = Sequence[Document]


@attrs.frozen(eq=False, repr=False)
class Report(Generic[D]):
    """One subcommand.

    Attributes
    ----------
    name, aliases
        What is typed; the module of `reports` has the name.
    summary, description, example
        For help: a line, a few sentences, a command line.
    document
        Class of what it answers.
    build
        Makes the answer out of a session, which is None for a report that needs no target.
    screen
        Lays the answer out by hand, in pieces of whole lines; None for a table as `table` says.
    table
        How its rows become a table.
    forms
        Lay the answer out for other programs, each by a value of its own option ``--format``; text is none of them.
    rows
        Names of the fields that ``--csv`` prints: one with rows; or several, of which each figure becomes a row.
    csv
        Gives the rows for ``--csv``, where `rows` does not.
    spans
        Gives the rows that are spans, each with its `descriptor`, in the order in which they are printed: a debugger makes
        values of them. None where the answer lists no spans.
    options
        Its own, those of its table among them.
    argument
        The positional one with its meaning; in brackets where it may be left out.
    words
        What other words of its output mean: those of a screen, which are no headings.
    prepare
        Checks and completes the arguments before the target is stopped.
    status
        Exit status of an answer; 0 if not given.
    needs_target
        Whether there must be a program to read.
    contents
        Whether it reads the contents of objects, which a snapshot does not hold. Of a process those with pointers are copied.
    contents_for
        Name of the option with which it reads them, where it does not without; empty if there is none.
    place
        In the list of commands: the smallest first, then by name.
    """

    name: str
    summary: str
    description: str
    example: str
    document: type[D]
    build: Callable[[Any, Arguments], D]
    screen: Callable[[D, Looks], str | Iterator[str]] | None = None
    table: TableOf[D] | None = None
    forms: Mapping[str, Callable[[D, Looks], Iterator[str]]] = attrs.field(factory=dict)
    rows: tuple[str, ...] = ()
    csv: Callable[[D], Rows] | None = None
    spans: Callable[[D], Rows | None] | None = None
    options: tuple[Option, ...] = ()
    argument: tuple[str, str] | None = None
    aliases: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[Arguments], Arguments] | None = None
    status: Callable[[D], int] | None = None
    needs_target: bool = True
    contents: bool = False
    contents_for: str = ""
    place: int = 1000

    def reads_contents(self, arguments: Arguments) -> bool:
        """Whether it reads the contents of objects, asked in this way."""
        return self.contents or bool(self.contents_for and arguments.get(self.contents_for))

    @property
    def command(self) -> Command:
        """What gdb and the shell need to know of it before it is used."""
        return Command(
            self.name,
            self.summary,
            self.description,
            self.example,
            columns=(*(headings(self.table.row) if self.table else ()), *self.words),
            options=self.options,
            argument=self.argument,
            aliases=self.aliases,
            rows=" ".join(self.rows),
            needs_target=self.needs_target,
            contents=self.contents,
        )


@attrs.frozen(eq=False, repr=False)
class TableOf(Generic[D]):
    """How the rows of an answer become a table, by what their fields say.

    Attributes
    ----------
    row
        Class of the rows.
    noun
        What a row is, in the plural, for the line that says how many a limit left out.
    rows
        Gives them.
    total
        Gives what the last row has of all: a document with fields of the same names, and cells in words.
    notes
        Gives the sentences below, in the order in which they stand.
    """

    row: type[Document]
    noun: str
    rows: Callable[[D], Rows]
    total: Callable[[D], tuple[Document, Mapping[str, str]]] | None = None
    notes: Callable[[D, Looks], Sequence[str]] | None = None


class Renderer(Protocol):
    """One way to print an answer: it knows what fields say of themselves, and no report."""

    def __call__(self, report: Report[D], answer: D, looks: Looks) -> Iterator[str]:
        """Yield the answer in pieces of whole lines."""


@document
class Figure(Document):
    """A row of CSV for a figure that stands alone."""

    section: str = field("what it is part of")
    name: str = field("its key in JSON")
    value: Any = field("the value, as in JSON")


def headings(row: type[Document]) -> tuple[tuple[str, str], ...]:
    """Return what help says of the columns that a table has: heading and meaning."""
    return tuple(
        (each.column.heading, each.column.help or each.column.meaning)
        for each in in_tables(row)
        if each.column.heading
    )


def sort_by(row: type[Document], default: str, *more: str) -> Option:
    """Return the option to sort these rows by a column; `more` are other choices, such as `WORST`."""
    sorting = [each for each in fields_of(row) if each.column.sorts]
    named = {
        each.column.heading: each.column.sorts_as or each.name
        for each in fields_of(row)
        if each.column.heading
        and (
            each.column.sorts_as or (each.column.sorts and each.column.heading.replace(" ", "_") != each.name)
        )
    }
    return sort_option((*(each.name for each in sorting), *more), default, named)
