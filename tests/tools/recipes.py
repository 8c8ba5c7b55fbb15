"""The pages of examples and the README as what can be typed: blocks in fences, a folder to type in, and a shell."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tools import cores, delves, gdbs, processes, programs, toolchains
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

README = CHECKOUT / "README.md"
PAGES = sorted((CHECKOUT / "examples").glob("*.md"))

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: `sleep 2` also waits until the program that was started has its threads, however busy the machine is.
_SLEEP = """
sleep() {
    command sleep "$1"
    until [ -z "${pid:-}" ] || [ "$(ls /proc/$pid/task | wc -l)" -ge 3 ]; do command sleep 0.1; done
}
"""


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks in one language: sh, gdb, delve (shell with dlv), json."""
    found = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


def commands(text: str) -> list[str]:
    """Return what is typed at gdb's prompt, without remarks."""
    return [re.sub(r"\s+# .*", "", line) for line in re.findall(r"^ *\(gdb\) (.*)$", text, re.MULTILINE)]


def with_blocks(language: str) -> list[Path]:
    """Return the pages that have a block in that language."""
    return [page for page in PAGES if blocks(page, language)]


def core() -> cores.Core:
    """Return the core of frag that all lines are typed for."""
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "20000")


def furnish(folder: Path) -> None:
    """Put there what the pages name, and go-spans, gdb and dlv as an installation has them."""
    dumped = core()
    for name, target in {
        "frag": dumped.executable,
        "server": dumped.executable,
        "core": dumped.path,
        "cases": programs.build("cases", toolchains.NEWEST),
        "dlv_scripts": CHECKOUT / "dlv_scripts",
    }.items():
        (folder / name).symlink_to(target)
    debugger = gdbs.ensure(gdbs.system_label())
    options = ["-nx", "-iex", "set auto-load no", "-x", str(gdbs.PLUGIN)]
    _program(folder, "go-spans", [sys.executable, "-m", "gdb_gospan"], PYTHONPATH=str(CHECKOUT))
    _program(folder, "gdb", [*debugger.argv, *options], PYTHONPATH=str(debugger.site))


def furnish_delve(folder: Path) -> None:
    """Put dlv there, too."""
    _program(folder, "dlv", [str(delves.ensure(delves.NEWEST).path)], **delves.environment())


def _program(folder: Path, name: str, words: list[str], **env: str) -> None:
    script = folder / "bin" / name
    script.parent.mkdir(exist_ok=True)
    settings = shlex.join(f"{key}={value}" for key, value in env.items() if key != "PATH")
    script.write_text(f'#!/bin/sh\nexec env {settings} {shlex.join(words)} "$@"\n')
    script.chmod(0o755)


def typed(folder: Path, text: str) -> str:
    """Type lines in a shell in that folder, and return what is printed; all that they start ends with them.

    Raises
    ------
    AssertionError
        One of them fails.
    """
    env = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "LANG": "C.UTF-8"}
    heard = folder / "heard"  # a file, for what runs on holds a pipe open
    with heard.open("wb") as out, subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", _SLEEP + text],
        cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
    ) as running:  # fmt: skip
        try:
            status = running.wait(processes.PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    said = heard.read_text(encoding="utf-8")
    assert status == 0, said
    return said
