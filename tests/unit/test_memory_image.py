"""Recorded memory answers as the memory that it was recorded from."""

import os
import stat
import tempfile
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import ADDRESS_SPACE, Unreadable
from gdb_gospan.memory.compressed_units import pack, unpack
from gdb_gospan.memory.image import Image, write
from gdb_gospan.memory.recorder import Recorder
from gdb_gospan.memory.segments import Segments
from tools.soak import examples


def u64(values):
    return np.array(values, np.uint64)


def image(content):
    """Return a dict of bytes as memory."""
    addresses = sorted(content)
    start = [a for a in addresses if a - 1 not in content]
    end = [a + 1 for a in addresses if a + 1 not in content]
    size = u64([e - s for s, e in zip(start, end, strict=True)])
    flat = np.array([content[a] for a in addresses], np.uint8)
    return Image(Segments(flat, u64(start), size, np.cumsum(size, dtype=np.uint64) - size))


def kept(recorder):
    """Return what a file of the recorder has."""
    with tempfile.TemporaryDirectory() as folder:
        recorder.save(Path(folder, "x"), {})
        return Image.load(Path(folder, "x"))[0]


BASES = st.sampled_from([0, 5000, ADDRESS_SPACE - 120])
READS = st.lists(
    st.one_of(
        st.tuples(st.integers(-5, 125), st.integers(0, 30)),
        st.tuples(st.lists(st.integers(0, 119), max_size=10), st.integers(0, 30)),
    ),
    max_size=12,
)


def answer(memory, where, size):
    """Return what memory answers, to be compared."""
    if isinstance(where, int):
        return memory.read(where, size)
    rows = memory.read_many(u64(where), size)
    return rows.data.tolist(), rows.readable.tolist()


@settings(max_examples=examples(150))
@given(
    BASES,
    st.lists(st.sampled_from([True, True, True, False]), min_size=120, max_size=120),
    READS,
    st.sampled_from([1, 16, 1 << 12]),
)
def test_the_same_answers_and_nothing_else(tmp_path_factory, base, present, reads, long):
    """Whatever is copied run by run, and whatever record by record."""
    content = {base + i: (i * 7 + 1) % 256 for i, there in enumerate(present) if there}
    reads = [(where + base if isinstance(where, int) else [a + base for a in where], n) for where, n in reads]
    original = image(content)
    recorder = Recorder(original)
    answers = [answer(recorder, *read) for read in reads]
    assert answers == [answer(original, *read) for read in reads]

    path = tmp_path_factory.getbasetemp() / "image.gospan"
    with mock.patch("gdb_gospan.memory.recorder._LONG", long):
        nbytes, ranges = recorder.save(path, {"reads": len(reads)})
    loaded, meta = Image.load(path)
    assert (nbytes, ranges) == (len(loaded.segments.flat), len(loaded.segments.start))
    path.unlink()
    assert meta == {"reads": len(reads)}
    asked = set()
    for where, size in reads:
        for address in [where] if isinstance(where, int) else where:
            whole = range(address, address + size)
            if all(a in content for a in whole):
                asked |= set(whole)
    assert [answer(loaded, *read) for read in reads] == answers
    for address in range(base, min(base + 120, ADDRESS_SPACE)):
        got = loaded.read(address, 1)
        assert got == bytes([content[address]]) if address in asked else isinstance(got, Unreadable)


def test_overlaps_are_kept_once():
    recorder = Recorder(image({a: a for a in range(100, 200)}))
    recorder.read(110, 20)
    recorder.read_many(u64([105, 125, 105, 180]), 10)
    recorder.read(190, 10)
    recorded = kept(recorder)
    assert recorded.segments.start.tolist() == [105, 180]
    assert recorded.segments.size.tolist() == [30, 20]
    assert recorded.read(105, 30) == bytes(range(105, 135))


def test_a_record_across_two_recorded_reads():
    recorder = Recorder(image({a: a for a in range(100, 200)}))
    recorder.read(100, 10)
    recorder.read(110, 10)
    assert kept(recorder).read_many(u64([105]), 10).readable.all()


def test_the_last_address_and_the_first_are_apart():
    recorder = Recorder(image({0: 1, ADDRESS_SPACE - 1: 2}))
    recorder.read_many(u64([ADDRESS_SPACE - 1, 0]), 1)
    recorded = kept(recorder)
    assert (recorded.read(0, 1), recorded.read(ADDRESS_SPACE - 1, 1)) == (b"\1", b"\2")


