"""Explain why the kernel forbids reading a process: Yama, user namespaces, capabilities, seccomp."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Final

import attrs

_OVERFLOW: Final = Path("/proc/sys/kernel/overflowuid")
_SUBUID: Final = Path("/etc/subuid")
_CAP_SYS_PTRACE: Final = 19
_FILTER: Final = "2"
"""In the line Seccomp of /proc/PID/status: system calls go through a filter."""
_ALL_USERS: Final = ["0", "0", "4294967295"]
"""/proc/PID/uid_map outside of any user namespace but the first."""


@attrs.frozen
class Caller:
    """The rights of this process to read another one.

    Attributes
    ----------
    user
        Effective user id.
    may_trace
        Whether it has CAP_SYS_PTRACE, over processes of its own user namespace.
    filtered
        Whether its system calls go through a filter (seccomp).
    namespace
        Whether it is in a user namespace, as in a rootless container.
    subordinate
        User ids that are its own's to give to rootless containers (subuid(5)).
    """

    user: int
    may_trace: bool
    filtered: bool
    namespace: bool
    subordinate: tuple[range, ...] = ()


def caller() -> Caller:
    """Return the rights of this process."""
    fields = dict(line.split(":", 1) for line in _lines(Path("/proc/self/status")) if ":" in line)
    user = os.geteuid()
    return Caller(
        user,
        bool(int(fields.get("CapEff", "0"), 16) >> _CAP_SYS_PTRACE & 1),
        fields.get("Seccomp", "").strip() == _FILTER,
        [line.split() for line in _lines(Path("/proc/self/uid_map"))] != [_ALL_USERS],
        tuple(_subordinate(user)),
    )


def refusal(pid: int, user: int, own: Caller, scope: int) -> str:
    """Return why process `pid` cannot be read, and what to try.

    Parameters
    ----------
    user
        The owner of the process.
    scope
        kernel.yama.ptrace_scope; 0, which restricts nothing, where there is no Yama.
    """
    if own.namespace and str(user) in _lines(_OVERFLOW):
        return "it belongs to a user outside this user namespace, as in a rootless container (try: run go-spans on the host)"
    if own.user not in (user, 0):
        if any(user in users for users in own.subordinate):
            return (
                f"it belongs to user {user} of a rootless container of yours (try: podman unshare, or sudo)"
            )
        return f"it belongs to {_name(user)} (try: sudo)"
    if scope >= 3:
        return (
            "kernel.yama.ptrace_scope=3 forbids it for everyone until the next boot (try: a core, which ends the program: "
            f"kill -ABRT {pid}, if it was started with GOTRACEBACK=crash and ulimit -c unlimited)"
        )
    if own.user == 0 and not own.may_trace:
        return (
            "root has no CAP_SYS_PTRACE here, as in a container (try: start the "
            "container with --cap-add SYS_PTRACE, or run go-spans on the host)"
        )
    if scope == 2 and own.user != 0:
        return "kernel.yama.ptrace_scope=2 forbids it to all but root (try: sudo)"
    if scope == 1 and own.user != 0:
        return "kernel.yama.ptrace_scope=1 forbids it (try: sudo, or sysctl kernel.yama.ptrace_scope=0)"
    if own.filtered:
        return (
            "a seccomp filter forbids it, as in a container "
            "(try: start the container with --security-opt seccomp=unconfined, or run go-spans on the host)"
        )
    hint = "" if own.user == 0 else "sudo; "
    return f"its capabilities, a sandbox or a container forbid it (try: {hint}in a container: --cap-add SYS_PTRACE)"


def _subordinate(user: int) -> list[range]:
    names = {str(user), _name(user)}
    rows = [line.split(":") for line in _lines(_SUBUID)]
    return [
        range(int(first), int(first) + int(count))
        for name, first, count in (row for row in rows if len(row) == 3)
        if name in names and first.isdecimal() and count.isdecimal()
    ]


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
