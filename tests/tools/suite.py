"""The second half of tests/run: makes the virtual environment and runs pytest in it, or removes what was kept.

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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests"))  # run as a file

from tools import folder  # noqa: E402

CACHE = folder.root()

#: What a run fetches, and how much of the disk it takes with all that is built.
SIZES = {
    "quick": "280 MB: the environment",
    "default": "about 6 GB: the environment, Go toolchains, sample programs and their cores",
    "all": "about 17 GB: the environment, 13 Go toolchains, 3 gdbs, sample programs and their cores",
    "soak": "about 6 GB: the environment, Go toolchains, sample programs and their cores",
}

#: Printed by the virtual environment's own Python, which has a pip and with it a TOML parser.
LIST_REQUIREMENTS = (
    "from tools import project; print(*project.dependencies(), *project.development(), sep='\\n')"
)


def main(arguments: list[str]) -> int:
    """Run the suite and return pytest's exit status."""
    if "--clean" in arguments:
        return clean()
    start = time.monotonic()
    matrix = "default"
    for name in ("quick", "all", "soak"):
        if f"--{name}" in arguments:
            matrix = name
            arguments.remove(f"--{name}")
    new = not (CACHE / "venv.lock").exists()
    say(
        f"keeps what it fetches and builds in {CACHE}{'; the first run takes ' + SIZES[matrix] if new else ''}"
    )
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
    env = os.environ | {
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis"),
        "PIP_CACHE_DIR": str(CACHE / "pip"),
    }
    # Of its own: pytest keeps the folders of three runs, and removes those of others that still go on.
    with tempfile.TemporaryDirectory(prefix="gospan-tests-") as temporary, in_use():
        command += [f"--basetemp={temporary}/all", f"--tell={temporary}/told"]
        status = subprocess.run(command, cwd=CHECKOUT, env=env, check=False).returncode
    print(f"tests/run --matrix {matrix}: {time.monotonic() - start:.0f} s, exit status {status}")
    return status


def say(line: str) -> None:
    """Tell the person who watches."""
    print(f"tests/run: {line}", file=sys.stderr, flush=True)


@contextmanager
def in_use(*, alone: bool = False) -> Iterator[bool]:
    """Hold the cache folder in use; yield whether it could be had, for `alone` only if nobody else has it."""
    with (CACHE / "use.lock").open("w") as lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_EX | fcntl.LOCK_NB) if alone else fcntl.LOCK_SH)
        except OSError:
            yield False
        else:
            yield True


def clean() -> int:
    """Remove the cache folder, and say how large it was."""
    if not CACHE.exists():
        say(f"there is no {CACHE}: nothing to remove")
        return 0
    if not folder.is_ours(CACHE):
        say(f"{CACHE} was not made by the tests: remove it yourself, or set {folder.VARIABLE}")
        return 2
    with in_use(alone=True) as alone:
        if not alone:
            say(f"{CACHE} is used by another tests/run (try: again when it has ended)")
            return 2
        say(f"removing {CACHE}, {folder.in_words(folder.disk_usage(CACHE))}")
        try:
            folder.remove(CACHE)
        except OSError as error:
            say(f"cannot remove {error.filename}: {error.strerror} (try: as the user who made it)")
            return 2
    return 0


def environment() -> str:
    """Return the Python of a virtual environment with all that pyproject.toml asks for."""
    CACHE.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256((CHECKOUT / "pyproject.toml").read_bytes() + sys.version.encode()).hexdigest()[:12]
    venv = CACHE / f"venv-{key}"
    python, complete = str(venv / "bin" / "python"), venv / "complete"
    with (CACHE / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            say(f"making the virtual environment {venv} with pip: about 250 MB, a minute")
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            listing = subprocess.run(
                [python, "-c", LIST_REQUIREMENTS],
                cwd=CHECKOUT / "tests",
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            pip += ["--cache-dir", str(CACHE / "pip")]
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
