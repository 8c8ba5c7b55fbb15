"""Thresholds of doctor from a TOML file."""

from __future__ import annotations

import attrs

from gdb_gospan.analysis.thresholds import Thresholds
from gdb_gospan.errors import UsageError
from gdb_gospan.reports.toml import tables_in


def thresholds_in(path: str) -> Thresholds:
    """Return the thresholds with those of the file instead; `UsageError` for a name or a value that cannot be."""
    values = tables_in(path, "doctor", "share = 0.05")
    known = {each.name: each.default for each in attrs.fields(Thresholds)}
    changed: dict[str, float] = {}
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"doctor: {path}: {name}: no such threshold (try: {', '.join(known)})")
        default = known[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 64:
            raise UsageError(
                f"doctor: {path}: {name}: {value} is not a number of at least 0 (try: {name} = {default})"
            )
        if name.endswith("share") and value > 1:
            raise UsageError(
                f"doctor: {path}: {name}: {value} is more than 1, the whole (try: {name} = {default})"
            )
        changed[name] = value
    return Thresholds().evolved(changed)
