"""SciPy, which only the reports of objects need, and which may not be installed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from gdb_gospan.errors import TargetError
from gdb_gospan.fields.report import Arguments


def with_scipy(name: str, option: str = "") -> Callable[[Arguments], Arguments]:
    """Return what prepares the report of that name: it refuses before anything is stopped or read if SciPy is not installed.

    Parameters
    ----------
    option
        The one with which it needs SciPy, where it does not without.
    """

    def prepare(arguments: Arguments) -> Arguments:
        if option and not arguments[option]:
            return arguments
        try:
            import scipy.sparse.csgraph  # noqa: F401, PLC0415  # only for who asks for such a report
        except ImportError:
            asked = f"{name} --{option}" if option else name
            raise TargetError(f"{asked} needs SciPy, which is not installed (try: {_command()})") from None
        return arguments

    return prepare


def _command() -> str:
    """Return what puts SciPy beside NumPy: gdb, and what install.sh has installed, look nowhere else."""
    import shlex  # noqa: PLC0415  # summary loads this module, and never comes here
    from pathlib import Path  # noqa: PLC0415  # the same

    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = shlex.quote(str(Path(np.__file__).parents[1]))
    return f"{python} -m pip install --no-deps --target {folder} scipy"
