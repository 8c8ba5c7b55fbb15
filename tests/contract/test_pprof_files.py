"""go tool pprof reads the files that are written for it as it reads those of Go's own runtime/pprof."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from typing import TYPE_CHECKING

import attrs
import numpy as np
import pytest

from gdb_gospan.analysis.mappedcode import MappedCode
from gdb_gospan.render.pprof import Call, NumberLabel, Profile, SampleType, compressed
from tools import pprofs, programs

if TYPE_CHECKING:
    from pathlib import Path

    from tools.toolchains import Toolchain

TYPES = (
    SampleType("alloc_objects", "count"),
    SampleType("alloc_space", "bytes"),
    SampleType("inuse_objects", "count"),
    SampleType("inuse_space", "bytes"),
)
LEAF, MIDDLE, MAIN, AGAIN, OTHER = 0x401000, 0x401100, 0x401200, 0x401300, 0x409999
CALLS = {
    LEAF: (Call("main.inlined", "/src/in.go", 12, 10), Call("main.größe[...]", "/src/out.go", 34, 30)),
    MIDDLE: (Call("main.middle", "/src/mid \u202e.go", 56, 50),),
    MAIN: (Call("main.main", "/src/main.go", 78, 70),),
    AGAIN: (Call("main.middle", "/src/mid \u202e.go", 57, 50),),
    OTHER: (Call("lib.other", "/src/lib.go", 9),),
}
STACKS = [[LEAF, MIDDLE, MAIN], [MIDDLE, AGAIN, AGAIN, MAIN], [LEAF, MAIN], [OTHER, MAIN]]
VALUES = [[2, 2**60 + 1, 1, 2**60], [3, 96, 0, 0], [7, 2**53 + 1, 7, 2**53 + 1], [1, 8, 1, 8]]
PROFILE = Profile(
    sample_types=TYPES,
    values=np.array(VALUES, np.int64),
    addresses=np.array([each for stack in STACKS for each in stack], np.uint64),
    offsets=np.cumsum([0, *map(len, STACKS)], dtype=np.int64),
    calls=CALLS,
    mappings=(
        MappedCode(0x400000, 0x409000, 0, "/bin/prog", "c0ffee"),
        MappedCode(0x409000, 0x40A000, 4096, "/lib"),
    ),
    labels=(NumberLabel("bytes", np.array([512, 32, 0, 8]), np.array([True, True, False, True])),),
    default_sample_type="inuse_space",
    period_type=SampleType("space", "bytes"),
    period=512 << 10,
    time_nanos=1_700_000_000_123_456_789,
    comments=("what was read", "and when"),
)


def written(profile: Profile, path: Path) -> Path:
    path.write_bytes(b"".join(compressed(profile)))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(PROFILE, tmp_path / "heap.pb.gz")


def test_everything_is_read(toolchain: Toolchain, file: Path) -> None:
    said = pprofs.raw(toolchain, file)
    assert said.splitlines() == [
        "Comment: what was read",
        "Comment: and when",
        "PeriodType: space bytes",
        "Period: 524288",
        "Time: 2023-11-14 22:13:20.123456789 +0000 UTC",
        "Samples:",
        "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes[dflt]",
        "          2 1152921504606846977          1 1152921504606846976: 1 2 3 ",
        "                bytes:[512]",
        "          3         96          0          0: 2 4 4 3 ",
        "                bytes:[32]",
        "          7 9007199254740993          7 9007199254740993: 1 3 ",
        "          1          8          1          8: 5 3 ",
        "                bytes:[8]",
        "Locations",
        *said[said.index("Locations\n") : said.index("Mappings\n")].splitlines()[1:],
        "Mappings",
        "1: 0x400000/0x409000/0x0 /bin/prog c0ffee [FN]",
        "2: 0x409000/0x40a000/0x1000 /lib  [FN]",
    ]
    # Go 1.22 and later print columns as well, which are not known here, and the lines where functions begin.
    lines = said[said.index("Locations\n") : said.index("Mappings\n")].splitlines()[1:]
    place = re.compile(r" +(?:\d: (\S+) M=(\d) )?(\S+) (.+?):(\d+)[\d:]*(?: s=\d+)? *")
    assert [found.groups("") for found in map(place.fullmatch, lines) if found] == [
        ("0x401000", "1", "main.inlined", "/src/in.go", "12"),
        ("", "", "main.größe[...]", "/src/out.go", "34"),
        ("0x401100", "1", "main.middle", "/src/mid \u202e.go", "56"),
        ("0x401200", "1", "main.main", "/src/main.go", "78"),
        ("0x401300", "1", "main.middle", "/src/mid \u202e.go", "57"),
        ("0x409999", "2", "lib.other", "/src/lib.go", "9"),
    ]


def test_a_report(toolchain: Toolchain, file: Path) -> None:
    """Of the default sample type; of another one an inlined call has what its leaf allocated."""
    assert "Type: inuse_space" in pprofs.pprof(toolchain, "-top", file)
    said = pprofs.pprof(toolchain, "-top", "-sample_index=alloc_objects", file)
    assert "File: prog\nBuild ID: c0ffee\n" in said
    rows = [line.split() for line in said.splitlines()[said.splitlines().index(head(said)) + 1 :]]
    assert {row[5]: (row[0], row[3]) for row in rows} == {
        "main.inlined": ("9", "9"),
        "main.middle": ("3", "5"),
        "main.größe[...]": ("0", "9"),
        "main.main": ("0", "13"),
        "lib.other": ("1", "1"),
    }


def head(said: str) -> str:
    return next(line for line in said.splitlines() if line.lstrip().startswith("flat"))


def test_labels_select(toolchain: Toolchain, file: Path) -> None:
    words = "-top", "-tagfocus=512B", "-sample_index=alloc_objects", file
    said = pprofs.pprof(toolchain, *words, told="tagfocus:Interpreted '512B' as range, not regexp")
    assert re.search(r"accounting for 2, .* of 13 total", said)


def test_a_difference(toolchain: Toolchain, file: Path, tmp_path: Path) -> None:
    """To itself, and to one with twice as much."""
    said = pprofs.pprof(toolchain, "-top", f"-base={file}", "-sample_index=alloc_objects", file)
    assert "accounting for 0" in said
    twice = written(attrs.evolve(PROFILE, values=PROFILE.values * 2), tmp_path / "twice.pb.gz")
    said = pprofs.pprof(toolchain, "-top", f"-base={file}", "-sample_index=alloc_objects", twice)
    assert re.search(r"main\.inlined", said)
    assert re.search(r"^ +9 .* main\.inlined", said, re.MULTILINE)


def test_no_samples(toolchain: Toolchain, tmp_path: Path) -> None:
    none = np.empty((0, 4), np.int64)
    empty = Profile(TYPES, none, np.empty(0, np.uint64), np.zeros(1, np.int64), {}, PROFILE.mappings)
    file = written(empty, tmp_path / "empty.pb.gz")
    said = pprofs.raw(toolchain, file)
    assert said[said.index("Samples:") : said.index("Mappings")].splitlines() == [
        "Samples:",
        "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes",
        "Locations",
    ]


def test_an_address_without_a_name(toolchain: Toolchain, tmp_path: Path) -> None:
    one = np.ones((1, 1), np.int64)
    alone = Profile(TYPES[3:], one, np.array([OTHER], np.uint64), np.array([0, 1]), {})
    file = written(alone, tmp_path / "alone.pb.gz")
    said = pprofs.pprof(toolchain, "-raw", file, told="Main binary filename not available.")
    assert "1: 0x409999 M=1" in said
    assert said.splitlines()[-1].startswith("1: 0x0/0x0/0x0")


@pytest.mark.parametrize(("profile", "rate"), [("heap", 1), ("allocs", 512), ("heap", 512 << 10)])
def test_a_profile_of_go_written_again(toolchain: Toolchain, tmp_path: Path, profile: str, rate: int) -> None:
    """Read by a reader of the tests' own, and written: go tool pprof tells no difference."""
    path, program = tmp_path / "go.pb.gz", programs.build("profiled", toolchain.minor)
    options = ["-profile", profile, "-rate", str(rate), "-huge", "3072", "-out", path]
    subprocess.run([program, *options], check=True, capture_output=True)
    found = pprofs.read(path.read_bytes())
    assert len(found.values) > 20
    assert max(map(max, found.values)) >= 3072 << 20
    if rate == 1:
        assert any(len(calls) > 2 for calls in found.calls.values()), "two calls were inlined"
        assert any(len(stack) > len({*stack}) + 9 for stack in found.stacks), "a recursion"
    ours = written(pprofs.again(found), tmp_path / "again.pb.gz")
    assert pprofs.raw(toolchain, ours) == pprofs.raw(toolchain, path)
    again = pprofs.read(ours.read_bytes())
    assert {*again.texts} == {*found.texts}
    assert dataclasses.replace(again, texts=found.texts) == found
