"""Add up what go-spans lists, and compare: shared by the tests of cores."""

from __future__ import annotations

from collections import Counter
from typing import Any

PAGE = 8192

#: Printed by the program beside its runtime.MemStats.
NOT_MEMSTATS = {"Version", "Settled", "CachedBytes", "CachedObjects"}


def memstats_of(printed: dict[str, Any]) -> dict[str, Any]:
    """Return all of the runtime.MemStats that a program printed; BySize came as rows of bare numbers."""
    stats = {name: value for name, value in printed.items() if name not in NOT_MEMSTATS}
    rows = (dict(zip(("Size", "Mallocs", "Frees"), row, strict=True)) for row in printed["BySize"])
    return stats | {"BySize": list(rows)}


def walk(answers: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Add up the rows of spans and pages; of the runtime's counters only those that nothing can be walked for."""
    spans, pages = answers["list"]["list"], answers["summary"]["pages"]
    heap = [span for span in spans if span["state"] in ("in use", "user arena")]
    stacks = [span for span in spans if span["state"] == "stack"]
    buffers = [span for span in spans if span["state"] == "work buffer"]
    size = {struct["name"]: struct["size"] for struct in answers["layout"]["structs"]}
    spanalloc = answers["fixalloc"]["fixallocs"][0]
    free = PAGE * sum(pages[kind] for kind in ("free", "cached", "in_flight"))
    released = PAGE * sum(pages[kind] for kind in ("released", "cached_and_released", "padding"))
    in_use = PAGE * sum(span["npages"] for span in heap)
    stack_bytes = PAGE * sum(span["npages"] for span in stacks)
    mspan_sys = len(spans) * size["mspan"] + spanalloc["chunk_left"]
    (sweepgen,) = {span["sweepgen"] for span in heap if span["sweep"] == "swept"}
    counters = answers["summary"]["bytes"]
    return {
        "HeapInuse": in_use,
        "HeapIdle": free + released,
        "HeapReleased": released,
        "HeapSys": in_use + free + released,
        "HeapAlloc": sum(span["objects"] * span["elemsize"] for span in heap),
        "HeapObjects": sum(span["objects"] for span in heap),
        "StackInuse": stack_bytes,
        "MSpanInuse": size["mspan"]
        * (len(heap) + len(stacks) + len(buffers) + answers["fixalloc"]["mspancache"]),
        "MSpanSys": mspan_sys,
        "MCacheInuse": size["mcache"] * answers["summary"]["gc"]["gomaxprocs"],
        "Sys": in_use + free + released + stack_bytes + mspan_sys
        + PAGE * sum(span["npages"] for span in buffers)
        + sum(counters[name] for name in ("os_thread_stacks", "mcache", "gc", "profiling_buckets", "other")),
        "NumGC": sweepgen // 2,
    }  # fmt: skip


def assert_adds_up(answers: dict[str, dict[str, Any]]) -> None:
    """Whatever the figures are, they must fit each other."""
    summary = answers["summary"]
    money = summary["bytes"]
    parts = [value for name, value in money.items() if name not in ("sys", "remainder")]
    assert sum(parts) + money["remainder"] == money["sys"] == summary["memstats"]["Sys"]
    assert all(value >= 0 for value in parts), money
    if not not_exact(answers):
        assert money["remainder"] == 0
        assert money["objects"] + money["garbage_unswept"] == summary["memstats"]["HeapAlloc"]
    for row in answers["classes"]["classes"]:
        whole = sum(row[f"{part}_bytes"] for part in ("object", "free", "tail", "metadata"))
        assert whole == row["span_bytes"]
        assert row["objects"] + row["free_slots"] == row["nelems"]
        assert sum(row["deciles"]) == row["spans"]


def assert_classes_match_the_spans(answers: dict[str, dict[str, Any]]) -> None:
    wanted: Counter[tuple[int, str]] = Counter()
    for span in answers["list"]["list"]:
        if span["state"] == "in use" or (span["state"] == "user arena" and span["spanclass"] == 0):
            wanted[span["spanclass"], "spans"] += 1
            wanted[span["spanclass"], "span_bytes"] += span["npages"] * PAGE
            for column in ("nelems", "objects", "free_slots", "free_bytes"):
                wanted[span["spanclass"], column] += span[column]
    columns = ("spans", "span_bytes", "nelems", "objects", "free_slots", "free_bytes")
    rows = answers["classes"]["classes"]
    assert {(row["spanclass"], column): row[column] for row in rows for column in columns} == dict(wanted)
    assert {column: sum(row[column] for row in rows) for column in columns} == {
        column: answers["classes"]["totals"][column] for column in columns
    }


def not_exact(answers: dict[str, dict[str, Any]]) -> list[str]:
    checks = answers["check"]["checks"]
    return [f"{c['status']} {c['code']}: {c['expected']} {c['observed']} {c['note']}"
            for c in checks if c["status"] != "exact"]  # fmt: skip


def assert_proven(answers: dict[str, dict[str, Any]], printed: dict[str, Any]) -> None:
    """Every identity is exact, the rows add up, and both are what a program at rest printed last."""
    assert not_exact(answers) == []
    assert len(answers["check"]["checks"]) >= 26
    assert_adds_up(answers)
    assert_classes_match_the_spans(answers)
    assert printed["Settled"]
    walked, counters = walk(answers), answers["summary"]["memstats"]
    assert walked == {name: counters[name] for name in walked}
    assert counters == memstats_of(printed)
