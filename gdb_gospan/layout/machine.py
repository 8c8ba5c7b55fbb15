"""GOOS and GOARCH of a program, from the header of its executable."""

from __future__ import annotations

from typing import Final

from gdb_gospan.layout.model import Platform
from gdb_gospan.layout.platform import platform

# GOARCH by e_machine (elf.h), class and byte order.
_ARCHES: Final = {
    (3, 32, "little"): "386",
    (8, 64, "big"): "mips64",
    (8, 64, "little"): "mips64le",
    (21, 64, "big"): "ppc64",
    (21, 64, "little"): "ppc64le",
    (22, 64, "big"): "s390x",
    (40, 32, "little"): "arm",
    (62, 64, "little"): "amd64",
    (183, 64, "little"): "arm64",
    (243, 64, "little"): "riscv64",
    (258, 64, "little"): "loong64",
}
_OSABI_FREEBSD: Final = 9


def elf_platform(machine: int, bits: int, byteorder: str, osabi: int) -> Platform:
    """Describe the machine that an executable is for.

    Parameters
    ----------
    machine, bits, byteorder, osabi
        As `gdb_gospan.memory.executable.Executable` has them.

    Raises
    ------
    TargetError
        Go has no such architecture.
    """
    arch = _ARCHES.get((machine, bits, byteorder), f"e_machine {machine}")
    return platform("freebsd" if osabi == _OSABI_FREEBSD else "linux", arch)
