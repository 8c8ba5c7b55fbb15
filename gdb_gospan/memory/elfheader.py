"""The headers of an ELF file: its segments and sections.

Decoded as one numpy table. pyelftools needs 17 ms for the 2,000 segments of a
large process after an import of 30 to 50 ms; this takes well under one.
"""

import os
import stat
from typing import Final, Literal

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.segments import U64, Bytes

PT_LOAD: Final = 1
PT_DYNAMIC: Final = 2
PT_NOTE: Final = 4
PF_X: Final = 1
PF_W: Final = 2
PF_R: Final = 4
ET_EXEC: Final = 2
ET_DYN: Final = 3
ET_CORE: Final = 4
PN_XNUM: Final = 0xFFFF
"""In e_phnum: the true count did not fit and is in sh_info of the first section header."""

_TYPES: Final = {1: "an object file", 2: "an executable", 3: "an executable or a shared library"}

# Elf64_* and Elf32_* of elf.h: a name and a numpy code for each field; W is the word of the class.
_EHDR: Final = (
    "ident:V16 type:u2 machine:u2 version:u4 entry:W phoff:W shoff:W flags:u4 "
    "ehsize:u2 phentsize:u2 phnum:u2 shentsize:u2 shnum:u2 shstrndx:u2"
)
_PHDR: Final = {
    64: "type:u4 flags:u4 offset:W vaddr:W paddr:W filesz:W memsz:W align:W",
    32: "type:u4 offset:W vaddr:W paddr:W filesz:W memsz:W flags:u4 align:W",
}
_SHDR: Final = "name:u4 type:u4 flags:W addr:W offset:W size:W link:u4 info:u4 addralign:W entsize:W"
_SH_INFO: Final = {64: 44, 32: 28}
_SHT_NOBITS: Final = 8
_LONGEST_NAME: Final = 64
"""Of a section that is asked for by name."""

_COMPRESSED: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"BZh", "bzip2"),
)


MOST_HEADERS: Final = 1 << 20
"""Program headers of any core: the mappings that Linux allows a process, where it is told to allow many."""


@attrs.frozen(eq=False, repr=False)
class ProgramHeaders:
    """What an ELF core says about its contents.

    Attributes
    ----------
    bits
        64 or 32.
    byteorder
        Of the process that died.
    machine
        e_machine, such as 62 for amd64.
    header, table
        Where in the file the ELF header ends, and where the program headers begin and end.
    type, flags, offset, address, filesz, memsz
        uint64, shape ``(n,)``, in the order of the file.
    """

    bits: Literal[32, 64]
    byteorder: Literal["little", "big"]
    machine: int
    header: int
    table: tuple[int, int]
    type: U64
    flags: U64
    offset: U64
    address: U64
    filesz: U64
    memsz: U64


