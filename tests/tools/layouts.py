"""The bundled layouts, made from the DWARF of every release: ``python tests/tools/layouts.py`` writes the file.

It needs every toolchain; each builds a small program for each architecture, which nobody has to run.

A patch release may change a struct, too. ``python tests/tools/layouts.py 1.24.5 1.24.6`` takes each of these toolchains from
Go's module proxy, builds the program for amd64, and says what differs from the table that the version has; then the
toolchain is gone again. So for a new release: its first and its last patch, and those in between where they differ. The
first patch that has another layout goes into ``PATCHES`` of layout/requirements.py, and one on the other side of the change than the
suite's own into ``PATCHES`` of tools/toolchains.py; then the file is written anew.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run as a file: the package and the tools are beside it
    sys.path[:0] = [str(Path(__file__).resolve().parents[depth]) for depth in (2, 1)]

from gdb_gospan.layout import bundled, requirements
from gdb_gospan.layout.bundled import Release
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.frozen import freeze
from gdb_gospan.layout.goversion import GoVersion, parse
from gdb_gospan.layout.platform import platform
from gdb_gospan.layout.resolve import Symbols, resolve
from tools import programs, toolchains
from tools.cache import Unavailable

ARCHES = ("amd64", "arm64", "386", "arm")

#: Green Tea was an experiment before it was the default; then the types compiled in are the same.
EXPERIMENTS = {"1.25": "greenteagc"}
ONLY_THERE = ("spanInlineMarkBits",)


def sources() -> dict[Release, str]:
    """Return the toolchain that each table is made with, by the table's release, ascending."""
    found: dict[Release, str] = {}
    for name in (*toolchains.TOOLCHAINS, *toolchains.PATCHES):
        table = bundled.table_of(version_of(toolchains.TOOLCHAINS.get(name, name)))
        if table is not None:
            found.setdefault(table, name)
    return dict(sorted(found.items()))


def version_of(version: str) -> GoVersion:
    """Return a version such as ``1.24.5`` as a program states it."""
    found = parse(f"go{version}")
    assert found is not None, version
    return found


def measured(executable: Path, version: str, arch: str) -> dict[str, Any]:
    """Return one table, flat: sizes of structs under their names, ``[offset, size, …]`` of fields under
    ``struct.path``, and of the fixallocs under ``fixallocs.name``, with the size of what they hand out.
    """
    types = DwarfTypes(executable)
    layout = resolve(types, version_of(version), platform("linux", arch), source="dwarf")
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
    """Return the table of a toolchain, with what it has only as an experiment."""
    version = toolchains.TOOLCHAINS.get(minor, minor)
    table = measured(programs.build("probe", minor, goarch=arch), version, arch)
    if minor in EXPERIMENTS:
        probe = programs.build("probe", minor, goarch=arch, experiments=EXPERIMENTS[minor])
        other = measured(probe, version, arch)
        table |= {key: value for key, value in other.items() if key.split(".")[0] in ONLY_THERE}
    return table


def compare(version: str) -> str:
    """Say what a patch release has otherwise than the table that it would be given."""
    try:
        with toolchains.borrowed(version) as toolchain, tempfile.TemporaryDirectory() as folder:
            probe = programs.build_probe(toolchain, Path(folder))
            found = measured(probe, version, "amd64")
    except Unavailable as error:
        return f"{version}: {error}"
    table = bundled.table_of(version_of(version))
    known = bundled.values(table, "amd64") if table else {}
    other = {key: (known.get(key), value) for key, value in found.items() if known.get(key) != value}
    name = ".".join(map(str, table or ()))
    differences = "; ".join(f"{key} {old} -> {new}" for key, (old, new) in other.items())
    return f"{version}: {differences or 'as bundled'} (table of {name})"


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
    """Write the file anew, or compare patch releases with it."""
    if len(sys.argv) > 1:
        for version in sys.argv[1:]:
            print(compare(version), flush=True)
        return
    tables = {
        (".".join(map(str, release)), arch): tables_of(toolchain, arch)
        for release, toolchain in sources().items()
        for arch in ARCHES
    }
    text = written(merged(tables))
    Path(bundled.FILE).write_text(text, encoding="utf-8")
    print(json.dumps({"tables": len(tables), "bytes": len(text)}))


if __name__ == "__main__":
    main()
