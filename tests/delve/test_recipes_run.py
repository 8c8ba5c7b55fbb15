"""What the pages of examples say to type with Delve works as it is written, but for the number of the port."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tools import recipes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.toolchain, pytest.mark.gdb, pytest.mark.live]

BLOCKS = [(page, block) for page in recipes.with_blocks("delve") for block in recipes.blocks(page, "delve")]


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[page.name for page, _ in BLOCKS])
def test_lines(page: Path, block: str, tmp_path: Path) -> None:
    recipes.furnish(tmp_path)
    recipes.furnish_delve(tmp_path)
    if "--headless" in block:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        ready = f"until go-spans layout --dlv {address} >/dev/null 2>&1; do command sleep 0.2; done\n"
        block = block.replace("127.0.0.1:2345", address).replace("sleep 3\n", ready)
    said = recipes.typed(tmp_path, block)
    assert "Traceback" not in said
    assert "go-spans: " not in said, said
    assert "linux/amd64" in said, "the heading of a report"
