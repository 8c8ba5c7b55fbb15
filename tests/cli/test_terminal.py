"""What a shell sees: colour, width, encodings, pipes that close, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tools import cores, programs, shell, toolchains

pytestmark = pytest.mark.toolchain


@pytest.fixture(scope="module")
def files():
    core = cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")
    return [str(core.executable), str(core.path)]


def test_colour_is_for_terminals(files):
    assert "\x1b[" in shell.on_a_terminal(["summary", *files])
    assert "\x1b[" not in shell.on_a_terminal(["summary", *files], NO_COLOR="1")
    assert "\x1b[" not in shell.on_a_terminal(["summary", *files], TERM="dumb")
    assert "\x1b[" not in shell.on_a_terminal(["summary", "--color", "never", *files])
    assert "\x1b[" not in shell.run("summary", *files).stdout
    assert "\x1b[" in shell.run("summary", "--color", "always", *files).stdout


def test_ascii_where_no_more_is_understood(files):
    assert not shell.run("summary", *files).stdout.isascii()
    assert shell.run("summary", *files, PYTHONIOENCODING="ascii").stdout.isascii()


def test_a_name_that_cannot_be_encoded(files, tmp_path):
    odd = tmp_path / "pröграм-\udcff"
    odd.symlink_to(files[0])
    for encoding in ("utf-8", "ascii"):
        answer = shell.run("summary", os.fspath(odd), files[1], PYTHONIOENCODING=encoding)
        assert (answer.status, answer.stderr) == (0, "")


def test_a_reader_that_has_enough(files):
    command = [*shell.COMMAND, "list", "--state", "all", "--limit", "0", "--json", *files]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=shell.environment()
    ) as process:
        assert process.stdout.read(1) == b"{"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_ctrl_c_is_one_line(files):
    command = [*shell.COMMAND, "list", "--state", "all", "--limit", "0", "--json", *files]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=shell.environment()
    ) as process:
        assert process.stdout.read(1) == b"{"  # now it writes more than a pipe holds, and waits
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b"go-spans: interrupted\n"
        assert process.wait() == 130
