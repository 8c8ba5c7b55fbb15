"""Answers that are like Delve's but for one place: whatever stands there, a report or one line comes of it."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.memory import jsonrpc, wire
from tools import cores, delves, programs, shell

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.toolchain

#: Damages of each call, spread over all answers to it.
OF_EACH = 5

#: What a place may hold instead.
VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 1 << 40, (1 << 63) - 1, (1 << 64) - 1, 1 << 64, -(1 << 63), 1.5, "", "x", "%s\n\x1b[31m", "[9]int", "*", [],
    [[]], {}, {"name": "x"},
)  # fmt: skip


class Recorded(wire.Wire):
    """Keeps what was answered to which call."""

    heard: dict[str, Any]
    asked: list[str]

    def send(self, text: str, seconds: float) -> None:
        decoder = json.JSONDecoder()
        while text:
            call, end = decoder.raw_decode(text)
            super().send(text[:end], seconds)
            self.asked.append(key_of(call))
            text = text[end:]

    def line(self, *how: Any) -> bytes:
        found = super().line(*how)
        self.heard[self.asked.pop(0)] = json.loads(found)
        return found


def key_of(call: dict[str, Any]) -> str:
    """Return the call without its number."""
    return json.dumps([call["method"], call["params"]])


@pytest.fixture(scope="module")
def heard() -> dict[str, Any]:
    """All calls of a report, and their answers."""
    core = cores.kernel_core(programs.build("frag", "1.27"), "-objects", "500")
    known: dict[str, Any] = {}
    kind = type("Kept", (Recorded,), {"heard": known, "asked": []})
    with (
        delves.headless(delves.ensure(delves.NEWEST), exe=core.executable, core=core.path) as address,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(jsonrpc, "Wire", kind)
        assert shell.inside("check", "--json", "--dlv", address).status == 0
    return known


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where in an answer something stands."""
    if path:
        yield path
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, entry in entries:
        yield from places(entry, (*path, key))


def put(answer: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(answer)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


def damages(heard: dict[str, Any]) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    chance = random.Random(1)
    for method in sorted({json.loads(key)[0] for key in heard}):
        keys = [key for key in heard if json.loads(key)[0] == method]
        for _ in range(OF_EACH if method != "RPCServer.Eval" else 6 * OF_EACH):
            key = chance.choice(keys)
            where = chance.choice(list(places(heard[key]["result"])) or [()])
            yield key, where, chance.choice(VALUES)


def replaying(known: dict[str, Any]) -> type:
    """Return a wire that gives these answers, and to any other call that it cannot be done."""

    class Replay:
        def __init__(self, *_at: Any) -> None:
            self._waiting: list[dict[str, Any]] = []

        def close(self) -> None:
            pass

        def send(self, text: str, _seconds: float) -> None:
            decoder = json.JSONDecoder()
            while text:
                call, end = decoder.raw_decode(text)
                self._waiting.append(call)
                text = text[end:]

        def line(self, *_how: Any) -> bytes:
            call = self._waiting.pop(0)
            answer = known.get(key_of(call), {"error": "could not find symbol value for x"})
            return json.dumps({**answer, "id": call["id"]}).encode()

    return Replay


def test_a_report_or_one_line(heard: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonrpc, "Wire", replaying(heard))
    assert shell.inside("check", "--json", "--dlv", "localhost:1").status == 0
    refused = 0
    for key, where, value in damages(heard):
        answer = heard[key]
        changed = {**answer, "result": put(answer["result"], where, value) if where else value}
        monkeypatch.setattr(jsonrpc, "Wire", replaying({**heard, key: changed}))
        got = shell.inside("check", "--json", "--dlv", "localhost:1")
        what = (key, where, value, got.stderr)
        assert "internal error" not in got.stderr, what
        assert got.stderr.count("\n") <= 1, what
        assert bool(got.stdout) != bool(got.stderr), what
        refused += bool(got.stderr)
    assert refused
