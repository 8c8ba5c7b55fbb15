"""What listens where `--dlv` looks may be anything: it is one line, soon, and takes little memory."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import jsonrpc
from gdb_gospan.targets import delve_server as dlvtarget
from tools import delves, processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 0.2
"""Seconds for the first answer of servers that never give one."""

MOST_BYTES = 100 << 20
"""Python's own memory for a server that sends without end."""


@contextlib.contextmanager
def serving(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """Listen, and talk to whoever comes until he goes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=one, args=(client,), daemon=True).start()

        def one(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError):
                talk(client)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def listens(client: socket.socket) -> None:
    """Read and say nothing."""
    while client.recv(1 << 16):
        pass


def drips(client: socket.socket) -> None:
    """Say something again and again, which never is a line."""
    gone = threading.Event()
    while not gone.wait(SOON / 20):
        client.sendall(b"x")


def floods(client: socket.socket) -> None:
    """Send as much as is taken, without the end of a line."""
    while True:
        client.sendall(b"[" * (1 << 16))


def floods_later(client: socket.socket) -> None:
    """Begin as a Delve does."""
    client.recv(1 << 16)
    client.sendall(b'{"id": 1, "result": {}, "error": null}\n')
    floods(client)


def refused(address: str) -> str:
    with pytest.raises(TargetError) as error:
        dlvtarget.open_session(address)
    said = str(error.value)
    assert said.startswith(f"the server at {address} is not Delve: ")
    assert said.endswith("(try: dlv attach PID --headless --accept-multiclient --listen HOST:PORT)")
    assert "\n" not in said
    return said


@pytest.mark.parametrize("talk", [listens, drips])
def test_a_silent_server(talk: Callable[[socket.socket], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonrpc, "FIRST_ANSWER", SOON)
    with serving(talk) as address:
        assert "no answer within 0.2 s" in refused(address)


@pytest.mark.toolchain
def test_the_server_that_editors_start(delve: delves.Delve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client speaks first, and another protocol."""
    monkeypatch.setattr(jsonrpc, "FIRST_ANSWER", SOON)
    with delves.dap(delve) as address:
        assert "dlv dap" in refused(address)


def test_five_seconds_are_for_the_first_answer() -> None:
    assert jsonrpc.FIRST_ANSWER == 5


@pytest.mark.parametrize("talk", [floods, floods_later])
def test_a_line_without_an_end(
    talk: Callable[[socket.socket], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonrpc, "FIRST_ANSWER", processes.PATIENCE)
    tracemalloc.start()
    try:
        with serving(talk) as address:
            assert "sends no end of line" in refused(address)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "line",
    [
        "HTTP/1.1 400 Bad Request\r", "SSH-2.0-OpenSSH_9.2p1\r", "-ERR unknown command\r", "Content-Length: 119\r", "", "null", "7",
        "[]", '"x"', "{}", '{"id": null, "result": null, "error": null}', '{"id": "1"}', "[" * 60000, "9" * 60000,
        '{"id": 1, "result": {"State": NaN}', "\x00\xff\xfe",
    ],
)  # fmt: skip
def test_lines_that_answer_no_call(line: str) -> None:
    with serving(lambda client: client.sendall(line.encode("latin-1") + b"\n") or listens(client)) as address:
        refused(address)


@pytest.mark.parametrize("result", [None, [], "x", 7, {}, {"State": None}, {"State": {"Running": 1}}, {"State": {"Threads": 5}}])  # fmt: skip
def test_results_of_another_shape(result: object) -> None:
    """Each call gets an answer, which is the same for all."""

    def talk(client: socket.socket) -> None:
        for number in range(1, 1000):
            client.recv(1 << 16)
            client.sendall(json.dumps({"id": number, "result": result, "error": None}).encode() + b"\n")

    with serving(talk) as address:
        assert "in the answer to " in refused(address)
