"""The rules of doctor: what each needs, that no byte is explained twice, and that damage is no finding."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from gdb_gospan.analysis import pauses
from gdb_gospan.analysis.accounting import accounts
from gdb_gospan.analysis.case import Beyond, Case, of_heap
from gdb_gospan.analysis.findings import Finding, judge, shares
from gdb_gospan.analysis.heaprules import HEAP_RULES, SUMMARY_RULES, beyond_go, wasted_slots
from gdb_gospan.analysis.thresholds import Thresholds
from gdb_gospan.errors import UsageError
from gdb_gospan.fields.units import nbytes
from gdb_gospan.reports.screens.verdicts import ACCOUNTS, WORDS
from gdb_gospan.reports.thresholds import thresholds_in
from tools import answers, images
from tools.cache import CHECKOUT
from tools.tiny_heap import parked

MIB = 1 << 20


def case(name: str = "1.27-unswept", **amounts: int) -> Case:
    """Return a recorded heap as a case, with other amounts if some are given."""
    heap = images.load(name).session().heap
    made = of_heap(heap, accounts(heap), Thresholds())
    return attrs.evolve(made, amounts={**made.amounts, **amounts}) if amounts else made  # type: ignore[arg-type]


def rule(*findings: Finding) -> Any:
    return [(lambda _, each=each: each, 0.1) for each in findings]


def test_a_byte_is_explained_once() -> None:
    """The rule that comes first has it; what is left for the next is less, or nothing."""
    one = Finding("dead-goroutines", {"objects": 60 * MIB}, {})
    other = Finding("large-tails", {"objects": 90 * MIB}, {})
    whole = attrs.evolve(case(objects=100 * MIB), total=100 * MIB)
    judgement = judge(whole, rule(one, other))
    assert [(each.code, each.bytes) for each in judgement.findings] == [
        ("dead-goroutines", 60 * MIB),
        ("large-tails", 40 * MIB),
    ]
    assert judgement.left["objects"] == 0
    reverse = judge(whole, rule(other, one))
    assert [(each.code, each.bytes) for each in reverse.findings] == [
        ("large-tails", 90 * MIB),
        ("dead-goroutines", 10 * MIB),
    ]


def test_no_finding_explains_more_than_there_is() -> None:
    whole = attrs.evolve(case(objects=50 * MIB), total=100 * MIB)
    (found,) = judge(whole, rule(Finding("live-objects", {"objects": 1 << 60}, {}))).findings
    assert found.bytes == 50 * MIB


@pytest.mark.parametrize(("claimed", "told"), [(10 * MIB, True), (10 * MIB - 1, False)])
def test_a_small_share_is_not_told(claimed: int, told: bool) -> None:
    whole = attrs.evolve(case(objects=100 * MIB), total=100 * MIB)
    judgement = judge(whole, rule(Finding("live-objects", {"objects": claimed}, {})))
    assert [each.code for each in judgement.findings] == (["live-objects"] if told else ["healthy"])
    assert judgement.left["objects"] == 100 * MIB - (claimed if told else 0)


def test_few_bytes_are_not_told_however_large_their_share() -> None:
    whole = attrs.evolve(case(objects=8 * MIB), total=8 * MIB)
    found = judge(whole, rule(Finding("live-objects", {"objects": 8 * MIB - 1}, {}))).findings
    assert [each.code for each in found] == ["healthy"]


def test_what_is_urgent_is_first_and_its_consequence_is_no_finding() -> None:
    stuck = Finding("finalizers-stuck", {}, {}, urgent=True, brings=frozenset({"live-objects"}))
    live = Finding("live-objects", {"objects": 90 * MIB}, {})
    dead = Finding("dead-goroutines", {"objects": 90 * MIB}, {})
    whole = attrs.evolve(case(objects=100 * MIB), total=100 * MIB)
    assert [each.code for each in judge(whole, rule(dead, stuck)).findings] == [
        "finalizers-stuck",
        "dead-goroutines",
    ]
    assert [each.code for each in judge(whole, rule(stuck, live)).findings] == ["finalizers-stuck"]


def test_free_slots_that_the_next_cycle_fills_are_no_waste() -> None:
    """Between two cycles the heap grows up to its goal: so much free memory is at work."""
    found = case("1.27-frag", free_slots=1000 * MIB)
    waste = wasted_slots(found)
    assert waste is not None
    assert found.room > 0
    assert waste.claims == {"free_slots": 1000 * MIB - found.room}
    assert wasted_slots(case("1.27-frag", free_slots=found.room)) is None


@pytest.mark.parametrize(
    ("beyond", "told"),
    [
        (None, False),
        (Beyond(49 * MIB, 100 * MIB), False),
        (Beyond(50 * MIB, 100 * MIB), True),
        (Beyond(7 * MIB, 8 * MIB), False),
    ],
)
def test_resident_memory_that_go_does_not_keep(beyond: Beyond | None, told: bool) -> None:
    assert (beyond_go(attrs.evolve(case(), beyond=beyond)) is not None) == told


@pytest.mark.parametrize("image", images.names())
def test_every_recorded_heap(image: str) -> None:
    """Accounts and verdicts add up, and each finding has words."""
    answer = answers.of(images.load(image).session(), "doctor")
    explained = sum(each["bytes"] or 0 for each in answer["verdicts"])
    assert explained == answer["explained"] <= answer["total"]
    assert explained + sum(each["bytes"] for each in answer["rest"]) <= answer["total"]
    assert {each["code"] for each in answer["rest"]} <= {*ACCOUNTS}
    for each in answer["verdicts"]:
        assert each["cause"].endswith(".")
        assert "unknown" not in each["cause"]


def test_with_a_broken_check_nothing_is_more_than_possible() -> None:
    """A counter that no walk can explain: the verdict is told, and that it rests on figures that cannot be trusted."""
    recorded = images.load("1.27-unswept")
    controller = recorded.session().heap.controller
    wrong = (controller["heapInUse"] + 8192).to_bytes(8, "little")
    sound, damaged = recorded.session(), recorded.session((controller.address_of("heapInUse"), wrong))
    sound.frames = damaged.frames = parked
    (first,) = answers.of(sound, "doctor")["verdicts"]
    (second,) = answers.of(damaged, "doctor")["verdicts"]
    assert (first["code"], first["sure"]) == ("unswept", "likely")
    assert (second["code"], second["sure"]) == ("unswept", "possible")
    assert [each["name"] for each in second["evidence"] if each["against"]] == ["broken_checks"]
    assert answers.of(sound, "summary")["verdict"]["code"] == "unswept"
    assert "verdict" not in answers.of(damaged, "summary")


def test_summary_names_what_doctor_names() -> None:
    for image in ("1.27-unswept", "1.27-arenas"):
        session = images.load(image).session()
        first = answers.of(session, "doctor")["verdicts"][0]
        assert answers.of(session, "summary")["verdict"]["code"] == first["code"] != "healthy"


def test_the_rules_of_the_first_screen_are_among_those_of_doctor() -> None:
    assert {*HEAP_RULES} < {*SUMMARY_RULES}
    assert len(shares(case(), SUMMARY_RULES)) == len(SUMMARY_RULES)


def test_words_take_every_amount() -> None:
    evidence = {"beyond_bytes": 5, "whole_bytes": 9 * MIB, "recorded": 0}
    assert (
        WORDS["beyond-go"].cause(evidence, nbytes).startswith("5 B of 9.00 MiB of RSS are not memory that ")
    )


def test_a_rate_is_over_when_no_cycle_ends_any_more() -> None:
    """16 cycles in a second, and then none for a minute: that is no sixteen a second."""
    second = 1_000_000_000
    often = pauses.Pace(cycles=17, nanoseconds=second, last=100 * second)
    assert often.up_to(None) == often.per_second == 16
    assert often.up_to(100 * second + second // 16) == 16
    assert often.up_to(160 * second) == pytest.approx(16 / 61)
    assert often.up_to(99 * second) == 16  # a clock that was set back


# Thresholds of a file.


def test_thresholds_of_a_file(tmp_path: Any) -> None:
    file = tmp_path / "thresholds.toml"
    file.write_text("share = 0.5\nbytes = 1024\n")
    assert thresholds_in(str(file)) == attrs.evolve(Thresholds(), share=0.5, bytes=1024)
    session = images.load("1.27-unswept").session()
    assert answers.of(session, "doctor", "--thresholds", str(file))["verdicts"][0]["code"] == "unswept"
    file.write_text("share = 0.99\n")
    assert answers.of(session, "doctor", "--thresholds", str(file))["verdicts"][0]["code"] == "healthy"


def test_the_file_in_the_lab_has_the_defaults() -> None:
    file = CHECKOUT / "examples" / "lab" / "thresholds.toml"
    assert thresholds_in(str(file)) == Thresholds()
    named = {line.partition(" = ")[0] for line in file.read_text().splitlines() if " = " in line}
    assert named == {each.name for each in attrs.fields(Thresholds)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("shares = 1\n", "shares: no such threshold (try: bytes, share, "),
        ("share = 1.5\n", "share: 1.5 is more than 1, the whole (try: share = 0.1)"),
        ("share = -1\n", "share: -1 is not a number of at least 0 (try: share = 0.1)"),
        ("share = true\n", "share: True is not a number"),
        ("share = nan\n", "share: nan is not a number"),
        ("share = inf\n", "share: inf is not a number"),
        ('share = "10%"\n', "share: 10% is not a number"),
        ("[share]\n", "share: {} is not a number"),
        ("share\n", "is not valid TOML"),
    ],
)
def test_a_wrong_threshold_is_one_line(content: str, said: str, tmp_path: Any) -> None:
    file = tmp_path / "thresholds.toml"
    file.write_text(content)
    with pytest.raises(UsageError) as error:
        thresholds_in(str(file))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
