"""The texts of /proc/PID/smaps: of several kernels, with Go's names, cut off, and what is something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.smaps import MOST, parse, parse_rollup
from gdb_gospan.memory.vmanames import by_name
from tools.kernels import KIB, OLD, mapping, rollup

MIB = KIB << 10
TEXT = (
    mapping(0x400000, MIB, "r-xp", "/usr/bin/program", Rss=512 * KIB, Shared_Clean=512 * KIB)
    + mapping(0x500000, 64 * KIB, "rw-p", "/usr/bin/a name (deleted)", Rss=8 * KIB, Anonymous=8 * KIB)
    + mapping(0xC000000000, 64 * MIB, "rw-p", "[anon: Go: heap]", Rss=3 * MIB, LazyFree=MIB, Swap=12 * KIB)
    + mapping(0x7F0000000000, 2 * MIB, "rw-p", "/anon_hugepage (deleted)", Private_Hugetlb=2 * MIB)
    + mapping(0x7FFC00000000, 132 * KIB, "rw-p", "[stack]", Rss=16 * KIB)
    + mapping(0xFFFFFFFFFF600000, 4 * KIB, "--xp", "[vsyscall]")
)


def parsed(text: str):
    return parse(text.encode(), "FILE")


def test_every_mapping_is_read() -> None:
    smaps = parsed(TEXT)
    assert not smaps.cut
    assert [vma.name for vma in smaps.vmas] == [
        "/usr/bin/program", "/usr/bin/a name", "[anon: Go: heap]", "/anon_hugepage", "[stack]", "[vsyscall]",
    ]  # fmt: skip
    assert [vma.rss for vma in smaps.vmas] == [512 * KIB, 8 * KIB, 3 * MIB, 0, 16 * KIB, 0]
    assert smaps.total("Rss") == 3 * MIB + 536 * KIB
    assert (smaps.total("LazyFree"), smaps.total("Swap"), smaps.total("Private_Hugetlb")) == (
        MIB,
        12 * KIB,
        2 * MIB,
    )
    assert (smaps.vmas[2].start, smaps.vmas[2].size, smaps.vmas[2].writable) == (0xC000000000, 64 * MIB, True)


def test_the_text_of_this_process_is_read() -> None:
    text = Path("/proc/self/smaps").read_bytes()
    smaps = parse(text, "self")
    headers = [line for line in text.split(b"\n") if b"-" in line.split(b" ")[0]]
    assert len(smaps.vmas) == len(headers) > 10
    assert sum(vma.rss for vma in smaps.vmas) == sum(
        int(line.split()[1]) << 10 for line in text.split(b"\n") if line.startswith(b"Rss:")
    )


def test_what_an_old_kernel_does_not_say_is_not_known() -> None:
    smaps = parsed(mapping(0x1000, 4 * KIB, kinds=OLD, Rss=4 * KIB))
    assert (smaps.total("Rss"), smaps.total("LazyFree"), smaps.total("Swap")) == (4 * KIB, None, 0)


@pytest.mark.parametrize("end", range(0, len(TEXT), 97))
def test_a_text_that_is_cut_off_is_known_as_such(end: int) -> None:
    """At any place: what is left is right, and at most one mapping too few is not said."""
    try:
        smaps = parsed(TEXT[:end])
    except TargetError:
        assert end < TEXT.index("400000-", 10) if "400000-" in TEXT[10:] else end < 1200
        return
    whole = parsed(TEXT)
    assert [vma.rss for vma in smaps.vmas] == [vma.rss for vma in whole.vmas[: len(smaps.vmas)]]
    complete = TEXT[:end].endswith("VmFlags: rd wr mr mw me ac \n")
    assert (
        smaps.cut or complete or "THPeligible" in TEXT[:end].splitlines()[-1] or "VmFlags" in TEXT[:end][-40:]
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no mapping"),
        ("root:x:0:0:root\n", "line 1 is not of it"),
        ("\x00\xff\n" * 3, "line 1 is not of it"),
        ("00400000-00500000 r-xp 00000000 fe:00 1234   /bin/x\n00500000-00600000 rw-p 00000000 fe:00 1234   /bin/x\n",
         "the mapping at 0x400000 has no Rss (is it a copy of /proc/PID/maps?)"),
        (mapping(0x2000, 4096) + mapping(0x1000, 4096), "the mapping at 0x1000 is out of order"),
        (mapping(0x1000, 8192) + mapping(0x2000, 4096), "the mapping at 0x2000 is out of order"),
        (mapping(0x1000, 4096, Rss=8192), "the mapping at 0x1000 has more resident than its size"),
        (mapping(0x1000, 4096) + mapping(0x3000, 4096, kinds=("Rss",)) + mapping(0x5000, 4096),
         "the mapping at 0x3000 does not have the figures of the others"),
        (mapping(0x1000, 4096) + "nonsense\n", "line 26 is not of it"),
    ],
)  # fmt: skip
def test_what_is_something_else_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(TargetError) as caught:
        parsed(text)
    assert str(caught.value) == f"FILE: not a copy of /proc/PID/smaps: {why}"


def test_what_is_too_long_is_not_parsed() -> None:
    class Long(bytes):
        def __len__(self) -> int:
            return MOST + 1

    with pytest.raises(TargetError, match="too long"):
        parse(Long(), "FILE")


def test_a_rollup() -> None:
    found = parse_rollup(rollup(0x400000, 0x7FFFFFFFF000, Rss=5 * MIB, LazyFree=MIB).encode())
    assert (found["Rss"], found["LazyFree"]) == (5 * MIB, MIB)
    assert parse_rollup(b"nonsense") == {}


@pytest.mark.parametrize(
    ("name", "mode", "what"),
    [
        ("[anon: Go: heap]", "rw-p", "go_heap"),
        ("[anon: Go: heap reservation]", "---p", "go_heap"),
        ("[anon: Go: user arena chunk]", "rw-p", "go_heap"),
        ("[anon: Go: page summary]", "rw-p", "runtime"),
        ("[anon: Go: immortal metadata]", "rw-p", "runtime"),
        ("[anon: Go: GC span queue]", "rw-p", "runtime"),
        ("[anon: Go: OS thread stack]", "rw-p", "thread_stacks"),
        ("[anon: glibc: malloc arena]", "rw-p", "c_arenas"),
        ("[anon:mine]", "rw-p", "anonymous"),
        ("[heap]", "rw-p", "c_heap"),
        ("[stack]", "rw-p", "thread_stacks"),
        ("[stack:123]", "rw-p", "thread_stacks"),
        ("[vdso]", "r-xp", "kernel"),
        ("/usr/lib/libc.so.6", "r-xp", "text"),
        ("/var/lib/data.db", "r--s", "files"),
        ("/dev/shm/queue", "rw-s", "shared"),
        ("/memfd:wayland", "rw-s", "shared"),
        ("", "rw-s", "shared"),
        ("", "rw-p", None),
    ],
)
def test_names(name: str, mode: str, what: str | None) -> None:
    assert by_name(name, mode) == what
