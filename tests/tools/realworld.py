"""Stripped programs that others built, from Debian's packages and the npm registry; never installed."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools import debian
from tools.cache import Unavailable, once, remembered, root

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Program:
    """A program, and where it comes from.

    Attributes
    ----------
    kind
        What sort of program it is, for people.
    release
        How its Go version begins. Debian rebuilds packages with patch releases, so that is no more than the minor.
    package
        With ``@`` and a version: of the npm registry; otherwise one of Debian's.
    file
        The executable inside of it.
    build_information
        Whether it was linked with build information, which a core has even without the executable.
    """

    name: str
    kind: str
    release: str
    package: str
    file: str
    build_information: bool = True


PROGRAMS = {
    program.name: program
    for program in (
        Program("prometheus", "server", "go1.19", "prometheus", "usr/bin/prometheus"),
        Program("esbuild", "compiler", "go1.", "@esbuild/linux-x64@0.28.2", "package/bin/esbuild",
                build_information=False),
        Program("tsgo", "compiler", "go1.26.4",
                "@typescript/native-preview-linux-x64@7.0.0-dev.20260707.2", "package/lib/tsgo"),
        Program("lefthook", "tool", "go1.27.0", "lefthook-linux-x64@2.2.2", "package/bin/lefthook"),
        Program("bazelisk", "tool", "go1.24.0", "@bazel/bazelisk@1.28.1", "package/bazelisk-linux_amd64"),
        Program("node-exporter", "server", "go1.19", "prometheus-node-exporter",
                "usr/bin/prometheus-node-exporter"),
        Program("etcd", "server", "go1.19", "etcd-server", "usr/bin/etcd"),
        Program("caddy", "server", "go1.19", "caddy", "usr/bin/caddy"),
        Program("fzf", "tool", "go1.19", "fzf", "usr/bin/fzf"),
    )
}  # fmt: skip

#: Of a default run: an old server under load, a new compiler that states no version in its data.
FEW = ("prometheus", "esbuild")


@remembered
def executable(name: str) -> Path:
    """Return the executable of that program, fetched if it is not in the cache."""
    program = PROGRAMS[name]
    package, _, version = program.package[1:].partition("@")
    if version:
        key = f"{program.package[0]}{package}-{version}".replace("/", "+")
        folder = once(root() / "npm" / key, lambda new: _npm(program.package, new))
    else:
        folder = once(root() / "debian" / program.package, lambda new: _debian(program, new))
    return folder / program.file


def _debian(program: Program, folder: Path) -> None:
    debian.unpack([program.package], folder, program.name)


def _npm(package: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if not npm:
        raise Unavailable(f"no npm on PATH to fetch {package}")
    done = subprocess.run(
        [npm, "pack", "--silent", package], cwd=folder, capture_output=True, text=True, check=False
    )
    packed = list(folder.glob("*.tgz"))
    if done.returncode != 0 or not packed:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise Unavailable(f"npm cannot fetch {package}: {last}")
    shutil.unpack_archive(packed[0], folder)
    packed[0].unlink()
