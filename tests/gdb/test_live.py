"""A busy program in gdb: what is in progress is named, and what was decoded is dropped when the program runs.

Where the program stands is the same in every run (tools/held.py). Random stops are in tests/soak, single steps in test_steps.py.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tools import gdbs, held, programs, toolchains
from tools.gdbs import Gdb, run_gdb
from tools.processes import start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

SECONDS = ("-seconds", "600")


@pytest.mark.parametrize("function", [held.SPAN_HALF_MADE, "runtime.(*spanSet).push"])
@pytest.mark.parametrize("go_minor", ["1.24"])
def test_every_gdb_looks_at_a_busy_program(gdb: Gdb, go_minor: str, function: str) -> None:
    with held.at(function, programs.build("churn", go_minor), *SECONDS) as busy:
        document = json.loads(run_gdb(gdb, ["go-spans check --json"], pid=busy.pid).stdout[0])
        assert {check["status"] for check in document["checks"]} == {"exact", "transient"}
        assert document["unreadable"]["bytes"] == 0
        busy.goes_on()


#: Returns when the process has had the processor for a while, however long that takes.
RUNS = """python
import pathlib, time
def used(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
def runs(pid):
    end = used(pid) + 200_000_000
    while used(pid) < end:
        time.sleep(0.01)
end
"""


def test_what_was_decoded_is_dropped_when_the_program_runs(tmp_path: Path) -> None:
    (tmp_path / "runs.gdb").write_text(RUNS)
    allocated = "go-spans summary --json"
    with start(programs.build("churn", toolchains.NEWEST), *SECONDS) as busy:
        busy.line()
        again = [f"source {tmp_path}/runs.gdb", "detach", f"python runs({busy.pid})", f"attach {busy.pid}"]
        gdb = gdbs.ensure(gdbs.system_label())
        said = run_gdb(gdb, [allocated, allocated, *again, allocated], pid=busy.pid).stdout
        first, same, later = (json.loads(said[at])["memstats"]["TotalAlloc"] for at in (0, 1, -1))
        assert first == same < later


def test_stepping_makes_a_new_look() -> None:
    with start(programs.build("churn", toolchains.NEWEST), *SECONDS) as busy:
        busy.line()
        result = run_gdb(
            gdbs.ensure(gdbs.system_label()),
            [
                "python from gdb_gospan.debugger.target import current_session; one = current_session()",
                "python print(current_session() is one)",
                "stepi",
                "python print(current_session() is one)",
            ],
            pid=busy.pid,
        )
        assert result.stdout[1].strip() == "True"
        assert result.stdout[3].strip() == "False"
        busy.fresh_line()
