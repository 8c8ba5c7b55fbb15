"""Every figure is proven three times: by the identities, by adding up the rows here, and by the program's own words.

The program prints runtime.MemStats and ends without allocating anything, so a core of it must hold
exactly what the line says: no difference is allowed, in no field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gdb_gospan.analysis.verification import IDENTITIES, of_scheduler
from tools.proofs import assert_adds_up, assert_classes_match_the_spans, memstats_of, not_exact, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.cores import Core
    from tools.gdbs import Gdb


def test_every_identity_is_exact(answers: dict[str, dict[str, Any]]) -> None:
    assert not_exact(answers) == []
    assert [check["code"] for check in answers["check"]["checks"]] == [
        entry.code for entry in (*IDENTITIES, *of_scheduler())
    ]
    for document in answers.values():
        assert document["checks"] == answers["check"]["checks"][: len(document["checks"])]
        assert len(document["checks"]) >= len(IDENTITIES)
        assert document["unreadable"] == {"bytes": 0, "ranges": []}


def test_the_walk_equals_the_counters(answers: dict[str, dict[str, Any]]) -> None:
    counters = answers["summary"]["memstats"]
    assert {
        name: (value, counters[name]) for name, value in walk(answers).items() if value != counters[name]
    } == {}


def test_the_walk_equals_what_the_program_printed(
    answers: dict[str, dict[str, Any]], frag_core: Core
) -> None:
    assert frag_core.stdout["Settled"]
    printed = {name: frag_core.stdout[name] for name in walk(answers)}
    assert walk(answers) == printed


def test_all_of_memstats_equals_what_the_program_printed(
    answers: dict[str, dict[str, Any]], frag_core: Core
) -> None:
    printed = memstats_of(frag_core.stdout)
    assert len(printed) == 32  # the fields of runtime.MemStats
    assert answers["summary"]["memstats"] == printed


def test_the_accounts_add_up_to_sys(answers: dict[str, dict[str, Any]]) -> None:
    assert_adds_up(answers)
    assert answers["summary"]["bytes"]["remainder"] == 0
    assert answers["summary"]["complete"] is True


def test_the_classes_add_up_to_the_spans(answers: dict[str, dict[str, Any]]) -> None:
    assert_classes_match_the_spans(answers)
    span_bytes = answers["classes"]["totals"]["span_bytes"]
    assert span_bytes == answers["summary"]["memstats"]["HeapInuse"]


def test_the_target_is_named(answers: dict[str, dict[str, Any]], frag_core: Core) -> None:
    for document in answers.values():
        assert document["target"]["kind"] == "core"
        assert document["target"]["executable"] == str(frag_core.executable)
        assert document["target"]["core"] == str(frag_core.path)
        assert document["go"]["version"] == frag_core.stdout["Version"]
        assert document["layout"]["source"] == "dwarf"
        assert document["layout"]["tested"] is True


def test_cached_spans_count(
    ask: Callable[[Gdb, Core], dict[str, dict[str, Any]]], gdb: Gdb, frag_core_cached: Core
) -> None:
    """Objects allocated from the spans of a P after the figures were printed: counted, to the byte."""
    answers, printed = ask(gdb, frag_core_cached), frag_core_cached.stdout
    assert not_exact(answers) == []
    assert_adds_up(answers)
    assert_classes_match_the_spans(answers)
    assert answers["summary"]["spans"]["cached"] > 0
    assert printed["CachedObjects"] > 0
    walked = walk(answers)
    assert walked["HeapAlloc"] == printed["HeapAlloc"] + printed["CachedBytes"]
    assert walked["HeapObjects"] == printed["HeapObjects"] + printed["CachedObjects"]
    counters = answers["summary"]["memstats"]
    assert {name: (value, counters[name]) for name, value in walked.items() if value != counters[name]} == {}
    # What the allocations cannot have changed.
    for name in ("NumGC", "NextGC", "StackInuse", "MCacheInuse", "PauseNs", "Frees", "BuckHashSys"):
        assert counters[name] == printed[name], name
