"""Where to look again for what was found before."""

import json

import attrs
import pytest

from gdb_gospan.memory.mappings import Mapped, Mapping, Module, around, freeze, modules, thaw

MIB = 1 << 20


@pytest.mark.parametrize(
    ("ranges", "addresses", "expected"),
    [
        ([], [5 * MIB], []),
        ([(0, 100 * MIB)], [], []),
        ([(0, 100 * MIB)], [50 * MIB], [(49 * MIB, 2 * MIB)]),
        ([(0, 100 * MIB)], [8, 99 * MIB + 8], [(0, MIB + 8), (98 * MIB + 8, 2 * MIB - 8)]),
        ([(0, 100 * MIB)], [52 * MIB, 50 * MIB, 51 * MIB], [(49 * MIB, 4 * MIB)]),
        ([(0, MIB), (MIB, MIB)], [MIB - 8, MIB + 8], [(0, 2 * MIB)]),
        ([(0, MIB)], [MIB], []),
    ],
)
def test_around(ranges, addresses, expected):
    assert around(ranges, addresses) == expected


def mapping(start, size, mode, path=""):
    return Mapping(start, size, "w" in mode, path)


A = [
    mapping(0x10000, 0x1000, "r", "/lib/a"),
    mapping(0x11000, 0x4000, "rx", "/lib/a"),
    mapping(0x15000, 0x1000, "r", "/lib/a"),
    mapping(0x16000, 0x2000, "rw", "/lib/a"),
    mapping(0x18000, 0x3000, "rw"),
]
A_MODULE = Module("/lib/a", 0x10000, ((0x16000, 0x5000),))


def moved(mappings, by, path):
    return [attrs.evolve(each, start=each.start + by, path=each.path and path) for each in mappings]


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ([], []),
        (A, [A_MODULE]),
        (A[::-1], [A_MODULE]),
        # What is read-only, or has no contents in a core, is no image.
        (A[:3], []),
        ([*A[:3], mapping(0x16000, 0, "rw", "/lib/a")], []),
        # Memory of no file right below a library is not the library's.
        ([mapping(0xF000, 0x1000, "rw"), *A], [A_MODULE, Module("", 0xF000, ((0xF000, 0x1000),))]),
        # One library right above another, and the same file once more.
        ([*A, *moved(A, 0xB000, "/lib/b")], [A_MODULE, Module("/lib/b", 0x1B000, ((0x21000, 0x5000),))]),
        ([*A, *moved(A, 0xB000, "/lib/a")], [A_MODULE, Module("/lib/a", 0x1B000, ((0x21000, 0x5000),))]),
        # The writable data of one file may lie right above that of another.
        (
            [*A, mapping(0x1B000, 0x1000, "rw", "/lib/b"), mapping(0x1C000, 0x1000, "rw")],
            [A_MODULE, Module("/lib/b", 0x1B000, ((0x1B000, 0x2000),))],
        ),
        # A hole between data and what begins as zeros.
        ([*A[:4], mapping(0x19000, 0x3000, "rw")], [
            Module("/lib/a", 0x10000, ((0x16000, 0x2000),)), Module("", 0x19000, ((0x19000, 0x3000),)),
        ]),
        # What is larger than any image is a heap, unless it follows a file: then its beginning may be an image.
        ([mapping(0x10000, 257 * MIB, "rw")], []),
        ([*A[:4], mapping(0x18000, 300 * MIB, "rw")], [Module("/lib/a", 0x10000, ((0x16000, 256 * MIB),))]),
    ],
)  # fmt: skip
def test_modules(mappings, expected):
    assert modules(mappings) == expected


def test_what_a_module_holds():
    assert A_MODULE.name == "a"
    assert A_MODULE.size == 0x5000
    assert [A_MODULE.holds(address) for address in (0x15FFF, 0x16000, 0x1AFFF, 0x1B000)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_snapshot_keeps_the_code_of_files():
    code = Mapping(0x11000, 0x4000, False, "/lib/\udcff", True, 0x1000)
    others = [*A, Mapping(0x9000, 0x1000, False, "", True), Mapping(0x30000, 0x1000, False, "/b", True)]
    kept = json.loads(json.dumps(freeze(Mapped([*others, code], {"/lib/\udcff": "ab", "/lib/a": "cd"}))))
    found = thaw(kept)
    assert [attrs.astuple(each) for each in found.mappings] == [
        (0x30000, 0x1000, False, "/b", True, None),
        (0x11000, 0x4000, False, "/lib/\udcff", True, 0x1000),
    ]
    assert found.build_ids == {"/lib/\udcff": "ab", "/b": None}
    assert thaw(freeze(None)) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"code": [[1, 2, "/a"]]},
        {"code": [[1, 2, "/a", 0, 0]]},
        {"code": [[1, 2, 3, 0]]},
        {"code": [[-1, 2, "/a", 0]]},
        {"code": [[1, 1 << 64, "/a", 0]]},
        {"code": [[1 << 63, 1 << 63, "/a", 0]]},
        {"code": [[1.5, 2, "/a", 0]]},
        {"code": [[1, 2, "/a", "0"]]},
        {"code": [[True, 2, "/a", 0]]},
        {"code": [[1, 2, "/a", -1]]},
        {"code": [7]},
        {"code": None},
        {"build_ids": {"/a": 7}},
        {"build_ids": [7]},
        {"build_ids": None},
    ],
)
def test_a_snapshot_whose_mappings_are_damaged(damage):
    good = {"code": [[1, 2, "/a", None]], "build_ids": {"/a": None}}
    assert thaw(good)
    with pytest.raises((LookupError, TypeError, ValueError)):
        thaw(good | damage)
    for key in damage:
        with pytest.raises(LookupError):
            thaw({name: value for name, value in good.items() if name != key})
