"""Every subcommand, declared once: gdb's help, the shell's help, parsing and completion come from here.

Light on purpose: gdb imports it at every start.
"""

from __future__ import annotations


class Option:
    """One option. ``metavar`` empty makes it a flag; ``choices`` limits its values."""

    # Plain classes: importing typing for a NamedTuple takes a third of what may be added to gdb's start.
    __slots__ = ("choices", "default", "help", "metavar", "name", "number")

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002  # as argparse calls it
        metavar: str = "",
        default: object = None,
        *,
        number: bool = False,
        choices: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.help = help
        self.metavar = metavar
        self.default = default
        self.number = number
        self.choices = choices


class Command:
    """One subcommand.

    Attributes
    ----------
    module
        Module of this package that has ``document(session, arguments)`` and
        ``text(document, style)``.
    columns
        What each column or word of the output means.
    argument
        The positional argument, with its meaning.
    """

    __slots__ = (
        "aliases", "argument", "columns", "description", "example", "module", "name", "options", "summary",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        module: str,
        summary: str,
        description: str,
        example: str,
        columns: tuple[tuple[str, str], ...] = (),
        options: tuple[Option, ...] = (),
        argument: tuple[str, str] | None = None,
        aliases: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.module = module
        self.summary = summary
        self.description = description
        self.example = example
        self.columns = columns
        self.options = options
        self.argument = argument
        self.aliases = aliases

    def __repr__(self) -> str:
        return f"Command({self.name})"


COMMON: tuple[Option, ...] = (
    Option("json", "print one JSON document: bytes, nanoseconds, Go's own names"),
    Option("bytes", "print exact bytes instead of KiB, MiB, GiB"),
    Option(
        "color",
        "point with colour; auto follows the terminal",
        "WHEN",
        "auto",
        choices=("auto", "always", "never"),
    ),
)

_LIMIT = Option("limit", "rows to print, 0 for all", "N", 20, number=True)
_CSV = Option("csv", "print the rows as CSV")


def _sort(columns: str, default: str) -> Option:
    choices = tuple(columns.split())
    return Option(
        "sort",
        "column to sort by: addresses and classes from the smallest, others from the largest",
        "COL",
        default,
        choices=choices,
    )


_CLASS_COLUMNS = (
    "spanclass elemsize npages spans nelems objects free_slots object_bytes free_bytes tail_bytes metadata_bytes "
    "span_bytes cached unswept"
)
_SPAN_COLUMNS = "descriptor start npages span_bytes spanclass elemsize nelems objects free_slots free_bytes tail_bytes occupied sweepgen"

COMMANDS: tuple[Command, ...] = (
    Command(
        "summary",
        "summary",
        "where the memory of this Go program went, on one screen",
        "Accounts for every byte that the runtime got from the operating system (Sys), counts spans and pages\n"
        "by state, names the size classes that waste most, and proves the figures against the runtime's own\n"
        "counters in the last line.",
        "go-spans summary --json",
        columns=(
            ("objects", "slots that hold an object, alive or dead since the last GC: HeapAlloc, less the garbage not swept"),
            ("free slots in spans in use", "in-span fragmentation: only objects of the same span class can use them"),
            ("tail and bitmaps inside spans", "bytes of a span too few for a slot; heap and mark bits (Go 1.22, 1.26)"),
            ("idle pages, retained", "free pages that the runtime keeps: HeapIdle - HeapReleased"),
            ("idle pages, returned or unused", "free pages given back to the OS, or never touched: HeapReleased"),
            ("resident now (RSS)", "of a live process: what is in memory, which is less where pages were never written"),
            ("flagged as needing zeroing", "a flag of a span in use, not a state: its memory had other contents before"),
        ),
    ),
    Command(
        "classes",
        "classes",
        "spans, objects and free slots of each span class",
        "One row for each span class in use. A span class is a size class and whether its objects hold\n"
        "pointers (scan) or not (noscan). Large objects, over 32 KiB, have a span each.",
        "go-spans classes --sort free_bytes --limit 10",
        columns=(
            ("class", "span class: size class * 2, plus 1 for noscan"),
            ("size", "bytes of one slot"),
            ("spans", "spans in use"),
            ("objects", "slots taken; garbage counts until it is swept"),
            ("free", "slots free, and their bytes"),
            ("occupied", "objects of all slots"),
            ("object bytes", "bytes of the slots taken"),
            ("tail", "bytes at the end of the spans too few for a slot"),
            ("bitmaps", "bytes inside the spans that hold heap bits (Go 1.22 on) and mark bits (1.26 on)"),
            ("how full", "spans by occupancy, from up to 10 % on the left to over 90 % on the right"),
        ),
        options=(_sort(_CLASS_COLUMNS, "free_bytes"), _LIMIT, _CSV),
    ),
    Command(
        "list",
        "list_spans",
        "spans one by one, filtered and sorted",
        "One row for each span. Without filters: all spans in use, most free bytes first.",
        "go-spans list --size 4096 --occupancy 0-25 --sort start",
        columns=(
            ("descriptor", "address of the mspan"),
            ("start", "address of the span's first byte"),
            ("bytes", "of the whole span: its pages of 8 KiB"),
            ("state", "in use, stack, work buffer or dead (a descriptor kept for reuse)"),
            ("sweep", "swept, unswept, being swept, or cached by a P"),
            ("zero", "whether the span was flagged as needing zeroing"),
            ("tail", "bytes past the last slot; for a large object, past its requested size"),
        ),
        options=(
            Option("class", "only this span class", "N", number=True),
            Option("size", "only slots of this many bytes", "BYTES", number=True),
            Option("state", "only spans in this state", "STATE", "in-use",
                   choices=("in-use", "manual", "stack", "work-buffer", "user-arena", "dead", "all")),
            Option("noscan", "only spans of objects without pointers"),
            Option("scan", "only spans of objects with pointers"),
            Option("occupancy", "only spans filled from LOW to HIGH percent", "LOW-HIGH"),
            Option("pages", "only spans of LOW to HIGH pages (8 KiB each)", "LOW-HIGH"),
            _sort(_SPAN_COLUMNS, "free_bytes"),
            _LIMIT,
            _CSV,
        ),
    ),
    Command(
        "show",
        "show",
        "what lies at an address: span, slot, page, neighbours",
        "Takes the address of a span descriptor or any heap address; inside gdb, any expression.",
        "go-spans show 0xc000012340",
        columns=(
            ("slot", "which slot of the span the address is in, and whether it is allocated"),
            ("marked", "whether the last mark phase reached it; cleared when its span is swept"),
            ("page", "what the page allocator says of its page"),
        ),
        argument=("ADDRESS", "address of a span descriptor, a heap address, or (in gdb) an expression"),
    ),
    Command(
        "fixalloc",
        "fixalloc",
        "the runtime's allocators of fixed-size structs, spanalloc first",
        "spanalloc hands out span descriptors (mspan structs). An empty free list means only that the next\n"
        "descriptor is cut from a fresh 16 KiB chunk: it is not a sign of fragmentation.",
        "go-spans spanalloc",
        columns=(
            ("size", "bytes of one struct"),
            ("in use", "structs handed out, and their bytes"),
            ("free list", "structs given back, counted by walking the list"),
            ("chunk left", "bytes of the current chunk never handed out"),
        ),
        options=(_CSV,),
        aliases=("spanalloc",),
    ),
    Command(
        "central",
        "central",
        "the central lists: spans with and without free slots, swept and unswept",
        "One row for each span class. partial has free slots, full has none (before Go 1.15 these were called\n"
        "nonempty and empty). Spans cached by a P are in neither.",
        "go-spans central --sort partial",
        columns=(
            ("partial", "spans with free slots, ready for a P to take"),
            ("full", "spans without free slots"),
            ("unswept", "spans of either kind that wait to be swept"),
            ("cached", "spans that a P allocates from"),
            ("stale", "entries of unswept sets whose span was freed or reused; harmless, the runtime skips them"),
            ("reusable", "free slots in partial spans"),
        ),
        options=(_sort("spanclass partial full unswept cached stale reusable", "reusable"), _LIMIT, _CSV),
    ),
    Command(
        "check",
        "check",
        "prove the figures: every identity between the walk and the runtime's counters",
        "exact: equal to the byte. transient: off because the program was stopped in the middle of something,\n"
        "which is named. broken: off without such a reason. unknown: memory was missing.",
        "go-spans check",
        columns=(
            ("expected", "what the runtime's own counters say"),
            ("observed", "what walking the structures found"),
        ),
        options=(_CSV,),
    ),
    Command(
        "layout",
        "layout",
        "where the runtime's types came from, and what this Go release lacks",
        "Lists every runtime struct and field that go-spans relies on, as this program has them.",
        "go-spans layout --verbose",
        columns=(("fields used", "fields that go-spans reads"), ("offset", "with --verbose: bytes from the start of the struct")),
        options=(Option("verbose", "list every field with its offset and size"),),
    ),
)  # fmt: skip


def find(name: str) -> Command | None:
    """Return the command called ``name``, also by an alias or an unambiguous beginning."""
    for command in COMMANDS:
        if name == command.name or name in command.aliases:
            return command
    starting = [command for command in COMMANDS if command.name.startswith(name)] if name else []
    return starting[0] if len(starting) == 1 else None


def options_of(command: Command) -> tuple[Option, ...]:
    """All options of a command, its own first."""
    return command.options + COMMON


def help_text(command: Command, program: str = "go-spans", *, files: str = "", files_help: str = "") -> str:
    """Return the whole help of a command; the first line is its summary.

    Parameters
    ----------
    files
        What the command line needs besides, where there is no debugger that has it loaded.
    files_help
        What that is.
    """
    usage = [program, command.name]
    if command.argument:
        usage.append(command.argument[0])
    if files:
        usage.append(files)
    lines = [
        command.summary[0].upper() + command.summary[1:] + ".",
        "",
        "Usage: " + " ".join([*usage, "[OPTIONS]"]),
    ]
    if command.aliases:
        lines.append("Also: " + ", ".join(f"{program} {alias}" for alias in command.aliases))
    lines += ["", command.description, "", "Options:"]
    if command.argument:
        lines.append(f"  {command.argument[0]:<22}{command.argument[1]}")
    if files:
        lines.append(f"  {files:<22}{files_help}")
    for option in options_of(command):
        left = f"--{option.name}" + (f" {option.metavar}" if option.metavar else "")
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        default = f" [{option.default}]" if option.default is not None else ""
        lines.append(f"  {left:<22}{option.help}{choices}{default}")
    if command.columns:
        lines += ["", "Reading the output:"]
        lines += [f"  {name:<32}{meaning}" for name, meaning in command.columns]
    lines += ["", f"Example: {command.example}"]
    return "\n".join(lines)
