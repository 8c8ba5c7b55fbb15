"""Nothing is required that nothing reads: a newer Go without it would be refused for nothing."""

from __future__ import annotations

import re

from gdb_gospan.layout import requirements
from tools.cache import CHECKOUT

TABLES = [CHECKOUT / "gdb_gospan" / "layout" / f"{name}.py" for name in ("requirements", "objectneeds")]


def test_every_field_is_read_or_spare() -> None:
    package = (CHECKOUT / "gdb_gospan").rglob("*.py")
    source = "\n".join(path.read_text() for path in package if path not in TABLES)
    strings = set(re.findall(r'"([\w.\[\]*]+)"', source))
    unread = [
        f"{struct.name}.{need.path}"
        for struct in requirements.STRUCTS
        for need in struct.needs
        if not need.spare and not re.search(r"[*\[]", need.path) and not _read(need.path, strings, source)
    ]
    assert unread == []


def _read(path: str, strings: set[str], source: str) -> bool:
    """Whether a string is the path, or is put together to it, or it is an attribute of what has all fields."""
    if path in strings:
        return True
    parts = [rf"(?:{re.escape(part)}|\{{\w+\}})" for part in path.split(".")]
    put_together = re.search(f'f"{"[.]".join(parts)}"', source) is not None and "." in path
    return put_together or re.search(rf"\b(?:stats|heap)\.{re.escape(path)}\b", source) is not None
