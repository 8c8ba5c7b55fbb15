"""What an editor sees that speaks the Debug Adapter Protocol with gdb: the lines of examples/editors.md."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tools import processes, programs, toolchains
from tools.cache import CHECKOUT
from tools.gdbs import OFFLINE, PLUGIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.gdbs import Gdb

pytestmark = pytest.mark.live

#: Where it is typed, and what; the context of `evaluate` is that of the editor.
ROWS = re.findall(
    r"^\| (console|watch|hover)[^|]* \| `(.*?)` \|",
    (CHECKOUT / "examples" / "editors.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
ANSWERS = {
    "go-spans summary": "Where the memory is",
    "*$go_span('main.sessions')": "] in use · ",
    "*$go_span('main.sessions'.array[3])": "[1 page] in use · 64 scan · ",
    "$go_slot('main.sessions'.array[3])": "",
    "$go_spanclass($go_span('main.sessions'.array[3]).spanclass)": '"64 scan"',
}


class Client:
    """An editor's side of the protocol."""

    def __init__(self, gdb: Gdb) -> None:
        argv = [*gdb.argv, "-nx", *OFFLINE, "-iex", "set auto-load no", "-iex", f"source {PLUGIN}"]
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        self.process = subprocess.Popen(
            [*argv, "--interpreter=dap", "--quiet"],
            env=gdb.environment(),
            stderr=subprocess.DEVNULL,
            **pipes,
        )
        self.number = 0
        self.watch = threading.Timer(processes.PATIENCE, self.process.kill)
        self.watch.start()

    def send(self, command: str, **arguments: object) -> Callable[[dict[str, Any]], bool]:
        """Send a request, and return what its answer is."""
        self.number += 1
        number = self.number
        message = {"seq": number, "type": "request", "command": command, "arguments": arguments}
        data = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self.process.stdin.flush()
        return lambda answer: answer["type"] == "response" and answer["request_seq"] == number

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the next message that is wanted; others are passed over."""
        while True:
            sizes = [int(line.split(b":")[1]) for line in iter(self.process.stdout.readline, b"\r\n") if line]
            message = json.loads(self.process.stdout.read(*sizes))
            if wanted(message):
                return message.get("body", message)

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        return self.until(self.send(command, **arguments))

    def event(self, name: str) -> dict[str, Any]:
        return self.until(lambda message: message.get("event") == name)


def evaluated(client: Client) -> dict[str, dict[str, Any]]:
    client.send("configurationDone")
    thread = client.event("stopped").get("threadId", 1)
    frame = client.ask("stackTrace", threadId=thread)["stackFrames"][0]["id"]
    context = {"console": "repl", "watch": "watch", "hover": "hover"}
    found = {
        typed: client.ask("evaluate", expression=typed, context=context[where], frameId=frame)
        for where, typed in ROWS
    }
    span = found["*$go_span('main.sessions')"]["variablesReference"]
    fields = client.ask("variables", variablesReference=span)["variables"]
    assert {"startAddr", "npages", "nelems", "allocCount"} <= {each["name"] for each in fields}
    return found


@pytest.mark.parametrize("request_", ["launch", "attach"])
def test_what_an_editor_sees(request_: str, gdb: Gdb) -> None:
    if int(gdb.label.split(".")[0]) < 14:
        pytest.skip(f"gdb {gdb.label} has no debug adapter")
    program = programs.build("frag", toolchains.NEWEST)
    client = Client(gdb)
    try:
        client.ask("initialize", clientID="test", adapterID="gdb")
        if request_ == "launch":
            client.send("launch", program=str(program), args=["-objects", "2000"])
            client.event("initialized")
            client.ask("setFunctionBreakpoints", breakpoints=[{"name": "main.expire"}])
            found = evaluated(client)
        else:
            with processes.start(program, "-objects", "2000", "-end", "sleep") as running:
                running.line()
                client.send("attach", pid=running.pid)
                client.event("initialized")
                found = evaluated(client)
                client.process.kill()  # a process that it holds cannot end
        assert set(found) == set(ANSWERS)
        for typed, answer in ANSWERS.items():
            assert answer in found[typed]["result"], typed
        assert int(found["$go_slot('main.sessions'.array[3])"]["result"]) >= 0
    finally:
        client.watch.cancel()
        client.process.kill()
        client.process.wait()
