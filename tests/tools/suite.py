"""The second half of tests/run: makes the virtual environment and runs pytest in it.

Runs on a bare Python 3.10 or newer, so it imports nothing but the standard library.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gdb_gospan"

#: Printed by the virtual environment's own Python, which has a pip and with it a TOML parser.
LIST_REQUIREMENTS = (
    "from tools import project; print(*project.dependencies(), *project.development(), sep='\\n')"
)


def main(arguments: list[str]) -> int:
    """Run the suite and return pytest's exit status."""
    start = time.monotonic()
    matrix = "default"
    for name in ("quick", "all", "soak"):
        if f"--{name}" in arguments:
            matrix = name
            arguments.remove(f"--{name}")
    try:
        python = environment()
    except subprocess.CalledProcessError as error:
        step = " ".join(error.cmd[1:4])
        print(
            f"tests/run: no virtual environment: {step} failed, see above (try: again with a network)",
            file=sys.stderr,
        )
        return 2
    command = [
        python, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "--matrix", matrix,
        "-o", f"cache_dir={CACHE / 'pytest'}", *(["--timeout=0"] if matrix == "soak" else []), *arguments,
    ]  # fmt: skip
    env = os.environ | {"HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis")}
    # Of its own: pytest keeps the folders of three runs, and removes those of others that still go on.
    with tempfile.TemporaryDirectory(prefix="gospan-tests-") as folder:
        command.append(f"--basetemp={folder}/all")
        status = subprocess.run(command, cwd=CHECKOUT, env=env, check=False).returncode
    print(f"tests/run --matrix {matrix}: {time.monotonic() - start:.0f} s, exit status {status}")
    return status


def environment() -> str:
    """Return the Python of a virtual environment with all that pyproject.toml asks for."""
    CACHE.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256((CHECKOUT / "pyproject.toml").read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"venv-{key}"
    python, complete = str(folder / "bin" / "python"), folder / "complete"
    with (CACHE / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            print(f"tests/run: making the virtual environment {folder}", file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            listing = subprocess.run(
                [python, "-c", LIST_REQUIREMENTS],
                cwd=CHECKOUT / "tests",
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *listing.stdout.splitlines()], check=True)
        complete.touch()
        remove_unused()
    return python


def remove_unused() -> None:
    """Remove environments that no run has used for two weeks: each change of pyproject.toml makes a new one."""
    for complete in CACHE.glob("venv-*/complete"):
        if time.time() - complete.stat().st_mtime > 14 * 24 * 3600:
            shutil.rmtree(complete.parent, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
