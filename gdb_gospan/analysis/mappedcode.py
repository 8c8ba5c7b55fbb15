"""Where the code of a program's files is mapped, as profiles say it."""

from __future__ import annotations

import attrs

from gdb_gospan.analysis.session import Session


@attrs.frozen
class MappedCode:
    """A mapping of code; what is not known is None.

    Attributes
    ----------
    start, limit
        First address, and one past the last.
    offset
        Of the first byte in the file.
    file
        Path of the executable or library, as the process has it.
    build_id
        GNU build id of the file, hexadecimal.
    """

    start: int | None
    limit: int | None
    offset: int | None = None
    file: str | None = None
    build_id: str | None = None


def mapped_code(session: Session) -> tuple[MappedCode, ...]:
    """Return the mappings of files that have code, by address: the executable is the first, unless it was put elsewhere.

    There is at least one row. Where the target does not tell, that is the executable, as far as it is known.
    """
    if session.mapped is not None:
        told = session.mapped()
        rows = tuple(
            MappedCode(
                each.start, each.start + each.size, each.offset, each.path, told.build_ids.get(each.path)
            )
            for each in sorted(told.mappings, key=lambda each: each.start)
            if each.executable and each.path
        )
        if rows:
            return rows
    return (MappedCode(None, None, None, session.target.executable, session.target.build_id),)
