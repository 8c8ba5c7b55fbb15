"""gdb sources this file: it writes the page allocator's bitmaps, read through gdb.Value and nothing of ours."""

from __future__ import annotations

import json
from pathlib import Path

import gdb

CHUNK = 512 * 8192
L2 = 1 << 13  # pallocChunksL2Bits on 64 bits (mpagealloc_64bit.go)


def dump_bitmaps(file):
    """Write [address, allocated, scavenged, longest] of each chunk in use.

    Bit i of a bitmap is page i; longest is what the runtime's own summary says (mpagealloc.go, pallocSum).
    """
    pages = gdb.lookup_global_symbol("runtime.mheap_").value()["pages"]
    ranges = pages["inUse"]["ranges"]
    rows = []
    for index in range(int(ranges["len"])):
        base, limit = (int(ranges["array"][index][name]["a"]) for name in ("base", "limit"))
        for address in range(base, limit, CHUNK):
            # Chunks are numbered from the lowest address of a signed 48-bit address space (arenaBaseOffset).
            number = ((address + (1 << 47)) % (1 << 64)) // CHUNK
            chunk = pages["chunks"][number // L2].dereference()[number % L2]
            summary = int(pages["summary"][4]["array"][number])
            longest = summary >> 21 & (1 << 21) - 1
            rows.append([address, bits(chunk["pallocBits"]), bits(chunk["scavenged"]), longest])
    Path(file).write_text(json.dumps(rows))


def bits(bitmap):
    words = [int(bitmap[index]) for index in range(8)]
    return sum(word << (64 * index) for index, word in enumerate(words))
