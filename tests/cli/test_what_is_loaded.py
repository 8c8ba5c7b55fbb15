"""Nothing of ours is loaded while a process is paused for it: what a capture may need is loaded before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools import processes, programs, shell, toolchains

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

#: `go-spans`, with an identity off, so that evidence is gathered; and what was loaded between the stop and the release.
COMMAND = """
import sys
from gdb_gospan.analysis.identities import counters
from gdb_gospan.analysis.identity import Finding
from gdb_gospan.memory.ptrace import Stop
from gdb_gospan.__main__ import main
counters.IDENTITIES[0] = counters.IDENTITIES[0]._replace(find=lambda heap: Finding(heap.controller["heapInUse"], 0))
before = []
stop, release = Stop.__init__, Stop.release
def stopped(self, *words):
    before[:] = sys.modules
    stop(self, *words)
def released(self):
    if before:
        print(*({*sys.modules} - {*before}), file=sys.stderr)
        before.clear()
    release(self)
Stop.__init__, Stop.release = stopped, released
sys.exit(main())
"""


@pytest.mark.parametrize(
    "words",
    ["summary", "check", "list", "classes", "central", "pages", "map", "stacks", "gc", "cache", "memstats", "fixalloc", "layout", "gate --max goroutines=1000 --max rss=1TiB", "show main.sessions", "list --state all --limit 0", "cache 0", "pages --blockers", "pages --chunks"],
)  # fmt: skip
def test_nothing_is_loaded_while_a_process_stands_still(words: str) -> None:
    with processes.start(programs.build("frag", toolchains.NEWEST), "-end", "sleep") as running:
        running.line()
        command = [sys.executable, "-c", COMMAND, *words.split(), "--pid", str(running.pid)]
        done = subprocess.run(command, env=shell.environment(), capture_output=True, text=True, check=False)
    assert done.stderr == "\n"  # and it stood still once only
    assert done.returncode == {"check": 1, "gate": 3}.get(words.split(maxsplit=1)[0], 0), done.stdout
