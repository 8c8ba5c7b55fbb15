"""What a subcommand is, as data: gdb's help, the shell's help, parsing and completion come from it.

Light on purpose: gdb imports it at every start.
"""

from __future__ import annotations


class Option:
    """One option. ``metavar`` empty makes it a flag; ``choices`` limits its values; ``address`` takes expressions in gdb.

    ``headings`` are other names of choices: what the output calls them. Where only a part of the report is subject to
    the option, ``part`` names it, and ``shown_by`` the options of which one must be given for it to be there.
    ``short`` is a letter that stands for the name after a single dash. A ``repeated`` option may be given several
    times: its value is the tuple of what was given, or None.
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
        "repeated",
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
        repeated: bool = False,
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
        self.repeated = repeated

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
            repeated=self.repeated,
        )


class Command:
    """One subcommand; the module of that name in `reports` has ``document(session, arguments)`` and ``text(document, style)``.

    Attributes
    ----------
    columns
        What each column or word of the output means.
    argument
        The positional argument, with its meaning; one in brackets may be left out.
    rows
        Key under which the document keeps its rows, for CSV; or, separated by spaces, those of its
        sections, which become rows of name and value.
    needs_target
        Whether there must be a program to read; without, the session is None.
    contents
        Whether it reads the contents of objects, which a snapshot does not hold.
    """

    __slots__ = (
        "aliases", "argument", "columns", "contents", "description", "example", "name", "needs_target", "options",
        "rows", "summary",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
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
        contents: bool = False,
    ) -> None:
        self.name = name
        self.summary = summary
        self.description = description
        self.example = example
        self.columns = columns
        self.options = options
        self.argument = argument
        self.aliases = aliases
        self.rows = rows
        self.needs_target = needs_target
        self.contents = contents

    @property
    def takes_address(self) -> bool:
        """The argument is an address, in gdb any expression that gives one."""
        return self.argument is not None and self.argument[0].strip("[]") == "ADDRESS"

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
        "use colour; auto: on a terminal only",
        "WHEN",
        "auto",
        choices=("auto", "always", "never"),
    ),
    Option("why", "add the formulas of the figures in the report"),
)

RUNTIME = Option(
    "runtime",
    "which Go runtime, by name or number, if the process has several (default: the largest)",
    "NAME",
)
"""Of every command that reads a target."""

LIMIT = Option("limit", "rows to print, 0 for all", "N", 20, number=True)
NO_LIMIT = Option("limit", "rows to print, 0 for all", "N", 0, number=True)
"""Of a table that is small by its nature."""
MAX_PAUSE = Option(
    "max-pause",
    "of a running process: pause it for so long at most, fractions allowed; 0 for any time",
    "SECONDS",
    1,
)
"""Of every command that reads the contents of objects."""

WORST = "worst"
"""A choice of what to sort by: free_bytes, or object_bytes where few slots are free, as summary names the worst classes."""


def sort_option(choices: tuple[str, ...], default: str, headings: dict[str, str]) -> Option:
    """Return the option to sort by one of these columns.

    Parameters
    ----------
    default
        One of the choices.
    headings
        Columns by the headings that stand above them, where these are other words.
    """
    return Option(
        "sort",
        "column to sort by: figures in descending order; addresses, classes and names in ascending order",
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
