"""The README's tables of commands and of Go releases, made from the package: `python tests/tools/readme_tables.py` writes them."""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from gdb_gospan.layout import requirements  # noqa: E402
from gdb_gospan.reports.catalog import COMMANDS  # noqa: E402

README = CHECKOUT / "README.md"


def commands() -> str:
    """Return a row for each command, in the order of their list."""
    lines = ["| command | answers |", "| --- | --- |"]
    for command in COMMANDS:
        argument = f" {command.argument[0]}" if command.argument else ""
        names = ", ".join(f"`{name}`" for name in (f"{command.name}{argument}", *command.aliases))
        lines.append(f"| {names} | {command.summary} |")
    return "\n".join(lines)


def supported() -> str:
    """Return a row for the releases of each suite: the oldest and the newest in the default one, all in `--all`."""
    oldest, newest = (f"1.{release[1]}" for release in (requirements.OLDEST, requirements.NEWEST))
    between = [f"1.{minor}" for _, minor in sorted(requirements.TESTED)[1:-1]]
    return "\n".join([
        "| Go | tested by |",
        "| --- | --- |",
        f"| {oldest}, {newest} | `tests/run` |",
        f"| {', '.join(between)} | `tests/run --all` |",
    ])  # fmt: skip


TABLES = {"commands": commands, "supported": supported}


def updated(readme: str) -> str:
    """Return the README with its tables as they must be."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = readme.partition(begin)
        _, _, after = rest.partition(end)
        readme = f"{before}{begin}\n{table()}\n{end}{after}"
    return readme


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
