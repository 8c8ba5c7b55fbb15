"""Whatever goes wrong is one line: what, and what to try."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tools import cores, delves, programs

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cores import Core
    from tools.delves import Delve

pytestmark = pytest.mark.toolchain

COMMANDS = ["go_spans summary", "go_spans check", "go_spans show 0xc000000000"]


@pytest.fixture(scope="module")
def core() -> Core:
    return cores.kernel_core(programs.build("frag", "1.27"), "-objects", "500")


def one_line(said: str) -> str:
    """Return the only line of an answer, without the place in the list of commands that Delve puts before it."""
    (line,) = said.splitlines()
    assert line.startswith("init:")
    return re.sub(r"^init:\d+: fail: ", "", line)


def test_mistakes(delve: Delve, core: Core) -> None:
    mistakes = {
        "sumary": "unknown command sumary (did you mean summary?)",
        "spanaloc": "unknown command spanaloc (did you mean spanalloc?)",
        "frobnicate": "unknown command frobnicate (try one of: summary ",
        "list --frob": "list: unknown option --frob (try: go_spans help list)",
        "list --jsn": "list: unknown option --jsn (did you mean --json?)",
        "list --sort colour": "list: invalid --sort colour (choose from descriptor, ",
        "list --limit": "list: --limit needs a value (try: go_spans help list)",
        "list --limit many": "list: --limit: many is not a number",
        "list --class 999": "list: --class: there is no span class 999 (they are 0 to 135)",
        "list --size 4863": "list: no size class has slots of 4863 bytes (objects of that size are in slots of 4864)",
        "list --width 3": "list: --width 3 is too small (40 or more)",
        "list --occupancy 50-150": "list: --occupancy is in percent, 0 to 100, not 50-150",
        "list --noscan --scan": "list: --noscan and --scan together match no span",
        "list --state busy": "list: invalid --state busy (choose from in-use, ",
        "show": "show: needs ADDRESS",
        "show runtime.mheap_": "show: runtime.mheap_ is not an address but a runtime.mheap (try: &runtime.mheap_)",
        "show 0": "show: 0x0 is nil: it points to nothing",
        "show 0x1234": "show: 0x1234 is not in the Go heap",
        "cache 99": "cache: no P 99 (try: 0 to 3, or cache without a number)",
        "gc now": "gc: unexpected argument now",
    }
    said = delves.run(delve, [f"go_spans {words}" for words in mistakes], exe=core.executable, core=core.path)
    for answer, expected in zip(said, mistakes.values(), strict=True):
        assert one_line(answer).startswith(expected)


@pytest.mark.parametrize("other", ["frag 1.25", "frag 1.19", "dropped 1.27"])
def test_the_wrong_executable(delve: Delve, core: Core, other: str) -> None:
    for said in delves.run(delve, COMMANDS, exe=programs.build(*other.split()), core=core.path):
        assert one_line(said).startswith("not the program of this core or process: ")
        assert said.endswith("(try: the same build)\n")


def test_a_program_that_is_not_go(delve: Delve) -> None:
    core = cores.kernel_core(programs.build_c())
    for said in delves.run(delve, COMMANDS, exe=core.executable, core=core.path):
        assert one_line(said).startswith(
            "no Go runtime with debug information in this program: no type runtime.mheap"
        )


def test_a_stripped_program(core: Core, tmp_path: Path) -> None:
    # The oldest Delve does not even begin a session of one.
    delve = delves.ensure(delves.NEWEST)
    strip = shutil.which("strip") or pytest.skip("no strip on PATH")
    stripped = tmp_path / "frag"
    subprocess.run([strip, "-o", stripped, core.executable], check=True)
    for said in delves.run(delve, COMMANDS, exe=stripped, core=core.path):
        assert one_line(said).startswith(
            "no Go runtime with debug information in this program: no type runtime.mheap (stripped, "
        )
