"""Stacks of goroutines in a snapshot: the same again, few values however many there are, and no damage goes unnoticed."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gdb_gospan.analysis import frozenstacks
from gdb_gospan.memory.jsontext import parsed
from gdb_gospan.runtime.traceback import Tracebacks


def frozen(monkeypatch: pytest.MonkeyPatch, stacks: Tracebacks) -> dict[str, Any]:
    """Freeze stacks of places that nothing names."""
    every = SimpleNamespace(groups=list, column=lambda _: None, code=SimpleNamespace(functions=lambda _: []))
    monkeypatch.setattr(frozenstacks, "living", lambda *_: every)
    lines = SimpleNamespace(function=lambda _: None, line=lambda _: None, entry=lambda _: None)
    session = SimpleNamespace(
        tracebacks=stacks, lines=lines, heap=SimpleNamespace(buckets=None, sampled_objects=None)
    )
    made = frozenstacks.frozen_stacks(session)  # type: ignore[arg-type]
    assert made is not None
    return made


def of(count: int) -> Tracebacks:
    """Every third goroutine has a stack of two frames, and every sixth is whole."""
    node = np.where(np.arange(count) % 3 == 0, 1, -1).astype(np.int64)
    whole = np.arange(count) % 6 == 0
    return Tracebacks(node, whole, np.array([-1, 0]), np.array([0x401000, (1 << 64) - 1], np.uint64))


@pytest.mark.parametrize("count", [0, 1, 7, 600_000])
def test_they_are_the_same_again(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """A snapshot of 300,000 goroutines was written, and then refused for its many values."""
    text = json.dumps(frozen(monkeypatch, of(count))).encode()
    stacks, _ = frozenstacks.thaw_stacks(parsed(text, 0))
    wanted = of(count)
    assert (stacks.node == wanted.node).all()
    assert (stacks.whole == wanted.whole).all()
    assert (stacks.newer == wanted.newer).all()
    assert (stacks.pc == wanted.pc).all()


def text(*numbers: int) -> str:
    return base64.b64encode(np.array(numbers, "<i4").tobytes()).decode()


@pytest.mark.parametrize(
    "damage",
    [
        {"count": 1}, {"count": -1}, {"count": 1 << 40}, {"count": "7"}, {"count": None}, {"count": True},
        {"rows": text(0, 3)}, {"rows": text(0, 3, 7)}, {"rows": text(-1, 3, 6)}, {"rows": [0, 3, 6]}, {"rows": "!"},
        {"rows": "AAA="}, {"node": text(2, 1, 1)}, {"node": text(1, 1)}, {"node": text(-2, 1, 1)}, {"whole": text(1)},
        {"newer": text(-1, 1)}, {"newer": text(-1)}, {"newer": text(-2, 0)}, {"pc": ""}, {"pc": 7}, {"code": {}},
    ],
)  # fmt: skip
def test_damage_is_an_error(monkeypatch: pytest.MonkeyPatch, damage: dict[str, Any]) -> None:
    good = frozen(monkeypatch, of(7))
    assert frozenstacks.thaw_stacks(good)
    with pytest.raises((ValueError, LookupError, TypeError, OverflowError)):
        frozenstacks.thaw_stacks({**good, **damage})


def test_lists_of_older_snapshots_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = of(7)
    old = {
        **{name: getattr(wanted, name).astype(object).tolist() for name in ("node", "newer", "pc")},
        "whole": wanted.whole.astype(int).tolist(),
        "code": frozen(monkeypatch, wanted)["code"],
    }
    stacks, _ = frozenstacks.thaw_stacks(old)
    assert (stacks.node == wanted.node).all()
    with pytest.raises(ValueError, match="lengths"):
        frozenstacks.thaw_stacks({**old, "whole": [0]})