def decode(data: Bytes, path: str, most: int = MOST_HEADERS) -> ProgramHeaders:
    """Decode the headers of the core whose bytes are `data`.

    A table that is cut off yields the headers that are there.

    Parameters
    ----------
    most
        Program headers that are believed.

    Raises
    ------
    TargetError
        `data` is not an ELF core, or one that nothing can be read from.
    """
    _recognise(data, path)
    bits: Literal[32, 64] = 64 if data[4] == 2 else 32
    order = "<" if data[5] == 1 else ">"
    ehdr_type = _dtype(_EHDR, bits, order)
    if data[4] not in (1, 2) or data[5] not in (1, 2) or len(data) < ehdr_type.itemsize:
        raise TargetError(f"{path}: the ELF header is cut off or damaged (is the core complete?)")
    ehdr = data[: ehdr_type.itemsize].view(ehdr_type)[0]
    if ehdr["type"] != ET_CORE:
        what = _TYPES.get(int(ehdr["type"]), f"an ELF file of type {int(ehdr['type'])}")
        raise TargetError(f"{path}: this is {what}, not a core (are the program and the core swapped?)")

    phdr_type = _dtype(_PHDR[bits], bits, order)
    if ehdr["phentsize"] != phdr_type.itemsize:
        raise TargetError(
            f"{path}: the ELF header is damaged: it says that a program header has {ehdr['phentsize']} bytes"
        )
    count, begin = int(ehdr["phnum"]), int(ehdr["phoff"])
    if count == PN_XNUM:
        field = int(ehdr["shoff"]) + _SH_INFO[bits]
        if int(ehdr["shoff"]) == 0 or field + 4 > len(data):
            raise TargetError(
                f"{path}: the core is cut off: the count of its segments, 65,535 or more, is missing"
            )
        count = int(data[field : field + 4].view(f"{order}u4")[0])
    count = min(count, max(len(data) - begin, 0) // phdr_type.itemsize)
    if count == 0:
        raise TargetError(
            f"{path}: the core has no program headers in its {len(data):,} bytes (is it cut off?)"
        )
    if count > most:
        raise TargetError(
            f"{path}: malformed core: {count:,} program headers are too many (is the file damaged?)"
        )
    end = begin + count * phdr_type.itemsize
    table = data[begin:end].view(phdr_type)
    columns = ("type", "flags", "offset", "vaddr", "filesz", "memsz")
    return ProgramHeaders(
        bits,
        "little" if order == "<" else "big",
        int(ehdr["machine"]),
        ehdr_type.itemsize,
        (begin, end),
        *(table[name].astype(np.uint64) for name in columns),
    )


def elf_type(path: str | os.PathLike[str]) -> int | None:
    """Return e_type of an ELF file (`ET_EXEC`, `ET_DYN`, `ET_CORE`, …), None for any other file.

    A compressed file counts as a core: nobody compresses executables, and which
    it is shows only when it is unpacked.

    Raises
    ------
    TargetError
        There is no such file, or it cannot be opened.
    """
    try:
        # Without O_NONBLOCK the opening of a named pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123  # it is open already
            start = file.read(18) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError as error:
        raise TargetError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if packer(start):
        return ET_CORE
    if len(start) < 18 or not start.startswith(b"\x7fELF"):
        return None
    return int.from_bytes(start[16:18], "big" if start[5] == 2 else "little")


def packer(start: bytes) -> str | None:
    """Return the program that a file was compressed with, going by its first bytes, or None."""
    return next((tool for magic, tool in _COMPRESSED if start.startswith(magic)), None)


def unpacking(path: str, tool: str) -> str:
    """Return the command that unpacks a compressed file."""
    import shlex  # noqa: PLC0415  # for a message

    return f"{tool} -dc {shlex.quote(path)} > {shlex.quote(path + '.unpacked')}"


def sections(data: Bytes) -> tuple[int, str, npt.NDArray[np.void]]:
    """Return bits, numpy's sign of the byte order, and the section headers of any ELF file.

    The headers are a structured array with the fields of elf.h (name, type,
    flags, addr, offset, size, link, …); empty for a file that has none, or is
    damaged or no ELF file.
    """
    bits = 64 if len(data) > 5 and data[4] == 2 else 32
    order = "<" if len(data) > 5 and data[5] == 1 else ">"
    shdr_type = _dtype(_SHDR, bits, order)
    ehdr_type = _dtype(_EHDR, bits, order)
    if data[:4].tobytes() != b"\x7fELF" or len(data) < ehdr_type.itemsize:
        return bits, order, np.empty(0, shdr_type)
    ehdr = data[: ehdr_type.itemsize].view(ehdr_type)[0]
    begin, count = int(ehdr["shoff"]), int(ehdr["shnum"])
    if ehdr["shentsize"] != shdr_type.itemsize or begin + count * shdr_type.itemsize > len(data):
        count = 0
    return bits, order, data[begin : begin + count * shdr_type.itemsize].view(shdr_type)


def named_sections(data: Bytes) -> dict[str, npt.NDArray[np.void]]:
    """Return the section headers of any ELF file by name, one row each; as of `sections`."""
    bits, order, headers = sections(data)
    if not len(headers):
        return {}
    ehdr_type = _dtype(_EHDR, bits, order)
    index = int(data[: ehdr_type.itemsize].view(ehdr_type)[0]["shstrndx"])
    if index >= len(headers):
        return {}
    strings = contents(data, headers[index : index + 1])
    found: dict[str, npt.NDArray[np.void]] = {}
    for row, begin in enumerate(headers["name"].tolist()):
        name = strings[begin : begin + _LONGEST_NAME].tobytes().partition(b"\0")[0]
        found.setdefault(name.decode("latin-1"), headers[row : row + 1])
    return found


def contents(data: Bytes, section: npt.NDArray[np.void]) -> Bytes:
    """Return what a section has in the file, without a copy: less than its header claims where the file ends."""
    if int(section["type"][0]) == _SHT_NOBITS:
        return data[:0]
    begin = int(section["offset"][0])
    return data[begin : begin + int(section["size"][0])]


def segments(data: Bytes) -> tuple[int, str, npt.NDArray[np.void]]:
    """Return bits, numpy's sign of the byte order, and the program headers of any ELF file.

    The headers are a structured array with the fields of elf.h (type, flags,
    offset, vaddr, filesz, memsz, …); empty for a file that has none, or is
    damaged or no ELF file.
    """
    bits = 64 if len(data) > 5 and data[4] == 2 else 32
    order = "<" if len(data) > 5 and data[5] == 1 else ">"
    phdr_type = _dtype(_PHDR[bits], bits, order)
    ehdr_type = _dtype(_EHDR, bits, order)
    if data[:4].tobytes() != b"\x7fELF" or len(data) < ehdr_type.itemsize:
        return bits, order, np.empty(0, phdr_type)
    ehdr = data[: ehdr_type.itemsize].view(ehdr_type)[0]
    begin, count = int(ehdr["phoff"]), int(ehdr["phnum"])
    if ehdr["phentsize"] != phdr_type.itemsize or begin + count * phdr_type.itemsize > len(data):
        count = 0
    return bits, order, data[begin : begin + count * phdr_type.itemsize].view(phdr_type)


def incomplete(data: Bytes) -> str:
    """Say which table or section of any ELF file is not there as a whole; empty when all are."""
    bits = 64 if data[4] == 2 else 32
    order = "<" if data[5] == 1 else ">"
    ehdr_type = _dtype(_EHDR, bits, order)
    if len(data) < ehdr_type.itemsize:
        return "the ELF header is incomplete"
    ehdr = data[: ehdr_type.itemsize].view(ehdr_type)[0]
    for name, begin, size, count in (
        ("program", ehdr["phoff"], _dtype(_PHDR[bits], bits, order).itemsize, ehdr["phnum"]),
        ("section", ehdr["shoff"], _dtype(_SHDR, bits, order).itemsize, ehdr["shnum"]),
    ):
        if count and int(begin) + size * int(count) > len(data):
            return f"{int(count):,} {name} headers at offset {int(begin):,} do not fit in {len(data):,} bytes"
    headers = sections(data)[2]
    headers = headers[headers["type"] != _SHT_NOBITS]
    offset, size = headers["offset"].astype(np.uint64), headers["size"].astype(np.uint64)
    room = np.uint64(len(data)) - np.minimum(offset, np.uint64(len(data)))
    beyond = np.flatnonzero((size > room) & (size > 0))
    return f"section {beyond[0]} ends beyond the file's {len(data):,} bytes" if len(beyond) else ""


def file_header(data: Bytes) -> tuple[int, int]:
    """Return e_type and e_entry of any ELF file, 0 and 0 of what is none."""
    bits = 64 if len(data) > 5 and data[4] == 2 else 32
    ehdr_type = _dtype(_EHDR, bits, "<" if len(data) > 5 and data[5] == 1 else ">")
    if data[:4].tobytes() != b"\x7fELF" or len(data) < ehdr_type.itemsize:
        return 0, 0
    ehdr = data[: ehdr_type.itemsize].view(ehdr_type)[0]
    return int(ehdr["type"]), int(ehdr["entry"])


def _dtype(fields: str, bits: int, order: str) -> np.dtype[np.void]:
    pairs = (field.split(":") for field in fields.replace("W", f"u{bits // 8}").split())
    return np.dtype([(name, order + code) for name, code in pairs])


def _recognise(data: Bytes, path: str) -> None:
    """Raise the error that says what the file is, unless it is ELF."""
    magic = data[:16].tobytes()
    if magic.startswith(b"\x7fELF"):
        if len(data) < 16:
            raise TargetError(f"{path}: the core is cut off after {len(data)} bytes")
        return
    if not magic:
        raise TargetError(
            f"{path}: the file is empty: no core was written (disk full, or `ulimit -c` too low?)"
        )
    if tool := packer(magic):
        raise TargetError(f"{path}: the core is compressed (unpack it first: {unpacking(path, tool)})")
    raise TargetError(f"{path}: not an ELF core")
