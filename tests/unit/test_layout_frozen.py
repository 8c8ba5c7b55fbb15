"""A layout that went through JSON is the same, and a damaged one is refused with one line."""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gdb_gospan.errors import LayoutError
from gdb_gospan.layout.frozen import freeze, thaw
from gdb_gospan.layout.resolve import Symbols, traits_of
from tools import images
from tools.tiny_heap import TinyHeap

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def frozen() -> dict[str, Any]:
    return freeze(TinyHeap().layout, Symbols({"mheap_": 1 << 63, "memstats": 0}))


def plain(layout: Any) -> dict[str, Any]:
    return attrs.asdict(layout) | {"structs": {name: attrs.asdict(layout[name]) for name in layout.structs}}


def test_round_trip() -> None:
    tiny, symbols = TinyHeap().layout, Symbols({"mheap_": 1 << 63, "memstats": 0})
    layout = attrs.evolve(tiny, traits=traits_of(tiny.go))
    text = json.dumps(freeze(layout, symbols), allow_nan=False)
    again, names = thaw(json.loads(text))
    assert names == symbols
    assert plain(again) == plain(layout)


@pytest.mark.parametrize("name", images.names())
def test_round_trip_of_a_real_one(name: str) -> None:
    recorded = images.load(name)
    layout, symbols = recorded.layout, recorded.symbols
    assert thaw(json.loads(json.dumps(freeze(layout, symbols)))) == (layout, symbols)
    assert {"mheap", "mspan", "work", "scavenge"} <= set(layout.structs)
    assert layout.go.raw.startswith(f"go{name.split('-', maxsplit=1)[0]}")


def test_the_frozen_one_is_apart(frozen: dict[str, Any]) -> None:
    """Changing what was frozen changes no layout, nor the other way round."""
    layout, symbols = thaw(frozen)
    frozen["structs"].clear()
    frozen["symbols"].clear()
    assert "mspan" in layout.structs
    assert symbols["memstats"] == 0


ROW = ["structs", "mspan", "fields", "npages"]
ARRAY = ["structs", "heapArena", "fields", "spans"]
DAMAGE: dict[str, tuple[list[Any], Any]] = {
    "no version": (["go"], "1.27"),
    "a version that is no text": (["go"], 127),
    "no architecture": (["arch"], "vax"),
    "no source": (["source"], "guessed"),
    "missing that is no list": (["missing"], "all"),
    "missing of no names": (["missing"], [1]),
    "structs that are a list": (["structs"], []),
    "a struct that is a number": (["structs", "mspan"], 160),
    "a struct without a size": (["structs", "mspan", "size"], None),
    "a struct of less than nothing": (["structs", "mspan", "size"], -8),
    "a struct of all memory": (["structs", "mspan", "size"], 1 << 50),
    "a size that is true": (["structs", "mspan", "size"], True),
    "a struct too small for its fields": (["structs", "mspan", "size"], 16),
    "fields that are a list": (["structs", "mspan", "fields"], []),
    "a short row": (ROW, [0, 8, "uint"]),
    "a row that is text": (ROW, "abcde"),
    "no kind": ([*ROW, 2], "word"),
    "a kind that is a list": ([*ROW, 2], []),
    "an offset that is a fraction": ([*ROW, 0], 8.5),
    "an offset before the struct": ([*ROW, 0], -1),
    "an offset behind the struct": ([*ROW, 0], 4096),
    "a number of three bytes": ([*ROW, 1], 3),
    "a float of two bytes": (ROW, [0, 2, "float", None, 0]),
    "an array of nothing": ([*ARRAY, 3], 0),
    "an array of too many": ([*ARRAY, 3], 1 << 20),
    "an array of endlessly many": ([*ARRAY, 3], 1 << 60),
    "a stride below the size": ([*ARRAY, 4], 1),
    "a fixalloc outside of mheap": (["fixallocs", "spanalloc"], 1 << 20),
    "a fixalloc that is nothing": (["fixallocs", "spanalloc"], None),
    "a symbol outside of all memory": (["symbols", "mheap_"], 1 << 64),
    "symbols that are a list": (["symbols"], [1]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_one_line(frozen: dict[str, Any], damage: str) -> None:
    path, value = DAMAGE[damage]
    thaw(copy.deepcopy(frozen))
    inner = frozen
    for key in path[:-1]:
        inner = inner[key]
    assert inner[path[-1]] != value or value is True
    inner[path[-1]] = value
    with pytest.raises(LayoutError, match="the recorded layout is damaged: ") as error:
        thaw(frozen)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("key", ["go", "os", "arch", "source", "missing", "fixallocs", "structs", "symbols"])
def test_what_is_not_there_is_named(frozen: dict[str, Any], key: str) -> None:
    del frozen[key]
    with pytest.raises(LayoutError, match=f"damaged: .*{key}"):
        thaw(frozen)


@pytest.mark.parametrize("value", [None, [], "text", 5, {}])
def test_something_else_altogether(value: object) -> None:
    with pytest.raises(LayoutError):
        thaw(value)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in inside:
        yield from places(entry, (*path, key))


def test_whatever_is_replaced_there_is_no_other_error(frozen: dict[str, Any]) -> None:
    choose = random.Random(1)
    every = [path for path in places(frozen) if path]
    refused = 0
    for path in choose.sample(every, 300):
        changed = copy.deepcopy(frozen)
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = choose.choice([None, -1, 1 << 70, 0, 7, 1.5, True, "x", [], {}, [[]], {"x": "y"}])
        try:
            thaw(changed)
        except LayoutError:
            refused += 1
    assert refused > 150
