"""What a goroutine waits for, by its number, is what each toolchain's source says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gdb_gospan.layout.goversion import parse
from gdb_gospan.layout.waitreasons import wait_reasons

if TYPE_CHECKING:
    from tools.toolchains import Toolchain


def reasons(source: str) -> list[str]:
    """Return the words of the constants waitReason…, in their order: one declares its number, each has its words elsewhere."""
    block = re.search(r"^const \(\n(\twaitReasonZero\b.*?)^\)", source, re.MULTILINE | re.DOTALL)
    words = re.search(r"^var waitReasonStrings = .*?\{\n(.*?)^\}", source, re.MULTILINE | re.DOTALL)
    assert block
    assert words
    by_name = dict(re.findall(r"(waitReason\w+):\s*\"(.*)\",", words[1]))
    return [by_name[name] for name in re.findall(r"^\t(waitReason\w+)", block[1], re.MULTILINE)]


def test_the_reasons_are_those_of_the_source(toolchain: Toolchain, go_minor: str) -> None:
    source = (toolchain.goroot / "src/runtime/runtime2.go").read_text(encoding="utf-8")
    go = parse(f"go{go_minor}")
    assert go is not None
    found, bundled = reasons(source), list(wait_reasons(go))
    assert len(found) > 25
    # What a later patch of this release has added stands behind all others.
    assert bundled[: len(found)] == found
