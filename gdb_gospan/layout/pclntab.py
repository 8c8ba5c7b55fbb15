"""Function names and lines of a Go program without a symbol table, from the runtime's own table (pclntab).

The runtime needs it to print stacks, so neither ``-ldflags=-s`` nor ``strip`` takes it
away. It begins with a pcHeader (`pcheader`). An executable is asked for its moduledata, which tells runtime.text
where the header does not, and its own table from that of a program that it carries along. pclntable begins with the
ftab: a pair of u4 for each function, entryoff from runtime.text and funcoff from pclntable, then the end of the last one.
At funcoff is a _func, which begins with entryoff, nameoff from funcnametab, args, deferreturn, then pcsp, pcfile
and pcln from pctab: tables of the stack's depth, the file's number and the line at each instruction, whose end is that of
the function; npcdata, and cuOffset: from there on cutab has where filetab has the name of each file.
(runtime/symtab.go, moduledata, step and funcline1; runtime/runtime2.go, _func; cmd/link/internal/ld/pcln.go.)
"""

from __future__ import annotations

import contextlib
import mmap
import os
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gdb_gospan.layout.gofile import GoFile
from gdb_gospan.layout.inlining import Call, Inlining
from gdb_gospan.layout.pcheader import read_header, read_table
from gdb_gospan.layout.pctables import Func, PcTables, Places, value_at
from gdb_gospan.memory import ADDRESS_SPACE, Memory


class FunctionTable:
    """The functions of one Go module; empty when there is no table, or it is damaged.

    Names are those of ``.symtab`` with these differences, all Go's own:
    what both ABIs call has one name here, where a symbol may end in ``.abi0``;
    until Go 1.20 type arguments are ``[...]``; a middle dot is no dot; functions of C are
    not there. Programs whose text is split into several
    sections, which Go's linker makes of very large ones on arm and ppc64, are named
    right in the first section only.

    Parameters
    ----------
    memory
        Has the table, which no program changes.
    header
        Address of its pcHeader in that memory.
    text
        Address of runtime.text where the program runs; if None, the header must tell.
    words
        Those of the moduledata, as linked; without them inlined functions have no names.
    """

    def __init__(
        self, memory: Memory, header: int, text: int | None = None, words: tuple[int, ...] = ()
    ) -> None:
        self._entries: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
        self._offsets = self._entries
        self._tables: PcTables | None = None
        self._words = words
        self._text = 0
        found = read_header(memory, header)
        if found is None:
            return
        self._tables = PcTables(memory, found)
        self._text = found.text_start if text is None else text
        table = read_table(memory, found)
        if table is not None and self._text:
            self._entries, self._offsets = table[::2], table[1::2]

    @classmethod
    def of_executable(cls, path: str | os.PathLike[str], bias: int = 0) -> FunctionTable:
        """Return the functions of an ELF executable, which needs no sections.

        Parameters
        ----------
        path
            The file; it stays mapped.
        bias
            What the loader added to every address; 0 unless the file is a PIE.
        """
        data: mmap.mmap | bytes = bytes(1)
        # An empty file cannot be mapped.
        with contextlib.suppress(OSError, ValueError), open(path, "rb") as file:  # noqa: PTH123  # as in elfsymbols
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        program = GoFile(data)
        for header in program.headers():
            if module := program.module(header):
                return cls(program.memory, header.address, module.text + bias, module.words)
        return cls(program.memory, 0)

    def __len__(self) -> int:
        return len(self._offsets)

    def function(self, address: int) -> str | None:
        """Return the name of the function that the code at `address` belongs to, or None.

        It is the function that exists, whatever is inlined there.
        """
        found = self._code(address)
        return None if found is None or self._tables is None else self._tables.name(found.name)

    def depth(self, address: int) -> int | None:
        """Return how far the stack pointer is below the return address at that instruction, or None where not known.

        By the function's pcsp table (runtime/symtab.go, funcspdelta); 0 at its entry, and throughout a function
        that has no frame of its own.
        """
        found = self._func(address)
        if found is None or self._tables is None:
            return None
        return value_at(self._tables.values(found.depths), found.inside)

    def line(self, address: int) -> tuple[str, int] | None:
        """Return the file and the line of the instruction at `address`, or None where not known.

        Of a function that is inlined there, it is the line in that one.
        """
        found = self._func(address)
        return None if found is None or self._tables is None else Places(self._tables, found).at(found.inside)

    def calls(self, address: int) -> tuple[Call, ...]:
        """Return the calls that the instruction at `address` belongs to; none where no function is.

        The innermost is first, with the file and the line of the instruction; each other one called the one before it,
        at its own file and line. The last is that of the function that exists, which is all where nothing is inlined.
        They are those of runtime.CallersFrames, and also the wrappers, which it leaves out.
        """
        found = self._code(address)
        return () if found is None or self._inlining is None else self._inlining.calls(found)

    def entry(self, address: int) -> int | None:
        """Return where the function begins that the code at `address` belongs to, or None."""
        found = self._func(address)
        return None if found is None else address - found.inside

    @cached_property
    def _inlining(self) -> Inlining | None:
        return None if self._tables is None else Inlining(self._tables, self._offsets, self._words)

    def _code(self, address: int) -> Func | None:
        """Return what there is of the function that has code at this address, which has none behind its tables."""
        found = self._func(address)
        if found is None or self._tables is None:
            return None
        *_, end = (0, *(end for end, _ in self._tables.values(found.depths)))
        # Padding has no function: where a signal handler returns to begins behind some, say.
        return None if found.depths and found.inside >= end > 0 else found

    def _func(self, address: int) -> Func | None:
        """Return what there is of the function that has this address; nothing if its entry is not that of the ftab."""
        offset = (address - self._text) % ADDRESS_SPACE
        if self._tables is None or not len(self) or offset >= int(self._entries[-1]):
            return None
        i = int(np.searchsorted(self._entries, np.uint32(offset), side="right")) - 1
        if i < 0:
            return None
        found = self._tables.func(int(self._offsets[i]), offset)
        return None if found is None or found.inside != offset - int(self._entries[i]) else found
