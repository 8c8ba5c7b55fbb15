"""Calls of a headless Delve's JSON-RPC (go-delve/delve, Documentation/api/json-rpc)."""

from __future__ import annotations

import collections
import itertools
import json
import socket
from collections.abc import Iterable, Iterator
from typing import Any, Final

from gdb_gospan.errors import TargetError

_SECONDS: Final = 60.0
"""Longest silence: the first question of a program's types makes Delve read all of its debug information."""
_BUFFER: Final = 1 << 20
"""Bytes of answers to take from the system at once: a line has up to 90,000."""
_AHEAD: Final = 64
"""Calls sent before the first of them is answered: few enough that neither side ever waits for room to write."""
_TRIES: Final = 3
"""On a busy machine Delve has closed a new connection at once, some one in a hundred: so it does with one whose user
it does not find in /proc/net/tcp (service/internal/sameuser)."""
_START: Final = "dlv attach PID --headless --accept-multiclient --listen"


class CallError(Exception):
    """What Delve says when it cannot do something."""


class _ClosedError(TargetError):
    """Delve has closed the connection."""


class Connection:
    """One client of a Delve server.

    Raises
    ------
    TargetError
        Nobody answers there, or no Delve does; the same from any call.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        host, _, port = address.rpartition(":")
        if not port.isdecimal() or int(port) >= 1 << 16:
            raise TargetError(f"{address} is no address of a Delve (try: HOST:PORT, such as localhost:2345)")
        for left in reversed(range(_TRIES)):
            self._connect(host.strip("[]") or "localhost", int(port))
            try:
                self.call("SetApiVersion", APIVersion=2)  # before Delve 1.21 the first is spoken unless asked
            except _ClosedError:
                self.close()
                if not left:
                    raise
            else:
                return

    def _connect(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), _SECONDS)
        except OSError as error:
            raise TargetError(
                f"no Delve at {self.address}: {(error.strerror or str(error)).lower()} (try: {_START} {self.address})"
            ) from error
        self._answers = self._socket.makefile("rb", buffering=_BUFFER)
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Leave; a server for many clients goes on."""
        self._answers.close()
        self._socket.close()

    def call(self, method: str, **arguments: object) -> Any:
        """Return what one call returns.

        Raises
        ------
        CallError
            Delve cannot do it.
        """
        (answer,) = self.calls(method, [arguments])
        if isinstance(answer, CallError):
            raise answer
        return answer

    def calls(self, method: str, each: Iterable[dict[str, object]]) -> Iterator[Any]:
        """Yield what each call returns, or its `CallError`, in their order; the next are under way meanwhile."""
        waiting: collections.deque[int] = collections.deque()
        todo = iter(each)
        while True:
            if len(waiting) <= _AHEAD // 2:  # many at a time: each time is a system call
                batch = list(itertools.islice(todo, _AHEAD - len(waiting)))
                numbers = [next(self._numbers) for _ in batch]
                self._send(method, numbers, batch)
                waiting += numbers
            if not waiting:
                return
            yield self._receive(waiting.popleft())

    def _send(self, method: str, numbers: list[int], each: list[dict[str, object]]) -> None:
        if not each:
            return
        lines = [
            json.dumps({"method": f"RPCServer.{method}", "params": [arguments], "id": number})
            for number, arguments in zip(numbers, each, strict=True)
        ]
        try:
            self._socket.sendall("".join(lines).encode())
        except OSError as error:
            raise self._lost(error) from error

    def _receive(self, number: int) -> Any:
        try:
            line = self._answers.readline()
            answer = json.loads(line)
        except TimeoutError as error:
            raise TargetError(f"the Delve at {self.address} has been silent for {_SECONDS:.0f} s") from error
        except OSError as error:
            raise self._lost(error) from error
        except ValueError as error:
            if not line:
                raise self._lost(None) from error
            raise TargetError(
                f"what listens at {self.address} is no Delve (try: {_START} ADDRESS)"
            ) from error
        if not isinstance(answer, dict) or answer.get("id") != number:
            raise TargetError(f"what listens at {self.address} is no Delve (try: {_START} ADDRESS)")
        return CallError(str(answer["error"])) if answer.get("error") else answer.get("result")

    def _lost(self, error: OSError | None) -> TargetError:
        why = f": {(error.strerror or str(error)).lower()}" if error else ""
        return _ClosedError(f"the Delve at {self.address} has closed the connection{why}")
