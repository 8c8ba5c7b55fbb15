"""Size classes of small objects (runtime/sizeclasses.go; internal/runtime/gc since 1.25).

The tables are the same, entry by entry, in Go 1.19 to 1.27; the contract test
reads each toolchain's.
"""

from __future__ import annotations

SIZES: tuple[int, ...] = (
    0, 8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352,
    384, 416, 448, 480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304,
    2688, 3072, 3200, 3456, 4096, 4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880,
    12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
)  # fmt: skip
"""Bytes of an object of each size class; class 0 is large objects, which have no fixed size."""

PAGES: tuple[int, ...] = (
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    2, 1, 2, 1, 2, 1, 3, 2, 3, 1, 3, 2, 3, 4, 5, 6, 1, 7, 6, 5, 4, 3, 5, 7, 2, 9, 7, 5, 8, 3, 10, 7, 4,
)  # fmt: skip
"""8 KiB pages of a span of each size class."""

COUNT = len(SIZES)
SPAN_CLASSES = 2 * COUNT
"""A span class is the size class shifted left by one; its low bit says noscan (mheap.go, spanClass)."""
