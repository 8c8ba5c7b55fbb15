"""Programs for other architectures: run under qemu, seen by a gdb that knows them, stripped by their own objcopy."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

from gdb_gospan.memory.executable import open_executable
from tools import debian, gdbs
from tools.cache import Unavailable, once, remembered, root

#: GOARCH to what qemu calls it.
QEMU = {"arm64": "aarch64", "arm": "arm"}

#: e_machine (elf.h) to what GNU calls the system, for what the objcopy on PATH does not know.
SYSTEMS = {183: "aarch64-linux-gnu", 40: "arm-linux-gnueabi"}


@remembered
def qemu(goarch: str) -> str:
    """Return the path of the qemu that runs programs of that architecture as processes."""
    name = f"qemu-{QEMU[goarch]}"
    found = shutil.which(name) or shutil.which(f"{name}-static")
    if found:
        return found
    # The static ones: qemu-user needs libraries that few machines have.
    folder = once(root() / "debian" / "qemu-user-static", _fetch_qemu)
    return str(folder / "usr" / "bin" / f"{name}-static")


def _fetch_qemu(folder: Path) -> None:
    debian.unpack(["qemu-user-static"], folder, "qemu")
    kept = {f"qemu-{name}-static" for name in QEMU.values()}
    for path in (folder / "usr" / "bin").iterdir():
        if path.name not in kept:
            path.unlink()  # 400 MB for forty architectures


@remembered
def multiarch() -> gdbs.Gdb:
    """Return Debian's gdb for all architectures; it shares everything else with the gdb on PATH."""
    found = shutil.which("gdb-multiarch")
    data: tuple[str, ...] = ()
    if not found:
        folder = once(
            root() / "debian" / "gdb-multiarch",
            lambda folder: debian.unpack(["gdb-multiarch"], folder, "gdb-multiarch"),
        )
        found = str(folder / "usr" / "bin" / "gdb-multiarch")
        data = ("--data-directory", "/usr/share/gdb")
    return gdbs.of_path("multiarch", found, data)


def objcopy(executable: Path) -> tuple[str, dict[str, str]]:
    """Return the objcopy for this executable, and the environment that it needs."""
    system = SYSTEMS.get(open_executable(executable).machine)
    name = f"{system}-objcopy" if system else "objcopy"
    found = shutil.which(name)
    if found:
        return found, dict(os.environ)
    if not system:
        raise Unavailable("no objcopy on PATH (binutils) to strip programs")
    package = f"binutils-{system}"
    folder = once(root() / "debian" / package, lambda folder: debian.unpack([package], folder, package))
    libraries = folder / "usr" / "lib" / f"{platform.machine()}-linux-gnu"
    found, env = str(folder / "usr" / "bin" / name), os.environ | {"LD_LIBRARY_PATH": str(libraries)}
    done = subprocess.run([found, "--version"], env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(
            f"{package} does not run here: {(done.stderr.strip() or 'no message').splitlines()[-1]}"
        )
    return found, env
