"""The tools of the tests: the cache folder, where cores are, and that nothing is skipped in silence."""

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import hypothesis
import pytest

from tools import cache, cores, project, soak, toolchains, where_time_goes


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("GDB_GOSPAN_CACHE", raising=False)
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


def suite_of(folder, text, *options):
    """Run the conftest on tests of its own, and return what pytest printed."""
    (folder / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", *options]
    path = os.pathsep.join(map(str, (cache.CHECKOUT / "tests", cache.CHECKOUT)))
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_what_is_unavailable_is_skipped_and_said_at_the_end(tmp_path):
    said = suite_of(
        tmp_path,
        "import pytest\n"
        "from tools.cache import Unavailable\n"
        "@pytest.mark.parametrize('i', range(3))\n"
        "def test_it(i):\n"
        "    raise Unavailable('no such thing here')\n"
        "def test_that():\n"
        "    pytest.skip('another reason')\n",
    )
    summary = said[said.index("4 skipped, by reason") :]
    assert "     3  no such thing here\n     1  another reason\n" in summary


def test_quick_deselects_what_needs_more(tmp_path):
    said = suite_of(
        tmp_path,
        "import pytest\n"
        "def test_quick(): pass\n"
        "def test_go(go_minor): raise AssertionError\n"
        "@pytest.mark.slow\n"
        "def test_slow(): raise AssertionError\n",
        "--matrix",
        "quick",
    )
    assert "1 passed, 3 deselected" in said


TURNS = """
import pytest
from tools.toolchains import TOOLCHAINS

@pytest.mark.in_turn("value")
@pytest.mark.parametrize("value", ["one", "two", "three"])
def test_turns(go_minor, value): pass

@pytest.mark.in_turn("build")
@pytest.mark.parametrize("build", [{"way": 1}, {"way": 2}], ids=["plain", "pie"])
def test_ways(go_minor, build): pass

@pytest.mark.ends
def test_ends(go_minor): pass

def test_kinds(go_minor, core_kind): pass
"""


def test_releases_in_between_take_turns(tmp_path):
    """The oldest and the newest have every value; of the others each has one, and all values come up."""
    said = suite_of(tmp_path, TURNS, "--matrix", "all", "--collect-only", "-q")
    found = [tuple(re.split(r"[\[\]-]", line)[:3]) for line in said.splitlines() if "::" in line]
    tests = {name: [(go, value) for test, go, value in found if test.endswith(name)] for name in
             ("test_turns", "test_ways", "test_ends", "test_kinds")}  # fmt: skip
    ends, between = ("go1.19", "go1.27"), [f"go1.{minor}" for minor in range(20, 27)]
    assert [go for go, _ in tests["test_ends"]] == [*ends]
    for name, count in (("test_turns", 3), ("test_ways", 2), ("test_kinds", 2)):
        values = [value for go, value in tests[name] if go == ends[0]]
        assert len(values) == len({value for go, value in tests[name] if go == ends[1]}) == count, name
        turns = [(go, value) for go, value in tests[name] if go in between]
        assert sorted(go for go, _ in turns) == between, name
    assert {value for go, value in tests["test_turns"] if go in between} == {"one", "two", "three"}
    assert dict(tests["test_ways"])["go1.23"] == "pie"
    assert {value for go, value in tests["test_kinds"] if go in between} == {"kernel"}


CHANCES = """
import pytest
from hypothesis import given, settings, strategies
from tools.soak import captures, examples, seeds

def test_plain(): pass

@pytest.mark.soak
def test_hunt(): print("captures:", captures(), captures(0.3))

drawn = []

@settings(max_examples=examples(7))
@given(strategies.integers(0, 10**9))
def test_property(number): drawn.append(number)

@pytest.mark.fuzz
def test_drawn(): print("seeds:", len(seeds(3)), "drawn:", drawn)
"""


def test_luck_is_for_soak_runs(tmp_path):
    """Of any other run the examples are the same each time; a soak run has more of them, and nothing but chances."""
    one, other = (suite_of(tmp_path, CHANCES, "-s", "--matrix", "quick") for _ in range(2))
    few = [said[said.index("seeds:") : said.index("]")] for said in (one, other)]
    assert few[0] == few[1]
    assert few[0].startswith("seeds: 3 drawn: [")
    assert few[0].count(",") == 6
    assert "3 passed, 1 deselected" in one
    much = suite_of(tmp_path, CHANCES, "-s", "--matrix", "soak", "--soak-count", "100")
    assert "captures: 100 30" in much
    assert "seeds: 30 drawn: [" in much
    assert much[much.index("drawn:") : much.index("]")].count(",") > 50
    assert "3 passed, 1 deselected" in much


def test_what_a_soak_test_saw_is_told_at_the_end(tmp_path):
    told = []
    seen = soak.Seen(lambda name, value: told.append((name, value)))
    exact = {"code": "heap-free", "status": "exact", "expected": 1, "observed": 1}
    broken = {"code": "page-bits", "status": "broken", "expected": 8, "observed": 7}
    assert seen.add([exact, {**exact, "status": "transient"}], "capture 1:") == []
    assert seen.add([exact, broken], "capture 2:") == ["capture 2: page-bits: 8 expected, 7 observed"]
    seen.tell("go1.27 churn, gdb")
    ((name, value),) = told
    assert name == soak.PROPERTY
    table = [
        "go1.27 churn, gdb: 2 captures; 1 transient, 0 unknown, 1 broken",
        "         1  heap-free transient",
        "         1  page-bits broken",
    ]
    assert soak.table([value]) == table
    text = f"def test_it(record_property): record_property({name!r}, {value!r})\n"
    said = suite_of(tmp_path, text)
    assert "\n".join(table) in said[said.index("what was seen") :]


def test_what_hangs_fails_by_its_name(tmp_path):
    text = "import subprocess\ndef test_hangs(): subprocess.run(['sleep', '60'])\ndef test_after(): pass\n"
    said = suite_of(tmp_path, text, "--timeout", "1", "--timeout-method", "signal")
    assert "FAILED test_it.py::test_hangs" in said
    assert "1 failed, 1 passed" in said


def test_where_time_goes(tmp_path):
    """A test and its fixtures count, what they make for the cache and what their programs take included."""
    text = (
        "import pytest, subprocess\n"
        "from pathlib import Path\n"
        "from tools.cache import once\n"
        "@pytest.fixture\n"
        "def made(tmp_path):\n"
        "    return once(tmp_path / 'kind' / 'name', lambda folder: subprocess.run(['sleep', '0.3']))\n"
        "def test_makes(made): subprocess.run(['sh', '-c', 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'])\n"
        "@pytest.mark.parametrize('i', range(2))\n"
        "def test_two(i): pass\n"
    )
    suite_of(tmp_path, text, "--junitxml", "junit.xml")
    rows = where_time_goes.totals(str(tmp_path / "junit.xml"), "test")
    assert {name: row["tests"] for name, row in rows.items()} == {
        "test_it::test_makes": 1,
        "test_it::test_two": 2,
    }
    makes, two = rows["test_it::test_makes"], rows["test_it::test_two"]
    assert makes["clock"] > makes["making"] >= 0.3
    assert makes["cpu"] > two["cpu"] + 0.05
    assert two["making"] == 0
    lines = where_time_goes.table([rows, rows], top=1)
    assert len(lines) == 3
    assert lines[1].endswith("  (all)")
    assert lines[2].endswith("  test_it::test_makes")


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


def test_no_shared_fixture_rests_on_what_a_file_has_its_own_of() -> None:
    """Pytest keeps a session's fixture from file to file, and so what it made of the first file's own."""
    files = {path: _fixtures(path) for path in cache.CHECKOUT.glob("tests/**/*.py")}
    assert [
        f"{path.relative_to(cache.CHECKOUT)}: {name} rests on {', '.join(sorted(theirs & own.keys()))}"
        for path, shared in files.items()
        if path.name == "conftest.py"
        for name, (scope, theirs) in shared.items()
        for other, own in files.items()
        if scope == "session" and other != path and other.is_relative_to(path.parent) and theirs & own.keys()
    ] == []


def _fixtures(path: Path) -> dict[str, tuple[str, set[str]]]:
    """Return the scope of each fixture of a file, and the fixtures that it asks for."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else []:
            if ast.unparse(mark).startswith("pytest.fixture"):
                scopes = [key.value for key in getattr(mark, "keywords", []) if key.arg == "scope"]
                scope = ast.literal_eval(scopes[0]) if scopes else "function"
                found[node.name] = scope, {argument.arg for argument in node.args.args}
    return found
