"""Core files of test programs, by the kernel and by gdb's gcore, made once for each program and arguments."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tools import guests, held, processes
from tools.cache import Unavailable, locked, once, root, trim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Kind = Literal["kernel", "gcore", "crash", "guest"]
KINDS: tuple[Kind, ...] = ("kernel", "gcore")
LIMIT = 6 << 30
CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")


@dataclass(frozen=True)
class Core:
    """A core file and what its program said about itself.

    Attributes
    ----------
    kind
        Who wrote it: "kernel" (the program died of SIGABRT), "gcore" (it was asleep), "guest" (qemu, as the kernel).
    path, executable
        The core file and the program.
    stdout
        The line of JSON that the program printed last: runtime.MemStats and more.
    """

    kind: Kind
    path: Path
    executable: Path
    stdout: dict[str, Any]


def core(kind: Kind, executable: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Core:
    """Return the core of that kind of a program that takes ``-end abort|sleep``."""
    make = {"kernel": kernel_core, "gcore": gcore_core, "crash": crash_core}[kind]
    return make(executable, *arguments, env=env)


def kernel_core(executable: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Core:
    """Return the core that the kernel writes when the program aborts; cached."""
    return cached("kernel", executable, arguments, env, _dump_by_kernel)


def gcore_core(executable: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Core:
    """Return the core that gdb's gcore writes of the sleeping program; cached."""
    return cached("gcore", executable, arguments, env, _dump_by_gdb)


