"""A file appears whole or not at all, where its name says, and nothing else is left."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.memory import appearing as module
from gdb_gospan.memory.appearing import appearing
from tools import shell

if TYPE_CHECKING:
    from pathlib import Path

#: Says when it is in the middle of the file, and waits there.
WRITER = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # SIGQUIT would leave one
from gdb_gospan.memory import appearing as module
if sys.argv[2] == "named":
    module._unnamed = lambda place: None
with module.appearing(sys.argv[1], replace=True) as file:
    file.write(b"half")
    file.flush()
    print("half", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["unnamed", "named"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways, whatever the file system has."""
    if request.param == "named":
        monkeypatch.setattr(module, "_unnamed", lambda _place: None)
    return str(request.param)


def write(path: Path, data: bytes, *, replace: bool = False) -> None:
    with appearing(str(path), replace=replace) as file:
        file.write(data)


def interrupted(path: Path, *, replace: bool) -> None:
    with appearing(str(path), replace=replace) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.usefixtures("way")
def test_it_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with appearing(str(path), replace=False) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["x"]


@pytest.mark.usefixtures("way")
def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"older")
    for replace in (False, True):
        with pytest.raises(KeyboardInterrupt):
            interrupted(path, replace=replace)
    assert path.read_bytes() == b"older"
    assert names(tmp_path) == ["x"]


@pytest.mark.usefixtures("way")
def test_another_file_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"older")
    with pytest.raises(FileExistsError):
        write(path, b"newer")
    assert path.read_bytes() == b"older"
    write(path, b"newer", replace=True)
    assert path.read_bytes() == b"newer"
    assert names(tmp_path) == ["x"]


@pytest.mark.usefixtures("way")
def test_no_link_is_followed(tmp_path: Path) -> None:
    """One that is planted while the file is being written, too."""
    path, victim = tmp_path / "x", tmp_path / "victim"
    for replace in (False, True):
        path.unlink(missing_ok=True)
        outcome = "replaced"
        try:
            with appearing(str(path), replace=replace) as file:
                file.write(b"whole")
                path.symlink_to(victim)
        except FileExistsError:
            outcome = "refused"
        assert outcome == ("replaced" if replace else "refused")
        assert path.is_symlink() is not replace
        assert not victim.exists()
    assert names(tmp_path) == ["x"]


@pytest.mark.usefixtures("way")
def test_a_file_in_place_of_the_name_that_it_has_meanwhile(tmp_path: Path) -> None:
    """One of ours that nobody holds goes; a link, and what somebody is writing, are in the way."""
    path, part = tmp_path / "x", tmp_path / ".x.part"
    part.write_bytes(b"left over")
    write(path, b"one")
    assert names(tmp_path) == ["x"]
    part.symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError, match="in the way"):
        write(path, b"two", replace=True)
    part.unlink()
    with part.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(FileExistsError, match="another go-spans is writing it"):
            write(path, b"two", replace=True)
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == [".x.part", "x"]


@pytest.mark.parametrize("way", ["unnamed", "named"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_a_writer_that_is_ended(tmp_path: Path, way: str, number: signal.Signals) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"older")
    command = [sys.executable, "-c", WRITER, str(path), way]
    with subprocess.Popen(
        command, env=shell.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
        writer.send_signal(number)
        assert writer.wait() == -number
    left = [".x.part"] if way == "named" and number == signal.SIGKILL else []
    assert names(tmp_path) == [*left, "x"]
    assert path.read_bytes() == b"older"
    write(path, b"newer", replace=True)
    assert (path.read_bytes(), names(tmp_path)) == (b"newer", ["x"])


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(module, "_unnamed", lambda _place: None)
    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "x"
    write(path, b"one")
    with pytest.raises(FileExistsError):
        write(path, b"two")
    path.unlink()
    path.symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        write(path, b"three")
    assert names(tmp_path) == ["x"]


@pytest.mark.usefixtures("way")
def test_a_name_as_long_as_it_may_be(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 127)
    for replace in (False, True):
        write(path, b"whole", replace=replace)
    assert names(tmp_path) == [path.name]
