"""The tables of the script for Delve, made from the package; `star` puts them into it."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from gdb_gospan.analysis import verification  # noqa: E402
from gdb_gospan.fields.answer import Check  # noqa: E402
from gdb_gospan.fields.command import Command, Option  # noqa: E402
from gdb_gospan.fields.document import BYTES, COUNT, UP, Field, fields_of, in_tables, names_of  # noqa: E402
from gdb_gospan.layout import requirements, resolve  # noqa: E402
from gdb_gospan.layout.goversion import GoVersion  # noqa: E402
from gdb_gospan.render import notes  # noqa: E402
from gdb_gospan.render.help import filled, hung  # noqa: E402
from gdb_gospan.reports import catalog  # noqa: E402
from gdb_gospan.reports.cache import Cache  # noqa: E402
from gdb_gospan.reports.central import Lists  # noqa: E402
from gdb_gospan.reports.classes import Class  # noqa: E402
from gdb_gospan.reports.fixalloc import Fixalloc  # noqa: E402
from gdb_gospan.reports.rows.pages import BlocksByTaken, Chunk, PagesOfState, RunsOfOrder  # noqa: E402
from gdb_gospan.reports.rows.span import Span  # noqa: E402

if TYPE_CHECKING:
    from gdb_gospan.analysis.notes import Code
    from gdb_gospan.layout.needs import NeedStruct

COMMANDS = ("summary", "classes", "list", "show", "fixalloc", "central", "cache", "gc", "pages", "check")
"""What the script answers; of the package's commands the rest needs more than Starlark does well."""

LACKING = ("blockers", "csv", "max-pause", "owners")
"""Options that it has not."""

NOTES: tuple[Code, ...] = (
    "wrong-span", "wrong-size-class", "page-not-allocated", "page-not-owned",
    "no-functions", "no-names", "signal-handler", "callers-hidden", "stack-breaks-off",
    "sweeping", "pages-in-flight", "pages-being-freed", "stats-update", "thread-inside",
)  # fmt: skip
"""Codes of the notes that its checks have."""

SHORTER = {"class": "only this span class: its number", "size": "only spans with slots of this many bytes"}
"""Options that take less there: no names and units."""


COMMON = (
    Option("json", "print one JSON document: bytes, nanoseconds, Go's own names"),
    Option("bytes", "print exact bytes"),
    Option("width", "columns to lay the report out for [100]", "N", number=True),
    Option("help", "show this"),
)
"""What all of its commands take."""


def tables() -> str:
    """Return the block: what the script relies on in the runtime, and the words that it shares with gdb's reports."""
    lines = [
        "# ---- Tables, made of gdb_gospan by tests/tools/star_tables.py ".ljust(120, "-"),
        "",
        f"OLDEST, NEWEST = {requirements.OLDEST}, {requirements.NEWEST}",
        f"TESTED = {list(requirements.TESTED)}",
        f"VARIABLES = {_text(' '.join(requirements.VARIABLES))}",
        f"VARIABLES_SINCE = {_since()}",
        "",
        "# Struct: its type, or = and the variable that has it, then path|alias:kind, with ? where not every release has it.",
        "STRUCTS = {",
        *(f"    {_text(struct.name)}: {_text(_struct(struct))}," for struct in requirements.STRUCTS),
        "}",
        f"LATE = {_text(' '.join(struct.name for struct in requirements.STRUCTS if struct.late))}",
        "",
        "# By release: whether mspan.limit of small spans is exact, percent of headroom below a memory limit, kinds of specials.",
        "TRAITS = {",
        *_traits(),
        "}",
        "",
        "",
        "# Code: severity, unit, what must hold, what may put it off, and in what the reach of a thread is counted.",
        "IDENTITIES = {",
        *_identities(),
        "}",
        "",
        *_notes(),
        "",
        "# Command: summary, argument, options, help. Option: what stands for its value, default, whether it is a number,",
        "# what it takes, other words for these.",
        "COMMANDS = {",
        *(line for name in COMMANDS for line in _command(name)),
        "}",
        f"ALIASES = {_text({alias: command.name for command in _commands() for alias in command.aliases})}",
    ]
    return "\n".join([*lines, "", *_columns()])


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _starlark(value: object) -> str:
    return repr(value) if value is None or isinstance(value, bool) else _text(value)


def _commands() -> list[Command]:
    return [command for command in catalog.COMMANDS if command.name in COMMANDS]


def _since() -> dict[str, tuple[int, ...]]:
    return {name: tuple(map(int, since.split("."))) for name, since in requirements.VARIABLES_SINCE.items()}


def _struct(struct: NeedStruct) -> str:
    home = f"={struct.variable}" if struct.variable else "|".join(struct.names)
    needs = [
        f"{'|'.join((need.path, *need.aliases))}:{need.kind}{'?' if need.optional else ''}"
        for need in struct.needs
    ]
    return " ".join([home + ("?" if struct.optional else ""), *needs])


def _traits() -> Iterator[str]:
    for minor in range(requirements.OLDEST[1], requirements.NEWEST[1] + 1):
        traits = resolve.traits_of(GoVersion(f"go1.{minor}", 1, minor))
        kinds = _text(list(traits.special_kinds.values()))
        yield f"    (1, {minor}): ({traits.small_span_limit_exact}, {traits.limit_headroom_percent}, {traits.mutex_locks}, {kinds}),"


