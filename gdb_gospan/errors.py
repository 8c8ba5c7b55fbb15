"""Every exception that gdb_gospan raises on purpose, and the exit statuses.

Each message is one line for the user: what failed, where, what to try next.
Whoever faces the user (the gdb adapter, the CLI) prints exactly that line;
anything else that escapes is a defect of ours.

What a command ends with, in a shell as its exit status and in gdb as
``$_go_spans_status``: 0 when its claim holds or its report is shown; FOUND; USAGE;
NOT_TOLD, also after a defect of ours; and what a shell makes of SIGINT and SIGPIPE.
"""

FOUND = 1
"""A finding: ``check`` has met a broken identity, ``gate`` a limit that is exceeded."""
USAGE = 2
"""The command line cannot be understood."""
NOT_TOLD = 3
"""``check`` has met an identity that cannot be checked, and no broken one; ``gate`` likewise; or the target cannot be read."""
INTERRUPTED = 130
BROKEN_PIPE = 141


class GoSpansError(Exception):
    """Base of all expected failures; ``str(error)`` is the line the user sees."""

    exit_status = NOT_TOLD


def cut_off(core: object, missing: int, problem: object) -> str:
    """Return the message for a cut-off core: `problem`, with a hint unless it has one."""
    said = f"{core} is cut off, {missing:,} bytes are missing: {problem}"
    hint = " (try: a complete core: ulimit -c unlimited, enough disk space, or gcore PID)"
    return said if "(try: " in said else said + hint


class UsageError(GoSpansError):
    """The command line cannot be understood (unknown option, bad value)."""

    exit_status = USAGE


class TargetError(GoSpansError):
    """There is nothing to read: no program, not Go, wrong or missing files."""


class LayoutError(GoSpansError):
    """The runtime's types could not be resolved, so no figure can be trusted."""


class MemoryReadError(GoSpansError):
    """Memory that everything else depends on could not be read."""


class Interrupted(KeyboardInterrupt):
    """The user stopped a command; the message, which may be empty, is what is known so far, ready to print.

    Attributes
    ----------
    known
        The same as facts, by what they are about; None if the report is already printed.
    """

    def __init__(self, message: str = "", known: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.known = known
