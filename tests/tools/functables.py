"""Small tables of functions (pclntab) as Go's linker writes them, and executables that have one, built byte by byte."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from gdb_gospan.memory.image import Image
from gdb_gospan.memory.segments import Segments, disjoint
from tools.elfs import uleb

NAMES: Final = ["internal/cpu.Initialize", "runtime.deferreturn", "main.f[go.shape.int]", "main.naïve·1"]
ENTRIES: Final = [0, 0x40, 0x80, 0x1000, 0x1100]
SIZES: Final = [0x40, 0x33, 0xF80, 0]
"""0: without a table."""
FORMATS: Final = [(size, order) for size in (8, 4) for order in "<>"]
BASE, TEXT = 0x50_0000, 0x40_1000

OUTER: Final = ENTRIES[2]
"""The function that others are inlined into: wrap, which calls inner, and that calls leaf."""
INLINED: Final = ["main.leaf", "main.inner", "main.wrap"]
STEPS: Final = [(0x10, -1, 11), (0x20, 2, 21), (0x30, 1, 31), (0x40, 0, 41), (0x50, 1, 32), (0xF80, -1, 12)]
"""Where it ends, which inlined call it belongs to, the line: of each part of that function."""
PARENTS: Final = [0x25, 0x15, 0x05]
"""Of each inlined call, an instruction that stands where it was called."""
WRAPPER: Final = 21
"""The funcID of runtime.deferreturn and of wrap."""
OLDEST: Final = 0xFFFFFFF0
"""The magic until Go 1.19."""
MAGICS: Final = (OLDEST, 0xFFFFFFF1)


def values(pairs: list[tuple[int, int]]) -> bytes:
    """Encode a table of values by where each ends; instructions have one byte."""
    out, before, begin = b"", -1, 0
    for end, value in pairs:
        change = value - before
        out += uleb(change * 2 if change >= 0 else -change * 2 - 1) + uleb(end - begin)
        before, begin = value, end
    return out + b"\0"


class _Texts:
    """Bytes that are put one behind the other, after a first zero."""

    def __init__(self) -> None:
        self.data = b"\0"

    def put(self, data: bytes) -> int:
        """Append it, and return where it is."""
        self.data += data
        return len(self.data) - len(data)


def trees(order: str, magic: int, names: list[int]) -> bytes:
    """Return the array of inlined calls (runtime/symtabinl.go; until Go 1.19 runtime/symtab.go)."""
    kinds = [0, 0, WRAPPER]
    if magic == OLDEST:
        rows = [struct.pack(f"{order}h2B4i", -1, kind, 0, 0, 0, name, parent)
                for kind, name, parent in zip(kinds, names, PARENTS, strict=True)]  # fmt: skip
    else:
        rows = [struct.pack(f"{order}4B3i", kind, 0, 0, 0, name, parent, 7)
                for kind, name, parent in zip(kinds, names, PARENTS, strict=True)]  # fmt: skip
    return b"".join(rows)


def table(size: int = 8, order: str = "<", magic: int = MAGICS[1], text: int = TEXT) -> bytes:
    """Return a table of functions for `BASE`, and behind it the inlined calls."""
    names, pctab = _Texts(), _Texts()
    inlined = [names.put(name.encode() + b"\0") for name in INLINED]
    files = b"main.go\0"
    lines = pctab.put(values([(end, line) for end, _, line in STEPS]))
    file = pctab.put(values([(STEPS[-1][0], 0)]))
    indexes = pctab.put(values([(end, index) for end, index, _ in STEPS]))
    ftab_size = 4 * (2 * len(NAMES) + 1)
    ftab, funcs = b"", b""
    for i, name in enumerate(NAMES):
        ftab += struct.pack(f"{order}II", ENTRIES[i], ftab_size + len(funcs))
        # As Go begins: no change, then the stack grows by 0x48.
        depths = pctab.put(values([(5, 0), (SIZES[i], 0x48)])) if SIZES[i] else 0
        outer = ENTRIES[i] == OUTER
        words = [ENTRIES[i], names.put(name.encode() + b"\0"), 0, 0, depths]
        words += [file, lines, 3, 0] if outer else [0] * 4
        words += [] if magic == OLDEST else [7]
        funcs += struct.pack(f"{order}{len(words)}I", *words)
        funcs += bytes([WRAPPER if name == "runtime.deferreturn" else 0, 0, 0, 4 if outer else 0])
        if outer:
            funcs += struct.pack(f"{order}7I", 0, 0, indexes, *[0xFFFFFFFF] * 3, 0)
    ftab += struct.pack(f"{order}I", ENTRIES[-1])
    offsets, at = [], 8 + 8 * size
    parts = (names.data, struct.pack(f"{order}I", 0), files, pctab.data, ftab + funcs)
    for part in parts:
        offsets.append(at)
        at += len(part)
    word = "Q" if size == 8 else "I"
    head = struct.pack(f"{order}I4B8{word}", magic, 0, 0, 1, size, len(NAMES), 3, text, *offsets)
    return head + b"".join(parts) + trees(order, magic, inlined)


def gofunc(data: bytes, magic: int = MAGICS[1]) -> int:
    """Return where the inlined calls of this table are."""
    return BASE + len(data) - len(trees("<", magic, [0] * len(INLINED)))


def memory(data: bytes, address: int = BASE) -> Image:
    """Return memory with these bytes."""
    one = [np.array([value], np.uint64) for value in (address, len(data), 0)]
    return Image(Segments(np.frombuffer(data, np.uint8), *disjoint(*one)))


def executable(size: int = 8, order: str = "<", *, relocated: bool = False, magic: int = MAGICS[1]) -> bytes:
    """Return an ELF file without sections: the table, and a moduledata that points to it, in place or by relocations."""
    word, data = "Q" if size == 8 else "I", table(size, order, magic, text=0)
    calls = gofunc(data, magic)
    data += bytes(-len(data) % 16)
    names = BASE + 8 + 8 * size
    words = [0, BASE, names, 9, 9, BASE + 77, *[0] * 16, TEXT, TEXT + ENTRIES[-1], TEXT, TEXT + 0x2000, calls]
    module_at = BASE + 0x10_0000
    module = struct.pack(f"{order}{len(words)}{word}", *[0 if relocated else value for value in words])
    rela = b"".join(
        struct.pack(f"{order}3{word}", module_at + size * i, 8, value)
        for i, value in enumerate(words) if relocated and value >= TEXT
    )  # fmt: skip
    rela_at = module_at + len(module)
    dynamic = struct.pack(f"{order}6{word}", 7, rela_at, 8, len(rela), 0, 0) if relocated else b""
    header, entry = (64, 56) if size == 8 else (52, 32)
    loads = [
        (1, 5, BASE, data),
        (1, 6, module_at, module + rela + dynamic),
        (2, 6, rela_at + len(rela), dynamic),
    ]
    ident = b"\x7fELF" + bytes([size // 4, 1 if order == "<" else 2, 1]) + bytes(9)
    out = ident + struct.pack(
        f"{order}HHI3{word}I6H", 2, 62, 1, TEXT, header, 0, 0, header, entry, len(loads), 0, 0, 0
    )
    at = header + entry * len(loads)
    starts = [at, at + len(data), at + len(data) + len(module) + len(rela)]
    for (kind, flags, address, contents), offset in zip(loads, starts, strict=True):
        sizes = (len(contents), len(contents))
        if size == 8:
            out += struct.pack(f"{order}2I6Q", kind, flags, offset, address, 0, *sizes, 1)
        else:
            out += struct.pack(f"{order}8I", kind, offset, address, 0, *sizes, flags, 1)
    return out + data + module + rela + dynamic
