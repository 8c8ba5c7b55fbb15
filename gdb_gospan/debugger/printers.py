"""Pretty-printers for the runtime's structures."""

from __future__ import annotations


def register() -> None:
    """Register the collection ``go-spans``, once."""
