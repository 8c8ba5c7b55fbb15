"""``go-spans`` in a shell: the same subcommands and options as in gdb, on a core with its executable or a process."""

from __future__ import annotations

import contextlib
import copy
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

from gdb_gospan.errors import BROKEN_PIPE, INTERRUPTED, NOT_TOLD, USAGE, GoSpansError, UsageError
from gdb_gospan.fields.command import Command, Option
from gdb_gospan.memory import limit as memorylimit
from gdb_gospan.render.gate import shown
from gdb_gospan.render.help import HELP_WIDTH, help_text
from gdb_gospan.render.overview import overview_text
from gdb_gospan.reports.arguments import command_named, split, with_addresses
from gdb_gospan.reports.catalog import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from gdb_gospan.analysis.session import Session

_PROGRAM: Final = "go-spans"
_FILES: Final = "PROGRAM CORE"
_FILE_COUNT: Final = 2
_FILES_HELP: Final = (
    "the executable and its core dump, in either order; a library in place of the executable selects the library's Go "
    "runtime; a core or a snapshot alone also works"
)
_PID: Final = Option(
    "pid", "read a running process, which is paused while it is read", "N", number=True, short="p"
)
_DLV: Final = Option("dlv", "read the program that a headless Delve debugs", "HOST:PORT")
_DEBUG_FILES: Final = Option(
    "debug-directory", "where to look for separate debug information, as gdb's debug-file-directory", "DIR"
)
_MAX_MEMORY: Final = Option(
    memorylimit.OPTION,
    "most memory that go-spans may use, such as 4GiB (default: half of the machine's)",
    "SIZE",
)
_COMPLETION: Final = "--completion"
_WIDEST: Final = 120
_NARROWEST: Final = 40
_HELP: Final = ("--help", "-h", "help")
_TRACEBACK: Final = "GOSPANS_TRACEBACK"

Answer = tuple[Iterable[str], int]
"""What to print, in pieces, and the exit status."""


@memorylimit.restored
def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status; whatever goes wrong is one line on standard error.

    Parameters
    ----------
    argv
        The words after the program's name, by default those of this process.

    Returns
    -------
    int
        One of those in `errors`.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    _standard_streams()
    try:
        pieces, status = _answer(words)
        for piece in pieces:
            _write(piece)
        sys.stdout.flush()
    except GoSpansError as error:
        if error.exit_status == NOT_TOLD and words[1:]:
            from gdb_gospan.render.unreadable import unreadable  # noqa: PLC0415  # all went well, mostly

            _write(unreadable(f"{_PROGRAM} {words[0]}", words[1:], str(error)))
        return _fail(str(error), error.exit_status)
    except BrokenPipeError:
        _silence()
        return BROKEN_PIPE
    except OSError as error:  # all reading is done: the disk is full, say
        _silence()
        return _fail(f"cannot write the output: {error.strerror}", NOT_TOLD)
    except KeyboardInterrupt as stopped:
        sys.stderr.write(str(stopped))
        _silence()
        return _fail("interrupted", INTERRUPTED)
    except MemoryError:
        return _fail(memorylimit.exhausted(), NOT_TOLD)
    except Exception as error:
        if os.environ.get(_TRACEBACK):
            raise
        return _fail(
            f"internal error: {type(error).__name__}: {error} (please report it; {_TRACEBACK}=1 shows where)",
            NOT_TOLD,
        )
    return status


def _answer(words: list[str]) -> Answer:
    if not words:
        return [overview()], USAGE
    name, *rest = words
    if name in ("--version", "-V", "version"):
        from gdb_gospan.reports.version import version_text  # noqa: PLC0415  # help is shown at once

        return [version_text(_PROGRAM)], 0
    if name.partition("=")[0] == _COMPLETION:
        return [_completion(name.partition("=")[2] or " ".join(rest))], 0
    if name in _HELP:
        return [_help(command_named(rest[0])) if rest and rest[0] not in _HELP else overview()], 0
    command = command_named(name, rest)
    if "--help" in rest or "-h" in rest:
        return [_help(command)], 0
    return (_report if command.needs_target else _without_files)(command, rest)


def overview() -> str:
    """Return what ``go-spans help`` prints."""
    return overview_text(COMMANDS, _PROGRAM, _help_width())


def _help(command: Command) -> str:
    if not command.needs_target:
        return help_text(command, _PROGRAM, width=_help_width()) + "\n"
    return (
        help_text(
            _with_pid(command),
            _PROGRAM,
            files=_FILES,
            files_help=_FILES_HELP,
            instead=f"--{_PID.name} N",
            width=_help_width(),
        )
        + " ./program core\n"
    )


