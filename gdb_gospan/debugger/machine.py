"""The platform of the program, as gdb knows it."""

from __future__ import annotations

import gdb

from gdb_gospan.debugger.text_output import said
from gdb_gospan.layout.model import Platform
from gdb_gospan.layout.platform import platform

# gdb's architecture names, by their beginning (gdb: set architecture).
_ARCHES = (
    ("i386:x86-64", "amd64"),
    ("i386", "386"),
    ("aarch64", "arm64"),
    ("arm", "arm"),
    ("riscv:rv64", "riscv64"),
    ("powerpc:common64", "ppc64le"),
    ("s390:64-bit", "s390x"),
    ("Loongarch64", "loong64"),
)


def machine(inferior: gdb.Inferior) -> Platform:
    """Return the platform of this inferior; `TargetError` if Go does not support its architecture."""
    name = inferior.architecture().name()
    arch = next((arch for start, arch in _ARCHES if name.startswith(start)), name)
    freebsd = "FreeBSD" in said("show osabi")
    return platform("freebsd" if freebsd else "linux", arch)
