"""What a document is: frozen records whose fields say what they are, once.

A field states its meaning, unit, heading and place; JSON, its schema, CSV, text tables, ``--sort``, help and
``explain`` are made of that. A document holds values, and no words about them; what is not known is None.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NewType, Protocol, TypeVar

import attrs

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_: object) -> Callable[[T], T]:
        """Return what changes nothing: only type checkers need to know."""
        return lambda made: made

    T = TypeVar("T")

Address = NewType("Address", int)
"""An address of the target: a number in Python, ``"0x…"`` in JSON and CSV."""

BYTES: Final = "bytes"
COUNT: Final = "count"
PERCENT: Final = "percent"
NANOSECONDS: Final = "ns"
TEXT: Final = ""
UP: Final = "up"
DOWN: Final = "down"
_KEY: Final = "gdb_gospan"


class Looks(Protocol):
    """What the terminal can show and the user wants (`render.style.Style`)."""

    @property
    def width(self) -> int:
        """Columns that text is laid out for."""

    @property
    def room(self) -> int:
        """Columns that a table may take; 0 for as many as it needs."""

    @property
    def exact(self) -> bool:
        """Bytes as whole numbers."""

    @property
    def whole(self) -> bool:
        """All of a screen that has a short form."""

    def paint(self, role: str, text: str) -> str:
        """Colour the text by its role, where colour is on."""


class FieldMeta:
    """What a field says of itself.

    Attributes
    ----------
    meaning
        In a phrase: the description in the schema, and what help says of the heading.
    unit
        `BYTES`, `COUNT`, `PERCENT`, `NANOSECONDS`, or `TEXT` for what is written as it is.
    heading
        Of the column in a text table; empty where tables leave it out.
    help
        What help says of the heading, where that is more, or less, than the meaning.
    rank
        A column of a higher rank is left out first where the room is short; one of rank 0 never.
    left
        It is words, and not a number.
    wraps
        It is sentences, which go on below where the width ends.
    shown
        Makes the cell out of the row, where its own value is not all of it.
    after
        Field after which this one stands, where that is not the one before it, as those of a base are.
    column_after
        Field after which the column stands in a text table, likewise.
    sorts
        ``--sort`` takes it: `UP` from the smallest, `DOWN` from the largest.
    sorts_as
        Another field that ``--sort`` by the heading means.
    keeps
        Other fields that the rows may be sorted by and that this column shows: then it stays.
    since
        First Go release that has it, where not all supported ones do.
    least
        No value is less.
    first, last
        The field stands before, or after, those of the classes that extend its own; of several the higher number stands
        first, or last.
    inline
        It is a document whose fields stand in JSON where it would.
    optional
        JSON leaves it out where it is None.
    """

    __slots__ = (
        "after", "column_after", "first", "heading", "help", "inline", "keeps", "last", "least", "left", "meaning", "optional", "rank", "shown", "since",
        "sorts", "sorts_as", "unit", "wraps",
    )  # fmt: skip

    def __init__(
        self,
        meaning: str,
        *,
        unit: str = TEXT,
        heading: str = "",
        help: str = "",  # noqa: A002  # as argparse calls it
        rank: int = 0,
        left: bool = False,
        wraps: bool = False,
        shown: Callable[[Any, Looks], str] | None = None,
        after: str = "",
        column_after: str = "",
        sorts: str = "",
        sorts_as: str = "",
        keeps: tuple[str, ...] = (),
        since: str = "",
        least: int | None = None,
        first: int = 0,
        last: int = 0,
        inline: bool = False,
        optional: bool = False,
    ) -> None:
        self.meaning = meaning
        self.unit = unit
        self.heading = heading
        self.help = help
        self.rank = rank
        self.left = left
        self.wraps = wraps
        self.shown = shown
        self.after = after
        self.column_after = column_after
        self.sorts = sorts
        self.sorts_as = sorts_as
        self.keeps = keeps
        self.since = since
        self.least = least
        self.first = first
        self.last = last
        self.inline = inline
        self.optional = optional


def field(meaning: str, *, default: Any = attrs.NOTHING, **column: Any) -> Any:
    """Declare a field of a document; what else it takes is described at `FieldMeta`."""
    return attrs.field(default=default, metadata={_KEY: FieldMeta(meaning, **column)})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def document(cls: type[T]) -> type[T]:
    """Make a class a document, or a part of one: frozen, by keywords only, every field declared by `field`."""
    # Without comparisons and attrs' own repr a class takes half the time to make (0.25 ms of 0.5), at every start.
    made: type[T] = attrs.frozen(cls, eq=False, repr=False, kw_only=True)
    return made


class Document:
    """Base of every class of a document: shows itself by its fields."""

    __slots__ = ()

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names_of(type(self)))
        return f"{type(self).__name__}({values})"


class Field(typing.NamedTuple):
    """One field of a class of documents: its name, its type resolved, and what it says of itself."""

    name: str
    type: Any
    column: FieldMeta


def fields_of(cls: type) -> tuple[Field, ...]:
    """Return the fields of a class of documents in the order of JSON, with their types resolved."""
    kind: Any = cls
    return _fields(kind)


@functools.cache
def _fields(cls: Any) -> tuple[Field, ...]:
    hints = typing.get_type_hints(cls)
    return tuple(Field(name, hints[name], column) for name, column in _ordered(cls))


def names_of(cls: type) -> tuple[str, ...]:
    """Return the names of the fields in the same order; what is resolved may not be needed yet."""
    kind: Any = cls
    return _names(kind)


@functools.cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(name for name, _ in _ordered(cls))


def _ordered(cls: Any) -> list[tuple[str, FieldMeta]]:
    """Return the fields: those that stand first, those of the bases and of the class, those that stand last."""
    fields: list[tuple[str, FieldMeta]] = [(each.name, each.metadata[_KEY]) for each in attrs.fields(cls)]
    fields.sort(key=lambda each: -each[1].first if each[1].first else 1 + each[1].last)
    return placed(fields, {name: column.after for name, column in fields}, lambda each: each[0])


def placed(every: Sequence[T], after: Mapping[str, str], name_of: Callable[[T], str]) -> list[T]:
    """Return these in their order, but for those that stand after another one by its name."""
    kept = [each for each in every if not after[name_of(each)]]
    for each in (each for each in every if after[name_of(each)]):
        names = [name_of(other) for other in kept]
        kept.insert(names.index(after[name_of(each)]) + 1, each)
    return kept


def in_tables(cls: type) -> list[Field]:
    """Return the fields that a text table has a column for, in its order."""
    fields = fields_of(cls)
    every = placed(fields, {each.name: each.column.column_after for each in fields}, lambda each: each.name)
    return [each for each in every if each.column.heading or each.column.shown]


def is_document(cls: object) -> bool:
    """Whether this is a class of documents."""
    return isinstance(cls, type) and issubclass(cls, Document)


def made_of(cls: type[T], values: Mapping[str, Any]) -> T:
    """Return a document of the values that it has fields for; the others are left out."""
    return cls(**{name: values[name] for name in names_of(cls) if name in values})


def evolved(answer: T, **changes: Any) -> T:
    """Return the same document with other values in these fields."""
    made: T = attrs.evolve(answer, **changes)  # type: ignore[misc]  # `document` has made it one of attrs
    return made


def part_of(answer: Document, name: str) -> Document:
    """Return the document that has the field of that name: this one, or one that stands inline in it."""
    for each in fields_of(type(answer)):
        if each.name == name:
            return answer
        if each.column.inline and name in names_of(each.type):
            inside: Document = getattr(answer, each.name)
            return inside
    raise AttributeError(name)
