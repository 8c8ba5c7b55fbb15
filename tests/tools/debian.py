"""Programs from Debian's packages, unpacked beside the system."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tools.cache import Unavailable, once, root

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def unpack(packages: Sequence[str], folder: Path, what: str) -> None:
    """Download packages and unpack them into a folder; `Unavailable` says why not."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Unavailable(f"{what} is a Debian package, and this is no Debian")
    download = ["apt-get", "-q", "download", *packages]
    done = subprocess.run(download, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0 and os.geteuid() == 0:  # a fresh machine has no package lists
        subprocess.run(["apt-get", "-q", "update"], capture_output=True, check=False)
        done = subprocess.run(download, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise Unavailable(f"apt-get cannot download {' and '.join(packages)}: {last}")
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
        package.unlink()


def gdbserver() -> str:
    """Return the path of a gdbserver."""
    found = shutil.which("gdbserver")
    if found:
        return found
    folder = once(root() / "gdbserver", lambda folder: unpack(["gdbserver"], folder, "gdbserver"))
    return str(folder / "usr" / "bin" / "gdbserver")


def strace() -> list[str]:
    """Return the words that begin a command under strace."""
    found = shutil.which("strace")
    if found:
        return [found]
    folder = once(root() / "strace", lambda folder: unpack(["strace", "libunwind8"], folder, "strace"))
    libraries = next(folder.glob("usr/lib/*/libunwind.so.8")).parent
    # -E takes the variable from the program again that strace runs.
    return [
        "env",
        f"LD_LIBRARY_PATH={libraries}",
        str(folder / "usr" / "bin" / "strace"),
        "-E",
        "LD_LIBRARY_PATH",
    ]
