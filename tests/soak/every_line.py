"""Run inside gdb: stop a program once at every line of the runtime's memory management, and check its heap there.

The caller sets ARGUMENTS, SECONDS and RESULT before sourcing this; what came out goes to a file as JSON.
"""

import json
import time

import gdb

from gdb_gospan.debugger.target import current_session
from gdb_gospan.debugger.threads import frames
from gdb_gospan.reports.envelope import check as shown

# Where spans, pages, slots, caches and their counters change.
FILES = ("arena.go", "malloc.go", "mbitmap.go", "mcache.go", "mcentral.go", "mcheckmark.go", "mem_linux.go",
         "mfinal.go", "mfixalloc.go", "mgc.go", "mgcsweep.go", "mgcscavenge.go", "mgcwork.go", "mheap.go",
         "mpagealloc.go", "mpagecache.go", "mpallocbits.go", "mranges.go", "mspanset.go", "mstats.go",
         "proc.go", "stack.go", "mgcmark_greenteagc.go")  # fmt: skip
SCHEDULER = ("procresize", "init", "destroy", "malg")


def locations() -> dict[int, str]:
    """Return the first and the last address of each line that has code, and the line's name.

    A line that is inlined in many places has many more; these two mostly are in different functions.
    """
    found = {}
    for name in FILES:
        try:
            place = gdb.decode_line(f"{name}:100")[1][0]
        except gdb.error:
            continue  # this release has no such file, or the program none of its functions
        first, last = {}, {}
        for entry in place.symtab.linetable():
            if not entry.line or (name == "proc.go" and not function(entry.pc).endswith(SCHEDULER)):
                continue
            first.setdefault(entry.line, entry.pc)
            last[entry.line] = entry.pc
        for addresses in (first, last):
            found.update({pc: f"{name}:{line}" for line, pc in addresses.items()})
    return found


def function(pc: int) -> str:
    block = gdb.block_for_pc(pc)
    while block is not None and block.function is None:
        block = block.superblock
    return block.function.name if block is not None else ""


def checked(where: str) -> dict:
    checks = tuple(map(shown, current_session().checks))
    kept = ("code", "status", "expected", "observed", "note")
    outcome = {"line": where, "checks": [{name: getattr(check, name) for name in kept} for check in checks]}
    if any(check.status == "broken" for check in checks):
        outcome["frames"] = [[label, list(names)] for label, names, _ in frames()]
    return outcome


for setting in ("pagination off", "confirm off", "breakpoint always-inserted on", "print thread-events off"):
    gdb.execute(f"set {setting}")
for number in ("SIGURG", "SIGPIPE", "SIGPROF"):
    gdb.execute(f"handle {number} nostop noprint pass", to_string=True)
gdb.execute("tbreak main.main", to_string=True)
gdb.execute(f"run {ARGUMENTS} > /dev/null", to_string=True)  # noqa: F821
places = locations()
points = {pc: gdb.Breakpoint(f"*{pc:#x}", internal=True) for pc in places}
for point in points.values():
    point.silent = True
outcomes = []
end = time.monotonic() + SECONDS  # noqa: F821
while points and time.monotonic() < end:
    gdb.execute("continue", to_string=True)
    if not gdb.selected_inferior().pid:
        break
    pc = gdb.selected_frame().pc()
    point = points.pop(pc, None)
    if point is None:
        continue
    point.delete()
    try:
        outcomes.append(checked(places[pc]))
    except gdb.error as error:
        outcomes.append({"line": places[pc], "error": str(error), "checks": []})
with open(RESULT, "w") as file:  # noqa: F821, PTH123
    json.dump({"places": len(places), "outcomes": outcomes}, file)
gdb.execute("kill")
