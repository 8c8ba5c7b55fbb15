"""What ``go-spans help`` prints: what can be read, the commands, and the exit statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gdb_gospan.errors import BROKEN_PIPE, FOUND, INTERRUPTED, NOT_TOLD, USAGE
from gdb_gospan.fields.command import Command
from gdb_gospan.render.help import filled, hung

_WAYS_IN: Final = (
    ("PROGRAM CORE", "a core dump and its executable; the core alone also works"),
    ("--pid N", "a running process, which is paused while it is read"),
    ("--dlv HOST:PORT", "a program that a headless Delve debugs"),
    ("SNAPSHOT", "a file written by go-spans snapshot, on any machine"),
)
_STATUSES: Final = {
    0: "the report was shown; for check and gate: everything holds",
    FOUND: "check found a broken identity, or gate a limit that is exceeded",
    USAGE: "the command line is invalid",
    NOT_TOLD: "check or gate could not decide, or the target could not be read",
    INTERRUPTED: "interrupted",
    BROKEN_PIPE: "the reader of the output closed the pipe",
}


def overview_text(commands: Sequence[Command], program: str, room: int) -> str:
    """Return the text, in lines of at most that many columns."""
    width = max(len(command.name) for command in commands)
    first = commands[0].name
    return "\n".join(
        [
            *filled("", "See inside the Go heap: spans, size classes, pages and fragmentation.", "", room),
            "",
            *(
                f"{'or     ' if at else 'Usage: '}{program} COMMAND {way} [OPTIONS]"
                for at, (way, _) in enumerate(_WAYS_IN)
            ),
            "",
            "What to read:",
            *(line for way, meaning in _WAYS_IN for line in hung(way, meaning, 17, room)),
            "",
            "Commands:",
            *(line for command in commands for line in hung(command.name, command.summary, width + 1, room)),
            "",
            *filled("", f"{program} help COMMAND explains a command. Start with:", "", room),
            f"  {program} {first} ./program core",
            f"  {program} {first} --pid N",
            "",
            "Other options:",
            *hung("--version, -V", "print versions and the supported Go releases", 19, room),
            *hung("--completion SHELL", "print a completion script for bash, zsh or fish", 19, room),
            "",
            "Exit status:",
            *(
                line
                for status, meaning in _STATUSES.items()
                for line in filled(f"{status:5}  ", meaning, " " * 7, room)
            ),
            "",
        ]
    )
