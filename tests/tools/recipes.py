"""The pages of examples and the README as what can be typed: blocks of shell and gdb lines, and lines that are indented."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

README = CHECKOUT / "README.md"
PAGES = sorted((CHECKOUT / "examples").glob("*.md"))

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> str:
    """Return the blocks in one language (sh, gdb, json), one after the other."""
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return "".join(text for name, text in found if name == language)


def commands(text: str) -> list[str]:
    """Return what is typed at gdb's prompt, without remarks."""
    return [re.sub(r"\s+# .*", "", line) for line in re.findall(r"^ *\(gdb\) (.*)$", text, re.MULTILINE)]


def with_blocks(language: str) -> list[Path]:
    """Return the pages that have a block in that language."""
    return [page for page in PAGES if blocks(page, language)]
