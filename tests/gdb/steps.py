"""Run inside gdb: stop a program once at the beginning of each of some functions, and go on from there by single steps.

The caller sets ARGUMENTS, FUNCTIONS, STEPS, INSTRUCTIONS and RESULT before sourcing this: the heap is checked at the
beginning of each function that the program has and gets to, and then STEPS times, each after so many instructions more.
What came out goes to a file as JSON.
"""

import json

import gdb

from gdb_gospan.debugger.target import current_session
from gdb_gospan.debugger.threads import frames
from gdb_gospan.reports.envelope import check as shown


def checked(where: str) -> dict:
    kept, checks = (
        ("code", "status", "expected", "observed", "note"),
        tuple(map(shown, current_session().checks)),
    )
    outcome = {"where": where, "checks": [{name: getattr(check, name) for name in kept} for check in checks]}
    if any(check.status == "broken" for check in checks):
        outcome["frames"] = [[label, list(names)] for label, names, _ in frames()]
    return outcome


def place(name: str) -> int:
    try:
        return int(gdb.parse_and_eval(f"&'{name}'"))
    except gdb.error:
        return 0  # this release has no such function, or the program does not need it


for setting in ("pagination off", "confirm off", "breakpoint always-inserted on", "print thread-events off"):
    gdb.execute(f"set {setting}")
for number in ("SIGURG", "SIGPIPE", "SIGPROF"):
    gdb.execute(f"handle {number} nostop noprint pass", to_string=True)
gdb.execute("tbreak main.main", to_string=True)
gdb.execute(f"run {ARGUMENTS} > /dev/null", to_string=True)  # noqa: F821
places = {place(name): name for name in FUNCTIONS}  # noqa: F821
places.pop(0, None)
points = {pc: gdb.Breakpoint(f"*{pc:#x}", internal=True) for pc in places}
for point in points.values():
    point.silent = True
outcomes = []
while points and gdb.selected_inferior().pid:  # a step may have been its last
    gdb.execute("continue", to_string=True)
    if not gdb.selected_inferior().pid:
        break
    pc = gdb.selected_frame().pc()
    point = points.pop(pc, None)
    if point is None:
        continue
    point.delete()
    outcomes.append(checked(places[pc]))
    for other in points.values():
        other.enabled = False
    for step in range(1, STEPS + 1):  # noqa: F821
        gdb.execute(f"stepi {INSTRUCTIONS}", to_string=True)  # noqa: F821
        if not gdb.selected_inferior().pid:  # its time is over
            break
        outcomes.append(checked(f"{places[pc]}, {step * INSTRUCTIONS} instructions on"))  # noqa: F821
    for other in points.values() if gdb.selected_inferior().pid else ():
        other.enabled = True
with open(RESULT, "w") as file:  # noqa: F821, PTH123
    json.dump({"missed": [places[pc] for pc in points], "outcomes": outcomes}, file)
if gdb.selected_inferior().pid:
    gdb.execute("kill")
