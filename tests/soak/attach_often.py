"""Run inside gdb: stop a process at random moments, check its heap, let it go; the outcomes go to a file as JSON.

The caller sets PID, STOPS and RESULT before sourcing this.
"""

import json
import random
import time

import gdb

outcomes = []
for _ in range(STOPS):  # noqa: F821
    time.sleep(random.random() * 0.05)
    gdb.execute(f"attach {PID}", to_string=True)  # noqa: F821
    try:
        document = json.loads(gdb.execute("go-spans check --json", to_string=True))
        outcomes.append({key: document[key] for key in ("checks", "unreadable", "target")})
    except gdb.error as error:
        outcomes.append(
            {"error": str(error), "checks": [], "unreadable": {"bytes": 0}, "target": {"kind": "live"}}
        )
    finally:
        gdb.execute("detach", to_string=True)
with open(RESULT, "w") as file:  # noqa: F821, PTH123
    json.dump(outcomes, file)
