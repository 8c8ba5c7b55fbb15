"""What Go fixes by GOOS and GOARCH (runtime/malloc.go, internal/runtime/sys)."""

from __future__ import annotations

from typing import Final, Literal

from gdb_gospan.errors import TargetError
from gdb_gospan.layout.model import Platform

# GOARCH: pointer size and byte order.
_ARCHES: dict[str, tuple[int, Literal["little", "big"]]] = {
    "amd64": (8, "little"),
    "arm64": (8, "little"),
    "386": (4, "little"),
    "arm": (4, "little"),
    "riscv64": (8, "little"),
    "loong64": (8, "little"),
    "ppc64le": (8, "little"),
    "ppc64": (8, "big"),
    "s390x": (8, "big"),
    "mips64": (8, "big"),
    "mips64le": (8, "little"),
}

SMALLEST: Final = {8: 92_672, 4: 17_976}
"""Bytes of the smallest mheap of all bundled layouts, by the bytes of a pointer."""

PAGE_SIZE = 8192
"""Bytes of a heap page: pageShift is 13 on every platform and in every release (sizeclasses.go)."""

P_STATUS: Final = {0: "idle", 1: "running", 2: "in a system call", 3: "stopped for GC", 4: "dead"}
"""Words for p.status: _Pidle to _Pdead, the same in every release; 2 is not used since Go 1.26 (runtime2.go)."""


def platform(os: str, arch: str) -> Platform:
    """Describe GOOS/GOARCH; `TargetError` for an architecture that Go does not have."""
    if arch not in _ARCHES:
        known = " ".join(sorted(_ARCHES))
        raise TargetError(f"unknown architecture {arch} (go-spans knows {known})")
    pointer_size, byteorder = _ARCHES[arch]
    return Platform(
        os=os,
        arch=arch,
        pointer_size=pointer_size,
        byteorder=byteorder,
        page_size=PAGE_SIZE,
        # amd64 sign-extends its 48-bit addresses, so the arena index starts at the negative half;
        # aix maps its heap high (malloc.go, arenaBaseOffset).
        arena_base_offset=0xFFFF800000000000 if arch == "amd64" else 0x0A00000000000000 if os == "aix" else 0,
    )
