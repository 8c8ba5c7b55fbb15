"""Resolve the requirements into a `Layout`, using a source of types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from gdb_gospan.errors import LayoutError, TargetError
from gdb_gospan.layout import requirements
from gdb_gospan.layout.goversion import GoVersion
from gdb_gospan.layout.model import Field, Layout, Platform, Source, Struct, Traits, TypeNode, TypeSource
from gdb_gospan.layout.needs import Need, NeedStruct
from gdb_gospan.layout.plausible import problem
from gdb_gospan.layout.waitreasons import wait_reasons


def resolve(types: TypeSource, go: GoVersion, platform: Platform, *, source: Source) -> Layout:
    """Resolve the whole requirements table against ``types``.

    Raises
    ------
    TargetError
        The Go release is older than the oldest supported one.
    LayoutError
        A requirement that every supported release has is missing; the message names it.
    """
    if go.release < requirements.OLDEST:
        raise TargetError(too_old(go))
    resolver = _Resolver(types, go)
    structs = {wanted.name: resolver.struct(wanted) for wanted in requirements.STRUCTS if not wanted.late}
    late = {wanted.name: wanted for wanted in requirements.STRUCTS if wanted.late}
    return Layout(
        go=go,
        platform=platform,
        source=source,
        tested=go.release in requirements.TESTED,
        structs=_Structs(
            {name: struct for name, struct in structs.items() if struct}, late, _Resolver(types, go)
        ),
        fixallocs=_fixallocs(types, go),
        traits=traits_of(go),
        missing=tuple(resolver.missing),
    )


def _fixallocs(types: TypeSource, go: GoVersion) -> dict[str, int]:
    """Return the offsets of the allocators that are fields of mheap."""
    mheap = types.struct("runtime.mheap")
    fields = mheap.fields() if mheap else []
    found = {name: offset for name, offset, node in fields if node.name == "runtime.fixalloc"}
    if (
        mheap is None
        or "spanalloc" not in found
        or not all(0 <= each < mheap.size for each in found.values())
    ):
        raise LayoutError(f"{go}: runtime.mheap has no field spanalloc; {_advice(go)}")
    return found


def too_old(go: GoVersion) -> str:
    """Return the message for a release older than any supported one."""
    oldest = ".".join(map(str, requirements.OLDEST))
    return f"{go} is too old: go-spans supports Go {oldest} and later (try: rebuild with a newer Go)"


class _Resolver:
    """Resolves one struct after the other, and remembers the optional things that are not there."""

    def __init__(self, types: TypeSource, go: GoVersion) -> None:
        self._types = types
        self._go = go
        self.missing: list[str] = []

    def struct(self, wanted: NeedStruct) -> Struct | None:
        """Resolve one struct; None if it is optional and this release lacks it."""
        node = self._find(wanted)
        if node is None:
            if not wanted.optional:
                raise LayoutError(
                    f"{self._go}: no type information for runtime.{wanted.name}; {_advice(self._go)}"
                )
            self.missing.append(wanted.name)
            return None
        fields: dict[str, Field] = {}
        for need in wanted.needs:
            places = (_locate(node, need, path) for path in (need.path, *need.aliases))
            field = next(filter(None, places), None)
            if field is not None:
                fields[need.path] = field
            elif need.optional:
                self.missing.append(f"{wanted.name}.{need.path}")
            else:
                raise LayoutError(
                    f"{self._go}: runtime.{wanted.name} has no field {need.path}; {_advice(self._go)}"
                )
        struct = Struct(wanted.name, node.size, fields)
        if wrong := problem(struct):
            raise LayoutError(f"{self._go}: runtime.{wrong}, which is impossible; {_advice(self._go)}")
        return struct

    def _find(self, wanted: NeedStruct) -> TypeNode | None:
        if wanted.variable:
            variable = self._types.variable(wanted.variable)
            return variable[1] if variable else None
        found = (self._types.struct(name) for name in wanted.names)
        return next((node for node in found if node is not None), None)


class _Structs(Mapping[str, Struct]):
    """The resolved structs; the late ones when first asked for.

    For the first variable's type gdb reads all of the runtime's debug information:
    as long as the whole summary of a small heap takes. Named types it has at once.
    """

    def __init__(self, known: dict[str, Struct], late: dict[str, NeedStruct], resolver: _Resolver) -> None:
        self._known = known
        self._late = late
        self._resolver = resolver

    def __getitem__(self, name: str) -> Struct:
        if name not in self._known and name in self._late:
            struct = self._resolver.struct(self._late[name])
            if struct is not None:
                self._known[name] = struct
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except (KeyError, LayoutError):  # a late one that is not as expected stops only those who read it
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(wanted.name for wanted in requirements.STRUCTS if wanted.name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@attrs.frozen(repr=False)
class Symbols:
    """Addresses of the runtime's package variables in this program, by name without ``runtime.``."""

    addresses: dict[str, int]

    def __getitem__(self, name: str) -> int:
        try:
            return self.addresses[name]
        except KeyError:
            raise LayoutError(f"no symbol runtime.{name} in this program (stripped?)") from None

    def get(self, name: str) -> int | None:
        """Return the address of a variable, or None where this release does not have it."""
        return self.addresses.get(name)


def find_symbols(types: TypeSource) -> Symbols:
    """Look up every variable of the requirements table; absent ones are simply not in the result."""
    found = ((name, types.address(f"runtime.{name}")) for name in requirements.VARIABLES)
    return Symbols({name: address for name, address in found if address is not None})


def _locate(node: TypeNode, need: Need, path: str) -> Field | None:
    """Follow ``path`` from ``node``; after an element ``[]`` or a pointer ``*`` offsets start again at 0."""
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


def traits_of(go: GoVersion) -> Traits:
    """Return the properties of a release that its types do not show."""
    return Traits(
        small_span_limit_exact=not (1, 22) <= go.release <= (1, 24),
        limit_headroom_percent=3 if go.release >= (1, 21) else 0,
        last_goroutine_status=11 if go.release >= (1, 26) else 9,
        mutex_locks=16 if go.release >= (1, 27) else 1,
        label_lists=go.release >= (1, 24),
        scan_bits=go.release < (1, 20),
        masks_on_demand=go.release >= (1, 24),
        wait_reasons=wait_reasons(go),
        mutex_events_scaled=go.release >= (1, 20),
        hidden_callers=("runtime.", "internal/runtime/") if go.release >= (1, 24) else ("runtime.",),
        special_kinds=dict(enumerate(_special_kinds(go), 1)),
    )


def _special_kinds(go: GoVersion) -> tuple[str, ...]:
    """Return the constants _KindSpecial… from 1 on (mheap.go)."""
    if go.release <= (1, 22):
        return ("finalizer", "profile record", "reachability test", "pin counter")
    if go.release <= (1, 24):
        return (
            "finalizer", "weak handle", "profile record", "reachability test", "pin counter", "cleanup",
        )  # fmt: skip
    return (
        "tiny block", "finalizer", "weak handle", "profile record", "reachability test", "pin counter",
        "cleanup", "finalizer check", "synctest bubble", "secret",
    )  # fmt: skip


def _advice(go: GoVersion) -> str:
    if go.release > requirements.NEWEST:
        newest = ".".join(map(str, requirements.NEWEST))
        return (
            f"this Go release is newer than {newest}, the newest supported one, and its runtime has changed"
        )
    return (
        "the program seems to have no debug information (built with -ldflags=-w, "
        "or stripped; try: file PATH of the same build with it)"
    )