def _completion(shell: str) -> str:
    from gdb_gospan.glossary.lookup import TERMS  # noqa: PLC0415  # as in _report
    from gdb_gospan.render.completion import completion  # noqa: PLC0415

    names = [name for term in TERMS for name in (term.name, *term.aliases) if name.isidentifier()]
    more = _with_pid(COMMANDS[0]).options[len(COMMANDS[0].options) :]
    return completion(
        shell, _PROGRAM, COMMANDS, more=more, terms=lambda command: [] if command.needs_target else names
    )


def _help_width() -> int:
    return min(max(_columns() or HELP_WIDTH, _NARROWEST), HELP_WIDTH)


def _columns() -> int:
    """Return the columns of the terminal, or what COLUMNS says of it; 0 for a file or a pipe, which has room for all."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 0


def _with_pid(command: Command) -> Command:
    """Return the command as a shell has it: with a process for the debugger's."""
    copied = copy.copy(command)
    copied.options = (*command.options, _PID, _DLV, _DEBUG_FILES, _MAX_MEMORY)
    return copied


def _without_files(command: Command, words: Sequence[str]) -> Answer:
    arguments, plain = split(command, words, helped_by=f"{_PROGRAM} help", shown=True)
    arguments["argument"] = " ".join(plain) or None

    from gdb_gospan.render.style import Style  # noqa: PLC0415
    from gdb_gospan.reports.run import printed  # noqa: PLC0415  # help is shown at once

    return printed(None, command, arguments, Style(**_terminal(arguments)))


def _report(command: Command, words: Sequence[str]) -> Answer:
    arguments, plain = split(_with_pid(command), words, helped_by=f"{_PROGRAM} help", shown=True)
    memorylimit.limit(arguments.pop("max_memory"))
    pid, delve = arguments.pop(_PID.name), arguments.pop(_DLV.name)
    if pid is not None and delve is not None:
        raise UsageError(
            f"{command.name}: --{_PID.name} {pid} and --{_DLV.name} {delve} cannot be combined: give one target"
        )
    if pid is not None:
        return _report_process(command, arguments, plain, pid)
    if delve is not None:
        return _report_delve(command, arguments, plain, delve)
    open_saved = _saved(plain[-1]) if plain else None
    number = 1 if open_saved else _FILE_COUNT
    few = len(plain) <= number and not _is_number(plain)
    given = bool(command.argument) and not (command.argument_optional and few)
    arguments["argument"] = _first(command, plain) if given else None
    files = plain[1:] if given else plain
    if open_saved and len(files) == 1:
        _without_debug_files(command, arguments, "a snapshot contains the types")
        return _shown(open_saved(files[0], arguments["runtime"]), command, arguments)
    if any(_saved(file) for file in files):
        raise UsageError(
            f"{command.name}: a snapshot is read without other files: give one snapshot only (got: {' '.join(files)})"
        )

    # Help needs neither numpy nor ELF, and is shown at once.
    from gdb_gospan.render.progress import telling_of  # noqa: PLC0415  # see above
    from gdb_gospan.targets.core import open_session  # noqa: PLC0415  # see above

    session = open_session(
        files,
        _debug_folders(arguments),
        lambda what: telling_of(what, _to_terminal()),
        runtime=arguments["runtime"],
    )
    return _shown(session, command, arguments)


def _is_number(plain: Sequence[str]) -> bool:
    """Whether the first of two words is a number and no file: an argument, and a core alone."""
    return len(plain) == _FILE_COUNT and plain[0].isdigit() and not os.path.exists(plain[0])  # noqa: PTH110


def _saved(file: str) -> Callable[[str, str | None], Session] | None:
    """Return what opens a file that a heap was saved in: by `go-spans snapshot`, or by `go_spans save` inside Delve."""
    from gdb_gospan.memory.image import begins_as_image  # noqa: PLC0415  # as in _report
    from gdb_gospan.memory.saved import is_saved  # noqa: PLC0415

    if begins_as_image(file):
        from gdb_gospan.targets.snapshot import open_session  # noqa: PLC0415

        return open_session
    if is_saved(file):
        from gdb_gospan.targets.delve_save import open_session as open_delve  # noqa: PLC0415

        return open_delve
    return None


def _report_process(command: Command, arguments: dict[str, Any], plain: Sequence[str], pid: int) -> Answer:
    if pid <= 0:
        raise UsageError(f"{command.name}: invalid --pid {pid}: it is not a process (try: pidof PROGRAM)")
    _without_its_files(
        command,
        arguments,
        plain,
        f"--pid {pid} cannot be combined with files: the process names its executable",
    )

    from gdb_gospan.targets.process import open_session  # noqa: PLC0415  # as in _report

    session = open_session(pid, _debug_folders(arguments), runtime=arguments["runtime"])
    return _shown(session, command, arguments)


