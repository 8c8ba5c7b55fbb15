"""Tables of text, and the same rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen
class Column:
    """One column: the key of the row, its heading, and how a value becomes text.

    Numbers are right-aligned; ``left`` says that this column is words.
    """

    key: str
    heading: str
    format: Any = str
    left: bool = False


def table(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], *, indent: str = "  ") -> str:
    """Lay rows out under their headings."""
    from tabulate import tabulate  # noqa: PLC0415  # 30 ms that a command without a table does not pay

    cells = [[column.format(row[column.key]) for column in columns] for row in rows]
    text: str = tabulate(
        cells,
        headers=[column.heading for column in columns],
        tablefmt="plain",
        disable_numparse=True,
        colalign=["left" if column.left else "right" for column in columns] if cells else None,
    )
    return "\n".join((indent + line).rstrip() for line in text.splitlines())


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV under their keys; nested values are left out."""
    if not rows:
        return ""
    keys = [key for key, value in rows[0].items() if not isinstance(value, (dict, list))]
    out = io.StringIO()
    writer = csv.DictWriter(out, keys, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
