"""What is installed has the JSON Schema of every command and the bundled layouts, however it is installed."""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tools.cache import CHECKOUT, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

LAYOUTS = (CHECKOUT / "gdb_gospan/layout/bundled.json").read_bytes()
SCHEMAS = {path.name: path.read_bytes() for path in (CHECKOUT / "gdb_gospan/schema").iterdir()}


def test_installed_for_gdb(home, unpacked) -> None:
    home.install("--from", unpacked)
    (folder,) = home.prefix.glob("site/python*/gdb_gospan/schema")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == SCHEMAS
    assert (folder.parent / "layout/bundled.json").read_bytes() == LAYOUTS


def test_in_the_wheel(home, tmp_path: Path) -> None:
    done = home.run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, CHECKOUT
    )
    if "No matching distribution found for hatchling" in done.stderr:
        raise Unavailable(f"pip cannot fetch hatchling: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("gdb_gospan/schema/")]
        assert {name.split("/")[-1]: archive.read(name) for name in names} == SCHEMAS
        assert archive.read("gdb_gospan/layout/bundled.json") == LAYOUTS
