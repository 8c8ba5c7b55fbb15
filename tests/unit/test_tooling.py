"""The tools of the tests: the cache folder, where cores are, and that nothing is skipped in silence."""

import os
import subprocess
import sys
import time

import hypothesis
import pytest

from tools import cache, cores, project, toolchains


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache.root()


def test_once_makes_a_folder_once(own_cache):
    calls = []

    def make(folder):
        calls.append(folder)
        (folder / "file").write_text("x")

    for _ in range(2):
        assert (cache.once(own_cache / "kind" / "name", make) / "file").read_text() == "x"
    assert len(calls) == 1
    assert names(own_cache / "kind") == ["name"]


def test_once_leaves_nothing_of_what_failed(own_cache):
    def make(folder):
        (folder / "half").write_text("x")
        raise cache.Unavailable("no network")

    with pytest.raises(cache.Unavailable, match="no network"):
        cache.once(own_cache / "kind" / "name", make)
    assert names(own_cache / "kind") == []


def test_trim_removes_the_longest_unused_but_nothing_fresh(tmp_path):
    now = time.time()
    for age, name in ((20, "old"), (10, "middle"), (7, "young"), (0, "fresh")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data").write_bytes(b"x" * 100_000)
        os.utime(tmp_path / name, (now - age * 3600,) * 2)
    cache.trim(tmp_path, 250_000)
    assert names(tmp_path) == ["fresh", "young"]
    cache.trim(tmp_path, 0)
    assert names(tmp_path) == ["fresh"]


def test_remembered_fails_once():
    calls = []

    @cache.remembered
    def fetch(name):
        calls.append(name)
        raise cache.Unavailable(f"no {name}")

    for _ in range(2):
        with pytest.raises(cache.Unavailable, match="no network"):
            fetch("network")
    assert calls == ["network"]


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("core", "core"),
        ("core", "core.77"),
        ("core.%p", "core.77"),
        ("{there}/core.%e.%p.%t", "core.frag.77.1234"),
        ("{there}/%p", "77"),
    ],
)
def test_find_core(tmp_path, pattern, written):
    program, elsewhere = tmp_path / "program", tmp_path / "elsewhere"
    program.mkdir()
    elsewhere.mkdir()
    folder = elsewhere if "{there}" in pattern else program
    (program / "stdout.json").touch()
    (folder / "core.78").touch()
    (folder / written).touch()
    assert cores._find_core(pattern.format(there=elsewhere), program, 77) == folder / written


def test_find_core_finds_none(tmp_path):
    assert cores._find_core("core.%p", tmp_path, 77) is None


def test_what_is_unavailable_is_skipped_and_said_at_the_end(tmp_path):
    """Runs the conftest on a test of its own."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "from tools.cache import Unavailable\n"
        "@pytest.mark.parametrize('i', range(3))\n"
        "def test_it(i):\n"
        "    raise Unavailable('no such thing here')\n"
        "def test_that():\n"
        "    pytest.skip('another reason')\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "test_it.py"]
    path = os.pathsep.join(map(str, (cache.CHECKOUT / "tests", cache.CHECKOUT)))
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    summary = done.stdout[done.stdout.index("4 skipped, by reason") :]
    assert "     3  no such thing here\n     1  another reason\n" in summary


def test_quick_deselects_what_needs_more(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_quick(): pass\n"
        "def test_go(go_minor): raise AssertionError\n"
        "@pytest.mark.slow\n"
        "def test_slow(): raise AssertionError\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "conftest",
        "-p",
        "no:cacheprovider",
        "--matrix",
        "quick",
    ]
    path = os.pathsep.join(map(str, (cache.CHECKOUT / "tests", cache.CHECKOUT)))
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed, 3 deselected" in done.stdout


def test_an_old_python_gets_one_line(tmp_path):
    """What tests/run says when the only Python is too old."""
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")  # every question gets no for an answer
    (tmp_path / "python3").chmod(0o755)
    for program in ("bash", "dirname", "gdb", "gcc"):
        (tmp_path / program).symlink_to("/bin/true" if program in ("gdb", "gcc") else f"/usr/bin/{program}")
    done = subprocess.run(
        ["/bin/bash", str(cache.CHECKOUT / "tests" / "run"), "--quick"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"tests/run: {tmp_path}/python3 is older than Python 3.10 (try: a newer python3 on PATH)\n"
    )


def test_pyproject_lists_what_the_suite_installs():
    assert any(line.startswith("numpy") for line in project.dependencies())
    assert any(line.startswith("pytest-xdist") for line in project.development())


def test_every_release_has_an_exact_version():
    assert all(version.startswith(f"{minor}.") for minor, version in toolchains.TOOLCHAINS.items())
    assert (toolchains.OLDEST, toolchains.NEWEST) == ("1.19", "1.27")


def test_a_core_handler_is_out_of_the_way_and_back_again(own_cache, tmp_path, monkeypatch):
    pattern = tmp_path / "core_pattern"
    pattern.write_text("|/usr/share/handler %p\n")
    monkeypatch.setattr(cores, "CORE_PATTERN", pattern)
    with cores._core_pattern() as in_force:
        assert in_force == pattern.read_text() == "core"
    assert pattern.read_text() == "|/usr/share/handler %p"


def test_a_core_handler_that_stays_is_the_reason_of_a_skip(own_cache, tmp_path, monkeypatch):
    class ReadOnly(type(tmp_path)):
        def write_text(self, *_):
            raise OSError(30, "Read-only file system")

    pattern = tmp_path / "core_pattern"
    pattern.write_text("|/usr/share/handler %p\n")
    monkeypatch.setattr(cores, "CORE_PATTERN", ReadOnly(pattern))
    with (
        pytest.raises(cache.Unavailable, match=r"handler %p.*cannot be changed: Read-only"),
        cores._core_pattern(),
    ):
        pass


def test_no_property_has_a_deadline() -> None:
    """A busy machine is no defect."""
    assert hypothesis.settings.default is not None
    assert hypothesis.settings.default.deadline is None
