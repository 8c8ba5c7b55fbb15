"""A client for the JSON-RPC of a headless Delve (go-delve/delve, Documentation/api/json-rpc)."""

from __future__ import annotations

import collections
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.memory import delveanswers
from gdb_gospan.memory.delveanswers import ShapeError
from gdb_gospan.memory.wire import ClosedError, TooLongError, Wire

FIRST_ANSWER = 5.0
"""Seconds for the first answer, which Delve gives at once in any state."""
_SECONDS: Final = 60.0
"""Seconds for any other: the first call about types makes Delve read all debug information."""
LOOKOUT = 0.5
"""Seconds without an answer before checking whether the program runs: while it does, no other call is answered."""
_FIRST_LINE: Final = 1 << 16
_LINE: Final = 1 << 23
_LONG: Final = {"ListPackageVars": 1 << 26}
"""Bytes of the longest answer: memory has 90,000 of them, and each variable of a program some hundred."""
_AHEAD: Final = 64
"""Calls sent before the first of them is answered: few enough that neither side ever waits for room to write."""
_TRIES: Final = 3
"""On a busy machine Delve closes about one new connection in a hundred at once, if it does not find its user
in /proc/net/tcp (service/internal/sameuser)."""
START: Final = "dlv attach PID --headless --accept-multiclient --listen HOST:PORT"
_DIGITS: Final = 5
_ENDED: Final = ("has exited with status", "no such process")
"""Delve's messages for a program that has ended; the latter before Delve has noticed."""

_T = TypeVar("_T")


class CallError(TargetError):
    """Delve refused a call; `reason` is its message."""

    def __init__(self, address: str, method: str, reason: str) -> None:
        self.reason = (reason.splitlines() or [""])[0]  # of Delve's own panics the stack follows
        super().__init__(f"Delve at {address} cannot answer {method}: {self.reason}")


class ProgramError(TargetError):
    """The program is no longer stopped."""


class Connection:
    """One client of a Delve server.

    Raises
    ------
    TargetError
        There is no server, or it is not Delve; raised by every call.
    ProgramError
        From any call: the program has ended, or another client lets it run.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        host, _, port = address.rpartition(":")
        if not port.isdecimal() or len(port) > _DIGITS or int(port) >= 1 << 16:
            raise UsageError(
                f"{address} is not the address of a Delve server (try: HOST:PORT, such as localhost:2345)"
            )
        self._at = host.strip("[]") or "localhost", int(port)
        self._lookout: _Lookout | None = None
        self._failed: TargetError | None = None
        for left in reversed(range(_TRIES)):
            self._connect()
            try:  # before Delve 1.21 the first version is spoken unless asked
                self.call("SetApiVersion", delveanswers.anything, APIVersion=2)
            except _LostError:
                self.close()
                if not left:
                    raise
            except BaseException:
                self.close()
                raise
            else:
                self._lookout = _Lookout(self._at)
                return

    def _connect(self) -> None:
        try:
            self._wire = Wire(self._at, FIRST_ANSWER)
        except (OSError, ValueError) as error:  # the latter for what cannot be the name of a host
            raise TargetError(
                f"cannot connect to Delve at {self.address}: {_reason(error)} (try: {START.replace('HOST:PORT', self.address)})"
            ) from error
        self._numbers = itertools.count(1)
        self._failed = None

    def close(self) -> None:
        """Disconnect; a multi-client server keeps running."""
        self._wire.close()
        if self._lookout:
            self._lookout.close()
        self._failed = TargetError(f"the connection to Delve at {self.address} is closed")

    def call(self, method: str, take: Callable[[object], _T], **arguments: object) -> _T:
        """Return what one call returns.

        Parameters
        ----------
        take
            Parses the answer (`delveanswers`).

        Raises
        ------
        CallError
            Delve cannot do it.
        """
        (answer,) = self.calls(method, take, [arguments])
        if isinstance(answer, CallError):
            raise answer
        return answer

    def calls(
        self, method: str, take: Callable[[object], _T], each: Iterable[dict[str, object]]
    ) -> Iterator[_T | CallError]:
        """Yield the result of each call, or its `CallError`, in order; later calls are pipelined."""
        if self._failed:
            raise self._failed  # what comes next may be the answer to an older question
        try:
            yield from self._calls(method, take, each)
        except TargetError as error:
            self._failed = error
            raise
        except KeyboardInterrupt:
            self._failed = TargetError(f"a call to Delve at {self.address} was interrupted")
            raise

    def _calls(
        self, method: str, take: Callable[[object], _T], each: Iterable[dict[str, object]]
    ) -> Iterator[_T | CallError]:
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
            answer, problem = self._receive(method, waiting.popleft())
            if problem is not None:
                error = CallError(self.address, method, problem)
                if any(words in problem for words in _ENDED):
                    raise ProgramError(
                        f"the program that Delve at {self.address} debugs has ended: "
                        f"{error.reason} (try: restart it in Delve, or use its core)"
                    )
                yield error
                continue
            try:
                taken = take(answer)
            except ShapeError as error:
                raise self._other(f"in the answer to {method}, {error}") from error
            yield taken

    def _send(self, method: str, numbers: list[int], each: list[dict[str, object]]) -> None:
        if not each:
            return
        try:
            self._wire.send(
                "".join(request(method, *one) for one in zip(numbers, each, strict=True)), _SECONDS
            )
        except OSError as error:
            raise self._lost(error) from error

    def _receive(self, method: str, number: int) -> tuple[object, str | None]:
        """Return the result of the call of this number, and Delve's message if it failed."""
        first = self._lookout is None
        try:
            seconds, longest = (FIRST_ANSWER, _FIRST_LINE) if first else (_SECONDS, _LONG.get(method, _LINE))
            line = self._wire.line(seconds, longest, self._look_out, LOOKOUT)
        except TimeoutError as error:
            if not first:
                raise TargetError(f"Delve at {self.address} has not answered for {_SECONDS:.0f} s") from error
            raise self._other(
                f"no answer within {FIRST_ANSWER:.3g} s; dlv dap, which editors start, never answers (pause the program there "
                "and use --pid N); a Delve that is still loading its program answers later"
            ) from error
        except TooLongError as error:
            raise self._other("it sends no end of line") from error
        except ClosedError as error:
            raise self._lost(None) from error
        except OSError as error:
            raise self._lost(error) from error
        try:
            return answered(line, number)
        except ShapeError as error:
            raise self._other(str(error)) from error

    def _look_out(self) -> None:
        if self._lookout and self._lookout.sees_it_run():
            raise self.resumed()

    def resumed(self) -> ProgramError:
        """Return the error for a program that another client has resumed."""
        return ProgramError(
            f"the program is running again: another client of Delve at {self.address} resumed it while it was being read "
            "(try: pause it in Delve)"
        )

    def _other(self, why: str) -> TargetError:
        return TargetError(f"the server at {self.address} is not Delve: {why} (try: {START})")

    def _lost(self, error: OSError | None) -> TargetError:
        why = f": {_reason(error)}" if error else ""
        return _LostError(f"Delve at {self.address} has closed the connection{why}")


