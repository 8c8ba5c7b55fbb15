"""Run inside gdb, which has stopped a process: ask everything of it and of its snapshot; a file gets the outcome as JSON.

The caller sets SNAPSHOT, RESULT and TESTS, the folder of the tests, before sourcing this.
"""

import json
import sys
from pathlib import Path

import gdb

sys.path.insert(0, TESTS)  # noqa: F821
from gdb_gospan.debugger import target
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.targets import snapshot as snapshotfile
from tools.questions import addresses, dealt, differences, questions, recorded


def opened():
    """Open a fresh session: what an earlier report has read would be there for this one."""
    target.forget()
    return target.current_session()


def raises(work):
    """Whether it is a read of memory that has gone on."""
    try:
        work()
    except ReadAfterReleaseError:
        return True
    return False


copy = snapshotfile.open_session(SNAPSHOT)  # noqa: F821
asked = list(dealt(questions(addresses(copy)), 0, 4))
different = list(differences(opened, copy, asked))
again = recorded(opened(), RESULT + ".gospan")  # noqa: F821
different_again = list(differences(lambda: again, copy, asked))
samples = opened().samples()
old = opened()
with old.capture():
    old.heap.read()
after_the_look = raises(lambda: old.heap.scavenger)
with old.capture():
    reads_on = len(old.heap.ps) > 0 and len(old.heap.goroutines.gs) > 0
gdb.execute("stepi", to_string=True)
after_a_step = raises(lambda: old.heap.scavenger), raises(lambda: old.capture().__enter__())
outcome = {
    "asked": len(asked),
    "different": different,
    "after_the_look": after_the_look,
    "reads_on": reads_on,
    "after_a_step": after_a_step,
    "different_again": different_again,
    "samples": [samples.status, samples.expected],
    "kind": old.target.kind,
}
Path(RESULT).write_text(json.dumps(outcome))  # noqa: F821
