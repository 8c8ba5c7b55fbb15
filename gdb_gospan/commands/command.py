"""What a subcommand is, as data: gdb's help, the shell's help, parsing and completion come from it.

Light on purpose: gdb imports it at every start.
"""

from __future__ import annotations


class Option:
    """One option. ``metavar`` empty makes it a flag; ``choices`` limits its values; ``address`` takes expressions in gdb.

    ``headings`` are other names of choices: what the output calls them. Where only a part of the report is subject to
    the option, ``part`` names it, and ``shown_by`` the options of which one must be given for it to be there.
    ``short`` is a letter that stands for the name after a single dash.
    """

    # Plain classes: importing typing for a NamedTuple takes a third of what may be added to gdb's start.
    __slots__ = (
        "address",
        "choices",
        "default",
        "headings",
        "help",
        "metavar",
        "name",
        "number",
        "part",
        "short",
        "shown_by",
    )

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002  # as argparse calls it
        metavar: str = "",
        default: object = None,
        *,
        number: bool = False,
        choices: tuple[str, ...] = (),
        address: bool = False,
        headings: dict[str, str] | None = None,
        part: str = "",
        shown_by: tuple[str, ...] = (),
        short: str = "",
    ) -> None:
        self.name = name
        self.help = help
        self.metavar = metavar
        self.default = default
        self.number = number
        self.choices = choices
        self.address = address
        self.headings = headings or {}
        self.part = part
        self.shown_by = shown_by
        self.short = short

    def only_of(self, part: str, *shown_by: str) -> Option:
        """Return the same option for a report of which only that part is subject to it."""
        return Option(
            self.name,
            self.help,
            self.metavar,
            self.default,
            number=self.number,
            choices=self.choices,
            address=self.address,
            headings=self.headings,
            part=part,
            shown_by=shown_by,
        )


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
        The positional argument, with its meaning; one in brackets may be left out.
    rows
        Key under which the document keeps its rows, for CSV; or, separated by spaces, those of its
        sections, which become rows of name and value.
    needs_target
        Whether there must be a program to look at; without, the session is None.
    """

    __slots__ = (
        "aliases", "argument", "columns", "description", "example", "module", "name", "needs_target", "options",
        "rows", "summary",
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
        rows: str = "",
        *,
        needs_target: bool = True,
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
        self.rows = rows
        self.needs_target = needs_target

    @property
    def takes_address(self) -> bool:
        """The argument is an address, in gdb any expression that gives one."""
        return self.argument is not None and self.argument[0] == "ADDRESS"

    @property
    def takes_file(self) -> bool:
        """The argument is the name of a file."""
        return self.argument is not None and self.argument[0] == "FILE"

    @property
    def argument_optional(self) -> bool:
        """The argument may be left out."""
        return self.argument is not None and self.argument[0].startswith("[")

    @property
    def needs_argument(self) -> bool:
        """There is an argument, and it must be given."""
        return self.argument is not None and not self.argument_optional

    def __repr__(self) -> str:
        return f"Command({self.name})"


COMMON: tuple[Option, ...] = (
    Option("json", "print one JSON document: bytes, nanoseconds, Go's own names"),
    Option("csv", "print CSV: a row for each row of the table, or for each figure"),
    Option("bytes", "print exact bytes: short for --units bytes"),
    Option("units", "print KiB, MiB, GiB, or exact bytes", "UNITS", "binary", choices=("binary", "bytes")),
    Option(
        "color",
        "point with colour; auto follows the terminal",
        "WHEN",
        "auto",
        choices=("auto", "always", "never"),
    ),
    Option("why", "add the formulas of what the report shows"),
)

RUNTIME = Option(
    "runtime",
    "where a process has several Go runtimes: which one, by name or number; the largest if not given",
    "NAME",
)
"""Of every command that looks at a target."""

LIMIT = Option("limit", "rows to print, 0 for all", "N", 20, number=True)
NO_LIMIT = Option("limit", "rows to print, 0 for all", "N", 0, number=True)
"""Of a table that is small by its nature."""


WORST = "worst"
"""A choice of what to sort by: free_bytes, or object_bytes where few slots are free, as summary names the worst classes."""


def sort_by(columns: str, default: str, headings: dict[str, str] | None = None) -> Option:
    """Return the option to sort by one of these columns, named in one string.

    Parameters
    ----------
    default
        One of the columns, or of the other choices in ``columns``, such as `WORST`.
    headings
        Columns by the headings that stand above them, where these are other words.
    """
    choices = tuple(columns.split())
    return Option(
        "sort",
        "column to sort by: figures from the largest; addresses, classes and names from the smallest",
        "COL",
        default,
        choices=choices,
        headings=headings,
    )


def options_of(command: Command) -> tuple[Option, ...]:
    """All options of a command, its own first; one of its own may explain a common one better."""
    own = {option.name for option in command.options}
    common = (*COMMON, RUNTIME) if command.needs_target else COMMON
    return command.options + tuple(option for option in common if option.name not in own)


HELP_WIDTH = 79
"""Columns of a help text that gdb takes when the plugin is loaded, whatever the terminal will be."""


def help_text(
    command: Command,
    program: str = "go-spans",
    *,
    files: str = "",
    files_help: str = "",
    instead: str = "",
    width: int = HELP_WIDTH,
) -> str:
    """Return the whole help of a command; the first line is its summary.

    Parameters
    ----------
    files
        What the command line needs besides, where there is no debugger that has it loaded.
    files_help
        What that is.
    instead
        What may be there in place of the files.
    width
        Columns that it may take.
    """
    usage = [program, command.name]
    if command.argument:
        usage.append(command.argument[0])
    instead = " ".join([*usage, instead]) if instead else ""
    if files:
        usage.append(files)
    lines = [
        *filled("", command.summary[0].upper() + command.summary[1:] + ".", "", width),
        "",
        "Usage: " + " ".join([*usage, "[OPTIONS]"]),
    ]
    if instead:
        lines.append(f"or     {instead} [OPTIONS]")
    if command.aliases:
        lines.append("Also: " + ", ".join(f"{program} {alias}" for alias in command.aliases))
    lines += ["", *filled("", command.description, "", width), "", "Options:"]
    if command.argument:
        lines += hung(command.argument[0], command.argument[1], 22, width)
    if files:
        lines += hung(files, files_help, 22, width)
    for option in options_of(command):
        left = f"--{option.name}" + (f" {option.metavar}" if option.metavar else "")
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        default = f" [{option.default}]" if option.default is not None else ""
        short = f"; -{option.short} for short" if option.short else ""
        lines += hung(left, f"{option.help}{choices}{default}{short}", 22, width)
    if command.columns:
        lines += ["", "Reading the output:"]
        for name, meaning in command.columns:
            lines += hung(name, meaning, 32, width)
    lines += ["", *filled("", f"Example: {command.example}", "  ", width)]
    return "\n".join(lines)


def hung(left: str, right: str, column: int, width: int) -> list[str]:
    """Lay out a name and what it means, the lines that follow under the first; textwrap would load for it at gdb's start."""
    if width - column < _LEAST_MEANING:
        return [*filled("  ", left, "  ", width), *filled(" " * 4, right, " " * 4, width)]
    if len(left) >= column:
        return [f"  {left}", *filled(" " * (column + 2), right, " " * (column + 2), width)]
    return filled(f"  {left:<{column}}", right, " " * (column + 2), width)


def filled(first: str, text: str, indent: str, width: int) -> list[str]:
    """Return the text in lines of the width; the first begins with `first`, all others with `indent`."""
    lines = [first]
    for number, word in enumerate(text.split()):
        if number and len(lines[-1]) + 1 + len(word) > width:
            lines.append(indent + word)
        else:
            lines[-1] += (" " if number else "") + word
    return lines


_LEAST_MEANING = 30
"""Columns beside a name; with less, what it means stands below."""
