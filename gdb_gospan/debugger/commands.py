"""The subcommands as gdb commands."""

from __future__ import annotations

import os

import gdb

from gdb_gospan.debugger.paging import write_all
from gdb_gospan.errors import INTERRUPTED, NOT_TOLD, GoSpansError, Interrupted
from gdb_gospan.fields.command import Command
from gdb_gospan.interrupts import WholeImports
from gdb_gospan.render.help import help_text
from gdb_gospan.reports.catalog import COMMANDS
from gdb_gospan.single_thread import import_numpy

TYPE_CHECKING = False  # importing typing would take a third of what may be added to gdb's start
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from gdb_gospan.analysis.session import Session
    from gdb_gospan.reports.run import Printed

    T = TypeVar("T")

_PREFIX = "go-spans"
_STANDARD_ERROR = 2
_STATUS = "_go_spans_status"
"""The convenience variable with the exit status of the last command."""
_registered = False


def register() -> None:
    """Create ``go-spans`` and its subcommands, once."""
    global _registered  # noqa: PLW0603  # gdb keeps commands for the whole process
    if _registered:
        return
    _registered = True
    _Prefix()
    for command in COMMANDS:
        for name in (command.name, *command.aliases):
            # gdb takes the help text from the class, so each command gets its own.
            kind = type(f"GoSpans_{name}", (_Subcommand,), {"__doc__": help_text(command)})
            kind(name, command)


