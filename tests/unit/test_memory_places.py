"""Where to look again for what was found before."""

import pytest

from gdb_gospan.memory.places import around

MIB = 1 << 20


@pytest.mark.parametrize(
    ("groups", "addresses", "expected"),
    [
        ([], [5 * MIB], []),
        ([[(0, 100 * MIB)]], [], []),
        ([[(0, 100 * MIB)]], [50 * MIB], [[(49 * MIB, 2 * MIB)]]),
        ([[(0, 100 * MIB)]], [8, 99 * MIB + 8], [[(0, MIB + 8), (98 * MIB + 8, 2 * MIB - 8)]]),
        ([[(0, 100 * MIB)]], [52 * MIB, 50 * MIB, 51 * MIB], [[(49 * MIB, 4 * MIB)]]),
        ([[(0, MIB), (MIB, MIB)], [(5 * MIB, MIB)]], [MIB - 8, MIB + 8], [[(0, 2 * MIB)]]),
        ([[(0, MIB)], [(5 * MIB, MIB)]], [5 * MIB], [[(5 * MIB, MIB)]]),
        ([[(0, MIB)]], [MIB], []),
    ],
)
def test_around(groups, addresses, expected):
    assert around(groups, addresses) == expected