def _report_delve(command: Command, arguments: dict[str, Any], plain: Sequence[str], address: str) -> Answer:
    _without_its_files(
        command, arguments, plain, f"--dlv {address} cannot be combined with files: Delve has the program"
    )
    _without_debug_files(command, arguments, "Delve looks for debug information itself")

    from gdb_gospan.targets.delve_server import open_session  # noqa: PLC0415
    from gdb_gospan.targets.delve_still import tried_again  # noqa: PLC0415  # as in _report

    def attempt() -> Answer:
        session = open_session(address, arguments["runtime"])
        evaluate = session.address_of
        own = with_addresses(command, arguments, evaluate) if evaluate else arguments
        return _shown(session, command, own)

    return tried_again(attempt, lambda line: sys.stderr.write(f"{_PROGRAM}: {line}\n"))


def _without_debug_files(command: Command, arguments: dict[str, Any], why: str) -> None:
    if arguments.pop("debug_directory") is not None:
        raise UsageError(f"{command.name}: --{_DEBUG_FILES.name} has no effect: {why}")


def _without_its_files(command: Command, arguments: dict[str, Any], plain: Sequence[str], why: str) -> None:
    """Set the argument, the only word that may stand beside a target that is not files."""
    taken = 1 if command.argument else 0
    if len(plain) > taken:
        raise UsageError(f"{command.name}: {why} (remove: {' '.join(plain[taken:])})")
    arguments["argument"] = plain[0] if plain else None
    if command.needs_argument and not plain:
        _first(command, plain)


def _shown(session: Session, command: Command, arguments: dict[str, Any]) -> Answer:
    from gdb_gospan.render.progress import announced, telling  # noqa: PLC0415  # as in _report
    from gdb_gospan.render.style import Style  # noqa: PLC0415
    from gdb_gospan.reports.run import printed  # noqa: PLC0415

    session.announce = lambda pause: _say(announced(pause))
    with telling(session, _to_terminal()):
        return printed(session, command, arguments, Style(**_terminal(arguments)))


def _debug_folders(arguments: dict[str, Any]) -> Sequence[Path]:
    from gdb_gospan.layout.debugfile import split_folders  # noqa: PLC0415  # as in _report

    return split_folders(arguments.pop("debug_directory"))


def _to_terminal() -> Callable[[str], object] | None:
    """Return what writes where somebody looks, or None."""
    return sys.stderr.write if sys.stderr.isatty() else None


def _say(line: str) -> None:
    """Write a line on standard error, over the line of progress where somebody looks."""
    text = f"{_PROGRAM}: {line}"
    sys.stderr.write(f"\r{text.ljust(_NARROWEST)}\n" if sys.stderr.isatty() else f"{text}\n")


def _first(command: Command, plain: Sequence[str]) -> str:
    """Return the argument, which stands before the files."""
    name, meaning = command.argument or ("", "")
    if not plain:
        raise UsageError(f"{command.name}: needs {name}, {meaning} (try: {_PROGRAM} help {command.name})")
    if name == "FILE":
        from gdb_gospan.reports.snapshot import free  # noqa: PLC0415  # as in _report

        free(plain[0])  # a program there was meant to be looked at
    elif os.path.exists(plain[0]):  # noqa: PTH110  # a name of any kind
        raise UsageError(
            f"{command.name}: {name} comes before the files (try: {_PROGRAM} {command.name} {name} {' '.join(plain[:2])})"
        )
    return plain[0]


def _terminal(arguments: dict[str, Any]) -> dict[str, Any]:
    """Follow the terminal, NO_COLOR and the options of the command."""
    terminal = sys.stdout.isatty()
    colours = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    wanted = arguments["color"]
    room = _columns()
    return {
        "width": min(room, _WIDEST) if room else 100,
        "room": room,
        "colour": wanted == "always" or (wanted == "auto" and colours),
        "unicode": _encoding().lower().replace("-", "") == "utf8",
        "exact": arguments["units"] == "bytes",
    }


def _standard_streams() -> None:
    """Put something in the place of streams that were closed before the start, such as by ``>&-``.

    Their numbers would else go to the next files that are opened. What is written to a closed standard output fails,
    as it does in any program; of a closed standard error nothing can be told.
    """
    if sys.stdin is None:
        sys.stdin = _opened(0, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = _opened(1, os.O_RDONLY)
    if sys.stderr is None:
        sys.stderr = _opened(2, os.O_WRONLY)


def _opened(number: int, flags: int) -> TextIO:
    """Open the null device as this descriptor."""
    descriptor = os.open(os.devnull, flags)
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)
    return os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False)


def _encoding() -> str:
    return sys.stdout.encoding or "ascii"


def _write(text: str) -> None:
    """Print; what standard output cannot encode, such as a name in another script, is escaped."""
    if not text.isascii():
        text = text.encode(_encoding(), "backslashreplace").decode(_encoding())
    sys.stdout.write(text)


def _silence() -> None:
    """Drop what is not printed yet: Python would try again at its exit, and wait, or complain."""
    with contextlib.suppress(OSError, ValueError):  # a test's standard output is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, status: int) -> int:
    sys.stderr.write(f"{_PROGRAM}: {shown(line)}\n")
    return status
