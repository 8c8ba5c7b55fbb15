"""tests/run: its help, the one folder that it keeps, and how it tells how far it is."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import cache, folder
from tools.telling import Telling

RUN = cache.CHECKOUT / "tests" / "run"


def run(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", str(RUN), *map(str, words)],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_makes_nothing(tmp_path: Path) -> None:
    """Not even a Python is needed."""
    for program in ("bash", "dirname", "cat"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    done = run("--quick", "--help", PATH=str(tmp_path), HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--quick", "--all", "--soak", "--clean", "$GDB_GOSPAN_CACHE"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert not (tmp_path / "home").exists()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder as the tests make it, with what Go makes read-only."""
    own = tmp_path / "cache"
    (own / "go-home" / "mod").mkdir(parents=True)
    (own / "go-home" / "mod" / "file").write_bytes(b"x" * 3_000_000)
    os.link(own / "go-home" / "mod" / "file", own / "again")
    (own / "go-home" / "mod").chmod(0o500)
    (own / "locks").mkdir()
    return own


def test_clean(own: Path) -> None:
    done = run("--clean", GDB_GOSPAN_CACHE=str(own), HOME="/nowhere")
    assert (done.returncode, done.stderr) == (0, f"tests/run: removing {own}, 3 MiB\n")
    assert not own.exists()
    done = run("--clean", GDB_GOSPAN_CACHE=str(own), HOME="/nowhere")
    assert (done.returncode, done.stderr) == (0, f"tests/run: there is no {own}: nothing to remove\n")


def test_clean_leaves_what_the_tests_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    done = run("--clean", GDB_GOSPAN_CACHE=str(tmp_path), HOME="/nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith(f"tests/run: {tmp_path} was not made by the tests: ")
    assert (tmp_path / "mine").exists()


def test_clean_waits_for_nobody(own: Path) -> None:
    with (own / "use.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        done = run("--clean", GDB_GOSPAN_CACHE=str(own), HOME="/nowhere")
    assert done.returncode == 2
    assert done.stderr == f"tests/run: {own} is used by another tests/run (try: again when it has ended)\n"
    assert (own / "again").exists()


def test_where_the_folder_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    for name in ("XDG_CACHE_HOME", folder.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    assert folder.root() == Path("/h/.cache/gdb_gospan")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert folder.root() == Path("/x/gdb_gospan")
    monkeypatch.setenv(folder.VARIABLE, "/own")
    assert folder.root() == Path("/own")


def test_sizes() -> None:
    assert [folder.in_words(size) for size in (3 << 20, 1 << 30, 6_227_702_579)] == [
        "3 MiB",
        "1.0 GiB",
        "5.8 GiB",
    ]


def test_lines_in_place_of_dots(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('i', range(30))\n"
        "def test_it(i): assert i != 20\n"
        "def test_that(): pytest.skip('why')\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider"]
    path = os.pathsep.join(map(str, (cache.CHECKOUT / "tests", cache.CHECKOUT)))
    done = subprocess.run(
        [*command, "-n2", "--tell", str(tmp_path / "told")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 29 passed, 1 skipped" in done.stdout
    assert ".." not in done.stdout.partition("= FAILURES")[0]


def test_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    telling = Telling(tmp_path / "told", SimpleNamespace())
    telling.pytest_xdist_node_collection_finished(ids=["x"] * 1234)
    telling.pytest_runtest_logstart("tests/unit/test_it.py::test_it[1]")
    for when, failed in (("setup", False), ("call", True), ("teardown", False)):
        telling.pytest_runtest_logreport(SimpleNamespace(when=when, failed=failed))
    telling.began -= 65
    assert telling.line() == (
        "tests/run: after 1:05: 1 of 1,234 tests done, 1 failed, now in tests/unit/test_it.py"
    )
    assert telling.fetched() == []
    monkeypatch.setattr(cache, "told_in", str(tmp_path / "told"))
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path))
    cache.once(tmp_path / "go" / "1.27.3", lambda _: None)
    cache.once(tmp_path / "cores" / "frag", lambda _: None)
    assert telling.fetched() == ["tests/run: fetching Go 1.27.3"]
    assert telling.fetched() == []
