"""Small ELF executables with DWARF as Go's linker writes it, built byte by byte."""

from __future__ import annotations

import struct
import zlib

#: Tag and attributes (name, form) by abbreviation code; the codes are ours, the shapes are Go's.
STRING, UDATA, EXPRLOC, REF_ADDR = 0x08, 0x0F, 0x18, 0x10
NAME, BYTE_SIZE, LOCATION, TYPE, COUNT, UPPER_BOUND, MEMBER_LOCATION = (
    0x03,
    0x0B,
    0x02,
    0x49,
    0x37,
    0x2F,
    0x38,
)
UNIT, VARIABLE, MEMBER, RANGE, BOUND, ARRAY, POINTER, BASE, STRUCT, BARE, TYPEDEF = (
    1, 10, 24, 27, 28, 30, 35, 36, 39, 41, 42,
)  # fmt: skip
ABBREVIATIONS = {
    UNIT: (0x11, True, ((NAME, STRING),)),
    VARIABLE: (0x34, False, ((NAME, STRING), (LOCATION, EXPRLOC), (TYPE, REF_ADDR))),
    MEMBER: (0x0D, False, ((NAME, STRING), (MEMBER_LOCATION, UDATA), (TYPE, REF_ADDR))),
    RANGE: (0x21, False, ((COUNT, UDATA),)),
    BOUND: (0x21, False, ((UPPER_BOUND, UDATA),)),
    ARRAY: (0x01, True, ((NAME, STRING), (TYPE, REF_ADDR), (BYTE_SIZE, UDATA))),
    POINTER: (0x0F, False, ((NAME, STRING), (TYPE, REF_ADDR))),
    BASE: (0x24, False, ((NAME, STRING), (BYTE_SIZE, UDATA))),
    STRUCT: (0x13, True, ((NAME, STRING), (BYTE_SIZE, UDATA))),
    BARE: (0x0F, False, ((NAME, STRING),)),
    TYPEDEF: (0x16, False, ((NAME, STRING), (TYPE, REF_ADDR))),
}


def uleb(number: int) -> bytes:
    """Encode a number as ULEB128."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def abbreviations() -> bytes:
    """Return .debug_abbrev."""
    out = b""
    for code, (tag, children, attributes) in ABBREVIATIONS.items():
        out += uleb(code) + uleb(tag) + bytes([children])
        out += b"".join(uleb(name) + uleb(form) for name, form in attributes) + b"\0\0"
    return out + b"\0"


class Info:
    """.debug_info, written from front to back; references go by label and may come first.

    Parameters
    ----------
    version
        Of DWARF, 4 or 5.
    order
        "<" or ">".
    """

    def __init__(self, version: int = 5, order: str = "<") -> None:
        self.version = version
        self.order = order
        self.data = bytearray()
        self._labels: dict[str, int] = {}
        self._references: list[tuple[int, str]] = []
        self._unit = 0

    def unit(self, name: str) -> None:
        """Begin a compilation unit."""
        self._unit = len(self.data)
        kind = b"\x01\x08" if self.version >= 5 else b""
        tail = b"" if self.version >= 5 else b"\x08"
        self.data += bytes(4) + struct.pack(f"{self.order}H", self.version) + kind + bytes(4) + tail
        self.die(UNIT, name)

    def die(self, code: int, *values: str | int | bytes, label: str = "") -> None:
        """Write one entry; a reference is given as a label, a location as bytes."""
        if label:
            self._labels[label] = len(self.data)
        self.data += uleb(code)
        for (_, form), value in zip(ABBREVIATIONS[code][2], values, strict=True):
            if form == REF_ADDR:
                self._references.append((len(self.data), str(value)))
                self.data += bytes(4)
            elif isinstance(value, bytes):
                self.data += uleb(len(value)) + value
            elif isinstance(value, str):
                self.data += value.encode() + b"\0"
            else:
                self.data += uleb(value)

    def point_to(self, label: str, offset: int) -> None:
        """Give the offset of an entry that this object did not write."""
        self._labels[label] = offset

    def end(self, *, unit: bool = False) -> None:
        """End the children of the last entry that has some; with `unit` also the unit."""
        self.data += b"\0"
        if unit:
            length = len(self.data) - self._unit - 4
            struct.pack_into(f"{self.order}I", self.data, self._unit, length)

    def bytes(self) -> bytes:
        """Return the section with all references filled in."""
        for at, label in self._references:
            struct.pack_into(f"{self.order}I", self.data, at, self._labels[label])
        return bytes(self.data)


def symbols(rows: list[tuple[int, int, int, int, int]], order: str = "<") -> bytes:
    """Return .symtab of 64 bits; a row is (offset of the name, info, section, value, size)."""
    return b"".join(
        struct.pack(f"{order}IBBHQQ", name, info, 0, section, value, size)
        for name, info, section, value, size in rows
    )


def executable(
    sections: dict[str, bytes], *, order: str = "<", compress: str = "", kind: int = 2, entry: int = 0
) -> bytes:
    """Return an ELF file of 64 bits; .symtab is linked to .strtab.

    Parameters
    ----------
    compress
        "" for nothing, "elf" for SHF_COMPRESSED, "gnu" for .zdebug: of the debug sections.
    """
    body, table = b"", [bytes(64)]
    contents = {**sections, ".shstrtab": b""}
    index = {name: i for i, name in enumerate(contents, 1)}
    shown = {name: name.replace(".debug", ".zdebug") if compress == "gnu" else name for name in contents}
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in shown.values())
    contents[".shstrtab"] = strings
    for name, data in contents.items():
        flags, written = 0, data
        if name.startswith(".debug") and compress == "elf":
            flags, written = 0x800, struct.pack(f"{order}IIQQ", 1, 0, len(data), 1) + zlib.compress(data)
        elif name.startswith(".debug") and compress == "gnu":
            written = b"ZLIB" + struct.pack(">Q", len(data)) + zlib.compress(data)
        sort = {".symtab": 2, ".strtab": 3, ".shstrtab": 3}.get(name, 1)
        link = index.get(".strtab", 0) if name == ".symtab" else 0
        at = strings.index(b"\0" + shown[name].encode() + b"\0") + 1
        size = 24 if name == ".symtab" else 0
        table.append(
            struct.pack(
                f"{order}IIQQQQIIQQ", at, sort, flags, 0, 64 + len(body), len(written), link, 0, 1, size
            )
        )
        body += written
    ident = b"\x7fELF" + bytes([2, 1 if order == "<" else 2, 1]) + bytes(9)
    header = struct.pack(
        f"{order}HHIQQQIHHHHHH",
        kind,
        62,
        1,
        entry,
        0,
        64 + len(body),
        0,
        64,
        56,
        0,
        64,
        len(table),
        len(table) - 1,
    )
    return ident + header + body + b"".join(table)
