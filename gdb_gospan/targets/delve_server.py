"""A session on a process or core that a headless Delve debugs, on this machine or another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Final

from gdb_gospan.analysis.rules import VDSO_CALLERS
from gdb_gospan.analysis.session import Session, Target
from gdb_gospan.analysis.standing import FRAMES, Stack, at_bottom
from gdb_gospan.errors import TargetError
from gdb_gospan.layout.delvetypes import DelveTypes
from gdb_gospan.layout.platform import platform
from gdb_gospan.memory import delveanswers
from gdb_gospan.memory.delve import DelveMemory
from gdb_gospan.memory.delveanswers import Thread
from gdb_gospan.memory.jsonrpc import CallError, Connection
from gdb_gospan.memory.stopped import Stopped
from gdb_gospan.runtime.program import open_heap
from gdb_gospan.targets.delve_expressions import DelveExpressions
from gdb_gospan.targets.delve_still import Still
from gdb_gospan.targets.description import no_runtime

LEFT_OUT: Final = {"runtime.sigtrampgo": ("runtime.sigtramp", ""), "runtime.newstack": ("runtime.morestack",)}
"""Delve leaves out the callers of these, and continues on the stack that a signal or morestack has interrupted."""
_ARCHES: Final = {"Rip": ("amd64", 8), "Eip": ("386", 4)}
"""GOARCH and the bytes of a pointer by the name of the register that tells where a thread is."""
_NAMELESS: Final = "this program"


def open_session(address: str, runtime: str | None = None) -> Session:
    """Open what the Delve at ``HOST:PORT`` debugs, without disturbing it or its other clients.

    Parameters
    ----------
    runtime
        By number or name; Delve knows only the runtime of the program itself.

    Raises
    ------
    GoSpansError
        There is no Delve, or it serves only one client; the program is running, or is not a Go program.
    """
    connection = Connection(address)
    try:
        return _session(connection, runtime)
    except BaseException:
        connection.close()
        raise


def _session(connection: Connection, runtime: str | None) -> Session:
    address = connection.address
    # First, because Delve answers no other call while the program runs.
    state = connection.call("State", delveanswers.state, NonBlocking=True)
    if state.running:
        raise TargetError(
            f"the program that Delve at {address} debugs is running, so its heap changes (try: pause it in Delve)"
        )
    if state.exited:
        raise TargetError(
            f"the program that Delve at {address} debugs has ended (try: restart it in Delve, or use its core)"
        )
    recorded = connection.call("Recorded", delveanswers.flag("Recorded"))
    if not recorded and not connection.call("IsMulticlient", delveanswers.flag("IsMulticlient")):
        # It exits when this connection closes, and a program that it has started exits with it.
        connection.call("Detach", delveanswers.anything, Kill=False)
        raise TargetError(
            f"Delve at {address} serves only one client and exits with it; "
            "its program was detached and runs on (try: dlv --headless --accept-multiclient)"
        )
    still = Still(connection)
    with still.sure():
        return _opened(connection, still, runtime, recorded=recorded)


def _opened(connection: Connection, still: Still, runtime: str | None, *, recorded: bool) -> Session:
    pid = connection.call("ProcessPid", delveanswers.number("Pid"))
    names = connection.call("ListRegisters", delveanswers.registers, ThreadID=0, IncludeFp=False)
    arch, width = next((known for name, known in _ARCHES.items() if name in names), ("arm64", 8))
    types = DelveTypes(connection, width)
    name, anchor, opened = _program(connection), types.address("runtime.mheap_"), None
    if anchor is not None:
        memory = DelveMemory(connection, "core" if recorded else "remote", anchor)
        opened = open_heap(
            memory if recorded else Stopped(memory),
            (types,),
            platform("linux", arch),
            program=name,
            runtime=runtime,
        )
    if opened is None:
        raise TargetError(no_runtime(name, is_go=False, try_with="Delve with an unstripped build"))
    still.watch(memory, opened.heap)
    target = Target(
        kind="core" if recorded else "remote",
        description=f"core of {name}, through Delve" if recorded else f"{name}, process {pid}, through Delve",
        pid=pid,
        build_id=_build_id(connection),
        runtimes=opened.runtimes,
    )
    numbers = tuple(thread.number for thread in still.threads)
    expressions = DelveExpressions(connection, types, memory)
    return Session(
        target,
        opened.heap,
        lambda: _frames(connection, still.threads),
        expressions.symbol_at,
        address_of=expressions.address_of,
        lwps=(lambda: numbers) if numbers else None,
        still=still.make_sure,
    )


def _program(connection: Connection) -> str:
    """Name of the program as it was started; Delve does not tell clients the path of the executable."""
    load = {"MaxStringLen": 4096, "MaxArrayValues": 1}
    try:
        found = connection.call(
            "Eval",
            delveanswers.variable,
            Scope={"GoroutineID": -1},
            Expr="runtime.argslice",
            Cfg=load,
        )
    except CallError:
        return _NAMELESS
    return (PurePosixPath(found.children[0].value).name if found.children else "") or _NAMELESS


def _build_id(connection: Connection) -> str | None:
    try:
        return connection.call("BuildID", delveanswers.text("BuildID")) or None
    except CallError:
        return None


def _frames(connection: Connection, threads: Sequence[Thread]) -> Iterator[Stack]:
    """Yield each thread with its innermost functions; for a thread without a goroutine, only its current one."""
    for number, thread in enumerate(threads, 1):
        names: tuple[str, ...] = (thread.function,)
        if thread.goroutine > 0:
            with suppress(CallError):  # a stack that cannot be unwound further still told us its top
                found = connection.call(
                    "Stacktrace", delveanswers.functions, Id=thread.goroutine, Depth=FRAMES
                )
                names = found or names
        yield Stack(f"thread {number}", as_called(names), thread.number)


def as_called(names: Sequence[str]) -> tuple[str, ...]:
    """Return the functions of a stack as gdb shows them, without frames that the thread is not executing.

    Delve 1.20.2 goes from where a thread is on the system stack right to systemstack_switch, where its goroutine has left
    off: what the thread is in the middle of lies between. Where all of the system stack is there, that hides nothing.
    """
    found: list[str] = []
    for name in names:
        if name == "runtime.systemstack_switch" and "runtime.systemstack" in names:
            continue
        callers = LEFT_OUT.get(found[-1], ()) if found else ()
        for each in (*(callers if callers[:1] != (name,) else ()), name):
            found.append(each)
            if at_bottom(found) or each in VDSO_CALLERS:
                return tuple(found)
    return tuple(found)
