"""A session of what a headless Delve debugs: a process or a core, on this machine or another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from gdb_gospan.analysis.rules import VDSO_CALLERS
from gdb_gospan.analysis.standing import FRAMES, Stack, at_bottom
from gdb_gospan.commands.session import Session, Target, no_runtime
from gdb_gospan.errors import TargetError
from gdb_gospan.layout.delvetypes import DelveTypes
from gdb_gospan.layout.platform import platform
from gdb_gospan.memory import Memory
from gdb_gospan.memory.delve import DelveMemory
from gdb_gospan.memory.jsonrpc import CallError, Connection
from gdb_gospan.memory.stopped import Stopped
from gdb_gospan.runtime.program import open_heap

LEFT_OUT: Final = {"runtime.sigtrampgo": ("runtime.sigtramp", ""), "runtime.newstack": ("runtime.morestack",)}
"""The callers of these that Delve leaves out, where it goes on to the stack that a signal or morestack has interrupted."""
_ARCHES: Final = {"Rip": ("amd64", 8), "Eip": ("386", 4)}
"""GOARCH and the bytes of a pointer by the name of the register that tells where a thread is."""


def open_session(address: str, runtime: str | None = None) -> Session:
    """Look at what the Delve at ``HOST:PORT`` debugs; it stays as it is, and so do its other clients.

    Parameters
    ----------
    runtime
        By its number or name; Delve knows that of the program only.

    Raises
    ------
    GoSpansError
        No Delve there, or one that serves a single client; a program that runs, or no Go program.
    """
    connection = Connection(address)
    # First: any other question waits in Delve for as long as the program runs.
    state = connection.call("State", NonBlocking=True)["State"]
    if state.get("Running"):
        raise TargetError(
            f"the program of the Delve at {address} is running: its heap changes under our eyes (try: pause it in Delve)"
        )
    recorded = bool(connection.call("Recorded")["Recorded"])
    if not recorded and not connection.call("IsMulticlient")["IsMulticlient"]:
        # It ends with this connection, and what it has started ends with it.
        connection.call("Detach", Kill=False)
        raise TargetError(
            f"the Delve at {address} serves one client only and ends with it: it has let its program go, which runs on "
            "(try: --accept-multiclient beside --headless)"
        )
    pid = int(connection.call("ProcessPid")["Pid"])
    registers = connection.call("ListRegisters", ThreadID=0, IncludeFp=False)["Regs"]
    names = {register["Name"] for register in registers}
    arch, width = next((known for name, known in _ARCHES.items() if name in names), ("arm64", 8))
    types = DelveTypes(connection, width)
    name, anchor, opened = _program(connection), types.address("runtime.mheap_"), None
    if anchor is not None:
        memory: Memory = DelveMemory(connection, "core" if recorded else "remote", anchor)
        if not recorded:
            memory = Stopped(memory)
        opened = open_heap(memory, (types,), platform("linux", arch), program=name, runtime=runtime)
    if opened is None:
        raise TargetError(no_runtime(name, is_go=False, try_with="Delve with an unstripped build"))
    target = Target(
        kind="core" if recorded else "remote",
        description=f"core of {name}, through Delve" if recorded else f"{name}, process {pid}, through Delve",
        pid=pid,
        build_id=connection.call("BuildID")["BuildID"] or None,
        runtimes=opened.runtimes,
    )
    numbers = tuple(int(thread["id"]) for thread in state.get("Threads") or ())
    return Session(
        target, opened.heap, lambda: _frames(connection, state), lwps=(lambda: numbers) if numbers else None
    )


def _program(connection: Connection) -> str:
    """Name of the program, as it was started; Delve tells no client where the executable is."""
    load = {"MaxStringLen": 4096, "MaxArrayValues": 1}
    try:
        found = connection.call("Eval", Scope={"GoroutineID": -1}, Expr="runtime.argslice", Cfg=load)[
            "Variable"
        ]
        return PurePosixPath(found["children"][0]["value"]).name or "this program"
    except (CallError, LookupError):
        return "this program"


def _frames(connection: Connection, state: dict[str, Any]) -> Iterator[Stack]:
    """Yield each thread with its innermost functions; of a thread without a goroutine only the one that it is in."""
    for number, thread in enumerate(state.get("Threads") or (), 1):
        names = [_function(thread)]
        if thread["goroutineID"] > 0:
            try:
                found = connection.call("Stacktrace", Id=thread["goroutineID"], Depth=FRAMES)
                names = [_function(frame) for frame in found["Locations"] or ()] or names
            except CallError:
                pass  # a stack that cannot be unwound further still told us its top
        yield Stack(f"thread {number}", as_called(names), int(thread["id"]))


def as_called(names: Sequence[str]) -> tuple[str, ...]:
    """Return the functions of a stack as gdb has them, down to the last that belongs to what the thread does.

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


def _function(place: dict[str, Any]) -> str:
    return str((place.get("function") or {}).get("name", ""))
