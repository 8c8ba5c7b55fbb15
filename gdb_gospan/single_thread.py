"""Import numpy without the thread pool of its linear algebra, which nothing here uses.

OpenBLAS starts its threads and their buffers when numpy is first imported: a
third of the time that the import takes, paid at every start of a short command.
"""

import os
import sys

from gdb_gospan.interrupts import Deferred

_VARIABLE = "OPENBLAS_NUM_THREADS"


def import_numpy() -> None:
    """Import numpy; a setting of the user's own stands, and the environment is left as it was."""
    if "numpy" in sys.modules or _VARIABLE in os.environ:
        return
    with Deferred():
        os.environ[_VARIABLE] = "1"
        try:
            import numpy  # noqa: F401, ICN001, PLC0415  # for its effect, and only when a command runs
        finally:
            del os.environ[_VARIABLE]