def _identities() -> Iterator[str]:
    for entry in verification.IDENTITIES:
        unit = (
            verification._COUNTED.get(entry.code) or verification._UNITS[entry.unit]
        )  # as `verify` names them
        facts = (entry.severity, unit, entry.subject, entry.family, entry.unit)
        yield f"    {_text(entry.code)}: ({', '.join(map(_text, facts))}),"


def _notes() -> Iterator[str]:
    """Yield the words of notes: Starlark's str.format knows no form of a number, so these are apart."""
    words = {code: notes.WORDS[code] for code in NOTES}
    fields = {
        name: form for text in words.values() for _, name, form, _ in Formatter().parse(text) if name and form
    }
    for name, form in fields.items():
        words = {code: text.replace(f"{{{name}:{form}}}", f"{{{name}}}") for code, text in words.items()}
    yield "# Code of a note: its words; those where its number is 1; and how a number in them is written."
    yield "NOTE_WORDS = {"
    yield from (f"    {_text(code)}: {_text(text)}," for code, text in words.items())
    yield "}"
    yield "NOTE_WORDS_OF_ONE = {"
    yield from (f"    {_text(code)}: {_text(text)}," for code, text in notes.ONE.items() if code in NOTES)
    yield "}"
    yield f"NOTE_NUMBERS = {_text(fields)}"


def _command(name: str) -> Iterator[str]:
    command: Command | None = catalog.find(name)
    assert command is not None
    options = [*(_had(option) for option in command.options if option.name not in LACKING), *COMMON]
    yield f"    {_text(command.name)}: ("
    yield f"        {_text(command.summary)},"
    yield f"        {_text(command.argument[0] if command.argument else '')}, {{"
    for option in options:
        facts = (option.metavar, option.default, option.number, option.choices, option.headings)
        yield f"            {_text(option.name)}: ({', '.join(map(_starlark, facts))}),"
    yield "        },"
    yield f"        {_text(_help(command, options))},"
    yield "    ),"


def _lacking() -> dict[str, str]:
    """Return the columns that the script has not, by name, with their headings: they take the bitmaps of all spans."""
    return {each.name: each.column.heading for row in ROWS for each in fields_of(row) if each.column.optional}


def _had(option: Option) -> Option:
    """Return the option without choices of columns that the script has not."""
    had = copy.copy(option)
    had.choices = tuple(each for each in option.choices if each not in _lacking())
    had.headings = {name: column for name, column in option.headings.items() if column not in _lacking()}
    return had


def _help(command: Command, options: Sequence[Option]) -> str:
    """Return the help of a command, in lines of 100 columns."""
    usage = [
        "Usage: go_spans",
        command.name,
        *(command.argument[:1] if command.argument else ()),
        "[OPTIONS]",
    ]
    lines = [f"{command.summary[0].upper()}{command.summary[1:]}.", "", " ".join(usage), ""]
    lines += [*filled("", command.description.replace("inside gdb", "inside Delve"), "", 100), "", "Options:"]
    for option in options:
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        default = f" [{option.default}]" if option.default is not None else ""
        help_text = SHORTER.get(option.name, option.help)
        lines += hung(f"--{option.name} {option.metavar}", f"{help_text}{choices}{default}", 22, 100)
    # The script has neither --blockers nor these columns.
    words = [
        each for each in command.columns if "--blockers" not in each[1] and each[0] not in _lacking().values()
    ]
    lines += ["", "Reading the output:"] if words else []
    lines += [line for word, meaning in words for line in hung(word, meaning, 32, 100)]
    return "\n".join(lines)


ROWS = (Class, Lists, Fixalloc, Cache, Span, Check, Chunk, PagesOfState, RunsOfOrder, BlocksByTaken)
"""Classes of rows that the script has tables of."""


def _columns() -> Iterator[str]:
    """Yield what the fields of rows say of their columns."""
    reports = [catalog.load(command) for command in _commands()]
    yield "# Row: key, heading, how a cell is written, side, rank, what rows are sorted by for it to stay."
    yield "COLUMNS = {"
    for row in ROWS:
        yield f"    {_text(row.__name__)}: ["
        yield from (f"        {_column(each)}," for each in in_tables(row) if not each.column.optional)
        yield "    ],"
    yield "}"
    yield "# What is added up over the rows."
    yield "SUMS = {"
    for report in reports:
        for each in fields_of(report.document):
            if each.name == "totals":
                names = [name for name in names_of(each.type) if name not in _lacking()]
                yield f"    {_text(report.name)}: {_text(names)},"
    yield "}"
    ascending = {each.name: True for row in ROWS for each in fields_of(row) if each.column.sorts == UP}
    yield "# Columns that are sorted by from the smallest."
    yield f"ASCENDING = {_text(list(ascending))}"


def _column(each: Field) -> str:
    """Return what a field says of its column."""
    own = each.column
    form = "own" if own.shown else own.unit if own.unit in (BYTES, COUNT) else ""
    side = "wraps" if own.wraps else "left" if own.left else ""
    facts = (each.name, own.heading, form, side, own.rank, " ".join((each.name, *own.keeps)))
    return f"({', '.join(map(_text, facts))})"
