"""Bundled layouts for programs without debug information: Go 1.19 to 1.27 on four architectures.

Taken from the DWARF that each release writes; `tests/tools/layouts.py` makes the file, and a test compares it
with every toolchain. A patch release that lays something out in another way than the ones before has a table of its own.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any, Final

import attrs

from gdb_gospan.layout import requirements
from gdb_gospan.layout.goversion import GoVersion
from gdb_gospan.layout.model import Field, Kind, Layout, Platform, Source, Struct
from gdb_gospan.layout.resolve import traits_of

FILE: Final = os.path.join(os.path.dirname(__file__), "bundled.json")  # noqa: PTH118, PTH120  # needs no pathlib

Release = tuple[int, ...]
"""The first release that a table is of: major and minor, and the patch where it is not the first of its minor."""

ARCHES: Final = ("amd64", "arm64", "386", "arm")
_FIXALLOCS: Final = "fixallocs"


@attrs.frozen(repr=False)
class Bundled:
    """One bundled table.

    Attributes
    ----------
    release
        The first Go release that has it.
    layout
        With ``source`` and ``go`` as given by the caller.
    handed_out
        Bytes of what each fixalloc hands out; 0 where that is not known.
    """

    release: Release
    layout: Layout
    handed_out: dict[str, int]


def releases() -> tuple[Release, ...]:
    """Return the releases that have a table, the newest first."""
    return tuple(sorted((*requirements.TESTED, *requirements.PATCHES), reverse=True))


def table_of(go: GoVersion) -> Release | None:
    """Return the release whose table describes a Go version; None if that minor release has no table."""
    exact = (*go.release, go.patch or 0)
    return next((table for table in releases() if table[:2] == go.release and table <= exact), None)


def bundled(release: Release, go: GoVersion, platform: Platform, *, source: Source) -> Bundled | None:
    """Return the table of that release for that architecture, or None when there is none.

    Parameters
    ----------
    go
        The version to label the layout with, which may be of another release, or unknown.
    source
        ``symbols`` or ``none``: where the addresses come from.
    """
    if platform.arch not in ARCHES or release not in releases():
        return None
    known = values(release, platform.arch)
    structs: dict[str, Struct] = {}
    missing: list[str] = []
    for wanted in requirements.STRUCTS:
        if wanted.name not in known:
            missing.append(wanted.name)
            continue
        fields = {}
        for need in wanted.needs:
            row = known.get(f"{wanted.name}.{need.path}")
            if row is not None:
                fields[need.path] = _field(row, need.kind)
            elif not wanted.late:
                missing.append(f"{wanted.name}.{need.path}")
        structs[wanted.name] = Struct(wanted.name, known[wanted.name], fields)
    prefix = f"{_FIXALLOCS}."
    rows = {key.removeprefix(prefix): row for key, row in known.items() if key.startswith(prefix)}
    fixallocs = dict(sorted(rows.items(), key=lambda item: item[1]))  # in the order of the struct
    layout = Layout(
        go=go,
        platform=platform,
        source=source,
        tested=go.release in requirements.TESTED,
        structs=structs,
        fixallocs={name: offset for name, (offset, _) in fixallocs.items()},
        traits=traits_of(go),
        missing=tuple(name for name in missing if name in _not_late()),
    )
    return Bundled(release, layout, {name: size for name, (_, size) in fixallocs.items()})


@cache
def _not_late() -> frozenset[str]:
    """Names that count as missing; what only one command needs is missed when it asks."""
    now = [wanted for wanted in requirements.STRUCTS if not wanted.late]
    return frozenset([*(w.name for w in now), *(f"{w.name}.{need.path}" for w in now for need in w.needs)])


def _field(row: list[int], kind: Kind) -> Field:
    offset, size, count, stride = (*row, None, 0)[:4] if len(row) == 2 else row
    return Field(offset or 0, size or 0, kind, count, stride or 0)


@cache
def _file() -> dict[str, Any]:
    import json  # noqa: PLC0415  # only where a table is asked for

    with open(FILE, encoding="utf-8") as file:  # noqa: PTH123
        table: dict[str, Any] = json.load(file)
    return table


@cache
def values(release: Release, arch: str) -> dict[str, Any]:
    """Return the raw values of one table: for each key, the last change up to this release.

    Returns
    -------
    dict
        Bytes of each struct under its name; ``[offset, size]`` of each field under ``struct.path``, of an array with
        count and stride; ``[offset, bytes handed out]`` of each fixalloc under ``fixallocs.name``.
    """
    found = {}
    for key, by_arches in _file().items():
        changes: dict[str, Any] = {}
        for arches, of_these in by_arches.items():
            if arch in arches.split():
                changes = of_these
        value = None
        for minor, changed in changes.items():
            if tuple(map(int, minor.split("."))) <= release:
                value = changed
        if value is not None:
            found[key] = value
    return found
