"""``set go-spans …`` and ``show go-spans …``: defaults for the options of commands."""

from __future__ import annotations

import gdb

_PREFIX = "go-spans"

_SWITCHED = {"on": "always", "off": "never"}
"""How gdb's own settings say it, and what it is here."""

_given: dict[str, object] = {}
"""Options by name, as the user set them; what was never set leaves each command its own default."""


def defaults() -> dict[str, object]:
    """Return the options that the user set a default for, by name."""
    return dict(_given)


class _Prefix(gdb.Command):
    """Base of ``set go-spans`` and ``show go-spans``."""

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Show all parameters; neither prefix does anything by itself."""
        del from_tty
        if argument:
            name = argument.split(maxsplit=1)[0]
            from gdb_gospan.debugger.commands import failure

            raise failure(f"go-spans: no parameter {name} (they are {', '.join(_PARAMETERS)})")
        for name in _PARAMETERS:
            gdb.execute(f"show {_PREFIX} {name}")


class _Set(_Prefix):
    """Set what go-spans commands do where no option says otherwise."""


class _Show(_Prefix):
    """Show what go-spans commands do where no option says otherwise."""


class _Color(gdb.Parameter):
    """When go-spans uses colour: as --color, which overrides it.

    auto follows the terminal, NO_COLOR and gdb's "set style enabled"; whatever colour shows is also
    written in words. on means always, and off means never.
    """

    set_doc = "Set when go-spans uses colour."
    show_doc = "Show when go-spans uses colour."

    def __init__(self) -> None:
        choices = ["auto", "always", "never", *_SWITCHED]
        super().__init__(f"{_PREFIX} color", gdb.COMMAND_DATA, gdb.PARAM_ENUM, choices)
        self.value = "auto"

    def get_set_string(self) -> str:
        """Note what was set."""
        self.value = _SWITCHED.get(str(self.value), self.value)
        _given["color"] = self.value
        return ""

    def get_show_string(self, value: str) -> str:
        """Say it in a sentence."""
        return f"go-spans uses colour: {value}"


class _Limit(gdb.Parameter):
    """The maximum number of rows in long go-spans tables, 0 or unlimited for all: as --limit, which overrides it.

    show go-spans limit names their commands; other tables are limited only by their own --limit.
    A line below a table says that rows are left out.
    """

    set_doc = "Set the maximum number of rows in long go-spans tables."
    show_doc = "Show the maximum number of rows in long go-spans tables."

    def __init__(self) -> None:
        super().__init__(f"{_PREFIX} limit", gdb.COMMAND_DATA, gdb.PARAM_UINTEGER)
        self.value = 20

    def get_set_string(self) -> str:
        """Note what was set."""
        _given["limit"] = self.value or 0  # None is unlimited
        return ""

    def get_show_string(self, value: str) -> str:
        """Say it in a sentence."""
        rows = "all rows" if value == "unlimited" else f"{value} rows"
        return f"go-spans limits long tables ({', '.join(_long_tables())}) to: {rows}"


def _long_tables() -> list[str]:
    """Name the commands that cut their table by themselves."""
    from gdb_gospan.reports.catalog import COMMANDS

    cut = [
        command
        for command in COMMANDS
        for option in command.options
        if option.name == "limit" and option.default
    ]
    return [command.name + (" --chunks" if command.name == "pages" else "") for command in cut]


class _Units(gdb.Parameter):
    """How go-spans prints bytes: binary (KiB, MiB, GiB) or bytes (exact): as --units, which overrides it."""

    set_doc = "Set how go-spans prints bytes."
    show_doc = "Show how go-spans prints bytes."

    def __init__(self) -> None:
        super().__init__(f"{_PREFIX} units", gdb.COMMAND_DATA, gdb.PARAM_ENUM, ["binary", "bytes"])
        self.value = "binary"

    def get_set_string(self) -> str:
        """Note what was set."""
        _given["units"] = self.value
        return ""

    def get_show_string(self, value: str) -> str:
        """Say it in a sentence."""
        return f"go-spans prints bytes as: {'exact bytes' if value == 'bytes' else 'KiB, MiB, GiB'}"


_PARAMETERS = {"color": _Color, "limit": _Limit, "units": _Units}
_registered = False


def register() -> None:
    """Create the parameters, once."""
    global _registered  # noqa: PLW0603  # gdb keeps parameters for the whole process
    if _registered:
        return
    _registered = True
    _Set(f"set {_PREFIX}", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)
    _Show(f"show {_PREFIX}", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)
    for kind in _PARAMETERS.values():
        kind()
