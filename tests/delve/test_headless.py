"""go-spans through a headless Delve: the same figures, every client and the program left as they are."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.errors import GoSpansError, TargetError
from gdb_gospan.memory import jsonrpc
from gdb_gospan.targets import core as coredump
from gdb_gospan.targets import delve_server as dlvtarget
from tools import cores, delves, held, programs, reports, shell
from tools.processes import PATIENCE, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.delves import Delve


@pytest.mark.toolchain
def test_every_report_of_a_core(delve: Delve, go_minor: str) -> None:
    program = programs.build("corners", go_minor)
    core = cores.kernel_core(program, "-tiny", "2000", "-finalizers", "99", "-goroutines", "99", "-cached")
    direct = dict(reports.documents(coredump.open_session([str(program), str(core.path)])))
    with delves.headless(delve, exe=core.executable, core=core.path) as address:
        for name, document in reports.documents(dlvtarget.open_session(address)):
            if name == "rss":  # Delve tells nothing of the file
                direct[name] |= {
                    "producer": None,
                    "parts": [part | {"recorded": None} for part in direct[name]["parts"]],
                }
            if name == "doctor":  # it judges by the holes of the file, too, and names functions
                assert document["total"] == direct[name]["total"]
                continue
            if name == "gc":
                direct[name]["queues"]["goroutines"] = None
            assert known(name, document) == known(name, direct[name]), name


def known(name: str, document: dict[str, Any]) -> dict[str, Any]:
    """What is known without the file: functions have no names, so the runtime's own goroutines are not told from others."""
    if name == "profile":
        return {"rate": document["rate"], "totals": {**document["totals"], "named": None}}
    if name == "blame":
        names = "rate", "samples", "covered", "new_bytes"
        return {key: document[key] for key in names}
    if name != "goroutines":
        return document
    return {"number": document["totals"]["goroutines"], "dead": document["dead"]}


@pytest.mark.toolchain
def test_the_command_line(delve: Delve) -> None:
    core = cores.kernel_core(programs.build("frag", "1.27"), "-objects", "500")
    with delves.headless(delve, exe=core.executable, core=core.path) as address:
        for words in (
            ["classes", "--json"],
            ["cache", "0", "--json"],
            ["cache", "--json"],
            ["show", "0xc0ffee00", "--json"],
        ):
            got = shell.run(*words, "--dlv", address)
            wanted = shell.inside(*words, core.executable, core.path)
            assert (got.status, got.stderr) == (wanted.status, wanted.stderr)
            answers = [json.loads(answer.stdout) for answer in (got, wanted) if answer.stdout]
            for answer in answers:  # where it was read from, and not what it is
                answer.pop("layout")
            assert answers == [] or reports.without_route(answers[0]) == reports.without_route(answers[1])
        too_much = shell.run("classes", "--dlv", address, core.path)
        assert too_much.status == 2
        assert "cannot be combined with files: Delve has the program" in too_much.stderr


@pytest.mark.live
@pytest.mark.toolchain
def test_a_process_and_its_other_clients(delve: Delve) -> None:
    churn = programs.build("churn", delve.busy_go)
    with held.at(held.SPAN_HALF_MADE, churn, "-seconds", "600") as running:
        with delves.headless(delve, pid=running.pid) as address:
            for _ in range(2):
                session = dlvtarget.open_session(address)
                assert (session.target.kind, session.target.pid) == ("remote", running.pid)
                off = [check for check in session.checks if check.status not in {"exact", "transient"}]
                assert off == [], list(session.frames() if session.frames else ())
        running.goes_on()


@pytest.mark.live
@pytest.mark.toolchain
def test_a_delve_for_one_client_lets_the_program_go(delve: Delve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonrpc, "FIRST_ANSWER", PATIENCE)  # it may still be loading the program
    with start(programs.build("churn", delve.busy_go), "-seconds", "120") as running:
        running.line()
        with (
            delves.headless(delve, multi=False, pid=running.pid) as address,
            pytest.raises(TargetError, match="serves only one client"),
        ):
            dlvtarget.open_session(address)
        running.fresh_line()


@pytest.mark.toolchain
def test_a_program_that_is_not_go(delve: Delve) -> None:
    core = cores.kernel_core(programs.build_c())
    with (
        delves.headless(delve, exe=core.executable, core=core.path) as address,
        pytest.raises(TargetError, match=r"^no Go runtime in this program: no symbol runtime\.mheap_"),
    ):
        dlvtarget.open_session(address)


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """Listen, and answer whatever each connection brings with these bytes and the end."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for data in answers:
                client, _ = server.accept()
                with client:
                    client.recv(65536)
                    client.sendall(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"[]\n", b'{"id": 7, "result": {}}\n'])
def test_something_else_listens_there(data: bytes) -> None:
    with answering(data) as address, pytest.raises(TargetError, match="is not Delve"):
        dlvtarget.open_session(address)


def test_a_connection_that_is_closed_at_once_is_made_anew() -> None:
    """As Delve does where it misses it in /proc/net/tcp: what comes then is what counts."""
    with answering(b"", b"", b"[]\n") as address, pytest.raises(TargetError, match="is not Delve"):
        dlvtarget.open_session(address)


def test_the_connection_is_closed() -> None:
    with answering(b"", b"", b"") as address, pytest.raises(TargetError, match="has closed the connection"):
        dlvtarget.open_session(address)


@pytest.mark.parametrize(
    "address",
    [
        "localhost",
        "localhost:",
        "localhost:x",
        "localhost:99999",
        "localhost:1",
        "a..b:1",
        "a\0b:1",
        f"localhost:{'9' * 5000}",
    ],
)
def test_no_delve_there(address: str) -> None:
    with pytest.raises(GoSpansError, match=r"\(try: "):
        dlvtarget.open_session(address)
