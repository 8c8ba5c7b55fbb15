"""Run inside gdb: hundreds of commands on targets that change, with Ctrl-C in each tenth; what came out goes to a file as JSON.

The caller sets TARGETS, ASKED, COUNT and RESULT before sourcing this. Each target is a list of gdb's commands.
"""

import json
import pathlib
import random
import re

import gdb
import moments

STAY = 5
"""Commands before the target changes."""


def resident() -> int:
    """Return the bytes of gdb's own memory that are resident."""
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def change(target: list) -> None:
    """Leave the target, and open another; a process goes on."""
    if gdb.selected_inferior().was_attached:
        gdb.execute("detach", to_string=True)
    for command in target:
        gdb.execute(command, to_string=True)


def ask(command: str) -> str:
    return gdb.execute(command, to_string=True)


def interrupted(command: str, moment: int) -> bool:
    """Press Ctrl-C at a counted call of the package's functions; whether it came before the command was over."""
    watch = moments.Calls(moment).watch()
    try:
        ask(command)
    except (KeyboardInterrupt, gdb.error):
        return True
    finally:
        watch.end()
    return False


def figures() -> dict:
    change(TARGETS[0])  # noqa: F821
    document = json.loads(ask("go-spans classes --json --limit 0"))
    return {key: document[key] for key in ("classes", "checks", "spans")}


moment = random.Random(12)
first, sizes, errors, quits = figures(), [], [], 0
for number in range(COUNT):  # noqa: F821
    if number % STAY == 0:
        change(TARGETS[number // STAY % len(TARGETS)])  # noqa: F821
    command = ASKED[number % len(ASKED)]  # noqa: F821
    if number % 10 == 9:
        quits += interrupted(command, moment.randrange(2000))
    else:
        try:
            ask(command)
        except (gdb.error, KeyboardInterrupt) as error:
            errors.append(f"{number} {command}: {error!r}")
    sizes.append(resident())
last = figures()
with open(RESULT, "w") as file:  # noqa: F821, PTH123
    json.dump({"same": first == last, "sizes": sizes, "errors": errors, "quits": quits}, file)
