"""Executables without debug information, and the file that has it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tools.cache import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

#: For `-ldflags`: a build id, which Go writes by itself only since 1.24.
BUILD_ID = "5bd0f8dd31f64c0e9c1b9a7c2a1d3e4f50617283"
LDFLAGS = f"-B 0x{BUILD_ID}"


def split(executable: Path, folder: Path, *, link: bool = True) -> tuple[Path, Path]:
    """Return a stripped copy in `folder`, and beside it NAME.debug, which the copy names if `link`."""
    objcopy = shutil.which("objcopy")
    if not objcopy:
        raise Unavailable("no objcopy on PATH (package binutils)")
    folder.mkdir(parents=True, exist_ok=True)
    stripped, debug = folder / executable.name, folder / f"{executable.name}.debug"
    _run([objcopy, "--only-keep-debug", executable, debug])
    _run([objcopy, "--strip-all", executable, stripped])
    if link:
        link_to(stripped, debug)
    return stripped, debug


def link_to(stripped: Path, debug: Path) -> None:
    """Have the stripped executable name its debug file, with its checksum."""
    _run(["objcopy", f"--add-gnu-debuglink={debug}", stripped])


def by_build_id(folder: Path) -> Path:
    """Return where the debug file with BUILD_ID belongs in a debug-file-directory."""
    path = folder / ".build-id" / BUILD_ID[:2] / f"{BUILD_ID[2:]}.debug"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
