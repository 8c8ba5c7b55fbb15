"""Delves: Debian's, the oldest that go_spans.star is for, and a new one; and how to run commands in them."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools import debian, processes, toolchains
from tools.cache import CHECKOUT, Unavailable, once, remembered, root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SCRIPT = CHECKOUT / "dlv_scripts" / "go_spans.star"

#: Debian's package, and the version that the Go module proxy has built from source.
OLDEST, NEWEST = "1.20.2", "1.27.2"
LABELS = (OLDEST, NEWEST)

_MARK = "@@gospan-test@@"


@dataclass(frozen=True)
class Delve:
    """One Delve on this machine: its version and the path of its program."""

    label: str
    path: Path

    @property
    def detaches_at_exit(self) -> bool:
        """Whether ``exit -d`` is there."""
        return self.label == NEWEST

    @property
    def busy_go(self) -> str:
        """The newest Go release whose running threads it can stand on: that of its time.

        With later ones (seen with 1.24 and 1.27, once in some 20 stops) Delve 1.20.2 fails by itself: where a thread is
        in an inlined function, whatever is evaluated ends in Delve's own inlineStackInternal, at a nil pointer.
        """
        return toolchains.NEWEST if self.label == NEWEST else "1.20"


@remembered
def ensure(label: str) -> Delve:
    """Return that Delve, fetched or built if it is not in the cache."""
    make = _unpack if label == OLDEST else _install
    path = once(root() / "delve" / label, make) / ("usr/bin/dlv" if label == OLDEST else "dlv")
    said = subprocess.run([path, "version"], env=environment(), capture_output=True, text=True, check=False)
    version = re.search(r"^Version: (\S+)", said.stdout, re.MULTILINE)
    if version is None or version[1] != label:
        raise Unavailable(f"the Delve here is {version[1] if version else said.stderr.strip()}, not {label}")
    return Delve(label, path)


def _unpack(folder: Path) -> None:
    debian.unpack(["delve"], folder, f"Delve {OLDEST}")


def _install(folder: Path) -> None:
    """Build it with the newest toolchain; where modules come from is the user's own setting."""
    toolchain = toolchains.ensure(toolchains.NEWEST)
    own = {name: toolchain.env[name] for name in ("GOROOT", "GOCACHE", "GOTOOLCHAIN", "GOPATH")}
    env = os.environ | own | {"GOBIN": str(folder), "GOFLAGS": "-modcacherw", "CGO_ENABLED": "0"}
    command = [toolchain.go, "install", f"github.com/go-delve/delve/cmd/dlv@v{NEWEST}"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise Unavailable(f"go install cannot get Delve {NEWEST}: {last}")


def environment() -> dict[str, str]:
    """Return a small environment; Delve asks XDG_CONFIG_HOME, not HOME, where the user's settings are."""
    home = root() / "delve-home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }


def target(
    delve: Delve, *, exe: Path | None = None, core: Path | None = None, pid: int | None = None
) -> list[str]:
    """Return the first words of a command line: a core with its executable, or a process."""
    what = ["attach", str(pid)] if pid else ["core", str(exe), str(core)]
    # Each Delve is for the Go releases of its time; what we read is the same for it.
    return [str(delve.path), *what, "--check-go-version=false"]


def run(
    delve: Delve,
    commands: Sequence[str],
    *,
    exe: Path | None = None,
    core: Path | None = None,
    pid: int | None = None,
    script: Path = SCRIPT,
    env: Mapping[str, str] | None = None,
    timeout: float = processes.PATIENCE,
) -> list[str]:
    """Run commands in a batch Delve, with the script loaded, and return what each printed; a process is left alive."""
    with tempfile.TemporaryDirectory(prefix="gospan-delve-") as name:
        folder = Path(name)
        leave = "exit" if not pid else "exit -d" if delve.detaches_at_exit else "leave"
        (folder / "mark.star").write_text(
            f"def command_mark(args):\n    print({_MARK!r})\n\ndef command_leave(args):\n    detach(False)\n"
        )
        lines = [f"source {script}", f"source {folder / 'mark.star'}", "mark"]
        lines += [line for command in commands for line in (command, "mark")]
        (folder / "init").write_text("\n".join([*lines, leave]) + "\n")
        argv = [
            *target(delve, exe=exe, core=core, pid=pid),
            "--allow-non-terminal-interactive=true",
            "--init",
            "init",
        ]
        done = subprocess.run(
            argv,
            cwd=folder,
            env=environment() | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )
    parts = done.stdout.split(_MARK + "\n")
    if "not permitted" in done.stdout:
        raise Unavailable(f"this machine does not let Delve attach: {done.stdout.strip().splitlines()[0]}")
    assert len(parts) == len(commands) + 2, f"{shlex.join(argv)} did not run to its end:\n{done.stdout}"
    assert "source" not in parts[0], f"the script does not load: {parts[0]}"
    return parts[1:-1]


@contextlib.contextmanager
def conversation(
    delve: Delve, *, exe: Path, core: Path, script: Path = SCRIPT
) -> Iterator[Callable[[str], str]]:
    """Run one batch Delve with the script loaded, and give a function that has it run a command and returns its output."""
    with tempfile.TemporaryDirectory(prefix="gospan-delve-") as name:
        mark = Path(name) / "mark.star"
        mark.write_text(f"def command_mark(args):\n    print({_MARK!r})\n")
        argv = [*target(delve, exe=exe, core=core), "--allow-non-terminal-interactive=true"]
        with subprocess.Popen(
            argv, cwd=name, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:  # fmt: skip
            assert process.stdin is not None
            assert process.stdout is not None
            output = process.stdout

            def say(command: str) -> str:
                assert process.stdin is not None
                process.stdin.write(f"{command}\nmark\n")
                process.stdin.flush()
                said = ""
                for line in output:
                    if _MARK in line:
                        return said
                    said += line.removeprefix("(dlv) ")
                raise AssertionError(f"{shlex.join(argv)} ended in {command}:\n{said}")

            try:
                say(f"source {mark}")
                assert not (said := say(f"source {script}")), f"the script does not load: {said}"
                yield say
                process.stdin.write("exit\n")
            finally:
                process.stdin.close()
                process.wait(60)


@contextlib.contextmanager
def headless(delve: Delve, *, multi: bool = True, **at: Any) -> Iterator[str]:
    """Start a server and give its address; with the server ends only what it has attached to, alive."""
    argv = [*target(delve, **at), "--headless", "--listen=127.0.0.1:0"]
    argv += ["--accept-multiclient"] if multi else []
    with subprocess.Popen(
        argv, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            said = []
            for line in server.stdout:
                said.append(line)
                if match := re.search(r"listening at: (\S+)", line):
                    yield match[1]
                    return
            raise AssertionError(f"{' '.join(argv)} does not listen:\n{''.join(said)}")
        finally:
            server.terminate()
