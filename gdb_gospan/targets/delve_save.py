"""A session on a file written by `go_spans save` inside Delve."""

from __future__ import annotations

from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.errors import TargetError
from gdb_gospan.layout.frozen import thaw
from gdb_gospan.memory.saved import load
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.targets.variables import not_recorded


def open_session(path: str, runtime: str | None = None) -> Session:
    """Open the file; it has only one runtime, so `runtime` is ignored.

    Raises
    ------
    GoSpansError
        It cannot be read, or is damaged.
    """
    del runtime
    image, meta = load(path)
    layout, symbols = thaw(meta.get("layout"))
    target = meta.get("target")
    if not isinstance(target, dict) or not isinstance(target.get("description"), str):
        raise TargetError(f"{path}: damaged or cut off (try: go_spans save again)")
    pid = target.get("pid")
    return Session(
        Target(
            kind="snapshot",
            description=f"{target['description']}, saved by Delve",
            pid=pid if isinstance(pid, int) else None,
        ),
        Heap(image, layout, symbols),
        variables=not_recorded,
    )