def crash_core(executable: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Core:
    """Return the core of a program that SIGABRT stops in the middle of its work, by Go's own handler; cached.

    One thread has made half of a span, and the others wait. With GOTRACEBACK=crash every thread gets
    a signal and prints its stack before the program dies.
    """
    return cached("crash", executable, arguments, {"GOTRACEBACK": "crash", **(env or {})}, _dump_by_go)


def guest_core(goarch: str, executable: Path, *arguments: str) -> Core:
    """Return the core that qemu writes when a program for another architecture aborts; cached."""
    qemu = guests.qemu(goarch)
    return cached("guest", executable, arguments, None, lambda new, *rest: _dump_by_qemu(qemu, new, *rest))


def gcore(pid: int, path: Path, *commands: str) -> None:
    """Write a core of a running process with the gdb on PATH, after these commands, and make its zero pages holes."""
    gdb = shutil.which("gdb")
    if not gdb:
        raise Unavailable("no gdb on PATH to write a core with gcore")
    with staged(path) as full:
        argv = [gdb, "-nx", "-batch", "-iex", "set auto-load no", "-p", str(pid)]
        argv += [word for command in (*commands, f"gcore {full}") for word in ("-ex", command)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
        if "Operation not permitted" in done.stderr:
            raise Unavailable(f"this machine does not let gdb attach: {done.stderr.strip().splitlines()[-1]}")
        assert full.exists(), f"gcore wrote no core:\n{done.stdout}{done.stderr}"


@contextlib.contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Give a path for a core to be written to; what is zero in it becomes holes in `path`."""
    with tempfile.TemporaryDirectory(prefix="gospan-gcore-", dir=_staging()) as folder:
        full = Path(folder) / "core"
        yield full
        subprocess.run(["cp", "--sparse=always", str(full), str(path)], check=True)


def kill(program: processes.Running, cwd: Path, path: Path) -> None:
    """End a program that runs in folder `cwd` and may dump core, and move its core to `path`."""
    died(program, cwd, path, lambda: os.kill(program.pid, signal.SIGABRT))


def died(program: processes.Running, cwd: Path, path: Path, end: Callable[[], object]) -> None:
    """Have `end` end a program that runs in folder `cwd` and may dump core, and move its core to `path`."""
    with _core_pattern() as pattern:
        end()
        program.process.wait(60)  # its output may go on: that of its children
    written = _find_core(pattern, cwd, program.pid)
    if written is None:
        raise Unavailable(f"the kernel wrote no core (core_pattern is {pattern})")
    shutil.move(written, path)


def _staging() -> Path | None:
    """Return where gdb writes a core first: in memory if there is plenty, else None, the usual folder.

    gdb writes also what is reserved and not accessible, as zeros: over a GB since Go 1.21, of which 2 % remain.
    """
    memory = Path("/dev/shm")
    with contextlib.suppress(OSError):
        available = re.search(r"MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text())
        plenty = available is not None and int(available[1]) > 8 << 20
        if plenty and shutil.disk_usage(memory).free > 4 << 30 and os.access(memory, os.W_OK):
            return memory
    return None


def cached(
    kind: Kind,
    executable: Path,
    arguments: tuple[str, ...],
    env: Mapping[str, str] | None,
    dump: Callable[[Path, Path, tuple[str, ...], Mapping[str, str] | None], None],
) -> Core:
    """Return the core that ``dump`` makes of a program with these arguments; it is made once."""
    parts = [
        kind,
        str(executable),  # a core tells where its program was
        _file_digest(executable),
        *arguments,
        *(f"{k}={v}" for k, v in sorted((env or {}).items())),
    ]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    folder = root() / "cores"
    made = once(folder / f"{executable.name}-{kind}-{key}", lambda new: dump(new, executable, arguments, env))
    trim(folder, LIMIT)
    return Core(kind, made / "core", executable, json.loads((made / "stdout.json").read_text()))


def _dump_by_kernel(
    folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    if os.geteuid() != 0 and resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        raise Unavailable("the hard limit of core files is 0 (ulimit -H -c)")
    with (
        _core_pattern() as pattern,
        processes.start(executable, *arguments, "-end", "abort", env=env, cwd=folder, core=True) as program,
    ):
        (folder / "stdout.json").write_text(program.line())
        program.rest()
    written = _find_core(pattern, folder, program.pid)
    if written is None:
        raise Unavailable(f"the kernel wrote no core (core_pattern is {pattern})")
    shutil.move(written, folder / "core")


def aborted(executable: Path, folder: Path) -> Path:
    """Write the core of a program that takes ``-end abort`` to this folder; it is large, and not kept."""
    _dump_by_kernel(folder, executable, (), None)
    return folder / "core"


def _dump_by_qemu(
    qemu: str, folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    # qemu then dies of the same signal, and the kernel would dump its memory too.
    script = 'echo 0 >/proc/self/coredump_filter; exec "$@"'
    command = ("-c", script, "sh", qemu, str(executable), *arguments, "-end", "abort")
    with processes.start(Path("/bin/sh"), *command, env=env, cwd=folder, core=True) as program:
        (folder / "stdout.json").write_text(program.line())
        program.rest()
    written = next(folder.glob("qemu_*.core"), None)
    if written is None:
        raise Unavailable(f"{qemu} wrote no core of {executable.name}")
    subprocess.run(["cp", "--sparse=always", str(written), str(folder / "new")], check=True)
    for path in folder.iterdir():
        if path.name not in ("stdout.json", "new"):
            path.unlink()
    (folder / "new").rename(folder / "core")


def _dump_by_go(
    folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    with held.at(held.SPAN_HALF_MADE, executable, *arguments, env=env, cwd=folder, core=True) as program:
        kill(program.running, folder, folder / "core")
    (folder / "stdout.json").write_text("{}")


def _dump_by_gdb(
    folder: Path, executable: Path, arguments: tuple[str, ...], env: Mapping[str, str] | None
) -> None:
    with processes.start(executable, *arguments, "-end", "sleep", env=env) as program:
        (folder / "stdout.json").write_text(program.line())
        gcore(program.pid, folder / "core")


@contextlib.contextmanager
def _core_pattern() -> Iterator[str]:
    """Have the kernel write core files, not feed them to a handler; gives the pattern in force.

    Only root can change the pattern, which is one for the whole machine: it is put back as soon as
    the one core is written.
    """
    pattern = CORE_PATTERN.read_text().strip()
    if not pattern.startswith("|"):
        yield pattern
        return
    with locked("core_pattern"):
        pattern = CORE_PATTERN.read_text().strip()  # another worker may just have put it back
        try:
            CORE_PATTERN.write_text("core")
        except OSError as error:
            reason = "cores go to a handler"
            raise Unavailable(
                f"{reason} ({CORE_PATTERN} is {pattern!r}) and it cannot be changed: {error.strerror}"
            ) from None
        try:
            yield "core"
        finally:
            CORE_PATTERN.write_text(pattern)


def _find_core(pattern: str, folder: Path, pid: int) -> Path | None:
    """Return the core of process `pid` that was written to `pattern` by a program running in `folder`."""
    known = {"%p": str(pid), "%P": str(pid), "%%": "%"}
    glob = re.sub("%.", lambda match: known.get(match[0], "*"), pattern)
    base = (folder / glob).parent
    names = {Path(glob).name, f"{Path(glob).name}.{pid}"}  # with core_uses_pid the kernel adds the number
    found = [path for name in names for path in base.glob(name) if path.name != "stdout.json"]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


@functools.cache
def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
