"""Texts as the kernel writes them in /proc/PID/smaps, made up of mappings."""

from __future__ import annotations

_FIGURES = (
    "Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Pss_Dirty", "Shared_Clean", "Shared_Dirty", "Private_Clean",
    "Private_Dirty", "Referenced", "Anonymous", "KSM", "LazyFree", "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped",
    "Shared_Hugetlb", "Private_Hugetlb", "Swap", "SwapPss", "Locked",
)  # fmt: skip
"""Of Linux 6.18, in its order."""
OLD = tuple(name for name in _FIGURES if name not in ("Pss_Dirty", "KSM", "LazyFree", "FilePmdMapped"))
"""Those of Linux 4.9, about."""
KIB = 1 << 10


def mapping(
    start: int,
    size: int,
    mode: str = "rw-p",
    name: str = "",
    *,
    kinds: tuple[str, ...] = _FIGURES,
    **figures: int,
) -> str:
    """Return the text of one mapping; the figures are in bytes, and 0 where they are not given."""
    values = {"Size": size, "KernelPageSize": 4 * KIB, "MMUPageSize": 4 * KIB, **figures}
    inode = 1234 if name.startswith("/") else 0
    head = f"{start:08x}-{start + size:08x} {mode} 00000000 fe:00 {inode} "
    lines = [f"{head:<73}{name}" if name else head]
    lines += [f"{kind + ':':<16}{values.get(kind, 0) // KIB:>8} kB" for kind in kinds]
    lines += ["THPeligible:           0", "VmFlags: rd wr mr mw me ac "]
    return "\n".join(lines) + "\n"


def rollup(start: int, end: int, **figures: int) -> str:
    """Return the text of smaps_rollup."""
    return mapping(start, end - start, "---p", "[rollup]", kinds=_FIGURES, **figures)
