"""A TOML file that the user names: limits of gate, thresholds of doctor."""

from __future__ import annotations

import sys
from typing import Any, Final

from gdb_gospan.errors import UsageError

_MOST: Final = 1 << 20
"""Bytes of such a file; none needs so many."""


def tables_in(path: str, command: str, example: str) -> dict[str, Any]:
    """Read the file; `UsageError` where it cannot be read, or is no TOML.

    Parameters
    ----------
    command, example
        For the error: who reads it, and what could stand in it.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # a name of any kind
            data = file.read(_MOST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{command}: cannot read {path}: {reason} (try: a TOML file with {example})"
        ) from None
    if len(data) > _MOST:
        raise UsageError(f"{command}: {path} has more than {_MOST:,} bytes, too many for this")
    loads = _parser(command)
    try:
        tables: dict[str, Any] = loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # what tomllib and the decoder raise
        raise UsageError(f"{command}: {path} is not valid TOML: {error} (try: {example})") from None
    return tables


def _parser(command: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib as toml  # noqa: PLC0415  # only for who has a file
    else:
        try:
            import tomli as toml  # noqa: PLC0415  # as above
        except ImportError:
            raise UsageError(
                f"{command}: a TOML file needs the Python package tomli before Python 3.11 (try: pip install tomli)"
            ) from None
    return toml.loads
