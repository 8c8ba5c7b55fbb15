"""Change gdb's settings for a moment, if possible without notifying front ends."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping

import gdb

from gdb_gospan.debugger.text_output import said
from gdb_gospan.interrupts import Deferred

_LIKE_C = frozenset({"asm", "c", "minimal"})
"""Languages that read every expression alike: no operator or name of another language gets in between."""
_LANGUAGE = re.compile(r'"(?:auto; currently )?([^"]+)"')


@contextlib.contextmanager
def changed(wanted: Mapping[str, str | bool | int]) -> Iterator[None]:
    """Change gdb settings for the block; one that cannot be changed keeps its value."""
    before: list[tuple[str, str]] = []
    try:
        for name, value in wanted.items():
            own = _text(gdb.parameter(name))
            if own != _text(value):
                with Deferred(), contextlib.suppress(gdb.error):
                    _set(name, _text(value))
                    before.append((name, own))
        yield
    finally:
        with Deferred():
            for name, value in reversed(before):
                _set(name, value)


def like_c() -> contextlib.AbstractContextManager[None]:
    """Have gdb read expressions as in C, and numbers as decimal, for the block."""
    found = _LANGUAGE.search(said("show language"))
    wanted: dict[str, str | bool | int] = {} if found and found[1] in _LIKE_C else {"language": "c"}
    return changed({**wanted, "input-radix": 10})


def _text(value: object) -> str:
    if value is None:
        return "unlimited"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:#x}" if isinstance(value, int) else str(value)  # decimal digits depend on the radix


def _set(name: str, value: str) -> None:
    command = f"set {name} {value}"
    if hasattr(gdb, "execute_mi"):  # gdb 14; what a command of MI sets, no front end is told of
        command = f"python gdb.execute_mi(*{['-gdb-set', *name.split(), value]})"
    gdb.execute(command, to_string=True)  # gdb may warn of a language that is not the frame's
