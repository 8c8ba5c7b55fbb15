"""Delves: Debian's, the oldest that go_spans.star is for, and a new one; and how to run commands in them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import delveanswers, jsonrpc
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
                    if multi:  # it says so before it has loaded the program and answers
                        _answers(match[1])
                    yield match[1]
                    return
            raise AssertionError(f"{' '.join(argv)} does not listen:\n{''.join(said)}")
        finally:
            server.terminate()


def _answers(address: str) -> None:
    """Wait until a server gives its first answer, however busy the machine is."""
    host, port = address.rsplit(":", 1)
    answered = False
    while not answered:  # a new connection is closed now and then
        with socket.create_connection((host, int(port)), processes.PATIENCE) as client:
            client.sendall(jsonrpc.request("SetApiVersion", 1, {"APIVersion": 2}).encode())
            answered = bool(client.recv(1))


@contextlib.contextmanager
def dap(delve: Delve) -> Iterator[str]:
    """Start the server that editors start, and give its address."""
    argv = [str(delve.path), "dap", "--listen=127.0.0.1:0"]
    with subprocess.Popen(
        argv, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            match = re.search(r"listening at: (\S+)", server.stdout.readline())
            assert match, f"{' '.join(argv)} does not listen"
            yield match[1]
        finally:
            server.terminate()


class Proxy:
    """Stands between clients and a server, and does something before it passes on certain calls of each connection."""

    def __init__(self, address: str, method: str, disturb: Callable[[int], object]) -> None:
        self._to = address
        self._method = f'"RPCServer.{method}"'.encode()
        self._disturb = disturb
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._server.accept()
                host, port = self._to.rsplit(":", 1)
                server = socket.create_connection((host, int(port)))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
                threading.Thread(target=_copy, args=(server, client), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        decoder, text, seen = json.JSONDecoder(), "", 0
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                text += data.decode()
                while text:
                    try:
                        _, end = decoder.raw_decode(text)
                    except ValueError:
                        break
                    call, text = text[:end].encode(), text[end:]
                    if self._method in call:
                        seen += 1
                        self._disturb(seen)
                    server.sendall(call)
        server.close()


def _copy(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            to.sendall(data)
    to.close()


@contextlib.contextmanager
def disturbed(address: str, method: str, disturb: Callable[[int], object]) -> Iterator[str]:
    """Give the address of a `Proxy`: before the n-th call of a method, on each connection, `disturb(n)` is called."""
    proxy = Proxy(address, method, disturb)
    try:
        yield proxy.address
    finally:
        proxy.close()


def resume(address: str) -> None:
    """Let the program of a server run, as another client does."""
    client = jsonrpc.Connection(address)
    threading.Thread(target=_continued, args=(client,), daemon=True).start()
    state = jsonrpc.Connection(address)
    while not state.call("State", delveanswers.state, NonBlocking=True).running:
        time.sleep(0.001)
    state.close()


def _continued(client: jsonrpc.Connection) -> None:
    with contextlib.suppress(TargetError):  # is answered when it is halted
        client.call("Command", delveanswers.anything, name="continue")
    client.close()


def halt(address: str) -> None:
    """Stop the program of a server, as another client does."""
    client = jsonrpc.Connection(address)
    client.call("Command", delveanswers.anything, name="halt")
    client.close()
