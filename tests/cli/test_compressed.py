"""Compressed cores give the same document as the core that is inside, but for its path."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tools import cores, programs, shell, toolchains
from tools.packing import PACKERS


@pytest.fixture(scope="module")
def newest():
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")


def packed(core, kind, folder):
    """Compress as systemd-coredump does, and name it so."""
    path = folder / f"core.frag.0.2f0d9c2f7b6e4b5a8f2b7a1f6f3c9d10.4711.1764000000000000.{kind}"
    path.write_bytes(PACKERS[kind](core.path.read_bytes()))
    return path


def check(core, kind, tmp_path):
    path = packed(core, kind, tmp_path)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    plain = shell.run("summary", "--json", core.executable, core.path)
    answer = shell.run("summary", "--json", path, core.executable, TMPDIR=str(temporary))
    assert (answer.status, answer.stderr) == (0, "")
    expected, got = json.loads(plain.stdout), json.loads(answer.stdout)
    assert expected["target"].pop("core") == str(core.path)
    assert got["target"].pop("core") == str(path)
    assert got == expected
    assert list(temporary.iterdir()) == []


@pytest.mark.toolchain
@pytest.mark.parametrize("kind", PACKERS)
def test_the_same_document(newest, kind, tmp_path):
    check(newest, kind, tmp_path)


@pytest.mark.toolchain
def test_the_same_document_of_a_core_that_is_zeros_mostly(tmp_path):
    check(cores.gcore_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000"), "zst", tmp_path)


@pytest.mark.toolchain
def test_a_terminal_sees_how_far_it_is(tmp_path):
    """A core of more than a GiB, mostly zeros, takes longer than half a second."""
    core = cores.gcore_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")
    path = packed(core, "lz4", tmp_path)
    here, there = pty.openpty()
    command = [*shell.COMMAND, "summary", str(core.executable), str(path)]
    with subprocess.Popen(
        command, stderr=there, stdout=subprocess.DEVNULL, env=shell.environment(TMPDIR=str(tmp_path))
    ) as process:
        os.close(there)
        seen = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while chunk := os.read(here, 1 << 16):
                seen += chunk
        assert process.wait() == 0
    os.close(here)
    lines = [line for line in seen.decode().split("\r") if line.strip()]
    if not lines:
        pytest.skip("this machine unpacks more than a GiB in half a second")
    for line in lines:
        assert re.match(rf"go-spans: unpacking {path.name}, \S+ [KMG]iB of \S+ [MG]iB, \S+ [KMG]iB/s, \d+ s *$", line) or (
            "read, " in line
        )  # fmt: skip
    assert "unpacking" in lines[0]
    assert seen.endswith(b" \r"), "it is wiped off"


@pytest.mark.toolchain
class TestOther:
    def test_cut_off(self, newest, tmp_path):
        path = packed(newest, "zst", tmp_path)
        os.truncate(path, path.stat().st_size * 2 // 3)
        answer = shell.run("check", newest.executable, path)
        assert answer.status == 3
        if answer.stderr:
            assert answer.stderr.startswith(f"go-spans: {path} is cut off, ")
            assert answer.stderr.count("\n") == 1
        else:
            assert "is cut off" in answer.stdout

    def test_killed_half_way_leaves_nothing(self, newest, tmp_path):
        """Not even SIGKILL does: the file has no name."""
        path = packed(newest, "xz", tmp_path)
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        command = [*shell.COMMAND, "summary", str(newest.executable), str(path)]
        environment = shell.environment(TMPDIR=str(temporary))
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                if any(target.startswith(str(temporary)) for target in descriptors(process.pid)):
                    break
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        assert list(temporary.iterdir()) == []

    def test_it_is_the_core_also_when_it_is_alone_or_twice(self, newest, tmp_path):
        path = packed(newest, "gz", tmp_path)
        assert "both cores" in shell.run("summary", path, newest.path).stderr


def descriptors(pid):
    try:
        return [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # one was closed just now
        return []
