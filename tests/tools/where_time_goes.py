"""Where the worker seconds of a run go: a table by test file, from a JUnit file, or from two to compare.

    tests/run --all --junitxml=/tmp/after.xml
    python3 tests/tools/where_time_goes.py [--by file|test|group|worker] [--top N] [BEFORE.xml] AFTER.xml

``clock`` is what the tests and their fixtures took, ``cpu`` the processor time of the worker and of the programs that it
waited for, which hardly depends on what else the machine does, ``making`` the part of ``clock`` in which programs were
built, cores written and packages fetched (timing.py). With ``--by worker`` one sees whether the workers end together.
"""

from __future__ import annotations

import argparse
import re
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = ("tests", "clock", "cpu", "making")


def file_of(case: ET.Element, _properties: dict[str, str]) -> str:
    """Return the file of a test; what follows it in the class name is a class."""
    parts = case.get("classname", "").split(".")
    at = next((index for index, part in enumerate(parts) if part.startswith("test_")), len(parts) - 1)
    return "/".join(parts[: at + 1]).removeprefix("tests/")


def test_of(case: ET.Element, properties: dict[str, str]) -> str:
    """Return the file and the function, for all of its parameters."""
    name = re.sub(r"(\[.*)?(@\S+)?$", "", case.get("name", ""))
    return f"{file_of(case, properties)}::{name}"


def group_of(case: ET.Element, _properties: dict[str, str]) -> str:
    """Return what xdist keeps together on one worker, a Go release most of all."""
    _, at, group = case.get("name", "").rpartition("@")
    return group if at else "(none)"


def worker_of(_case: ET.Element, properties: dict[str, str]) -> str:
    """Return the process that ran the test."""
    return properties.get("worker", "(unknown)")


KEYS: dict[str, Callable[[ET.Element, dict[str, str]], str]] = {
    "file": file_of,
    "test": test_of,
    "group": group_of,
    "worker": worker_of,
}


def totals(file: str, by: str) -> dict[str, dict[str, float]]:
    """Return tests, and seconds of each kind, for each key."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(COLUMNS, 0.0))
    for case in ET.parse(file).getroot().iter("testcase"):
        properties = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
        row = found[KEYS[by](case, properties)]
        row["tests"] += 1
        row["clock"] += float(case.get("time", 0))
        row["cpu"] += float(properties.get("cpu", 0))
        row["making"] += float(properties.get("making", 0))
    return found


def table(runs: list[dict[str, dict[str, float]]], top: int) -> list[str]:
    """Lay out the runs side by side, the largest first, and the sum."""
    names = sorted(
        {name for run in runs for name in run}, key=lambda name: -max(r[name]["clock"] for r in runs)
    )
    rows = [("(all)", [{c: sum(row[c] for row in run.values()) for c in COLUMNS} for run in runs])]
    rows += [(name, [run[name] for run in runs]) for name in names[: top or None]]
    titles = ["before", "after"][-len(runs) :] if len(runs) > 1 else [""]
    head = "  ".join("".join(f"{f'{title} {column}'.strip():>14}" for column in COLUMNS) for title in titles)
    lines = [head]
    for name, cells in rows:
        figures = "  ".join("".join(f"{cell[column]:14,.0f}" for column in COLUMNS) for cell in cells)
        lines.append(f"{figures}  {name}")
    return lines


def main(words: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--by", choices=KEYS, default="file")
    parser.add_argument("--top", type=int, default=0, help="so many rows, 0 for all")
    parser.add_argument("files", nargs="+", metavar="JUNIT.xml")
    options = parser.parse_args(words)
    if len(options.files) > 2:
        parser.error("one file, or two to compare")
    print("\n".join(table([totals(file, options.by) for file in options.files], options.top)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
