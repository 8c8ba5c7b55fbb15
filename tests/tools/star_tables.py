"""The tables of the script for Delve, made from the package; `star` puts them into it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from gdb_gospan.analysis import rules, standing, transients, verification  # noqa: E402
from gdb_gospan.fields import pagewords  # noqa: E402
from gdb_gospan.fields.answer import Check  # noqa: E402
from gdb_gospan.fields.document import BYTES, COUNT, UP, Field, fields_of, in_tables, names_of  # noqa: E402
from gdb_gospan.layout import requirements, resolve, sizeclasses  # noqa: E402
from gdb_gospan.layout.goversion import GoVersion  # noqa: E402
from gdb_gospan.layout.platform import P_STATUS  # noqa: E402
from gdb_gospan.render import notes  # noqa: E402
from gdb_gospan.reports import catalog  # noqa: E402
from gdb_gospan.reports.cache import Cache  # noqa: E402
from gdb_gospan.reports.central import Lists  # noqa: E402
from gdb_gospan.reports.classes import Class  # noqa: E402
from gdb_gospan.reports.fixalloc import Fixalloc  # noqa: E402
from gdb_gospan.reports.rows.pages import BlocksByTaken, Chunk, PagesOfState, RunsOfOrder  # noqa: E402
from gdb_gospan.reports.rows.span import Span  # noqa: E402
from gdb_gospan.reports.screens import gc  # noqa: E402
from gdb_gospan.runtime import mpagealloc, ms  # noqa: E402
from gdb_gospan.targets import delve_server as dlvtarget  # noqa: E402

if TYPE_CHECKING:
    from gdb_gospan.analysis.notes import Code
    from gdb_gospan.fields.command import Command
    from gdb_gospan.layout.requirements import NeedStruct

COMMANDS = ("summary", "classes", "list", "show", "fixalloc", "central", "cache", "gc", "pages", "check")
"""What the script answers; of the package's commands the rest needs more than Starlark does well."""

LACKING = ("blockers", "csv")
"""Options that it has not."""

NOTES: tuple[Code, ...] = (
    "wrong-span", "wrong-size-class", "page-not-allocated", "page-not-owned",
    "no-functions", "signal-handler", "callers-hidden", "stack-breaks-off",
    "sweeping", "pages-in-flight", "pages-being-freed", "stats-update", "thread-inside",
)  # fmt: skip
"""Codes of the notes that its checks have."""

SHORTER = {"class": "only this span class: its number", "size": "only spans with slots of this many bytes"}
"""Options that take less there: no names and units."""


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
        f"SIZES = {list(sizeclasses.SIZES)}",
        f"PAGES = {list(sizeclasses.PAGES)}",
        f"KIND_NAMES = {_text(list(mpagealloc.KIND_NAMES))}",
        f"PAGE_WORDS = {_text(pagewords.PAGE_WORDS)}",
        f"P_STATUS = {P_STATUS}",
        f"GODEBUG_DEFAULTS = {_text(dict(gc.GODEBUG_DEFAULTS))}",  # words of the same report
        "",
        "# Code: severity, unit, what must hold, what may put it off, and in what the reach of a thread is counted.",
        "IDENTITIES = {",
        *_identities(),
        "}",
        "",
        *_rules(),
        "",
        *_notes(),
        "",
        "# Command: summary, description, argument, options, what columns mean. Option: what stands for its value, help, default,",
        "# whether it is a number, what it takes, other words for these.",
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
    home = f"={struct.variable}" if struct.variable else struct.type_name or f"runtime.{struct.name}"
    needs = [
        f"{'|'.join((need.path, *need.aliases))}:{need.kind}{'?' if need.optional else ''}"
        for need in struct.needs
    ]
    return " ".join([home + ("?" if struct.since else ""), *needs])


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


def _rules() -> Iterator[str]:
    """Yield the rules of evidence: patterns of names of functions, and how far a step in progress reaches."""
    yield "# The functions that move what each family counts; the start of a name without runtime., or all of it before a $."
    yield "FAMILIES = {"
    yield from (f"    {_text(family)}: {_text(patterns)}," for family, patterns in rules.FAMILIES.items())
    yield "}"
    for name, patterns in vars(rules).items():
        if name.isupper() and not name.startswith("_") and isinstance(patterns, tuple):
            yield f"{name} = {_text(patterns)}"
    yield "# The callers of these that Delve leaves out, where it goes on to the stack that a signal or morestack has interrupted."
    yield f"LEFT_OUT = {_text(dlvtarget.LEFT_OUT)}"
    yield "# What the heap itself shows, and so may explain."
    yield f"PHASES = {_text({family: sorted(kinds) for family, kinds in transients._KINDS.items()})}"
    limits = ("MOST_OBJECTS", "CHUNK_PAGES", "USER_ARENA_CHUNK", "STOCK", "CHUNK", "PAGE_CACHE", "METADATA")
    yield f"LIMITS = {_text({limit.lower(): getattr(transients, f'_{limit}') for limit in limits})}"
    yield f"FRAMES = {standing.FRAMES}"
    yield f"M_FIELDS = {_text(ms._FIELDS)}"
    yield f"IN_SYSTEM_CALL, DEAD_GOROUTINE, SCAN = {ms._IN_SYSTEM_CALL}, {ms._DEAD}, {ms._SCAN}"


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
    yield f"    {_text(command.name)}: ("
    yield f"        {_text(command.summary)},"
    yield f"        {_text(command.description.replace('inside gdb', 'inside Delve'))},"
    yield f"        {_text(command.argument[0] if command.argument else '')}, {{"
    for option in command.options:
        if option.name not in LACKING:
            help_text = SHORTER.get(option.name, option.help)
            facts = (
                option.metavar,
                help_text,
                option.default,
                option.number,
                option.choices,
                option.headings,
            )
            yield f"            {_text(option.name)}: ({', '.join(map(_starlark, facts))}),"
    yield "        },"
    columns = {
        name: said for name, said in command.columns if "--blockers" not in said
    }  # which the script has not
    yield f"        {_text(columns)},"
    yield "    ),"


ROWS = (Class, Lists, Fixalloc, Cache, Span, Check, Chunk, PagesOfState, RunsOfOrder, BlocksByTaken)
"""Classes of rows that the script has tables of."""


def _columns() -> Iterator[str]:
    """Yield what the fields of rows say of their columns, and of the reports that are a table what a row is."""
    reports = [catalog.load(command) for command in _commands()]
    yield "# Row: key, heading, how a cell is written, side, rank, what rows are sorted by for it to stay."
    yield "COLUMNS = {"
    for row in ROWS:
        yield f"    {_text(row.__name__)}: ["
        yield from (f"        {_column(each)}," for each in in_tables(row))
        yield "    ],"
    yield "}"
    yield "# Report that is a table: class of its rows, their key, what they are."
    yield "TABLES = {"
    for report in reports:
        if report.table:
            names = (report.table.row.__name__, *report.rows, report.table.noun)
            yield f"    {_text(report.name)}: ({', '.join(map(_text, names))}),"
    yield "}"
    yield "# What is added up over the rows."
    yield "SUMS = {"
    for report in reports:
        for each in fields_of(report.document):
            if each.name == "totals":
                yield f"    {_text(report.name)}: {_text(names_of(each.type))},"
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
