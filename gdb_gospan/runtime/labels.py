"""A goroutine's profiler labels (runtime/pprof/label.go): texts that the program has set."""

from __future__ import annotations

from typing import Final

from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.record import Reader

_MOST: Final = 64
_LONGEST: Final = 1 << 10
_SLOTS: Final = 8
"""Of a bucket (map.go, bmap): as many hashes of a byte, then the keys, then the values, then the next bucket."""
_FIRST_HASH: Final = 5
"""minTopHash: less is an empty slot."""
_MOST_BUCKETS: Final = 4
"""Powers of two; labels are few."""


def read_labels(reader: Reader, address: int) -> dict[str, str] | None:
    """Return the labels at g.labels: a slice of pairs of strings, or until Go 1.23 a map; None if they cannot be read."""
    if not address:
        return {}
    width = reader.word_type.itemsize
    if reader.layout.traits.label_lists:
        header = reader.words(address, 2)
        if isinstance(header, Unreadable) or header[1] > _MOST:
            return None
        array, length = header.tolist()
        return _pairs(reader, [array + 4 * width * i for i in range(length)], 2 * width)
    table = reader.word(address)
    return None if not table else _of_map(reader, table)


def _of_map(reader: Reader, table: int) -> dict[str, str] | None:
    """Read a map[string]string (map.go, hmap): count, flags, B, noverflow, hash0, buckets."""
    width = reader.word_type.itemsize
    power, buckets = reader.word(table + width + 1, 1), reader.word(table + width + 8)
    if power is None or power > _MOST_BUCKETS or not buckets:
        return None
    size = _SLOTS + 4 * _SLOTS * width + width
    found: dict[str, str] = {}
    for number in range(1 << power):
        bucket: int | None = buckets + number * size
        for _ in range(_MOST):
            if not bucket:
                break
            hashes = reader.read(bucket, _SLOTS)
            if isinstance(hashes, Unreadable):
                return None
            keys = [bucket + _SLOTS + 2 * width * i for i in range(_SLOTS) if int(hashes[i]) >= _FIRST_HASH]
            pairs = _pairs(reader, keys, 2 * width * _SLOTS)
            if pairs is None:
                return None
            found |= pairs
            bucket = reader.word(bucket + size - width)
    return dict(sorted(found.items()))


def _pairs(reader: Reader, keys: list[int], to_value: int) -> dict[str, str] | None:
    """Read the strings at these addresses, and those so many bytes further on."""
    found: dict[str, str] = {}
    for key in keys:
        name, value = _text(reader, key), _text(reader, key + to_value)
        if name is None or value is None:
            return None
        found[name] = value
    return found


def _text(reader: Reader, address: int) -> str | None:
    header = reader.words(address, 2)
    if isinstance(header, Unreadable) or header[1] > _LONGEST:
        return None
    array, length = header.tolist()
    data = reader.read(array, length) if length else b""
    return None if isinstance(data, Unreadable) else data.decode("utf-8", "replace")
