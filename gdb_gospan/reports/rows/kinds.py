"""Pages by what they are: what summary adds up, and map shows of each cell."""

from __future__ import annotations

from gdb_gospan.fields.document import COUNT, Document, document, field


@document
class Kinds(Document):
    """Pages of 8 KiB in the page allocator's ranges, by what they are: a field for each of `mpagealloc.KIND_NAMES`."""

    free: int = field("pages free and kept", unit=COUNT)
    released: int = field("pages free and returned to the operating system, or never touched", unit=COUNT)
    cached: int = field("pages free and kept, in the page cache of a P", unit=COUNT)
    cached_and_released: int = field("pages free and returned, in the page cache of a P", unit=COUNT)
    in_use: int = field("pages of spans of objects", unit=COUNT)
    manual: int = field("pages of spans of stacks and work buffers", unit=COUNT)
    padding: int = field("pages before the first span that are never used (Go 1.26 on)", unit=COUNT)
    in_flight: int = field(
        "allocated pages that no span owns: they are being allocated, freed or scavenged", unit=COUNT
    )
    being_freed: int = field("pages that are free in the bitmap and that a span still claims", unit=COUNT)
    unknown: int = field("pages whose bitmap, or whose owner, could not be read", unit=COUNT)
