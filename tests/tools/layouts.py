"""The bundled layouts, made from the DWARF of every release: ``python tests/tools/layouts.py`` writes the file.

It needs every toolchain; each builds a small program for each architecture, which nobody has to run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run as a file: the package and the tools are beside it
    sys.path[:0] = [str(Path(__file__).resolve().parents[depth]) for depth in (2, 1)]

from gdb_gospan.layout import bundled, requirements
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.frozen import freeze
from gdb_gospan.layout.goversion import GoVersion
from gdb_gospan.layout.platform import platform
from gdb_gospan.layout.resolve import Symbols, resolve
from tools import programs, toolchains

ARCHES = ("amd64", "arm64", "386", "arm")

#: Green Tea was an experiment before it was the default; then the types compiled in are the same.
EXPERIMENTS = {"1.25": "greenteagc"}
ONLY_THERE = ("spanInlineMarkBits",)


def measured(executable: Path, minor: str, arch: str) -> dict[str, Any]:
    """Return one table, flat: sizes of structs under their names, ``[offset, size, …]`` of fields under
    ``struct.path``, and of the fixallocs under ``fixallocs.name``, with the size of what they hand out.
    """
    types = DwarfTypes(executable)
    major, release = map(int, minor.split("."))
    layout = resolve(types, GoVersion(f"go{minor}", major, release), platform("linux", arch), source="dwarf")
    frozen = freeze(layout, Symbols({}))
    table: dict[str, Any] = {}
    for name, struct in frozen["structs"].items():
        table[name] = struct["size"]
        for path, (offset, size, _kind, count, stride) in struct["fields"].items():
            table[f"{name}.{path}"] = [offset, size] if count is None else [offset, size, count, stride]
    for name, offset in frozen["fixallocs"].items():
        # Of span queues there is only a stub in a runtime without Green Tea (mgcmark_nogreenteagc.go).
        given = (
            None
            if name == "spanSPMCAlloc"
            else types.struct(f"runtime.{requirements.FIXALLOC_TYPES.get(name, '')}")
        )
        table[f"fixallocs.{name}"] = [offset, given.size if given else 0]
    return table


def tables_of(minor: str, arch: str) -> dict[str, Any]:
    """Return the table of a release, with what it has only as an experiment."""
    table = measured(programs.build("probe", minor, goarch=arch), minor, arch)
    if minor in EXPERIMENTS:
        probe = programs.build("probe", minor, goarch=arch, experiments=EXPERIMENTS[minor])
        other = measured(probe, minor, arch)
        table |= {key: value for key, value in other.items() if key.split(".")[0] in ONLY_THERE}
    return table


def merged(tables: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Return all tables in one: for each key, and the architectures that agree on it, where it changes.

    Parameters
    ----------
    tables
        By release and architecture, the releases ascending.
    """
    minors = list(dict.fromkeys(minor for minor, _ in tables))
    arches = list(dict.fromkeys(arch for _, arch in tables))
    result: dict[str, Any] = {}
    for key in dict.fromkeys(key for table in tables.values() for key in table):
        by_changes: dict[str, list[str]] = {}
        for arch in arches:
            values = [(minor, tables[minor, arch].get(key)) for minor in minors]
            before = [None, *(value for _, value in values)]
            changes = {
                minor: value for (minor, value), old in zip(values, before, strict=False) if value != old
            }
            by_changes.setdefault(json.dumps(changes), []).append(arch)
        result[key] = {" ".join(arches): json.loads(changes) for changes, arches in by_changes.items()}
    return result


def written(table: dict[str, Any]) -> str:
    """Return the text of the file: a line for each key, so that a new release is a diff that can be read."""
    rows = (f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in table.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main() -> None:
    """Write the file anew."""
    tables = {(minor, arch): tables_of(minor, arch) for minor in toolchains.TOOLCHAINS for arch in ARCHES}
    text = written(merged(tables))
    bundled.FILE.write_text(text, encoding="utf-8")
    print(json.dumps({"tables": len(tables), "bytes": len(text)}))


if __name__ == "__main__":
    main()
