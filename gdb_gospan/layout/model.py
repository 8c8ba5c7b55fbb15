"""The resolved layout: where each field that gdb_gospan relies on lies in this program.

Nothing here knows a Go version; `resolve` fills these from a source of types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import attrs

from gdb_gospan.errors import LayoutError
from gdb_gospan.layout.goversion import GoVersion

Kind = Literal["addr", "bits", "uint", "int", "float", "opaque"]
"""How to read a field: addr and bits stay unsigned 64-bit, uint and int become
signed 64-bit so that columns can be subtracted; opaque is only located."""


@attrs.frozen
class Field:
    """One field: ``offset`` and ``size`` in bytes; an array has a ``count`` of elements ``stride`` apart."""

    offset: int
    size: int
    kind: Kind = "uint"
    count: int | None = None
    stride: int = 0


@attrs.frozen
class Struct:
    """One runtime struct: its size in bytes and the fields that resolved, by dotted path."""

    name: str
    size: int
    fields: Mapping[str, Field]

    def __getitem__(self, path: str) -> Field:
        """Return the field at the dotted ``path``; `LayoutError` names one that is not there."""
        try:
            return self.fields[path]
        except KeyError:
            raise LayoutError(
                f"this program's runtime.{self.name} has no field {path} (try: go-spans layout)"
            ) from None

    def __contains__(self, path: object) -> bool:
        return path in self.fields

    @property
    def extent(self) -> int:
        """Bytes up to the end of the last field that resolved."""
        ends = (
            each.offset + (each.count * each.stride if each.count else each.size)
            for each in self.fields.values()
        )
        return max(ends, default=self.size)


@attrs.frozen
class Traits:
    """Properties that the types do not show; set in `resolve`, the only code that reads versions.

    Attributes
    ----------
    small_span_limit_exact
        ``mspan.limit`` of a small span is base + nelems*elemsize. Not from Go 1.22 on, which
        computed it before the space for heap bits was taken off (mcentral.go, grow); corrected in
        a patch of 1.24 (mheap.go, initSpan): 1.24.0 has the one, 1.24.11 the other.
    special_kinds
        special.kind in words (mheap.go); the numbers changed in Go 1.23 and 1.25.
    last_goroutine_status
        Highest g.atomicstatus (runtime2.go): _Gpreempted, and _Gdeadextra since Go 1.26.
    limit_headroom_percent
        Share of the memory limit's heap goal that the pacer keeps free: 3 since
        Go 1.21, before that only the fixed 1 MiB (mgcpacer.go, memoryLimitHeapGoal).
    mutex_locks
        What a mutex adds to m.locks: mutexMLocksDelta, 16 since Go 1.27 (lock_spinbit.go), 1 before.
    label_lists
        A goroutine's profiler labels are a slice; until Go 1.23 they are a map (pprof/label.go, labelMap).
    scan_bits
        heapArena.bitmap has two bits for a word, four words in a byte: pointer, and whether more follow. One bit since Go
        1.20 (mbitmap.go).
    masks_on_demand
        Type.GCData of a large type points to a pointer to its mask, which is made at its first use. Since Go 1.24
        (type.go, getGCMask); the bit of Type.TFlag had another meaning before.
    wait_reasons
        g.waitreason in words: that of number n at index n.
    mutex_events_scaled
        A bucket of the mutex profile counts for all events; until Go 1.19 only the sampled ones, and who reads it
        multiplies them (runtime/pprof/pprof.go, scaleMutexProfile).
    hidden_callers
        Beginnings of names of functions that a profile of the heap leaves out at the inner end of a stack
        (runtime/pprof/protomem.go): those of package runtime, since Go 1.24 also of the packages below internal/runtime.
    """

    small_span_limit_exact: bool
    limit_headroom_percent: int
    last_goroutine_status: int
    mutex_locks: int
    label_lists: bool = False
    scan_bits: bool = False
    masks_on_demand: bool = False
    wait_reasons: tuple[str, ...] = ()
    mutex_events_scaled: bool = True
    hidden_callers: tuple[str, ...] = ("runtime.",)
    special_kinds: Mapping[int, str] = attrs.field(factory=dict)


@attrs.frozen
class Platform:
    """Constants of the target that Go fixes by GOOS and GOARCH (runtime/malloc.go)."""

    os: str
    arch: str
    pointer_size: int
    byteorder: Literal["little", "big"]
    page_size: int
    arena_base_offset: int


Source = Literal["dwarf", "symbols", "none"]


@attrs.frozen
class Layout:
    """Every struct that the decoders rely on, as this program has it.

    Attributes
    ----------
    source
        ``"dwarf"``, ``"symbols"`` or ``"none"``: where the types came from.
    tested
        Whether the suite runs on this Go release.
    fixallocs
        Offset in mheap of every field whose type is fixalloc, by name (mheap.go:
        six in Go 1.19, more in every release since).
    missing
        Optional requirements that this program does not have, as ``struct.path``.
    """

    go: GoVersion
    platform: Platform
    source: Source
    tested: bool
    structs: Mapping[str, Struct]
    fixallocs: Mapping[str, int]
    traits: Traits
    missing: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Struct:
        """Return the struct ``name``; `LayoutError` names one that did not resolve."""
        try:
            return self.structs[name]
        except KeyError:
            raise LayoutError(f"this program's runtime has no struct {name} (try: go-spans layout)") from None


class TypeNode(Protocol):
    """One type, as a debugger or DWARF knows it. Typedefs are already stripped."""

    @property
    def size(self) -> int:
        """Size in bytes."""

    @property
    def name(self) -> str:
        """Go's name of the type, such as ``runtime.fixalloc``; empty for an anonymous one."""

    def field(self, name: str) -> tuple[int, TypeNode] | None:
        """Offset in bytes and type of a struct's field, or None."""

    def fields(self) -> list[tuple[str, int, TypeNode]]:
        """Name, offset and type of each field of a struct; empty for any other type."""

    def element(self) -> tuple[int, TypeNode] | None:
        """Length and element type of an array, or None for any other type."""

    def target(self) -> TypeNode | None:
        """Return what a pointer points to, or None for any other type."""


class TypeSource(Protocol):
    """Where types and addresses come from: the debugger, or DWARF read from a file."""

    def struct(self, name: str) -> TypeNode | None:
        """Return the type called ``name`` (``runtime.mspan``), or None."""

    def address(self, name: str) -> int | None:
        """Address of the package variable ``name``, or None."""

    def variable(self, name: str) -> tuple[int, TypeNode | None] | None:
        """Address and, when known, type of the package variable ``name``, or None."""