def test_recording_goes_on_after_an_image_was_taken():
    recorder = Recorder(image({a: a for a in range(100, 200)}))
    recorder.read(100, 10)
    first = kept(recorder)
    recorder.read(150, 10)
    assert isinstance(first.read(150, 10), Unreadable)
    assert kept(recorder).read(150, 10) == bytes(range(150, 160))


def test_an_image_of_nothing(tmp_path):
    Recorder(image({})).save(tmp_path / "empty", {})
    empty, meta = Image.load(tmp_path / "empty")
    assert meta == {}
    assert empty.read(0, 1) == Unreadable(0, 1, "not in this snapshot")
    assert not empty.read_many(u64([0, 5]), 1).readable.any()


def test_a_failed_read_keeps_its_reason(tmp_path):
    recorder = Recorder(image({a: a for a in range(100, 110)}))
    missing = recorder.read(105, 10)
    recorder.save(tmp_path / "i", {})
    loaded, _ = Image.load(tmp_path / "i")
    assert missing == Unreadable(110, 5, "not in this snapshot")
    assert loaded.read(105, 10) == missing
    assert loaded.read(105, 5) == Unreadable(105, 5, "not in this snapshot")


def test_the_recorder_passes_on_what_it_wraps():
    source = image({a: a for a in range(100, 200)})
    recorder = Recorder(source)
    recorder.read(100, 8)
    recorder.read_many(u64([100, 110, 300]), 4)
    assert (recorder.kind, recorder.reads, recorder.bytes_read) == ("image", 2, 16)


def sample():
    recorder = Recorder(image({a: a % 251 for a in range(1000, 3000)}))
    recorder.read(1000, 500)
    recorder.read(2000, 700)
    recorder.read(5000, 8)
    return recorder


def test_the_file_is_private_and_replaced_whole(tmp_path):
    path = tmp_path / "a.gospan"
    path.write_bytes(b"older")
    path.chmod(0o666)
    before = os.umask(0)
    try:
        sample().save(path, {"a": [1, None, "ü"]})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Image.load(path)[1] == {"a": [1, None, "ü"]}
    with pytest.raises(TypeError):
        sample().save(path, {"a": object()})
    assert Image.load(path)[1] == {"a": [1, None, "ü"]}
    assert list(tmp_path.iterdir()) == [path]


def test_what_packs_well_is_read(tmp_path):
    """Metadata of a large heap packs to a tenth and less."""
    rows = np.zeros((1 << 20, 96), np.uint8)
    rows[:, :4] = np.arange(1 << 20, dtype=np.uint32).view(np.uint8).reshape(-1, 4)
    path = tmp_path / "x"
    write(path, {}, u64([4096]), u64([rows.size]), [rows.reshape(-1)], {})
    assert rows.size > 20 * path.stat().st_size
    assert Image.load(path)[0].read(4096 + 96 * 77, 2) == b"\x4d\0"


def test_the_same_image_is_the_same_file(tmp_path):
    for name in ("one", "two"):
        sample().save(tmp_path / name, {"b": 1, "a": 2})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


OLDER = Path(__file__).with_name("format-2.gospan")
#: Bytes of its packed member.
ALONE = 285


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_file_is_read(tmp_path, version):
    path = OLDER
    if version == 1:
        path = tmp_path / "x"
        now = kept(sample())
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                format=np.array(1),
                meta=np.frombuffer(b'{"a": 1}', np.uint8),
                start=now.segments.start,
                size=now.segments.size,
                data=now.segments.flat,
                holes=np.frombuffer(b'[[5000, 8, "gone", 5000, 8]]', np.uint8),
            )
    older, meta = Image.load(path)
    assert meta == {"a": 1}
    assert older.read(1000, 500) == bytes(a % 251 for a in range(1000, 1500))
    assert older.read(2000, 700) == bytes(a % 251 for a in range(2000, 2700))
    assert isinstance(older.read(5000, 8), Unreadable)


def test_bytes_that_are_packed_twice_are_refused(tmp_path):
    """What a file claims is then bounded by its own bytes."""
    sample().save(tmp_path / "x", {})
    with np.load(tmp_path / "x") as file:
        arrays = dict(file)
    with (tmp_path / "x").open("wb") as file:
        np.savez_compressed(file, **arrays)
    assert "damaged" in line(tmp_path / "x")


