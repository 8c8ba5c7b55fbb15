"""Which go-spans this is, what it runs on, and which Go releases it knows."""

from __future__ import annotations

import importlib.metadata
import sys

from gdb_gospan import __version__
from gdb_gospan.layout import requirements
from gdb_gospan.layout.bundled import ARCHES, releases


def version_text(program: str, host: str = "") -> str:
    """Return two lines.

    Parameters
    ----------
    host
        The debugger and its version, such as ``gdb 16.3``; empty in a shell.
    """
    python = ".".join(map(str, sys.version_info[:3]))
    parts = [host] if host else []
    parts += [f"Python {python}", f"numpy {_numpy()}"]
    oldest, newest = (".".join(map(str, end)) for end in (requirements.OLDEST, requirements.NEWEST))
    count = len(releases()) * len(ARCHES)
    return (
        f"{program} {__version__} ({', '.join(parts)})\n"
        f"Go {oldest} to {newest}; {count} bundled layout tables for {', '.join(ARCHES)}\n"
    )


def _numpy() -> str:
    """Return the version by the installed metadata, which is there without the time that loading numpy takes."""
    try:
        return importlib.metadata.version("numpy")
    except importlib.metadata.PackageNotFoundError:
        return "not found"
