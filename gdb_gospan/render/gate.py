"""The gate: what every string from outside passes before it reaches a person.

Names of programs, files, types and symbols, Go's version string and what was typed may hold anything: escape
sequences that a terminal obeys, line ends that forge a line of a report, marks that turn a line around, formulas
that a spreadsheet computes. Documents keep such strings as they are, and JSON and MI spell them with their own
escapes. Text, error lines and CSV show them as this module does.
"""

from __future__ import annotations

import re
from typing import Any, Final
from unicodedata import category

_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode's general categories of controls, formats, surrogates, private use, line and paragraph separators."""
_SHORT: Final = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
_UNDECODED: Final = range(0xDC80, 0xDD00)
"""Surrogates that stand for the bytes of a name that is not UTF-8 (PEP 383)."""
_ESCAPE: Final = re.compile(r"\\(?:[tnr]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula."""


def shown(text: str) -> str:
    r"""Escape what is not to be seen: ``\x1b`` for a byte, ``\u202e`` for a character; all else stays as it is."""
    if text.isprintable():
        return text
    return "".join(_escaped(sign) if category(sign) in _ESCAPED else sign for sign in text)


def _escaped(sign: str) -> str:
    number = ord(sign)
    if number in _UNDECODED:
        return f"\\x{number - 0xDC00:02x}"
    if number < 0x80:
        return _SHORT.get(sign, f"\\x{number:02x}")
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def word(name: str) -> str:
    """Return a name that has passed the gate as one word of a command line: bash undoes the escapes."""
    if _ESCAPE.search(name) is None:
        import shlex  # noqa: PLC0415  # few commands print one

        return shlex.quote(name)
    return "$'" + name.replace("'", r"\'") + "'"


def cell(value: Any) -> Any:
    """Return a value as a cell of CSV: no text is a formula, and truth is spelt as in JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return value
    return ("'" if value.startswith(_FORMULA) else "") + shown(value)
