"""Through Delve's server, too, nothing is read once a report has let the process go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.targets import delve_server as dlvtarget
from tools import crowds, delves, toolchains
from tools.questions import addresses, dealt, differences, questions, recorded

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

#: One of so many questions: Delve reads this heap anew for each.
SHARES = 12


BY_FILES = ("gc", "goroutines", "profile", "blame", "rss", "doctor")
"""What names functions by the executable's file, or reads the kernel's files, which Delve does not tell."""


def test_every_command_says_what_the_snapshot_says(tmp_path: Path) -> None:
    with crowds.at_rest(toolchains.NEWEST, min(crowds.SPANS)) as running:
        copy = crowds.recorded(running, tmp_path / "heap.gospan")
        with delves.headless(delves.ensure(delves.NEWEST), pid=running.pid) as address:
            every = (each for each in questions(addresses(copy)) if each[0].name not in BY_FILES)
            asked = list(dealt(every, 0, SHARES))
            assert list(differences(lambda: dlvtarget.open_session(address), copy, asked)) == []
            again = recorded(dlvtarget.open_session(address), str(tmp_path / "other.gospan"))
            assert list(differences(lambda: again, copy, asked)) == []
            session = dlvtarget.open_session(address)
            with session.capture():
                session.finish_reading()
                with pytest.raises(ReadAfterReleaseError):
                    session.heap.read("scavenger")
            with pytest.raises(ReadAfterReleaseError):
                session.heap.read("scavenger")
