"""The subcommands as gdb commands."""

from __future__ import annotations

import re

import gdb

from gdb_gospan.commands.catalog import COMMANDS, Command, help_text, options_of
from gdb_gospan.errors import GoSpansError
from gdb_gospan.single_thread import import_numpy

_PREFIX = "go-spans"
_GO_NAME = re.compile(r"(&?)([\w/]+\.\w+)")
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
    (info pretty-printer global go-spans). mheap, heapArena, pageAlloc and p are
    larger than gdb's max-value-size and have commands instead.
    """

    def __init__(self) -> None:
        super().__init__(_PREFIX, gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """List the subcommands; an unknown one gets a suggestion."""
        del from_tty
        words = argument.split()
        if words and words[0] not in ("help", "-h", "--help"):
            from gdb_gospan.commands.arguments import command_named

            try:
                command_named(words[0])
            except GoSpansError as error:
                raise gdb.GdbError(f"go-spans: {error}") from None
        width = max(len(command.name) for command in COMMANDS)
        for command in COMMANDS:
            also = f" (also {', '.join(command.aliases)})" if command.aliases else ""
            gdb.write(f"go-spans {command.name:<{width}}  {command.summary}{also}\n")
        gdb.write("\nhelp go-spans NAME explains one of them; start with go-spans summary\n")


class _Subcommand(gdb.Command):
    """Base of all subcommands; each has its own help."""

    def __init__(self, name: str, command: Command) -> None:
        super().__init__(f"{_PREFIX} {name}", gdb.COMMAND_DATA)
        self._command = command

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Run the command; whatever goes wrong is one line."""
        self.dont_repeat()
        if "--help" in argument.split():
            gdb.write(help_text(self._command) + "\n")
            return
        try:
            text = self._run(argument, from_tty=from_tty)
        except GoSpansError as error:
            raise gdb.GdbError(f"go-spans: {error}") from None
        except (gdb.error, KeyboardInterrupt, gdb.GdbError):
            raise
        except Exception as error:
            if gdb.parameter("python print-stack") == "full":
                raise
            raise gdb.GdbError(
                f"go-spans {self._command.name}: internal error: {type(error).__name__}: {error} "
                "(please report it; set python print-stack full shows where)"
            ) from None
        gdb.write(text)

    def _run(self, argument: str, *, from_tty: bool) -> str:
        import_numpy()
        from gdb_gospan.commands.arguments import parse
        from gdb_gospan.commands.run import run
        from gdb_gospan.debugger.target import current_session
        from gdb_gospan.debugger.terminal import style

        arguments = parse(self._command, argument.split())  # quotes are part of an expression
        if arguments["argument"] is not None:
            arguments["argument"] = _evaluate(arguments["argument"])
        return run(current_session(), self._command, arguments, style(arguments, from_tty=from_tty))

    def complete(self, text: str, word: str) -> list[str] | int:
        """Offer options after a dash, the values of an option after it, and symbols to ``show``."""
        typed = text.rsplit(None, 1)[-1] if text and not text[-1].isspace() else ""
        before = text[: len(text) - len(typed)].split()
        options = {f"--{option.name}": option for option in options_of(self._command)}
        if typed.startswith("-"):
            offers: tuple[str, ...] = tuple(options)
        elif before and before[-1] in options:
            offers = options[before[-1]].choices
        else:
            return gdb.COMPLETE_EXPRESSION if self._command.argument else []
        # gdb breaks words at a dash, and takes what replaces the last part only.
        done = len(typed) - len(word)
        return [offer[done:] for offer in offers if offer.startswith(typed)]


def _evaluate(expression: str) -> str:
    """Turn a gdb expression into an address; a plain number stays as it is."""
    try:
        int(expression, 0)
    except ValueError:
        pass
    else:
        return expression
    try:
        return hex(int(_value(expression)))
    except (gdb.error, TypeError, OverflowError) as error:
        raise GoSpansError(
            f"show: {expression} is not an address or an expression that gives one ({error}) "
            "(Go's names go in quotes: &'main.cache')"
        ) from None


def _value(expression: str) -> gdb.Value:
    """Evaluate an expression to a pointer; a slice, string or interface gives what it points to."""
    # gdb knows Go's names only in quotes: 'main.cache'.
    value = gdb.parse_and_eval(
        _GO_NAME.sub(r"\1'\2'", expression) if _GO_NAME.fullmatch(expression) else expression
    )
    kind = value.type.strip_typedefs()
    if kind.code != gdb.TYPE_CODE_STRUCT:
        return value
    names = {field.name for field in kind.fields()}
    inside = next((name for name in ("array", "str", "data") if name in names), None)
    if inside is not None:
        return value[inside]
    if value.address is None:
        raise gdb.error("a struct without an address")
    return value.address
