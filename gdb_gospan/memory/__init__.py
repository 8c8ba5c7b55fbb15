"""The target's bytes, behind one protocol for all sources.

`Memory` is all that the layers above know. What implements it here needs no
debugger: `elfcore.CoreFile`, `procmem.ProcessMemory` and `image.Image`.
"""

from gdb_gospan.memory.model import ADDRESS_SPACE, Memory, Rows, Unreadable

__all__ = ["ADDRESS_SPACE", "Memory", "Rows", "Unreadable"]
