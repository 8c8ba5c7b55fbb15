"""`source gdb_gospan` from a checkout, from anywhere, in every gdb."""

import subprocess

import pytest

from tools.cache import CHECKOUT
from tools.gdbs import PLUGIN

HEAVY = {"numpy", "attr", "attrs", "tabulate", "pygments", "elftools"}
LOADED = "python import gdb_gospan; print(gdb_gospan.__path__[0])"


@pytest.fixture
def source(gdb, tmp_path):
    """Give a function that runs gdb in a folder and returns what the commands said."""

    def run(*commands, cwd=tmp_path, **env):
        arguments = [word for command in commands for word in ("-ex", command)]
        done = subprocess.run(
            [*gdb.argv, "-nx", "-batch", *arguments],
            env=gdb.environment() | env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout.splitlines()

    return run


def test_by_its_path(source):
    assert source(f"source {PLUGIN}", LOADED) == [str(PLUGIN.parent)]


def test_by_its_path_from_the_checkout(source):
    assert source("source gdb_gospan/gdb_gospan", LOADED, cwd=CHECKOUT) == [str(PLUGIN.parent)]


def test_by_its_name_through_the_source_path(source, tmp_path):
    (tmp_path / "gdb_gospan").mkdir()  # a folder of that name does not count
    assert source(f"directory {PLUGIN.parent}", "source gdb_gospan", LOADED) == [str(PLUGIN.parent)]


def test_by_its_name_through_a_link(source, tmp_path):
    (tmp_path / "spans").symlink_to(PLUGIN)
    assert source("source spans", LOADED) == [str(PLUGIN.parent)]


def test_without_proc(source, tmp_path):
    """Where there is no /proc, the file is looked for where gdb found it."""
    package = tmp_path / "gdb_gospan"
    package.mkdir()
    for entry in PLUGIN.parent.iterdir():
        (package / entry.name).symlink_to(entry)
    (package / "gdb_gospan").unlink()
    (package / "gdb_gospan").write_text(PLUGIN.read_text().replace("/proc/self/fd/", "/nowhere/"))
    (tmp_path / "x").mkdir()
    assert source("source gdb_gospan/gdb_gospan", LOADED) == [str(package)]
    assert source("source gdb_gospan", LOADED, cwd=package) == [str(package)]
    assert source(f"directory {package}", "source gdb_gospan", LOADED, cwd=tmp_path / "x") == [str(package)]
    (line,) = source(f"source {package}/gdb_gospan", cwd=tmp_path / "x")
    assert line == "go-spans cannot find the file that was sourced: source it by its full path"


def test_twice_is_harmless(source):
    said = source(f"source {PLUGIN}", f"source {PLUGIN}", "help go-spans summary")
    assert said == source(f"source {PLUGIN}", "help go-spans summary")
    assert any("summary" in line for line in said)


def test_another_folder_of_that_name_is_not_taken(source, tmp_path):
    decoy = tmp_path / "gdb_gospan"
    decoy.mkdir()
    (decoy / "__init__.py").write_text("raise SystemError('the wrong package')")
    commands = [f"python import sys; sys.path.insert(0, {str(tmp_path)!r})", f"source {PLUGIN}", LOADED]
    assert source(*commands) == [str(PLUGIN.parent)]


def test_the_path_of_python_stays_as_it_was(source):
    show = "python import sys; print(sys.path)"
    before, after = source(show, f"source {PLUGIN}", show)
    assert before == after


def test_nothing_heavy_is_loaded(source):
    assert source(f"source {PLUGIN}", f"python import sys; print({HEAVY} & set(sys.modules))") == ["set()"]


def test_nothing_of_it_stays_among_the_users_names(source):
    assert source(f"source {PLUGIN}", "python print([n for n in dir() if 'spans' in n or n == 'e'])") == [
        "[]"
    ]


def test_missing_dependencies_are_one_line(gdb, source, tmp_path):
    python = f"{gdb.python[0]}.{gdb.python[1]}"
    env = {"PYTHONPATH": "", "XDG_DATA_HOME": str(tmp_path)}
    # What the system's own Python brings may serve: then there is nothing to complain of.
    commands = [
        "python import sys; sys.path = [p for p in sys.path if 'packages' not in p]",
        f"source {PLUGIN}",
    ]
    (line,) = source(*commands, **env)
    what = "attrs, numpy, pyelftools, pygments, tabulate"
    assert line == f"go-spans needs {what} for gdb's Python {python}: run {CHECKOUT}/install.sh"


def test_a_broken_installation_is_one_line(source, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("gdb_gospan", "startup.py", "__init__.py"):
        (broken / name).write_bytes((PLUGIN.parent / name).read_bytes())
    broken = broken.rename(tmp_path / "gdb_gospan")
    (line,) = source(f"source {broken}/gdb_gospan")
    assert (
        line == "go-spans could not be loaded: ModuleNotFoundError: No module named 'gdb_gospan.interrupts'"
    )


def test_no_package_for_this_python_is_one_line(gdb, source, tmp_path):
    (tmp_path / "gdb_gospan").write_bytes(PLUGIN.read_bytes())
    (line,) = source("source gdb_gospan")
    python = f"{gdb.python[0]}.{gdb.python[1]}"
    run = f"run {tmp_path}/install.sh --gdb THIS_GDB"
    assert line == f"go-spans is not installed for gdb's Python {python}: {run}"


def test_what_it_adds_to_the_start_of_gdb(source):
    """Modules of its own, few, and nothing of Python's own library. tests/bench/run start measures the milliseconds."""
    show = "python import sys; print('loaded:', *sys.modules)"
    before, after = (
        {*line.split()[1:]} for line in source(show, f"source {PLUGIN}", show) if line.startswith("loaded:")
    )
    added = after - before
    assert {name for name in added if not name.startswith(("gdb_gospan", "gdb."))} <= {"__future__"}
    assert 5 < len(added) < 30
