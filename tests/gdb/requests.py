"""Run inside gdb: take commands from a pipe, one a line as JSON, and mark on both outputs where each one ends.

The caller sets REQUESTS and MARK before sourcing this (tools/gdbs.py, Session).
"""

import json
import os

import gdb

with os.fdopen(REQUESTS) as requests:  # noqa: F821
    for line in requests:
        try:
            gdb.execute(json.loads(line))
        except gdb.error as error:
            gdb.write(f"{error}\n", gdb.STDERR)
        except KeyboardInterrupt:
            gdb.write("Quit\n", gdb.STDERR)
        for stream in (gdb.STDOUT, gdb.STDERR):
            gdb.write(MARK, stream)  # noqa: F821
            gdb.flush(stream)
