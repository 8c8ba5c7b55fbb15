"""An empty home folder to install into, and what it takes to look at it from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tools import gdbs
from tools.cache import CHECKOUT, Unavailable, root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: What a user's own settings would change.
PRIVATE = ("XDG_", "PYTHON", "VIRTUAL_ENV", "PIP_FIND_LINKS")


@dataclass
class Home:
    """A home folder; commands run with it see nothing of the user who runs the tests."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def prefix(self) -> Path:
        return self.path / ".local/share/gdb_gospan"

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
        own = {"HOME": str(self.path), "LANG": "C.UTF-8", "PIP_CACHE_DIR": str(root() / "pip")}
        own["RUSTUP_HOME"] = str(
            self.path.parent
        )  # pip asks a rustc on PATH for its version, and rustup makes a folder
        return env | own | self.env | dict(extra)

    def run(self, *command: object, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            list(map(str, command)),
            env=self.environment(env),
            cwd=cwd or self.path.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def install(self, *options: object, script: Path = CHECKOUT / "install.sh", **env: str) -> str:
        """Run the installer, which must succeed, and return what it said."""
        done = self.run(script, *options, **env)
        if "pip could not install" in done.stderr:
            raise Unavailable(done.stderr.strip())
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout

    def gdb(self, *commands: str, program: object = "gdb", cwd: Path | None = None) -> str:
        """Run gdb as the user would, gdbinit and all; it must not complain."""
        arguments = [word for command in commands for word in ("-ex", command)]
        done = self.run(program, "-batch", *arguments, cwd=cwd)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout

    def files(self, folder: Path | None = None) -> dict[str, bytes]:
        """Return the content of every file in a folder; bytecode is left out, for it holds times."""
        folder = folder or self.path
        found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
        return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    folder = tmp_path / "home"
    folder.mkdir()
    yield Home(folder)
    shutil.rmtree(tmp_path)  # some hundred megabytes


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The archive that installs without a network, and faster than with one: also because SciPy is not in it."""
    gdbs.ensure(gdbs.system_label())
    folder = tmp_path_factory.mktemp("bundle")
    Home(folder).install("--bundle", folder / "go-spans.tar.gz", "--no-scipy")
    yield folder / "go-spans.tar.gz"
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def unpacked(bundle: Path) -> Path:
    """The folder that the archive was unpacked in, which installs faster still."""
    folder = bundle.parent / "unpacked"
    folder.mkdir()
    subprocess.run(["tar", "-xf", bundle, "-C", folder], check=True)
    return folder


@pytest.fixture
def without_gdb(tmp_path: Path) -> Path:
    """A PATH on which everything is but gdb."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for path in os.environ["PATH"].split(os.pathsep)[::-1]:
        for entry in os.scandir(path) if os.path.isdir(path) else ():  # noqa: PTH112
            (folder / entry.name).unlink(missing_ok=True)
            (folder / entry.name).symlink_to(entry.path)
    (folder / "gdb").unlink()
    return folder
