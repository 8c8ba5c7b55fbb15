"""The help of a subcommand, as text. Light on purpose: gdb imports it at every start."""

from __future__ import annotations

from gdb_gospan.fields.command import Command, options_of

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
        short += "; may be repeated" if option.repeated else ""
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
