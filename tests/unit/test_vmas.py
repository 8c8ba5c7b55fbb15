"""Whose a mapping is: by its name, its shape, its neighbours, and what lies in it."""

from __future__ import annotations

import numpy as np
import pytest

from gdb_gospan.analysis.vmas import Places, owners
from gdb_gospan.memory.smaps import parse
from tools.kernels import KIB, mapping

MIB, GIB = KIB << 10, KIB << 20
HEAP = 0xC000000000
TOP = 0x7F0000000000
NONE = np.empty(0, np.uint64)
STACK = mapping(0x7FFC00000000, 132 * KIB, name="[stack]")


def owner_of(*texts: str, at: int, runtime=(), stacks=(), other_runtimes: bool = False) -> str:
    """Return whose the mapping at an address is, among others."""
    places = Places(
        arenas=(np.array([HEAP], np.uint64), np.array([HEAP + 64 * MIB], np.uint64)),
        runtime=np.array(runtime, np.uint64),
        stacks=np.array(stacks, np.uint64),
        other_runtimes=other_runtimes,
    )
    found = owners(parse("".join(texts).encode(), "FILE").vmas, places)
    return next(each.owner for each in found if each.vma.start == at)


def test_the_heap_is_where_its_arenas_are() -> None:
    """Also a mapping that begins or ends elsewhere; and though it is aligned as an arena of glibc's is."""
    assert owner_of(mapping(HEAP, 64 * MIB), at=HEAP) == "go_heap"
    assert owner_of(mapping(HEAP, MIB), mapping(HEAP + MIB, 63 * MIB, "---p"), at=HEAP) == "go_heap"
    assert owner_of(mapping(HEAP - MIB, 2 * MIB), at=HEAP - MIB) == "go_heap"
    assert owner_of(mapping(HEAP + 64 * MIB, MIB), at=HEAP + 64 * MIB) == "anonymous"
    assert owner_of(mapping(HEAP - MIB, MIB), at=HEAP - MIB) == "anonymous"


@pytest.mark.parametrize(
    ("texts", "owner"),
    [
        ([mapping(TOP, MIB), mapping(TOP + MIB, 63 * MIB, "---p")], "c_arenas"),
        ([mapping(TOP, 64 * MIB)], "c_arenas"),
        ([mapping(TOP, MIB), mapping(TOP + MIB, 63 * MIB + 4 * KIB, "---p")], "c_arenas"),
        ([mapping(TOP, MIB), mapping(TOP + MIB, 62 * MIB, "---p")], "anonymous"),
        ([mapping(TOP, MIB), mapping(TOP + 2 * MIB, 62 * MIB, "---p")], "anonymous"),
        ([mapping(TOP, MIB)], "anonymous"),
        ([mapping(TOP, 65 * MIB)], "anonymous"),
    ],
)
def test_an_arena_of_glibc_by_its_shape(texts: list[str], owner: str) -> None:
    assert owner_of(*texts, at=TOP) == owner


def test_a_stack_by_the_pointer_into_it() -> None:
    texts = [mapping(TOP, 4 * KIB, "---p"), mapping(TOP + 4 * KIB, 8 * MIB), mapping(TOP + 8 * GIB, MIB)]
    assert owner_of(*texts, at=TOP + 4 * KIB, stacks=[TOP + 7 * MIB]) == "thread_stacks"
    assert owner_of(*texts, at=TOP + 8 * GIB, stacks=[TOP + 7 * MIB]) == "anonymous"
    assert owner_of(*texts, at=TOP + 4 * KIB, stacks=[TOP + 7 * MIB], runtime=[TOP + MIB]) == "runtime"


def test_variables_follow_the_file() -> None:
    file = "/usr/bin/program"
    texts = [
        mapping(0x400000, MIB, "r-xp", file), mapping(0x500000, MIB, "rw-p", file), mapping(0x600000, MIB), mapping(0x800000, MIB),
    ]  # fmt: skip
    assert [owner_of(*texts, at=at) for at in (0x400000, 0x500000, 0x600000, 0x800000)] == [
        "text", "text", "data", "anonymous",
    ]  # fmt: skip
    only_read = [mapping(0x400000, MIB, "r-xp", file), mapping(0x500000, MIB)]
    assert owner_of(*only_read, at=0x500000) == "anonymous"
    assert (
        owner_of(mapping(0x400000, MIB, "r--p", "/data"), mapping(0x500000, MIB), at=0x500000) == "anonymous"
    )


def test_islands_in_what_the_runtime_reserves() -> None:
    """The kernel joins reservations; what is in use of them are islands, and what is mapped apart is not one."""
    texts = [
        mapping(TOP, 512 * MIB, "---p"), mapping(TOP + 512 * MIB, 4 * KIB), mapping(TOP + 512 * MIB + 4 * KIB, MIB, "---p"),
        mapping(TOP + 513 * MIB + 4 * KIB, 8 * KIB), mapping(TOP + 600 * MIB, MIB),
    ]  # fmt: skip
    assert owner_of(*texts, at=TOP + 512 * MIB) == "runtime"
    assert owner_of(*texts, at=TOP + 513 * MIB + 4 * KIB) == "runtime"
    assert owner_of(*texts, at=TOP + 600 * MIB) == "anonymous"
    small = [mapping(TOP + MIB, MIB, "---p"), mapping(TOP + 2 * MIB, 8 * MIB)]
    assert owner_of(*small, at=TOP + 2 * MIB) == "anonymous"


def test_the_heap_of_another_runtime_is_far_from_all_else() -> None:
    """It may look like an arena of glibc's, and a thread's stack may be in it."""
    other = HEAP + (1 << 40)
    texts = [mapping(0x400000, MIB, "r-xp", "/bin/x"), mapping(other, 64 * MIB), mapping(TOP, MIB), STACK]
    assert owner_of(*texts, at=other, other_runtimes=True, stacks=[other + KIB]) == "other_runtimes"
    assert owner_of(*texts, at=other) == "c_arenas"
    assert owner_of(*texts, at=TOP, other_runtimes=True) == "anonymous"


def test_names_of_the_kernel_go_before_shapes() -> None:
    other = HEAP + (1 << 40)
    assert owner_of(mapping(other, MIB, name="[anon: Go: heap]"), at=other) == "go_heap"
    assert owner_of(mapping(TOP, MIB, name="[anon: Go: gc bits]"), at=TOP) == "runtime"
    assert owner_of(mapping(TOP, MIB, name="[anon:mine]"), at=TOP, stacks=[TOP + KIB]) == "thread_stacks"
    assert owner_of(mapping(TOP, MIB, name="[anon:mine]"), at=TOP) == "anonymous"
    assert owner_of(mapping(HEAP, MIB, name="[anon: Go: heap]"), at=HEAP) == "go_heap"
