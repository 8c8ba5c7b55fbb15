"""Store a resolved layout as plain data, for use without the program and its types.

What follows from the Go version and the platform is not stored: a newer
release of go-spans knows it better than the file.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, get_args

from gdb_gospan.errors import LayoutError, TargetError
from gdb_gospan.layout import requirements
from gdb_gospan.layout.bundled import bundled
from gdb_gospan.layout.goversion import parse
from gdb_gospan.layout.model import Field, Kind, Layout, Source, Struct
from gdb_gospan.layout.platform import platform
from gdb_gospan.layout.plausible import LARGEST, MOST, problem
from gdb_gospan.layout.resolve import Symbols, traits_of
from gdb_gospan.layout.signature import Evidence, Recognised, Signature

_SOURCES: Final[tuple[Source, ...]] = ("dwarf", "symbols", "none")


def freeze(layout: Layout, symbols: Symbols) -> dict[str, Any]:
    """Return the layout and the symbols as JSON data, for `thaw`.

    Returns
    -------
    dict
        ``go``, ``os``, ``arch``, ``source``; ``missing``; ``fixallocs``: offsets by name; ``structs``: by name,
        a ``size`` and ``fields``, of which each is offset, size, kind, count, stride by path;
        ``symbols``: addresses by name.
    """
    return {
        "go": layout.go.raw,
        "os": layout.platform.os,
        "arch": layout.platform.arch,
        "source": layout.source,
        "missing": list(layout.missing),
        "fixallocs": dict(layout.fixallocs),
        "structs": {
            name: {
                "size": struct.size,
                "fields": {
                    path: [field.offset, field.size, field.kind, field.count, field.stride]
                    for path, field in struct.fields.items()
                },
            }
            for name, struct in layout.structs.items()
        },
        "symbols": dict(symbols.addresses),
    }


def freeze_evidence(recognised: Recognised | None) -> dict[str, Any] | None:
    """Return the evidence as JSON data, for `thaw_evidence`."""
    if recognised is None:
        return None
    signatures = (recognised.signature, *recognised.refused)
    return {
        "signatures": [
            {
                "release": list(signature.table.release),
                "mheap": signature.mheap,
                "memstats": signature.memstats,
                "evidence": [[piece.what, piece.expected, piece.found] for piece in signature.evidence],
            }
            for signature in signatures
        ],
        "also": [list(release) for release in recognised.also],
        "others": list(recognised.others),
        "stated": recognised.stated,
    }


def thaw_evidence(frozen: object, layout: Layout) -> Recognised | None:
    """Rebuild the evidence from the data of `freeze_evidence`, for the layout that was frozen with it.

    Raises
    ------
    LayoutError
        It is damaged.
    TargetError
        It names a release that this one has no layout of.
    """
    if frozen is None:
        return None
    try:
        top = _mapping("evidence", frozen)
        first, *refused = (_signature(row, layout) for row in top["signatures"])
        stated = None if top["stated"] is None else _text(top, "stated")
        also = tuple(tuple(map(int, release)) for release in top["also"])
        return Recognised(first, also, tuple(refused), tuple(map(int, top["others"])), stated)
    except (_DamageError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise LayoutError(f"the recorded layout checks are damaged: {error} (try: record it again)") from None


def _signature(row: dict[str, Any], layout: Layout) -> Signature:
    if layout.source == "dwarf":
        raise _DamageError("a layout from debug information has none")
    release = tuple(map(int, row["release"]))
    table = bundled(release, layout.go, layout.platform, source=layout.source)
    if table is None:
        raise TargetError(
            f"recorded with a layout of Go {'.'.join(map(str, release))}, which this release of go-spans does not have (try: update go-spans)"
        )
    pieces = (
        Evidence(str(what), int(expected), None if found is None else int(found))
        for what, expected, found in row["evidence"]
    )
    return Signature(table, int(row["mheap"]), int(row["memstats"]), tuple(pieces))


def thaw(frozen: object) -> tuple[Layout, Symbols]:
    """Rebuild a layout and its symbols from the data of `freeze`.

    Raises
    ------
    LayoutError
        It is damaged: something is missing, is of another type, or lies outside of its struct.
    """
    try:
        return _thaw(frozen)
    except (_DamageError, TargetError) as error:  # an unknown architecture is a TargetError
        raise LayoutError(f"the recorded layout is damaged: {error} (try: record it again)") from None


class _DamageError(Exception):
    """What is wrong, for the error line."""


def _thaw(frozen: object) -> tuple[Layout, Symbols]:
    top = _mapping("it", frozen)
    raw, source = _text(top, "go"), _text(top, "source")
    go = parse(raw)
    if go is None:
        raise _DamageError(f"{raw[:40]!r} is not a Go version")
    known: Source | None = next((each for each in _SOURCES if each == source), None)
    if known is None:
        raise _DamageError(f"unknown source {source[:40]!r}")
    missing = top.get("missing")
    if not isinstance(missing, list) or not all(isinstance(name, str) for name in missing):
        raise _DamageError("missing is not a list of names")
    structs = {name: _struct(name, value) for name, value in _mapping("structs", top.get("structs")).items()}
    mheap, fixalloc = structs.get("mheap"), structs.get("fixalloc")
    room = mheap.size - fixalloc.size + 1 if mheap and fixalloc else 0
    layout = Layout(
        go=go,
        platform=platform(_text(top, "os"), _text(top, "arch")),
        source=known,
        tested=go.release in requirements.TESTED,
        structs=structs,
        fixallocs=_numbers(top, "fixallocs", room),
        traits=traits_of(go),
        missing=tuple(missing),
    )
    return layout, Symbols(_numbers(top, "symbols", 1 << 64))


def _struct(name: str, value: object) -> Struct:
    entry = _mapping(name, value)
    size = _below(f"{name}.size", entry.get("size"), LARGEST)
    fields = _mapping(f"{name}.fields", entry.get("fields")).items()
    struct = Struct(name, size, {path: _field(f"{name}.{path}", row) for path, row in fields})
    if wrong := problem(struct):
        raise _DamageError(wrong)
    return struct


def _field(name: str, row: object) -> Field:
    if not isinstance(row, list) or len(row) != 5:
        raise _DamageError(f"{name} is not offset, size, kind, count, stride")
    offset, size, kind, count, stride = row
    if kind not in get_args(Kind):
        raise _DamageError(f"{name} has an unknown kind")
    if kind != _kinds().get(name, kind):
        raise _DamageError(f"{name} is not {kind}")
    offset, size = (_below(name, number, LARGEST) for number in (offset, size))
    if count is None:
        return Field(offset, size, kind)
    return Field(offset, size, kind, _below(name, count, MOST), _below(name, stride, LARGEST))


@cache
def _kinds() -> dict[str, Kind]:
    """Kind of each field in the requirements."""
    return {
        f"{wanted.name}.{need.path}": need.kind for wanted in requirements.STRUCTS for need in wanted.needs
    }


def _mapping(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _DamageError(f"{name} is not an object" if value is not None else f"{name} is missing")
    return value


def _text(top: dict[str, Any], key: str) -> str:
    value = top.get(key)
    if not isinstance(value, str):
        raise _DamageError(f"{key} is not a string")
    return value


def _numbers(top: dict[str, Any], key: str, limit: int) -> dict[str, int]:
    return {
        name: _below(f"{key}.{name}", value, limit) for name, value in _mapping(key, top.get(key)).items()
    }


def _below(name: str, value: object, limit: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
        raise _DamageError(f"{name} is not a number from 0 to {limit - 1}")
    return value
