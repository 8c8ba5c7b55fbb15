"""What a CI server is told where a report could not be made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_FORMAT: Final = "--format"


def unreadable(name: str, words: Sequence[str], message: str) -> str:
    """Return the error in the form that ``--format`` asks for; nothing for people, who read it as a line of its own.

    Parameters
    ----------
    name
        Of the command: ``go-spans gate``.
    words
        Those after it, as they were typed.
    """
    given = dict(zip(words, [*words[1:], ""], strict=True))
    form = next(
        (word.partition("=")[2] for word in words if word.startswith(f"{_FORMAT}=")), given.get(_FORMAT)
    )
    if form == "junit":
        from gdb_gospan.render.junit import Case, junit  # noqa: PLC0415  # for a server

        return junit(name, [Case("target", "error", "unreadable", message)], {})
    if form == "github":
        from gdb_gospan.render.annotations import annotation  # noqa: PLC0415  # as above

        return annotation("error", name, message)
    return ""
