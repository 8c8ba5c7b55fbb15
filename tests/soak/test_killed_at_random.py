"""Captures that are killed at random moments: the process continues, whatever was being done."""

from __future__ import annotations

import random
import subprocess
import time

from tools import processes, programs, shell, soak, toolchains


def test_killed_at_random_moments() -> None:
    moments = random.Random()
    with processes.start(programs.build("churn", toolchains.NEWEST), "-seconds", "1000000") as running:
        running.line()
        command = [*shell.COMMAND, "summary", "--pid", str(running.pid)]
        for _ in range(soak.captures()):
            with subprocess.Popen(
                command, env=shell.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as looking:
                time.sleep(moments.uniform(0.1, 0.5))
                looking.kill()
                looking.communicate()
            assert not processes.is_held(running.pid)
        running.fresh_line()
