"""Turn the requirements into a `Layout` with the help of a source of types."""

from __future__ import annotations

import attrs

from gdb_gospan.errors import LayoutError, TargetError
from gdb_gospan.layout import requirements
from gdb_gospan.layout.goversion import GoVersion
from gdb_gospan.layout.model import Field, Layout, Platform, Struct, Traits, TypeNode, TypeSource
from gdb_gospan.layout.requirements import Need, NeedStruct


def resolve(types: TypeSource, go: GoVersion, platform: Platform, *, source: str) -> Layout:
    """Resolve the whole requirements table against ``types``.

    Raises
    ------
    TargetError
        The Go release is older than the oldest supported one.
    LayoutError
        A requirement that every supported release has is missing; the message names it.
    """
    if go.release < requirements.OLDEST:
        oldest = ".".join(map(str, requirements.OLDEST))
        raise TargetError(
            f"{go} is too old: go-spans reads the page allocator and spans of Go {oldest} and later "
            "(try: rebuild with a newer Go)"
        )
    structs: dict[str, Struct] = {}
    missing: list[str] = []
    for wanted in requirements.STRUCTS:
        node = _find(types, wanted)
        if node is None:
            if not wanted.since:
                raise LayoutError(f"{go}: no type information for runtime.{wanted.name}, {_advice(go)}")
            missing.append(wanted.name)
            continue
        fields: dict[str, Field] = {}
        for need in wanted.needs:
            field = next(
                filter(None, (_locate(node, need, path) for path in (need.path, *need.aliases))), None
            )
            if field is not None:
                fields[need.path] = field
            elif need.optional:
                missing.append(f"{wanted.name}.{need.path}")
            else:
                raise LayoutError(f"{go}: runtime.{wanted.name} has no field {need.path}, {_advice(go)}")
        structs[wanted.name] = Struct(wanted.name, node.size, fields)
    mheap = types.struct("runtime.mheap")
    return Layout(
        go=go,
        platform=platform,
        source=source,
        tested=go.release in requirements.TESTED,
        structs=structs,
        fixallocs={name: offset for name, offset, node in mheap.fields() if node.name == "runtime.fixalloc"}
        if mheap
        else {},
        traits=_traits(go),
        missing=tuple(missing),
    )


@attrs.frozen
class Symbols:
    """Addresses of the runtime's package variables in the program at hand, without the ``runtime.``."""

    addresses: dict[str, int]

    def __getitem__(self, name: str) -> int:
        try:
            return self.addresses[name]
        except KeyError:
            raise LayoutError(f"no symbol runtime.{name} in this program (stripped?)") from None


def find_symbols(types: TypeSource) -> Symbols:
    """Look up every variable of the requirements table; absent ones are simply not in the result."""
    found = ((name, types.variable(f"runtime.{name}")) for name in requirements.VARIABLES)
    return Symbols({name: variable[0] for name, variable in found if variable is not None})


def _find(types: TypeSource, wanted: NeedStruct) -> TypeNode | None:
    if wanted.variable:
        variable = types.variable(wanted.variable)
        return variable[1] if variable else None
    return types.struct(wanted.type_name or f"runtime.{wanted.name}")


def _locate(node: TypeNode, need: Need, path: str) -> Field | None:
    """Follow ``path`` from ``node``; after an element ``[]`` or a pointer ``*`` offsets start anew."""
    offset = 0
    for step in filter(None, path.replace("[]", ".[]").split(".")):
        if step == "[]":
            array = node.element()
            if array is None:
                return None
            offset, node = 0, array[1]
        elif step == "*":
            target = node.target()
            if target is None:
                return None
            offset, node = 0, target
        else:
            member = node.field(step)
            if member is None:
                return None
            offset, node = offset + member[0], member[1]
    array = node.element()
    if array is None:
        return Field(offset, node.size, need.kind)
    count, element = array
    return Field(offset, element.size, need.kind, count, element.size)


def _traits(go: GoVersion) -> Traits:
    return Traits(
        small_span_limit_exact=go.release not in ((1, 22), (1, 23)),
        limit_headroom_percent=3 if go.release >= (1, 21) else 0,
    )


def _advice(go: GoVersion) -> str:
    if go.release > requirements.NEWEST:
        newest = ".".join(map(str, requirements.NEWEST))
        return f"and this release is newer than the newest supported, {newest}: its runtime has changed"
    return "the program seems to be built without debug information (-ldflags=-w or strip)"
