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
    """Return a row for each Go release, from the oldest supported to the newest."""
    lines = [
        "| Go | tested | fields and variables in the requirements that appear there, or are last there |",
        "| --- | --- | --- |",
    ]
    for minor in range(requirements.OLDEST[1], requirements.NEWEST[1] + 1):
        release = f"1.{minor}"
        ends = (1, minor) in (requirements.OLDEST, requirements.NEWEST)
        tested = "`tests/run`" if ends else "`tests/run --all`"
        if (1, minor) not in requirements.TESTED:
            tested = "no toolchain to test with"
        lines.append(f"| {release} | {tested} | {', '.join(_particular(release)) or '–'} |")
    return "\n".join(lines)


def _particular(release: str) -> list[str]:
    """Fields and variables that appear in this release, and those that it is the last to have."""
    needs = [(struct, need) for struct in requirements.STRUCTS for need in struct.needs]
    new = [f"`{struct.name}.{need.path}`" for struct, need in needs if need.since == release]
    last = [f"`{struct.name}.{need.path}` (last)" for struct, need in needs if need.until == release]
    variables = [f"`{name}`" for name, since in requirements.VARIABLES_SINCE.items() if since == release]
    return new + variables + last


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
