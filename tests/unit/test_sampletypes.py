"""The type of most samples of a row, against a count one by one."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np

from gdb_gospan.analysis.sampletypes import sample_types


def test_as_counted_one_by_one() -> None:
    chance = np.random.default_rng(2)
    count, kinds, slots = 7, 5, 400
    number = chance.integers(kinds, size=slots)
    types: Any = SimpleNamespace(
        number=number.astype(np.int32), types=tuple(SimpleNamespace(name=f"t{kind}") for kind in range(kinds))
    )
    for size in (0, 1, 60):
        slot, row = chance.integers(slots, size=size), chance.integers(-1, count - 1, size=size)
        samples: Any = SimpleNamespace(slot=slot)
        found = sample_types(samples, types, row, count)
        for each in range(count):
            seen = Counter(number[slot[row == each]].tolist())
            seen.pop(0, None)
            kind, most = min(seen.items(), key=lambda item: (-item[1], item[0])) if seen else (0, 0)
            assert found.names[each] == (f"t{kind}" if seen else None)
            assert (found.samples[each], found.others[each]) == (most, max(len(seen) - 1, 0))
