"""The bounds of `whatif` against slow sums over the rows of other reports, on every recorded heap."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.errors import UsageError
from gdb_gospan.render.style import Style
from gdb_gospan.reports import run
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.runtime.mgcpacer import heap_goal, with_settings
from tools import answers, fewest_spans, images

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Session

MIB = 1 << 20


def answer(session: Session, name: str, *words: str) -> dict[str, Any]:
    command = find(name)
    assert command is not None
    return answers.document(session, command, parse(command, words))


def changes(session: Session, *words: str) -> dict[str, dict[str, Any]]:
    return {row["code"]: row for row in answer(session, "whatif", *words)["changes"]}


@pytest.mark.parametrize("image", images.names())
def test_packing_is_what_each_class_needs(image: str) -> None:
    session = images.load(image).session()
    by_hand = fewest_spans.by_class(session, answer(session, "list", "--limit", "0")["list"])
    document = answer(session, "whatif")
    assert fewest_spans.told(document) == by_hand
    rows = {row["code"]: row for row in document["changes"]}
    assert rows["packing"]["at_most"] == sum(each[2] for each in by_hand.values())
    assert rows["packing_survivors"]["at_most"] == sum(each[4] for each in by_hand.values())


@pytest.mark.parametrize("image", images.names())
def test_what_a_cycle_frees_is_between_garbage_and_all_but_the_survivors(image: str) -> None:
    """By the accounts of `summary`, and by spans without a survivor out of `classes` and `list`."""
    session = images.load(image).session()
    rows, summary = changes(session), answer(session, "summary")
    objects, spans = rows["gc_objects"], rows["gc_spans"]
    garbage, survived = summary["bytes"]["garbage_unswept"], summary["survivors"]["survived_bytes"]
    assert 0 <= objects["at_least"] <= garbage
    assert objects["at_most"] == garbage + summary["survivors"]["new_bytes"]
    assert objects["leaves"] == survived
    assert 0 <= spans["at_least"] <= spans["at_most"] <= spans["now"] == summary["memstats"]["HeapInuse"]
    if summary["spans"]["unswept"]:
        assert objects["at_least"] > garbage * 0.9 > MIB  # but for spans with profile records and the like
        assert spans["at_least"] > MIB
    assert rows["scavenge"]["at_least"] == rows["scavenge"]["at_most"]
    assert (
        rows["scavenge"]["at_most"] + sum(row["page_bytes"] for row in answer(session, "cache")["caches"])
        == rows["scavenge"]["now"]
        == summary["bytes"]["idle_retained"]
    )
    assert rows["gc_scavenge"]["now"] == summary["memstats"]["Sys"] - summary["memstats"]["HeapReleased"]


@pytest.mark.parametrize("image", images.names())
def test_the_settings_that_there_are_lead_to_the_goal_that_there_is(image: str) -> None:
    heap = images.load(image).session().heap
    controller, state = heap.controller, heap.gc
    assert state is not None
    same = with_settings(controller, state.gc_percent, state.memory_limit)
    assert same is not None
    assert same["gcPercentHeapGoal"] == controller["gcPercentHeapGoal"]
    assert same.data == controller.data
    assert heap_goal(same, 0) == heap_goal(controller, 0)


def test_another_percentage_and_a_limit() -> None:
    session = images.load("1.27-frag").session()
    controller = session.heap.controller
    marked = controller["heapMarked"]
    base = marked + controller["lastStackScan"] + controller["globalsScan"]
    document = answer(session, "whatif", "--gogc", "2000")
    assert document["goals"]["new_goal"] == max(marked + base * 20, 80 * MIB)
    row = {each["code"]: each for each in document["changes"]}["goal"]
    assert row["at_most"] == row["now"] - document["goals"]["new_goal"] < 0
    off = answer(session, "whatif", "--gogc", "off")["goals"]
    assert (off["gc_percent"], off["new_goal"], off["fits"]) == (None, None, None)
    roomy, tight = (
        answer(session, "whatif", "--gogc", "off", "--memory-limit", limit)["goals"]
        for limit in ("64MiB", "4MiB")
    )
    assert (roomy["fits"], tight["fits"]) == (True, False)
    assert tight["new_goal"] == marked
    assert 64 * MIB > roomy["new_goal"] > 32 * MIB
    assert roomy["gc_percent_at_limit"] == pytest.approx(100 * (roomy["new_goal"] - marked) / base)


@pytest.mark.parametrize("words", [["--gogc", "-1"], ["--gogc", "much"], ["--procs", "0"]])
def test_settings_that_cannot_be(words: list[str]) -> None:
    session, command = images.load("1.27-frag").session(), find("whatif")
    assert command is not None
    with pytest.raises(UsageError):
        run.run(session, command, parse(command, words), Style())


@pytest.mark.parametrize("image", ["1.19-cached", "1.27-cached"])
def test_fewer_ps_release_what_cache_says(image: str) -> None:
    session = images.load(image).session()
    parked = [row["parked_bytes"] for row in answer(session, "cache")["caches"]]
    assert sum(parked) > 0
    for number in range(1, len(parked) + 2):
        row = changes(session, "--procs", str(number))["procs"]
        assert (row["at_least"], row["now"]) == (sum(parked[number:]), sum(parked))


def test_what_is_not_known_is_not_0() -> None:
    """Without the bitmaps of a span its class has no survivors that are known, and no bound rests on it."""
    recorded = images.load("1.27-frag")
    session = recorded.session()
    spans = session.heap.spans
    row = int(np.flatnonzero(spans.in_use & (spans.records["spanclass"] > 1))[0])
    where = session.heap.layout["mspan"]["allocBits"].offset + int(spans.addresses[row])
    nowhere = (1 << 46).to_bytes(8, "little")
    document = answer(recorded.session((where, nowhere)), "whatif")
    number = int(spans.records["spanclass"][row])
    (broken,) = (each for each in document["classes"] if each["spanclass"] == number)
    assert (broken["survivors"], broken["survivor_spans"], broken["survivor_saved_bytes"]) == (
        None,
        None,
        None,
    )
    assert broken["packed_spans"] > 0
    rows = {each["code"]: each for each in document["changes"]}
    assert rows["packing_survivors"]["at_most"] is None
    assert rows["restart"]["at_most"] is None
    assert rows["gc_objects"]["at_most"] > changes(session)["gc_objects"]["at_most"]


@pytest.mark.parametrize("image", images.names())
def test_it_fits_a_screen(image: str) -> None:
    session, command = images.load(image).session(), find("whatif")
    assert command is not None
    words = ["--procs", "1", "--gogc", "50"]
    for given, most in (([], 24), (words, 30)):
        lines = run.run(session, command, parse(command, given), Style(width=80)).splitlines()
        assert len(lines) <= most
        assert max(map(len, lines)) <= 80
        assert json.dumps(answer(session, "whatif", *given))