class _LostError(TargetError):
    """Delve has closed the connection."""


class _Lookout:
    """A second connection, on which Delve tells that the program runs while a call on the first one is blocked."""

    def __init__(self, at: tuple[str, int]) -> None:
        self._at = at
        self._wire: Wire | None = None
        self._numbers = itertools.count(1)
        self._waiting: collections.deque[int] = collections.deque()

    def close(self) -> None:
        """Disconnect."""
        if self._wire:
            self._wire.close()
        self._wire = None
        self._waiting.clear()

    def sees_it_run(self) -> bool:
        """Whether Delve says that the program runs; False if it does not answer or accepts no second client."""
        try:
            if self._wire is None:
                self._wire = Wire(self._at, LOOKOUT)
                self._ask(self._wire, "SetApiVersion", APIVersion=2)
                self._ask(self._wire, "State", NonBlocking=True)
            elif not self._waiting:
                self._ask(self._wire, "State", NonBlocking=True)
            result, problem = None, None
            while self._waiting:
                line = self._wire.line(LOOKOUT, _LINE)
                result, problem = answered(line, self._waiting.popleft())
            return problem is None and delveanswers.state(result).running
        except TimeoutError:  # it is at work; what it answers is there to read the next time
            return False
        except (OSError, ClosedError, TooLongError, ShapeError):
            self.close()
            return False

    def _ask(self, wire: Wire, method: str, **arguments: object) -> None:
        number = next(self._numbers)
        wire.send(request(method, number, arguments), LOOKOUT)
        self._waiting.append(number)


def request(method: str, number: int, arguments: dict[str, object]) -> str:
    """Return the line that makes a call."""
    return json.dumps({"method": f"RPCServer.{method}", "params": [arguments], "id": number})


def answered(line: bytes, number: int) -> tuple[object, str | None]:
    """Parse the line that answers the call of this number: its result, and Delve's message if it failed.

    Raises
    ------
    ShapeError
        The line is not the answer to this call.
    """
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ShapeError("it sends something other than JSON") from error
    if not isinstance(answer, dict) or answer.get("id") != number:
        raise ShapeError("it sends something other than the answer to a call")
    problem = answer.get("error")
    return answer.get("result"), None if problem is None else str(problem)


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