def line(path):
    with pytest.raises(TargetError) as caught:
        Image.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_image_gets_one_clear_line(tmp_path):
    path = tmp_path / "x"
    assert "no such file" in line(path)
    assert "is a directory" in line(tmp_path)
    np.save(path.open("wb"), np.arange(3))
    assert "not a go-spans snapshot" in line(path)
    for data in (b"", b"text", b"\x7fELF" + bytes(100), b"PK\x03\x04", b"PK\x05\x06" + bytes(18)):
        path.write_bytes(data)
        assert "not a go-spans snapshot" in line(path)
    with pytest.raises(TargetError, match="no such file"):
        sample().save(tmp_path / "nowhere" / "y", {})


def test_objects_in_a_file_are_never_loaded(tmp_path):
    path = tmp_path / "x"
    with path.open("wb") as file:
        np.savez(file, format=np.array(1), meta=np.array([{"a": 1}], object))
    assert "not a go-spans snapshot" in line(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": np.array(3)}, "newer release"),
        ({"format": np.array(1)}, "damaged"),
        ({"format": np.array(0)}, "damaged"),
        ({"start": u64([2000, 1000])}, "damaged"),
        ({"start": u64([1000, 1500])}, "damaged"),
        ({"start": u64([1000])}, "damaged"),
        ({"start": u64([1000, ADDRESS_SPACE - 5])}, "damaged"),
        ({"start": np.array([1000, 2000])}, "damaged"),
        ({"size": u64([500, 701])}, "damaged"),
        ({"size": u64([1200, 0])}, "damaged"),
        ({"packed": np.zeros((2, 600), np.uint8)}, "damaged"),
        ({"packed": np.zeros(0, np.uint8)}, "damaged"),
        ({"packed": pack([np.zeros(1199, np.uint8)])[0]}, "damaged"),
        ({"length": u64([])}, "damaged"),
        ({"length": u64([1, 1])}, "damaged"),
        ({"length": np.array([ALONE], np.int64)}, "damaged"),
        ({"length": u64([[ALONE]])}, "damaged"),
        ({"meta": np.frombuffer(b"[1]", np.uint8)}, "damaged"),
        ({"meta": np.frombuffer(b"{", np.uint8)}, "damaged"),
        ({"holes": np.frombuffer(b"[[1]]", np.uint8)}, "damaged"),
        ({"holes": np.frombuffer(b"7", np.uint8)}, "damaged"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path, change, words):
    path = tmp_path / "x"
    sample().save(path, {})
    with np.load(path) as file:
        arrays = dict(file)
    assert (arrays["start"].tolist(), arrays["size"].tolist()) == ([1000, 2000], [500, 700])
    with path.open("wb") as file:
        np.savez(file, **{**arrays, **change})
    assert words in line(path)


def test_bytes_are_packed_in_units(monkeypatch):
    monkeypatch.setattr("gdb_gospan.memory.compressed_units._UNIT", 100)
    data = np.random.default_rng(1).integers(0, 4, 1234).astype(np.uint8)
    whole = pack([data])
    assert len(whole) == 13
    cut = pack([data[:1], data[1:1], data[1:250], data[250:]])
    assert [unit.tolist() for unit in cut] == [unit.tolist() for unit in whole]
    flat, length = np.concatenate(whole), u64([len(unit) for unit in whole])
    assert unpack(flat, length, 1234).tolist() == data.tolist()
    for size in (0, 1200, 1233, 1235, 1301, 1 << 40):
        with pytest.raises(ValueError, match=r"data|lengths"):
            unpack(flat, length, size)
    with pytest.raises((ValueError, zlib.error)):
        unpack(flat, np.roll(length, 1), 1234)
    for last in (flat[:-1], flat[:-5], np.append(flat, np.uint8(0))):
        longer = u64([*length[:-1].tolist(), int(length[-1]) + len(last) - len(flat)])
        with pytest.raises(ValueError, match="data"):
            unpack(last, longer, 1234)
    assert pack([]) == []
    assert len(unpack(flat[:0], length[:0], 0)) == 0


def test_no_file_makes_more_of_its_bytes_than_can_be():
    """One that claims so gets no memory for it: refused before any is taken."""
    size = 50 << 40
    length = u64([1] * (size >> 22))
    with pytest.raises(ValueError, match="lengths"):
        unpack(np.zeros(len(length), np.uint8), length, size)


@settings(max_examples=examples(150))
@given(st.data())
def test_damage_never_escapes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.gospan"
    sample().save(path, {"a": 1})
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))])
    try:
        loaded, _ = Image.load(path)
    except TargetError:
        return
    finally:
        path.unlink()
    assert loaded.read(1000, 500) == bytes(a % 251 for a in range(1000, 1500))
