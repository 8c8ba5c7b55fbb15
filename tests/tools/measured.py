"""What a run of `go-spans` costs: memory at most and processor time, in a process of its own with a limit of addresses."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools import shell
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVE = """
import json, re, resource, sys
from tools import shell

def peak():
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\\s*(\\d+)", file.read())[1]) << 10

def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

for line in sys.stdin:
    limit, *words = json.loads(line)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    before = seconds()
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    answer = shell.inside(*words)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(json.dumps([answer.stdout, answer.stderr, answer.status, peak(), seconds() - before]), flush=True)
"""


@dataclass(frozen=True)
class Cost:
    """What a run printed, its exit status, the bytes of memory that it had at most, and its seconds of processor time."""

    stdout: str
    stderr: str
    status: int
    memory: int
    seconds: float


class Measurer:
    """A process that runs one command after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, address_space: int, *words: object) -> Cost:
        """Run `go-spans` with these words in a process that may have so many bytes of addresses."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([address_space, *map(str, words)]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process that measures has died"
        return Cost(*json.loads(line))


@contextlib.contextmanager
def measurer() -> Iterator[Measurer]:
    """Start such a process, which ends with the block."""
    env = shell.environment(OPENBLAS_NUM_THREADS="1")
    env["PYTHONPATH"] += f":{CHECKOUT / 'tests'}"
    command = [sys.executable, "-c", _SERVE]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Measurer(process)
        finally:
            process.kill()
