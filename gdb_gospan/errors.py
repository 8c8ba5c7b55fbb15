"""Every exception that gdb_gospan raises on purpose.

Each message is one line for the user: what failed, where, what to try next.
Whoever faces the user (the gdb adapter, the CLI) prints exactly that line;
anything else that escapes is a defect of ours.
"""


class GoSpansError(Exception):
    """Base of all expected failures; ``str(error)`` is the line the user sees."""


class UsageError(GoSpansError):
    """The command line cannot be understood (unknown option, bad value)."""


class TargetError(GoSpansError):
    """There is nothing to look at: no program, not Go, wrong or missing files."""


class LayoutError(GoSpansError):
    """The runtime's types could not be resolved, so no figure can be trusted."""


class MemoryReadError(GoSpansError):
    """Memory that everything else depends on could not be read."""


class Interrupted(KeyboardInterrupt):
    """The user stopped a command; the message, which may be empty, is what is known so far, ready to print."""
