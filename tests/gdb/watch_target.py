"""Run inside gdb: run commands, and hold the target after each against what it was before all of them.

The caller sets COMMANDS and RESULT before sourcing this. What differed goes to a file as JSON.
"""

import json
import os
import zlib

import gdb

PIECE = 1 << 22


def state() -> dict:
    """Checksums of all memory that can be written to, the mappings, and the registers of each thread."""
    folder = f"/proc/{gdb.selected_inferior().pid}"
    with open(f"{folder}/maps") as file:  # noqa: PTH123
        maps = file.read()
    sums = {}
    with open(f"{folder}/mem", "rb", buffering=0) as memory:  # noqa: PTH123
        for line in maps.splitlines():
            bounds, rights = line.split()[:2]
            if "w" in rights and "r" in rights:
                start, end = (int(bound, 16) for bound in bounds.split("-"))
                sums[bounds] = checksum(memory.fileno(), start, end)
    threads = sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num)
    selected = gdb.selected_thread().num, gdb.selected_frame().pc()
    registers = {}
    for thread in threads:
        registers[thread.num] = gdb.execute(f"thread apply {thread.num} -q info registers", to_string=True)
    return {"maps": maps, "sums": sums, "registers": registers, "selected": selected}


def checksum(memory: int, start: int, end: int) -> int:
    found = 0
    for at in range(start, end, PIECE):
        found = zlib.crc32(piece(memory, at, min(PIECE, end - at)), found)
    return found


def piece(memory: int, at: int, size: int) -> bytes:
    try:
        return os.pread(memory, size, at)
    except OSError:
        return b"not readable"


def differences(before: dict, after: dict) -> list:
    return [part for part in before if before[part] != after[part]]


before = state()
changed, failed = [], []
for command in COMMANDS:  # noqa: F821
    try:
        gdb.execute(command, to_string=True)
    except gdb.error as error:
        failed.append(f"{command}: {error}")
    after = state()
    changed += [f"{command}: {part}" for part in differences(before, after)]
    before = after
# That the watch sees what is written: one byte of a variable, and back.
for sign in "+-":
    gdb.execute(f"set var 'runtime.gcController'.heapMinimum {sign}= 1", to_string=True)
    seen, before = differences(before, state()), state()
with open(RESULT, "w") as file:  # noqa: F821, PTH123
    json.dump({"changed": changed, "failed": failed, "seen": seen, "asked": len(COMMANDS)}, file)  # noqa: F821
