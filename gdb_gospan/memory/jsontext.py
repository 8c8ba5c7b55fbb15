"""Parse JSON from an untrusted file: each value needs memory, but only a byte or two of text."""

from __future__ import annotations

import json
from typing import Any, Final

_VALUES: Final = 500_000
"""Values that any text may have: each takes some hundred bytes. 10,000 threads with their stacks take half."""
_PER_VALUE: Final = 32


def parsed(text: bytes, stored: int) -> Any:
    """Return the value of a text.

    Parameters
    ----------
    stored
        Bytes that it takes on disk: what is larger may have more values.

    Raises
    ------
    ValueError, RecursionError
        It is not JSON, or has implausibly many values.
    """
    if sum(text.count(sign) for sign in (b",", b"[", b"{", b":")) > _VALUES + stored // _PER_VALUE:
        raise ValueError("values")
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> None:
    """Refuse what is no JSON, though Python reads it."""
    raise ValueError(name)
