"""Strings that a terminal obeys, a spreadsheet computes or a reader mistakes, to plant wherever a string comes from outside."""

from __future__ import annotations

import re
import unicodedata

SIGNS = {
    "ESC": "\x1b[31m",
    "BEL": "\x07",
    "CR": "\r",
    "LF": "\n",
    "DEL": "\x7f",
    "C1": "\x9b",
    "RLO": "\u202e",
    "ZWJ": "\u200d",
    "LS": "\u2028",
    "PS": "\u2029",
    "PUA": "\ue000",
    "byte": "\udcff",
}
"""What is never to be seen as it is; `byte` is how Python has a byte of a file's name that is not UTF-8."""
PLAIN = "\"'`,;=cmd|<script>%s%n"
"""What is only to be quoted where commas and quotes mean something."""
NAME = "".join(SIGNS.values()) + PLAIN
"""All of it; it can be the name of a file."""
UTF8 = NAME.replace(SIGNS["byte"], "")
"""The same in UTF-8, which gdb's own Python interface and Delve need."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def raw(output: str, *, coloured: bool = False) -> str:
    """Return what of an output should have been escaped, by name; line ends are left out."""
    text = _COLOUR.sub("", output) if coloured else output
    found = {sign for sign in text if sign != "\n" and unicodedata.category(sign) in _HIDDEN}
    return " ".join(f"U+{ord(sign):04X}" for sign in sorted(found))
