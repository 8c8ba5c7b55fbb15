"""``go-spans`` in a shell: the same subcommands and options as in gdb, on an executable and its core."""

from __future__ import annotations

import contextlib
import copy
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any, Final

from gdb_gospan import __version__
from gdb_gospan.commands.arguments import command_named, split
from gdb_gospan.commands.catalog import COMMANDS, Command, Option, help_text
from gdb_gospan.errors import GoSpansError, TargetError, UsageError

_PROGRAM: Final = "go-spans"
_FILES: Final = "PROGRAM CORE"
_FILES_HELP: Final = "the executable and a core of it, in either order"
_PID: Final = Option("pid", "a running process", "N", number=True)
_WIDEST: Final = 120
_TRACEBACK: Final = "GOSPANS_TRACEBACK"

_ERROR, _USAGE, _INTERRUPTED, _BROKEN_PIPE = 1, 2, 130, 141
"""Exit statuses; the last two are what a shell makes of SIGINT and SIGPIPE."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status; whatever goes wrong is one line on standard error.

    Parameters
    ----------
    argv
        The words after the program's name, by default those of this process.

    Returns
    -------
    int
        0; 1 for an error, 2 for a command line that cannot be understood, 130 when
        interrupted.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        text, status = _answer(words)
        _write(text)
    except UsageError as error:
        return _fail(str(error), _USAGE)
    except GoSpansError as error:
        return _fail(str(error), _ERROR)
    except BrokenPipeError:
        _silence()
        return _BROKEN_PIPE
    except OSError as error:  # all reading is done: the disk is full, say
        _silence()
        return _fail(f"cannot write the output: {error.strerror}", _ERROR)
    except KeyboardInterrupt:
        _silence()
        return _fail("interrupted", _INTERRUPTED)
    except Exception as error:
        if os.environ.get(_TRACEBACK):
            raise
        return _fail(
            f"internal error: {type(error).__name__}: {error} (please report it; {_TRACEBACK}=1 shows where)",
            _ERROR,
        )
    return status


def _answer(words: list[str]) -> tuple[str, int]:
    """Return what to print, and the exit status."""
    if not words:
        return overview(), _USAGE
    name, *rest = words
    if name in ("--version", "version"):
        return f"{_PROGRAM} {__version__}\n", 0
    if name in ("--help", "-h", "help"):
        return (_help(command_named(rest[0])) if rest else overview()), 0
    command = command_named(name)
    if "--help" in rest or "-h" in rest:
        return _help(command), 0
    return _report(command, rest), 0


def overview() -> str:
    """Return the list of the subcommands."""
    width = max(len(command.name) for command in COMMANDS)
    return "\n".join(
        [
            "See inside the Go heap: spans, size classes, pages and fragmentation.",
            "",
            f"Usage: {_PROGRAM} COMMAND {_FILES} [OPTIONS]",
            "",
            *(f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS),
            "",
            f"{_PROGRAM} help COMMAND explains one of them; start with: {_PROGRAM} summary ./program core",
            "",
        ]
    )


def _help(command: Command) -> str:
    return help_text(command, _PROGRAM, files=_FILES, files_help=_FILES_HELP) + " ./program core\n"


def _report(command: Command, words: Sequence[str]) -> str:
    with_pid = copy.copy(command)
    with_pid.options = (*command.options, _PID)
    arguments, plain = split(with_pid, words, helped_by=f"{_PROGRAM} help")
    if (pid := arguments.pop(_PID.name)) is not None:
        raise TargetError(
            f"a running process is read through gdb (try: gdb -p {pid} -ex '{_PROGRAM} {command.name}')"
        )
    arguments["argument"] = _first(command, plain) if command.argument else None
    files = plain[1:] if command.argument else plain
    if any(file.endswith(".gospan") for file in files):
        raise TargetError(
            f"snapshots (*.gospan) cannot be read yet (try: {_PROGRAM} {command.name} ./program core)"
        )

    # Help needs neither numpy nor ELF, and is to be at hand at once.
    from gdb_gospan.commands.coredump import open_session  # noqa: PLC0415  # see above
    from gdb_gospan.commands.run import run  # noqa: PLC0415
    from gdb_gospan.views.style import Style  # noqa: PLC0415

    return run(open_session(files), command, arguments, Style(**_terminal(arguments)))


def _first(command: Command, plain: Sequence[str]) -> str:
    """Return the argument, which stands before the files."""
    name, meaning = command.argument or ("", "")
    if not plain:
        raise UsageError(f"{command.name}: needs {name}, {meaning} (try: {_PROGRAM} help {command.name})")
    if os.path.exists(plain[0]):  # noqa: PTH110  # a name of any kind
        raise UsageError(
            f"{command.name}: {name} comes before the files (try: {_PROGRAM} {command.name} {name} {' '.join(plain[:2])})"
        )
    return plain[0]


def _terminal(arguments: dict[str, Any]) -> dict[str, Any]:
    """Follow the terminal, NO_COLOR and the options of the command."""
    shown = sys.stdout.isatty()
    colours = shown and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    wanted = arguments["color"]
    return {
        "width": min(shutil.get_terminal_size((100, 24)).columns, _WIDEST) if shown else 100,
        "colour": wanted == "always" or (wanted == "auto" and colours),
        "unicode": _encoding().lower().replace("-", "") == "utf8",
        "exact": arguments["bytes"],
    }


def _encoding() -> str:
    return sys.stdout.encoding or "ascii"


def _write(text: str) -> None:
    """Print, whatever the names of files may hold that standard output cannot encode."""
    sys.stdout.write(text.encode(_encoding(), "backslashreplace").decode(_encoding()))
    sys.stdout.flush()


def _silence() -> None:
    """Drop what is not printed yet: Python would try again at its exit, and wait, or complain."""
    with contextlib.suppress(OSError, ValueError):  # a test's standard output is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, status: int) -> int:
    safe = line.encode("utf-8", "backslashreplace").decode()
    sys.stderr.write(f"{_PROGRAM}: {safe}\n")
    return status
