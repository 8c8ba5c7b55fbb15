"""A program that another client of Delve lets run, or that ends, while it is read."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.memory import jsonrpc, procstatus
from tools import delves, programs, shell
from tools.processes import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.delves import Delve
    from tools.processes import Running

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

#: The call of ExamineMemory before which it happens: well after the first and before the last of a report.
MIDDLE = 20


@contextlib.contextmanager
def busy(delve: Delve) -> Iterator[tuple[Running, str]]:
    """Run a program that allocates all the time, and give the address of the Delve that has stopped it."""
    with start(programs.build("churn", delve.busy_go), "-seconds", "600") as running:
        running.line()
        with delves.headless(delve, pid=running.pid) as address:
            yield running, address


def moving(running: Running, address: str) -> None:
    """Let the program run for a while, and stop it again."""
    delves.resume(address)
    running.fresh_line()
    delves.halt(address)


@pytest.fixture
def without_lookout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether the program runs while Delve is silent: how long it is, as the program is moved, is up to the machine."""
    monkeypatch.setattr(jsonrpc.Connection, "_look_out", lambda _: None)


def threads(pid: int) -> list[procstatus.Status]:
    """Return the threads that there still are; a debugger keeps those that have ended until it asks for them."""
    return [one for one in map(procstatus.status, procstatus.threads(pid)) if one]


def summary(address: str, disturb: Callable[[int], object]) -> shell.Answer:
    """Ask for a summary through a proxy."""
    with delves.disturbed(address, "ExamineMemory", disturb) as proxy:
        return shell.inside("summary", "--json", "--dlv", proxy)


@pytest.mark.usefixtures("without_lookout")
def test_what_ran_once_is_read_again(delve: Delve) -> None:
    todo = [moving]
    with busy(delve) as (running, address):
        answer = summary(address, lambda n: todo.pop()(running, address) if n == MIDDLE and todo else None)
    assert answer.status == 0
    assert re.fullmatch(
        r"go-spans: the program ran while it was being read through Delve at \S+; reading it again\n",
        answer.stderr,
    )
    # It stands anywhere by now, also where what a thread does cannot be seen; what was read is of one moment all the same.
    assert "broken" not in {check["status"] for check in json.loads(answer.stdout)["checks"]}


@pytest.mark.usefixtures("without_lookout")
def test_what_runs_again_and_again_is_not_reported(delve: Delve) -> None:
    with busy(delve) as (running, address):
        answer = summary(address, lambda n: moving(running, address) if n == MIDDLE else None)
    assert (answer.status, answer.stdout) == (3, "")
    *notices, last = answer.stderr.splitlines()
    assert len(notices) == 2
    assert re.fullmatch(
        r"go-spans: the program ran while it was being read through Delve at \S+ "
        r"\(try: again, with the program paused in Delve\)",
        last,
    )


def test_what_is_resumed_and_not_stopped_is_noticed(delve: Delve) -> None:
    """Delve answers nothing any more, but for a second client that asks whether the program runs."""
    with busy(delve) as (_, address):
        answer = summary(address, lambda n: delves.resume(address) if n == MIDDLE else None)
    assert (answer.status, answer.stdout) == (3, "")
    assert re.fullmatch(
        r"go-spans: the program is running again: another client of Delve at \S+ resumed it while it was being read "
        r"\(try: pause it in Delve\)\n",
        answer.stderr,
    )


@pytest.mark.parametrize("when", [0, MIDDLE])
def test_what_has_been_killed_has_ended(delve: Delve, when: int) -> None:
    with busy(delve) as (running, address):

        def kill(call: int) -> None:
            if call == when:
                os.kill(running.pid, signal.SIGKILL)
                while any(one.state not in "ZX" for one in threads(running.pid)):
                    time.sleep(0.001)

        kill(0)
        answer = summary(address, kill)
    assert (answer.status, answer.stdout) == (3, "")
    assert re.fullmatch(
        r"go-spans: the program that Delve at \S+ debugs has ended: .+ \(try: restart it in Delve, or use its core\)\n",
        answer.stderr,
    )
