"""Profiles in the format of pprof, as a reader of their own decodes them, and what go tool pprof says of them."""

from __future__ import annotations

import gzip
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gdb_gospan.analysis.mappedcode import MappedCode
from gdb_gospan.render.pprof import Call, NumberLabel, Profile, SampleType

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.toolchains import Toolchain

Fields = dict[int, list["int | bytes"]]
"""What a message has, by the numbers of its fields."""
_UNKNOWN = 1 << 64


def decoded(message: bytes) -> Fields:
    """Return the fields of a message, in the order in which they stand."""
    found: Fields = {}
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        size, at = varint(message, at)
        assert tag & 7 in (0, 2), f"wire type {tag & 7}"
        value: int | bytes = size
        if tag & 7 == 2:
            value, at = message[at : at + size], at + size
            assert len(value) == size, "cut off"
        found.setdefault(tag >> 3, []).append(value)
    return found


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at that place, and the place after it."""
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            assert number < _UNKNOWN, "more than 64 bits"
            return number, at


def numbers(fields: Fields, number: int) -> list[int]:
    """Return a repeated number, packed or not."""
    found: list[int] = []
    for value in fields.get(number, []):
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            one, at = varint(value, at)
            found.append(one)
    return found


def signed(number: int) -> int:
    """Return the int64 of these 64 bits."""
    return number - _UNKNOWN if number >> 63 else number


@dataclass
class Read:
    """A file that was read.

    Attributes
    ----------
    labels
        Of each sample: key, unit and number.
    stacks
        Of each sample the addresses.
    """

    sample_types: list[tuple[str, str]]
    values: list[list[int]]
    stacks: list[list[int]]
    labels: list[list[tuple[str, str, int]]]
    calls: dict[int, tuple[Call, ...]] = field(default_factory=dict)
    mapping_of: dict[int, int] = field(default_factory=dict)
    mappings: list[MappedCode] = field(default_factory=list)
    named: list[bool] = field(default_factory=list)
    default_sample_type: str = ""
    period_type: tuple[str, str] = ("", "")
    period: int = 0
    time_nanos: int = 0
    comments: list[str] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)


def read(data: bytes) -> Read:
    """Read a file."""
    return _Reader(decoded(gzip.decompress(data))).whole()


class _Reader:
    """What the messages of a profile name by numbers."""

    def __init__(self, top: Fields) -> None:
        self.top = top
        self.texts = [value for value in top[6] if isinstance(value, bytes)]
        assert self.texts[0] == b""
        assert len(self.texts) == len({*self.texts}), "a text comes twice"
        self.functions = {
            self.number(each, 1): (self.text(each, 2), self.text(each, 4), self.number(each, 5))
            for each in self.messages(top, 5)
        }
        for each in self.messages(top, 5):
            assert self.text(each, 3) == self.text(each, 2), "the system has another name for it"
        self.locations = {self.number(each, 1): each for each in self.messages(top, 4)}

    def messages(self, fields: Fields, number: int) -> Iterator[Fields]:
        return (decoded(value) for value in fields.get(number, []) if isinstance(value, bytes))

    def number(self, fields: Fields, number: int) -> int:
        (value,) = numbers(fields, number) or [0]
        return value

    def text(self, fields: Fields, number: int) -> str:
        return self.texts[self.number(fields, number)].decode("utf-8", "surrogateescape")

    def value_type(self, fields: Fields) -> tuple[str, str]:
        return self.text(fields, 1), self.text(fields, 2)

    def whole(self) -> Read:
        top = self.top
        samples = list(self.messages(top, 2))
        found = Read(
            sample_types=[self.value_type(each) for each in self.messages(top, 1)],
            values=[[signed(value) for value in numbers(each, 2)] for each in samples],
            stacks=[[self.address(place) for place in numbers(each, 1)] for each in samples],
            labels=[[self.label(each) for each in self.messages(sample, 3)] for sample in samples],
            default_sample_type=self.text(top, 14),
            period=self.number(top, 12),
            time_nanos=self.number(top, 9),
            comments=[self.texts[each].decode() for each in numbers(top, 13)],
            texts=self.texts,
        )
        for each in self.messages(top, 11):
            found.period_type = self.value_type(each)
        for each in self.messages(top, 3):
            found.mappings.append(self.mapping(each))
            found.named.append(bool(self.number(each, 7)))
            assert self.number(each, 1) == len(found.mappings)
        for each in self.locations.values():
            address = self.number(each, 3)
            assert address not in found.calls, "two locations have one address"
            found.calls[address] = tuple(self.line(line) for line in self.messages(each, 4))
            found.mapping_of[address] = self.number(each, 2)
        return found

    def address(self, location: int) -> int:
        return self.number(self.locations[location], 3)

    def label(self, fields: Fields) -> tuple[str, str, int]:
        return self.text(fields, 1), self.text(fields, 4), signed(self.number(fields, 3))

    def mapping(self, fields: Fields) -> MappedCode:
        start, limit, offset = (self.number(fields, number) for number in (2, 3, 4))
        file, build_id = (self.text(fields, number) or None for number in (5, 6))
        return (
            MappedCode(start, limit, offset, file, build_id)
            if limit
            else MappedCode(None, None, None, file, build_id)
        )

    def line(self, fields: Fields) -> Call:
        name, file, start_line = self.functions[self.number(fields, 1)]
        return Call(name, file or None, self.number(fields, 2) or None, start_line or None)


def again(found: Read) -> Profile:
    """Return the same as a profile to be written."""
    keys = sorted({(key, unit) for labels in found.labels for key, unit, _ in labels})
    rows = [{(key, unit): number for key, unit, number in labels} for labels in found.labels]
    labels = [
        NumberLabel(
            key[0],
            np.array([row.get(key, 0) for row in rows], np.int64),
            np.array([key in row for row in rows], np.bool_),
            key[1],
        )
        for key in keys
    ]
    stacks = [address for stack in found.stacks for address in stack]
    return Profile(
        sample_types=tuple(SampleType(*each) for each in found.sample_types),
        values=np.array(found.values, np.int64).reshape(-1, len(found.sample_types)),
        addresses=np.array(stacks, np.uint64),
        offsets=np.cumsum([0, *map(len, found.stacks)], dtype=np.int64),
        calls=found.calls,
        mappings=found.mappings,
        labels=labels,
        default_sample_type=found.default_sample_type or None,
        period_type=SampleType(*found.period_type) if any(found.period_type) else None,
        period=found.period or None,
        time_nanos=found.time_nanos or None,
        comments=found.comments,
    )


def pprof(toolchain: Toolchain, *words: object, told: str = "") -> str:
    """Return what go tool pprof prints; it needs no symbols, and says nothing else than `told`."""
    done = subprocess.run(
        [toolchain.go, "tool", "pprof", *map(str, words)],
        env=toolchain.env | {"PPROF_TMPDIR": toolchain.env["TMPDIR"], "TZ": "UTC"},
        cwd=toolchain.env["HOME"],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == told, done.stderr
    return done.stdout


def raw(toolchain: Toolchain, path: Path) -> str:
    """Return all that go tool pprof understands of a file."""
    return pprof(toolchain, "-raw", path)
