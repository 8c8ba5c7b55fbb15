"""A session of a heap that `go-spans snapshot` has written."""

from __future__ import annotations

from typing import Any

import attrs

from gdb_gospan.commands.session import Session, Target
from gdb_gospan.errors import TargetError
from gdb_gospan.layout.frozen import thaw, thaw_evidence
from gdb_gospan.memory.image import Image
from gdb_gospan.runtime.heap import Heap


def open_session(path: str) -> Session:
    """Open the file.

    Raises
    ------
    GoSpansError
        It cannot be read, is damaged, or was written by a newer release.
    """
    image, meta = Image.load(path)
    layout, symbols = thaw(meta.get("layout"))
    evidence = thaw_evidence(meta.get("evidence"), layout)
    try:
        target = _target(meta["target"])
        threads = None if meta.get("threads") is None else [_thread(row) for row in meta["threads"]]
    except (LookupError, TypeError, ValueError) as error:
        raise TargetError(f"{path}: damaged (try: go-spans snapshot again)") from error
    seen = None if threads is None else lambda: threads
    return Session(target, Heap(image, layout, symbols, evidence), seen)


def _target(recorded: dict[str, Any]) -> Target:
    """Return what was looked at then, which keys of a newer release do not change."""
    known = {field.name: recorded[field.name] for field in attrs.fields(Target)}
    texts = [known[key] for key in ("description", "executable", "core", "build_id")]
    numbers = [known[key] for key in ("pid", "resident", "missing")]
    if not all(value is None or isinstance(value, str) for value in texts) or known["description"] is None:
        raise TypeError(recorded)
    if not all(value is None or type(value) is int for value in numbers) or known["missing"] is None:
        raise TypeError(recorded)
    return Target(**{**known, "kind": "snapshot"})


def _thread(row: tuple[str, list[str]]) -> tuple[str, list[str]]:
    name, functions = row
    if not all(isinstance(text, str) for text in (name, *functions)):
        raise TypeError(row)
    return name, functions
