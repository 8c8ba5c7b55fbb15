"""What the names of mappings say: the kernel's own, and those that a program gives its anonymous memory.

The latter are there where the kernel has CONFIG_ANON_VMA_NAME (Linux 5.17 on). Go's begin with a blank (since Go 1.25,
unless GODEBUG=decoratemappings=0), so that smaps has ``[anon: Go: heap]``; those of glibc 2.39 on do so, too.
"""

from __future__ import annotations

from typing import Final, Literal

Named = Literal[
    "go_heap",
    "runtime",
    "text",
    "c_heap",
    "c_arenas",
    "thread_stacks",
    "anonymous",
    "files",
    "shared",
    "kernel",
]

_NAMES: Final[tuple[tuple[str, Named], ...]] = (
    ("[heap]", "c_heap"),
    ("[stack", "thread_stacks"),
    ("[anon: Go: heap]", "go_heap"),
    ("[anon: Go: heap reservation]", "go_heap"),
    ("[anon: Go: user arena chunk]", "go_heap"),
    ("[anon: Go: OS thread stack]", "thread_stacks"),
    ("[anon: Go:", "runtime"),
    ("[anon: glibc: malloc", "c_arenas"),
    ("[anon: glibc: pthread stack", "thread_stacks"),
    ("[anon: glibc: loader malloc", "anonymous"),
    ("[anon:stack_and_tls", "thread_stacks"),
    ("[anon", "anonymous"),
)
"""What names begin with; the first that fits decides."""
_SHARED: Final = ("/dev/shm/", "/memfd:", "/SYSV", "/dev/zero", "/anon_hugepage", "/dev/dax")  # noqa: S108  # names


def by_name(name: str, mode: str) -> Named | None:
    """Return what a mapping is by its name and its mode, such as ``rw-p``; None for anonymous memory without a name."""
    if name.startswith("/"):
        if name.startswith(_SHARED):
            return "shared"
        return "text" if mode[2] == "x" else "files"
    if mode[3] == "s":
        return "shared"
    if not name:
        return None
    return next((what for begins, what in _NAMES if name.startswith(begins)), "kernel")