class _Prefix(gdb.Command):
    """See inside the Go heap: spans, size classes, pages and fragmentation.

    Start with: go-spans summary

    print shows spans, central lists, caches and page bitmaps in Go's terms too
    (info pretty-printer global go-spans). mheap, heapArena and pageAlloc are larger
    than gdb's max-value-size: gdb prints none of them, but a pointer to one shows
    its line (print $go_heap()), and fields print one by one.

    Each command sets $_go_spans_status: 0 if its report was shown, and for check if
    no identity is broken or unknown, for gate if every limit holds; 1 if check found
    a broken identity, or gate a limit exceeded; 2 if the command line is invalid; 3
    if check or gate could not decide, or the target could not be read; 130 after
    Ctrl-C.
    """

    def __init__(self) -> None:
        super().__init__(_PREFIX, gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """List the subcommands; an unknown one gets a suggestion."""
        del from_tty
        guarded(_PREFIX, lambda: self._list(argument))

    @staticmethod
    def _list(argument: str) -> tuple[None, int]:
        words = argument.split()
        if words and words[0] in ("--version", "version", "-V"):
            from gdb_gospan.reports.version import version_text

            gdb.write(version_text(_PREFIX, f"gdb {gdb.VERSION}"))
            return None, 0
        if words and words[0] not in ("help", "-h", "--help"):
            from gdb_gospan.debugger.habits import refuse_order
            from gdb_gospan.reports.arguments import command_named

            refuse_order(words)
            command_named(words[0], words[1:])
        elif words[1:]:
            from gdb_gospan.reports.arguments import command_named

            gdb.write(help_text(command_named(words[1])) + "\n")
            return None, 0
        width = max(len(command.name) for command in COMMANDS)
        for command in COMMANDS:
            also = f" (also {', '.join(command.aliases)})" if command.aliases else ""
            gdb.write(f"go-spans {command.name:<{width}}  {command.summary}{also}\n")
        gdb.write("\nType help go-spans NAME for one of them; start with go-spans summary.\n")
        return None, 0


class _Subcommand(gdb.Command):
    """Base of all subcommands; each has its own help."""

    def __init__(self, name: str, command: Command) -> None:
        super().__init__(f"{_PREFIX} {name}", gdb.COMMAND_DATA)
        self._command = command

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run the command; any failure becomes one line."""
        self.dont_repeat()
        data = not {"--json", "--csv"}.isdisjoint(argument.split())
        guarded(
            f"{_PREFIX} {self._command.name}",
            lambda: self._write(argument, from_tty=from_tty),
            (lambda stopped: _tell(stopped, gdb.STDERR if data else gdb.STDOUT))
            if self._command.needs_target
            else None,
        )

    def _write(self, argument: str, *, from_tty: bool) -> tuple[None, int]:
        if not {"--help", "-h"}.isdisjoint(argument.split()):
            gdb.write(help_text(self._command) + "\n")
            return None, 0
        report = self._run(argument, from_tty=from_tty)
        try:
            write_all(report.pieces)
        except KeyboardInterrupt:
            raise Interrupted from None  # who leaves the pager has read as much as is wanted
        return None, report.status

    def _run(self, argument: str, *, from_tty: bool) -> Printed:
        import_numpy()
        from gdb_gospan.debugger.terminal import style
        from gdb_gospan.render.progress import telling

        arguments = parsed(self._command, argument.split(), shown=True)  # quotes are part of an expression
        session, looks = session_for(self._command, arguments), style(arguments, from_tty=from_tty)
        from gdb_gospan.debugger.report_run import printed

        if session is None:
            return printed(None, self._command, arguments, looks)
        watched = from_tty and os.isatty(_STANDARD_ERROR)
        with telling(session, _to_terminal if watched else None):
            return printed(session, self._command, arguments, looks)

    def complete(self, text: str, word: str | None) -> list[str] | int:
        """Complete options and their values, terms for ``explain``, Go names for ``show``, and files."""
        with WholeImports():
            from gdb_gospan.debugger.completion import EXPRESSION, FILE, complete

            found = complete(self._command, text, word)
        if found is FILE:
            return gdb.COMPLETE_FILENAME
        return gdb.COMPLETE_EXPRESSION if found is EXPRESSION else found


def guarded(
    name: str, work: Callable[[], tuple[T, int]], tell: Callable[[Interrupted], object] | None = None
) -> T:
    """Run a command: any failure becomes one line, and Ctrl-C stays gdb's own.

    Parameters
    ----------
    work
        Returns the result, and the exit status for the convenience variable.
    tell
        Tells what is known of the heap when the user stops it, if there is one.
    """
    status, done = NOT_TOLD, False
    try:
        with WholeImports():
            value, status = work()
            done = True
    except KeyboardInterrupt as stopped:
        status = INTERRUPTED
        if tell is not None and not done:
            tell(stopped if isinstance(stopped, Interrupted) else Interrupted(known={}))
        raise
    except GoSpansError as error:
        status = error.exit_status
        raise failure(f"go-spans: {error}") from None
    except (gdb.error, gdb.GdbError):
        raise
    except Exception as error:
        if gdb.parameter("python print-stack") == "full":
            raise
        raise failure(
            f"{name}: internal error: {type(error).__name__}: {error} "
            "(please report it; set python print-stack full shows where)"
        ) from None
    else:
        return value
    finally:
        gdb.set_convenience_variable(_STATUS, status)


def failure(line: str) -> gdb.GdbError:
    """Return an error that makes gdb print this line, with control characters escaped."""
    from gdb_gospan.render.gate import shown

    return gdb.GdbError(shown(line))


def _tell(stopped: Interrupted, stream: int) -> None:
    """Write what is known, unless the report itself is already printed."""
    if stopped.known:
        from gdb_gospan.render.style import Style
        from gdb_gospan.reports.interrupted import in_words

        kept = "What was read is kept: the next command continues from there.\n"
        gdb.write(f"{str(stopped) or in_words(stopped.known, Style())}{kept}", stream)
    elif stopped.known is not None:
        gdb.write("Interrupted. Nothing is known yet.\n", stream)


def parsed(command: Command, words: Sequence[str], *, shown: bool = False) -> dict[str, Any]:
    """Return the options, with the user's defaults; an argument that must be an address is evaluated."""
    from gdb_gospan.debugger.habits import refuse_habits, refuse_signs
    from gdb_gospan.debugger.parameters import defaults
    from gdb_gospan.reports.arguments import parse

    refuse_habits(command, words)
    arguments = parse(command, words, defaults(), shown=shown)
    if command.takes_address and arguments["argument"] is not None:
        try:
            arguments["argument"] = _address_of(arguments["argument"], command.name)
        except GoSpansError:
            refuse_signs(command, words)
            raise
    for option in command.options:
        if option.address and arguments[option.name] is not None:
            arguments[option.name] = _address_of(arguments[option.name], f"{command.name} --{option.name}")
    return arguments


def _address_of(expression: str, wanted_by: str) -> str:
    from gdb_gospan.debugger.expressions import address_of

    return address_of(expression, wanted_by)


def session_for(command: Command, arguments: dict[str, Any]) -> Session | None:
    """Return the session of the current target; None for a command that needs none."""
    if not command.needs_target:
        return None
    from gdb_gospan.debugger.target import current_session
    from gdb_gospan.reports.catalog import load

    load(command)  # what Python has to load for the first command is not the target's business
    return current_session(arguments["runtime"])


def _to_terminal(text: str) -> None:
    """Write past gdb's pager and log, which would keep this line; it is erased again."""
    os.write(_STANDARD_ERROR, text.encode())  # Python's sys.stderr is gdb's own here
