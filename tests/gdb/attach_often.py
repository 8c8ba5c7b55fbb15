"""Run inside gdb: stop a process at random moments, check its heap, let it go; the outcomes go to a file as JSON.

The caller sets PID, STOPS, SEED and RESULT before sourcing this.
"""

import json
import random
import time

import gdb

moments = random.Random(SEED)  # noqa: F821
outcomes = []
for _ in range(STOPS):  # noqa: F821
    time.sleep(moments.random() * 0.05)
    gdb.execute(f"attach {PID}", to_string=True)  # noqa: F821
    try:
        began = time.perf_counter()
        text = gdb.execute("go-spans check --json", to_string=True)
        document = json.loads(text)
        outcomes.append(
            {
                "ms": 1000 * (time.perf_counter() - began),
                "checks": [check for check in document["checks"] if check["status"] != "exact"],
                "total": len(document["checks"]),
                "unreadable": document["unreadable"],
                "target": document["target"],
            }
        )
    except gdb.error as error:
        outcomes.append({"error": str(error)})
    finally:
        gdb.execute("detach", to_string=True)
with open(RESULT, "w") as file:  # noqa: F821, PTH123
    json.dump(outcomes, file)
