"""The symbol table of an executable: where a name lies, and which function an address is in."""

from __future__ import annotations

import mmap
import os
from functools import cached_property
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.memory import elfheader
from gdb_gospan.memory.cost import allowance

# Elf64_Sym and Elf32_Sym of elf.h: a name and a numpy code for each field.
_SYM: Final = {
    64: "name:u4 info:u1 other:u1 shndx:u2 value:u8 size:u8",
    32: "name:u4 value:u4 size:u4 info:u1 other:u1 shndx:u2",
}
_SHT_SYMTAB: Final = 2
_STT_OBJECT: Final = 1
_STT_FUNC: Final = 2


@attrs.frozen(eq=False, repr=False)
class Found:
    """A symbol: its address and size, and whether it is data."""

    address: int
    size: int
    is_data: bool


class SymbolTable:
    """``.symtab`` of the ELF file at `path`; empty when it is stripped, damaged or no such file.

    So is one that claims to be larger than the file can be believed to hold.

    Decoded as one numpy table, without pyelftools: a program has tens of
    thousands of symbols, and gdb waits for this at the first command.

    Parameters
    ----------
    path
        The file. It is read at once and not needed later.
    bias
        What the loader added to every address; 0 unless the file is a PIE.
    """

    def __init__(self, path: str | os.PathLike[str], bias: int = 0) -> None:
        self.bias = bias
        self._strings = b""
        self._table: npt.NDArray[Any] = np.empty(0, _record(64, "<"))
        try:
            with open(path, "rb") as file:  # noqa: PTH123  # needs no pathlib, as gdb's first command
                data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
                most = allowance(file.fileno())
        except (OSError, ValueError):  # an empty file cannot be mapped
            return
        bits, order, sections = elfheader.sections(data)
        for section in sections[sections["type"] == _SHT_SYMTAB][:1]:
            record = _record(bits, order)
            begin, size = int(section["offset"]), int(section["size"])
            symbols = data[begin : begin + size]
            if int(section["link"]) >= len(sections) or len(symbols) < size:
                return
            strings = sections[int(section["link"])]
            if size + int(strings["size"]) > most:
                return
            begin = int(strings["offset"])
            self._strings = data[begin : begin + int(strings["size"])].tobytes()
            self._table = symbols[: size - size % record.itemsize].view(record).copy()

    def __len__(self) -> int:
        return len(self._table)

    def address(self, name: str) -> int | None:
        """Return the address of the symbol called `name`, or None."""
        found = self.find(name)
        return None if found is None else found.address

    def find(self, name: str) -> Found | None:
        """Return the symbol called `name`, or None."""
        wanted = name.encode("utf-8", "surrogateescape") + b"\0"
        at = self._strings.find(wanted)
        while at >= 0:  # a linker may let a name be the end of a longer one
            defined = self._table[(self._table["name"] == at) & (self._table["shndx"] != 0)]
            if len(defined):
                kind = int(defined[0]["info"]) & 0xF
                return Found(
                    int(defined[0]["value"]) + self.bias, int(defined[0]["size"]), kind == _STT_OBJECT
                )
            at = self._strings.find(wanted, at + 1)
        return None

    def data_names(self) -> list[str]:
        """Return the names of all data symbols."""
        data = self._table[(self._table["info"] & 0xF) == _STT_OBJECT]
        ends = (self._strings.find(b"\0", begin) for begin in data["name"].tolist())
        return [
            self._strings[begin:end].decode("utf-8", "replace")
            for begin, end in zip(data["name"].tolist(), ends, strict=True)
        ]

    def any_begins_with(self, prefix: str) -> bool:
        """Whether any symbol name begins with this prefix."""
        return b"\0" + prefix.encode() in self._strings

    def function(self, address: int) -> str | None:
        """Return the name of the function that the code at `address` belongs to, or None."""
        functions = self._functions
        i = int(np.searchsorted(functions["value"], max(address - self.bias, 0), side="right")) - 1
        if i < 0 or address - self.bias - int(functions[i]["value"]) >= max(int(functions[i]["size"]), 1):
            return None
        begin = int(functions[i]["name"])
        return self._strings[begin : self._strings.find(b"\0", begin)].decode("utf-8", "replace")

    def data_at(self, addresses: npt.NDArray[np.uint64]) -> list[tuple[str, int] | None]:
        """Return the name of the variable that each address lies in, and where that begins; None where there is none."""
        data = self._data
        begins = data["value"].astype(np.uint64) + np.uint64(self.bias)
        row = np.searchsorted(begins, addresses, side="right") - 1
        found: list[tuple[str, int] | None] = []
        for address, i in zip(addresses.tolist(), row.tolist(), strict=True):
            inside = i >= 0 and address - int(begins[i]) < int(data[i]["size"])
            found.append((self._name(int(data[i]["name"])), int(begins[i])) if inside else None)
        return found

    def _name(self, begin: int) -> str:
        return self._strings[begin : self._strings.find(b"\0", begin)].decode("utf-8", "replace")

    @cached_property
    def _data(self) -> npt.NDArray[Any]:
        data = self._table[(self._table["info"] & 0xF) == _STT_OBJECT]
        by_address: npt.NDArray[Any] = data[np.argsort(data["value"], kind="stable")]
        return by_address

    @cached_property
    def _functions(self) -> npt.NDArray[Any]:
        functions = self._table[(self._table["info"] & 0xF) == _STT_FUNC]
        by_address: npt.NDArray[Any] = functions[np.argsort(functions["value"], kind="stable")]
        return by_address


def _record(bits: int, order: str) -> np.dtype[np.void]:
    fields = (field.split(":") for field in _SYM[bits].split())
    return np.dtype([(name, order + code) for name, code in fields])
