"""See inside the Go heap from a debugger.

Importing the package has no effect: it reads no memory, registers nothing and
imports nothing heavy, because gdb does so at every start.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing would take a third of what may be added to gdb's start
if TYPE_CHECKING:
    from typing import Any

    from gdb_gospan.api import open_heap as open  # noqa: A004  # as the open of the standard library is called
    from gdb_gospan.api import report, rows

__all__ = ["open", "report", "rows"]


def __getattr__(name: str) -> "Any":
    """Import what `gdb_gospan.api` offers when it is asked for."""
    if name in __all__:
        from gdb_gospan import api  # noqa: PLC0415  # heavy

        return getattr(api, {"open": "open_heap"}.get(name, name))
    raise AttributeError(f"module {__name__} has no attribute {name}")
