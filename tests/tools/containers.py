"""A program in a container: a root folder, mounts and process numbers of its own, which the kernel gives without any engine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cache import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/app/server"
"""Of the program, as it sees itself."""

#: $0 is the folder, $1 the program outside; what is mounted here is seen by nobody outside.
_ENTER = f'mount -t tmpfs none "$0" && mkdir "$0"/app && cp "$1" "$0{PATH}" && shift && exec chroot "$0" {PATH} "$@"'


@contextlib.contextmanager
def contained(program: Path, folder: Path, *arguments: str) -> Iterator[int]:
    """Run a program that needs no library in a container, and give its process number outside when it has printed a line.

    Parameters
    ----------
    folder
        An empty one; it stays empty for everybody else.
    """
    tool = shutil.which("unshare")
    if tool is None:
        raise Unavailable("no unshare on PATH")
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = [tool, *user, "--mount", "--pid", "--fork", "--kill-child"]
    command += ["sh", "-c", _ENTER, str(folder), str(program), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            if not started.stdout.readline():
                error = started.communicate()[1].strip()
                raise Unavailable(f"no namespaces here: {error}")
            (pid,) = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
            yield int(pid)
        finally:
            started.kill()
