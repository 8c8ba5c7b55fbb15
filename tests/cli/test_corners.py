"""Heaps with what a usual heap does not have: the same proofs as for the sample program (tests/gdb/test_identities.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, forms, programs
from tools.proofs import assert_adds_up, assert_classes_match_the_spans, memstats_of, not_exact, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.cores import Core

    Answers = dict[str, dict[str, Any]]

MIB = 1 << 20


def ask(core: Core) -> Answers:
    return dict(forms.answers(forms.open_in(core, "full")))


def spans(answers: Answers, state: str) -> list[dict[str, Any]]:
    return [span for span in answers["list"]["list"] if span["state"] == state]


def huge(answers: Answers) -> None:
    large = [span for span in spans(answers, "in use") if span["spanclass"] <= 1]
    assert sum(span["npages"] == 100 * MIB // 8192 for span in large) == 3


def release(answers: Answers) -> None:
    memstats = answers["summary"]["memstats"]
    assert memstats["HeapReleased"] > 6 * MIB
    # Of 32 MiB of garbage nothing is kept but what the Ps have in their caches and what was freed since.
    assert memstats["HeapIdle"] - memstats["HeapReleased"] < 8 * MIB


def goroutines(answers: Answers) -> None:
    assert answers["summary"]["memstats"]["StackInuse"] >= 500 * 2048
    assert sum(span["npages"] for span in spans(answers, "stack")) * 8192 >= 500 * 2048


def stacks(answers: Answers) -> None:
    """A stack of more than 32 KiB has a span of its own."""
    assert sum(span["npages"] >= 8 for span in spans(answers, "stack")) >= 20


def tiny(answers: Answers) -> None:
    (row,) = (row for row in answers["classes"]["classes"] if row["spanclass"] == 5)
    # A block of 16 bytes stays as long as one object in it; hardly two of the 2,500 share one.
    assert 2000 < row["objects"] <= 2500


def finalizers(answers: Answers) -> None:
    (row,) = (row for row in answers["classes"]["classes"] if row["spanclass"] == 2 * 6 + 1)
    assert (row["elemsize"], row["objects"] >= 1000) == (64, True)


VARIANTS: dict[str, tuple[list[str], Callable[[Answers], None]]] = {
    "huge": (["-huge", "3"], huge),
    "release": (["-release"], release),
    "goroutines": (["-goroutines", "500"], goroutines),
    "stacks": (["-stacks", "20"], stacks),
    "tiny": (["-tiny", "20000"], tiny),
    "finalizers": (["-finalizers", "1000"], finalizers),
}

EVERYTHING = [
    "-huge",
    "1",
    "-release",
    "-goroutines",
    "99",
    "-stacks",
    "9",
    "-tiny",
    "999",
    "-finalizers",
    "99",
    "-cached",
]


def test_all_at_once(go_minor: str) -> None:
    core = cores.kernel_core(programs.build("corners", go_minor), *EVERYTHING)
    assert prove(core)["summary"]["spans"]["cached"] > 10


@pytest.mark.in_turn("variant")
@pytest.mark.parametrize("variant", VARIANTS)
def test_corner(go_minor: str, variant: str) -> None:
    arguments, special = VARIANTS[variant]
    special(prove(cores.kernel_core(programs.build("corners", go_minor), *arguments)))


def prove(core: Core) -> Answers:
    answers = ask(core)
    assert not_exact(answers) == []
    assert_adds_up(answers)
    assert_classes_match_the_spans(answers)
    assert core.stdout["Settled"]
    if not core.stdout["CachedObjects"]:
        printed = memstats_of(core.stdout)
        assert answers["summary"]["memstats"] == printed
        assert walk(answers) == {name: printed[name] for name in walk(answers)}
    return answers


@pytest.mark.parametrize("go_minor", ["1.21", "1.24", "1.25", "1.27"])
@pytest.mark.parametrize(
    "more",
    [[], ["-cached"], ["-ready", "4", "-quarantined", "2"]],
    ids=["", "cached", "freed"],
)
def test_user_arenas(go_minor: str, more: list[str]) -> None:
    program = programs.build("corners", go_minor, experiments="arenas")
    core = cores.kernel_core(program, "-arenas", "5", *more)
    answers = ask(core)
    assert not_exact(answers) == []
    assert_adds_up(answers)
    assert_classes_match_the_spans(answers)
    chunks = spans(answers, "user arena")
    assert len(chunks) >= 3  # five arenas, two of them freed
    assert {span["npages"] for span in chunks} == {8 * MIB // 8192}
    assert answers["summary"]["go"]["experiments"] == ["arenas"]
    walked, memstats = walk(answers), answers["summary"]["memstats"]
    assert {name: memstats[name] for name in walked if name != "MSpanInuse"} == {
        name: value for name, value in walked.items() if name != "MSpanInuse"
    }
    # Chunks ready for reuse keep their descriptors, though no span is there.
    assert memstats["MSpanInuse"] >= walked["MSpanInuse"]
    if "-quarantined" in more:
        assert len(spans(answers, "quarantined")) >= 2


def test_stop_before_the_sweep(go_minor: str) -> None:
    """Spans that wait to be swept are no transient: every identity holds with them."""
    core = cores.kernel_core(programs.build("corners", go_minor), "-unswept")
    answers = ask(core)
    assert [line for line in not_exact(answers) if not line.startswith("transient")] == []
    assert_adds_up(answers)
    assert_classes_match_the_spans(answers)
    assert answers["summary"]["spans"]["unswept"] > 100
    assert answers["summary"]["bytes"]["garbage_unswept"] > MIB
    assert answers["summary"]["gc"]["sweep_done"] is False


@pytest.mark.in_turn("kind")
@pytest.mark.parametrize("kind", ["limit", "386", "pie", "cgo"])
def test_another_kind_of_program(go_minor: str, kind: str) -> None:
    """A memory limit in force, 32 bits, a position-independent executable, a program with libc."""
    env = {"GOMEMLIMIT": "20MiB"} if kind == "limit" else {}
    options: dict[str, Any] = {"386": {"goarch": "386"}, "pie": {"buildmode": "pie"}, "cgo": {"cgo": True}}
    program = programs.build("corners", go_minor, **options.get(kind, {}))
    core = cores.kernel_core(program, "-tiny", "20000", "-finalizers", "99", "-stacks", "9", env=env)
    answers = ask(core)
    assert not_exact(answers) == []
    assert_adds_up(answers)
    assert_classes_match_the_spans(answers)
    assert answers["summary"]["go"]["arch"] == ("386" if kind == "386" else "amd64")
    assert answers["summary"]["gc"]["memory_limit"] == (20 * MIB if kind == "limit" else None)
    if kind != "386":  # there the program takes another stack span between its last words and its end
        assert answers["summary"]["memstats"] == memstats_of(core.stdout)
