"""How output looks on this terminal: width, colour, glyphs, exact bytes."""

from __future__ import annotations

import attrs

_ASCII = str.maketrans(
    {"·": "|", "▁": ".", "▂": ":", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "█": "#",
     "▏": ".", "▎": ".", "▍": "-", "▌": "-", "▋": "=", "▊": "=", "▉": "=", "µ": "u", "…": "...", "≥": ">=",
     "─": "-", "→": "->", "–": "-", "≤": "<=", "×": "x", "−": "-",
     "░": ":", "▒": "+", "▓": "%"}
)  # fmt: skip

# Colour only points; no meaning hangs on it alone. Yellow cannot be read on white, and bright black is Solarized's
# background; "white" is bold in the terminal's own colour.
_COLOURS = {
    "heading": "white", "bad": "*red*", "notice": "magenta",
    # The cells of the map; the plain colour is for what needs no attention.
    "full": "", "sparse": "magenta", "stack": "cyan", "free": "green", "idle": "faint",
}  # fmt: skip


NARROWEST = 40
"""Columns that every report is laid out for at least; a terminal that has fewer wraps the lines itself."""


def _at_least(columns: int) -> int:
    return max(columns, NARROWEST)


def _all_or_at_least(columns: int) -> int:
    return max(columns, NARROWEST) if columns else 0


@attrs.frozen(eq=False, repr=False)
class Style:
    """What the terminal can show and the user wants.

    Attributes
    ----------
    width
        Columns that text is laid out for; fewer than `NARROWEST` count as that many.
    room
        Columns that a table may take: those of the terminal, or 0 for as many as it needs. By default the width.
    colour
        Whether to point with colour.
    unicode
        Whether the terminal takes more than ASCII.
    exact
        Bytes as whole numbers instead of KiB, MiB, GiB (``--bytes``).
    whole
        All of a screen that has a short form (``--all``).
    """

    width: int = attrs.field(default=100, converter=_at_least)
    colour: bool = False
    unicode: bool = True
    exact: bool = False
    whole: bool = False
    room: int = attrs.field(
        default=attrs.Factory(lambda self: self.width, takes_self=True),
        converter=_all_or_at_least,
    )

    def of(self, *, whole: bool) -> Style:
        """Return the same with all of a screen, or its short form."""
        return attrs.evolve(self, whole=whole)

    def paint(self, role: str, text: str) -> str:
        """Colour ``text`` by its role (``heading``, ``bad``, ``notice``, or a cell's), where colour is on."""
        if not (self.colour and text and _COLOURS[role]):
            return text
        from pygments.console import ansiformat  # noqa: PLC0415  # only a terminal with colour needs it

        return str(ansiformat(_COLOURS[role], text))

    def finish(self, text: str) -> str:
        """Make the text fit for a terminal that only takes ASCII."""
        return text if self.unicode else text.translate(_ASCII)
