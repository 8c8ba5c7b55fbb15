"""The README's table of Go releases, made from the requirements: `python tests/tools/support_table.py` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from gdb_gospan.layout import requirements  # noqa: E402

README = CHECKOUT / "README.md"
BEGIN, END = "<!-- supported: begin -->", "<!-- supported: end -->"


def table() -> str:
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


def updated(readme: str) -> str:
    """Return the README with its table as it must be."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
