"""Profiles for pprof: what is written is what a reader of its own decodes; the file, and what must not be replaced."""

from __future__ import annotations

import gzip
import itertools
import stat
import sys
from typing import TYPE_CHECKING

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdb_gospan.analysis.mappedcode import MappedCode
from gdb_gospan.errors import TargetError
from gdb_gospan.render import pprof
from gdb_gospan.render.pprof import Call, NumberLabel, Profile, SampleType, compressed, encoded
from gdb_gospan.render.protobuf import Pieces, beside, together, varints
from gdb_gospan.reports.pprof import prepared, write
from tools import pprofs

if TYPE_CHECKING:
    from pathlib import Path

EDGES = [2**bits + more for bits in range(0, 64, 7) for more in (-1, 0, 1)] + [2**63 - 1, 2**63, 2**64 - 1]
SIGNED = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, -1, 2**53 + 1, 2**63 - 1, -(2**63)])
TEXT = st.text(st.characters(exclude_categories=()), max_size=9)
SPACE = SampleType("inuse_space", "bytes")
ADDRESS = st.integers(0, 20) | st.integers(0, 2**64 - 1)


def varint(number: int) -> bytes:
    """As the format's documentation has it, in plain Python."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def pieces(contents: list[bytes]) -> Pieces:
    sizes = np.array([len(each) for each in contents], np.int64)
    return Pieces(np.frombuffer(b"".join(contents), np.uint8), sizes)


def contents(found: Pieces) -> list[bytes]:
    ends = np.cumsum(found.sizes).tolist()
    return [
        found.data[end - size : end].tobytes() for end, size in zip(ends, found.sizes.tolist(), strict=True)
    ]


@given(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from(EDGES)))
def test_numbers_without_a_sign(numbers: list[int]) -> None:
    assert contents(varints(np.array(numbers, np.uint64))) == [varint(each) for each in numbers]


@given(st.lists(SIGNED))
def test_numbers_with_a_sign(numbers: list[int]) -> None:
    assert contents(varints(np.array(numbers, np.int64))) == [varint(each % 2**64) for each in numbers]


def test_the_edges_of_each_length() -> None:
    assert contents(varints(np.array(EDGES, np.uint64))) == [varint(each) for each in EDGES]
    assert contents(varints(np.array([-1, 0, 300], np.int32))) == [
        varint(each % 2**64) for each in (-1, 0, 300)
    ]


@given(st.lists(st.lists(st.binary(max_size=5), max_size=4)))
def test_pieces_together(groups: list[list[bytes]]) -> None:
    counts = np.array([len(group) for group in groups], np.int64)
    flat = pieces([each for group in groups for each in group])
    assert contents(together(flat, counts)) == [b"".join(group) for group in groups]


@given(st.lists(st.tuples(*3 * [st.binary(max_size=5)])))
def test_pieces_beside_each_other(rows: list[tuple[bytes, ...]]) -> None:
    columns = [pieces([row[at] for row in rows]) for at in range(3)]
    assert contents(beside(*columns)) == [b"".join(row) for row in rows]


def made(stacks: list[list[int]], values: list[list[int]] | None = None, **others: object) -> Profile:
    """A profile of these stacks."""
    values = values or [[1]] * len(stacks)
    told = {
        "sample_types": (SampleType("inuse_objects", "count"), SPACE)[: len(values[0]) if values else 1],
        "values": np.array(values, np.int64).reshape(len(stacks), -1)
        if stacks
        else np.empty((0, 1), np.int64),
        "addresses": np.array([each for stack in stacks for each in stack], np.uint64),
        "offsets": np.cumsum([0, *map(len, stacks)], dtype=np.int64),
        "calls": {},
    }
    return Profile(**{**told, **others})  # type: ignore[arg-type]


def read(profile: Profile) -> pprofs.Read:
    return pprofs.read(b"".join(compressed(profile)))


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    stacks = draw(st.lists(st.lists(ADDRESS, max_size=6), max_size=6))
    values = draw(
        st.lists(st.lists(SIGNED, min_size=2, max_size=2), min_size=len(stacks), max_size=len(stacks))
    )
    known = draw(st.lists(st.booleans(), min_size=len(stacks), max_size=len(stacks)))
    numbers = draw(st.lists(SIGNED, min_size=len(stacks), max_size=len(stacks)))
    line = st.none() | st.integers(1, 2**31)
    call = st.builds(Call, TEXT.filter(bool), st.none() | TEXT.filter(bool), line, line)
    some = {address for stack in stacks for address in stack}
    calls = {
        address: tuple(draw(st.lists(call, max_size=3))) for address in sorted(some) if draw(st.booleans())
    }
    return made(
        stacks,
        values,
        calls=calls,
        labels=(NumberLabel("bytes", np.array(numbers, np.int64), np.array(known, np.bool_)),),
        comments=draw(st.lists(TEXT.filter(bool), max_size=2)),
        default_sample_type=draw(st.none() | st.just("inuse_space")),
        period=draw(st.none() | st.integers(1, 2**62)),
        time_nanos=draw(st.none() | st.integers(1, 2**62)),
    )


def as_read(text: str | None) -> str | None:
    """What a reader gets of a text: a surrogate that stands for no byte becomes a question mark."""
    return None if text is None else pprof._utf8(text).decode("utf-8", "surrogateescape")


@given(profiles())
def test_what_is_written_is_what_is_read(profile: Profile) -> None:
    found, ends = read(profile), profile.offsets.tolist()
    assert found.values == profile.values.tolist()
    assert found.stacks == [profile.addresses[a:b].tolist() for a, b in itertools.pairwise(ends)]
    for address, calls in found.calls.items():
        assert calls == tuple(
            Call(as_read(each.function) or "", as_read(each.file), each.line, each.start_line)
            for each in profile.calls.get(address, ())
        )
    (label,) = profile.labels
    assert label.known is not None
    assert found.labels == [
        [("bytes", "", number)] if known else []
        for number, known in zip(label.numbers.tolist(), label.known.tolist(), strict=True)
    ]
    assert found.comments == [as_read(each) for each in profile.comments]
    told = profile.default_sample_type or "", profile.period or 0, profile.time_nanos or 0
    assert (found.default_sample_type, found.period, found.time_nanos) == told


@given(profiles())
def test_the_same_profile_is_the_same_file(profile: Profile) -> None:
    data = b"".join(compressed(profile))
    assert data == b"".join(compressed(profile))
    assert data[4:8] == bytes(4), "no time"
    assert gzip.decompress(data) == b"".join(encoded(profile))


def test_nothing_was_sampled() -> None:
    found = read(made([]))
    assert (found.values, found.stacks, found.calls) == ([], [], {})
    assert found.mappings == [MappedCode(None, None)]


def test_samples_without_a_stack_have_their_figures() -> None:
    found = read(made([[], [5], []], [[1, 2**53 + 1], [0, 0], [-1, 2**63 - 1]]))
    assert found.stacks == [[], [5], []]
    assert found.values == [[1, 2**53 + 1], [0, 0], [-1, 2**63 - 1]]


def test_an_address_is_one_location_however_often_it_comes() -> None:
    """In stacks with the same beginning, and in a recursion."""
    calls = {8: (Call("main.f", "/f.go", 3),), 9: (Call("main.main", "/m.go", 7, 5),)}
    found = read(made([[8, 9], [8, 8, 8, 9], [9]], calls=calls))
    assert found.stacks == [[8, 9], [8, 8, 8, 9], [9]]
    assert found.calls == calls


def test_a_function_of_many_calls_is_written_once() -> None:
    calls = {at: (Call("main.f", "/f.go", at, 1), Call("main.g", "/g.go", at)) for at in range(1, 99)}
    found = read(made([list(calls)], calls=calls))
    assert found.calls == calls
    assert found.texts.count(b"main.f") == 1
    message = pprofs.decoded(b"".join(encoded(made([list(calls)], calls=calls))))
    assert len(message[5]) == 2


def test_of_each_mapping_whether_it_is_named() -> None:
    """Only then pprof looks for no symbols; what is in no mapping has none, nor what a file without a range could be of."""
    named = Call("main.f", "/f.go", 3)
    mappings = (
        MappedCode(0x1000, 0x2000, 0, "/a", "ab"),
        MappedCode(0x3000, 0x4000, 4096, "/b"),
        MappedCode(9, 10),
    )
    calls = {0x1000: (named,), 0x1FFF: (named, named), 0x3000: (named,), 0x3001: (Call("main.g", "/g.go"),)}
    found = read(made([[*calls, 0x2000, 0xFFF, 2**64 - 1]], calls=calls, mappings=mappings))
    assert found.mappings == [*mappings[:2], MappedCode(9, 10, 0)]
    assert found.named == [True, False, False]
    assert found.mapping_of == {0x1000: 1, 0x1FFF: 1, 0x3000: 2, 0x3001: 2, 0x2000: 0, 0xFFF: 0, 2**64 - 1: 0}


def test_a_mapping_without_a_range_has_what_no_other_has() -> None:
    mappings = MappedCode(0x1000, 0x2000, 0, "/a"), MappedCode(None, None, None, "/p", "ab")
    found = read(made([[0x1000, 0x2000]], mappings=mappings))
    assert found.mapping_of == {0x1000: 1, 0x2000: 2}
    assert found.mappings == [*mappings]
    assert read(made([[1, 2]])).mapping_of == {1: 1, 2: 1}


def test_ranges_that_no_process_has() -> None:
    """As a damaged core may claim: they overlap, end before they begin, and end beyond all addresses."""
    mappings = [MappedCode(5, 2), MappedCode(0, 2**64), MappedCode(3, 7), MappedCode(2**64 - 1, 2**64)]
    found = read(made([[4, 2**64 - 1]], mappings=mappings))
    assert len(found.mappings) == 4
    assert found.mapping_of[4] == 3


def test_paths_that_are_no_text_are_what_they_were() -> None:
    name = "/tmp/\udcff/größe\n.go"
    found = read(made([[1]], calls={1: (Call("main.größe", name, 1), Call("\ud800", None, 1))}))
    assert name.encode("utf-8", "surrogateescape") in found.texts
    assert found.calls[1][1].function == "?"


def test_100_000_samples_are_written_by_columns() -> None:
    """A loop over them would call a function for each at least."""
    count = 100_000
    stacks = np.arange(0, 3 * count + 1, 3)
    addresses = np.arange(3 * count).astype(np.uint64) % np.uint64(50)
    values = np.arange(2 * count, dtype=np.int64).reshape(-1, 2) ** 3
    profile = Profile(
        (SPACE, SPACE), values, addresses, stacks, {}, labels=(NumberLabel("bytes", values[:, 0]),)
    )
    calls = 0

    def count_calls(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count_calls)
    try:
        data = b"".join(compressed(profile))
    finally:
        sys.setprofile(None)
    assert calls < count / 4
    found = pprofs.read(data)
    assert found.values == values.tolist()
    assert found.stacks == addresses.reshape(-1, 3).tolist()
    assert [labels[0][2] for labels in found.labels] == values[:, 0].tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        {"offsets": np.array([0, 1])},
        {"offsets": np.array([0, 1, 1])},
        {"offsets": np.array([1, 1, 2])},
        {"offsets": np.array([0, 3, 2])},
        {"values": np.ones((3, 1), np.int64)},
        {"values": np.ones((2, 2), np.int64)},
        {"values": np.ones(2, np.int64)},
        {"labels": (NumberLabel("bytes", np.ones(1, np.int64)),)},
        {"labels": (NumberLabel("bytes", np.ones(2, np.int64), np.ones(3, np.bool_)),)},
    ],
)
def test_columns_that_do_not_fit_together(wrong: dict[str, object]) -> None:
    assert made([[1], [2]]) is not None
    with pytest.raises(ValueError, match=r"columns of|do not cut"):
        attrs.evolve(made([[1], [2]]), **wrong)


def test_the_file_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "heap.pb.gz"
    size = write(str(path), made([[1]])).bytes
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == size
    assert pprofs.read(path.read_bytes()).stacks == [[1]]
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "heap.pb.gz"
    path.write_text("mine")
    with pytest.raises(TargetError, match=r"heap.pb.gz exists, and is not replaced"):
        prepared({"pprof": str(path)})
    with pytest.raises(TargetError, match=r"cannot be written: file exists \(try: another FILE\)"):
        write(str(path), made([[1]]))  # it has come since
    assert path.read_text() == "mine"
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(TargetError, match="is a symbolic link, which is not replaced"):
        prepared({"pprof": str(link)})
    assert sorted(tmp_path.iterdir()) == [path, link]


def test_where_it_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=f"{tmp_path} is a folder .try: --pprof {tmp_path}/heap.pb.gz"):
        prepared({"pprof": str(tmp_path)})
    with pytest.raises(TargetError, match="there is no such folder"):
        prepared({"pprof": str(tmp_path / "no/heap.pb.gz")})


def test_the_path_is_whole_before_the_target_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepared({"pprof": "'a b'", "limit": 3}) == {"pprof": str(tmp_path / "a b"), "limit": 3}
    assert prepared({"pprof": None}) == {"pprof": None}
