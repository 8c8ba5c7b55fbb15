"""The script for Delve, put together of its parts and the package's tables: `python tests/tools/star.py` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests")]

from tools import star_functions, star_tables  # noqa: E402

FOLDER = CHECKOUT / "dlv_scripts"
SCRIPT, PARTS = FOLDER / "go_spans.star", FOLDER / "parts"

TABLES, FUNCTIONS = "tables", "functions"
"""In `ORDER`, where the tables and the functions stand that are made of the package."""

ORDER = (
    "about", TABLES,
    "numbers", "text", "table",
    "memory", "layout", "opening",
    "arenas", "spans", "classes", "pages", "caches", "counters",
    "identities", "evidence",
    "envelope", "report_summary", "report_tables", "report_cache", "report_list", "report_gc", "report_pages", "report_show",
    FUNCTIONS, "save", "command",
)  # fmt: skip
"""The parts as they follow each other: what is computed when the script is loaded needs what stands before it."""

HEAD = "# Made by tests/tools/star.py from dlv_scripts/parts and gdb_gospan: change those, not this file."


def joined() -> str:
    """Return the script."""
    written = {name: _part(name) for name in ORDER if name not in (TABLES, FUNCTIONS)}
    tables = star_tables.tables()
    functions = star_functions.functions("\n".join([tables, *written.values()]))
    made = {TABLES: tables, FUNCTIONS: functions, **written}
    texts = [made[name] for name in ORDER]
    return "\n\n\n".join([HEAD + "\n" + texts[0], *texts[1:]]) + "\n"


def _part(name: str) -> str:
    return (PARTS / f"{name}.star").read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    SCRIPT.write_text(joined(), encoding="utf-8")
