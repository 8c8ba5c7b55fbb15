"""The matrix of Go releases, cores and debuggers, and what the end of a run says about skips."""

from __future__ import annotations

import re
import signal
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

from tools import cache, cores, delves, gdbs, programs, realworld, soak, toolchains
from tools.telling import Telling
from tools.timing import pytest_runtest_makereport, pytest_runtest_protocol  # noqa: F401  # hooks

# How long an example takes says more about what else this machine does than about the code. Nor may luck decide about a
# change: the examples are the same in every run, and other ones only with --soak.
hypothesis.settings.register_profile("fixed", deadline=None, derandomize=True)
hypothesis.settings.load_profile("fixed")

# What nohup or a shell's & has made deaf makes its children deaf, and some tests wait for those to hear. A handler of our
# own keeps this process as it is, and is gone in every program that is started.
for _number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

#: A test with one of these needs more than Python and the checkout; all others are quick.
HEAVY = {
    "toolchain": "needs a Go toolchain (fetched) and programs built with it",
    "gdb": "needs a gdb",
    "live": "attaches to running programs",
    "install": "installs into a folder of its own, with a network",
    "bench": "measures time",
    "slow": "takes more than ten seconds",
}

#: A run with --soak has the tests with one of these, and no others.
SOAK = {
    "soak": "hunts for rare moments, as long as one likes: everything in tests/soak; in no other run",
    "fuzz": "chooses examples at random: the same few in every run, many and new ones with --soak",
}

#: What each fixture of the matrix makes of a test that uses it.
MARKS = {
    "go_minor": "toolchain",
    "go_patch": "toolchain",
    "core_kind": "toolchain",
    "real_program": "toolchain",
    "gdb_label": "gdb",
}

#: How the name of a test shows that "1.27" is Go and "13.1" is gdb.
PREFIX = {"go_minor": "go", "go_patch": "go", "gdb_label": "gdb"}

ENDS = (toolchains.OLDEST, toolchains.NEWEST)

#: Releases that each gdb but the one on PATH sees; one that is not named sees both ends.
GDB_SEES = {"16.3": ENDS[:1], "17.2": ENDS[1:], "18.1": ENDS[1:]}

#: How a release between the oldest and the newest is built where there are several ways; plainly for all other tests.
WAYS_TO_BUILD = {
    "1.20": "pie",
    "1.21": "cgo",
    "1.22": "386",
    "1.23": "pie",
    "1.24": "cgo",
    "1.25": "pie",
    "1.26": "cgo",
}

#: Small enough for a core of some 30 MB on disk, big enough for some 5,000 span descriptors.
OBJECTS = "20000"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--matrix",
        choices=("quick", "default", "all", "soak"),
        default="default",
        help="quick: no toolchains, no gdb; default: oldest and newest Go, gdb on PATH; "
        "all: every Go with the gdb on PATH, and every other gdb with the oldest or the newest; "
        "soak: random moments of busy programs, and long fuzzing, and nothing else",
    )
    parser.addoption(
        "--soak-count",
        type=int,
        default=soak.DEFAULT,
        metavar="N",
        help="captures of each busy program in a soak run (%(default)s); other numbers follow from it",
    )
    parser.addoption(
        "--tell",
        metavar="FILE",
        help="tell how far the run is, by lines in place of dots; FILE has what workers say meanwhile (tests/run)",
    )


@pytest.hookimpl(trylast=True)  # the reporter is there
def pytest_configure(config: pytest.Config) -> None:
    cache.told_in = config.getoption("tell")
    if cache.told_in and not hasattr(config, "workerinput") and config.getoption("verbose") == 0:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        config.pluginmanager.register(Telling(Path(cache.told_in), reporter))
    if config.getoption("matrix") == "soak":
        soak.count = config.getoption("soak_count")
        hypothesis.settings.register_profile("soak", deadline=None, max_examples=soak.examples(100))
        hypothesis.settings.load_profile("soak")
    for name, meaning in {**HEAVY, **SOAK}.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    config.addinivalue_line(
        "markers", "since(minor): with go_minor, leaves out the Go releases before that one"
    )
    config.addinivalue_line(
        "markers",
        "in_turn(name, ..., of=values): parameters that the releases between the oldest and the newest take in turn,"
        " or a fixture with these of its own",
    )
    config.addinivalue_line(
        "markers",
        "ends(yes=True): the oldest and the newest Go only, also with --all: nothing depends on the release",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    everything = metafunc.config.getoption("matrix") in ("all", "soak")
    minors = list(toolchains.TOOLCHAINS if everything else ENDS)
    matrix = {
        "go_minor": _since(metafunc, minors),
        "go_patch": list(toolchains.PATCHES) if everything else list(toolchains.PATCHES[-1:]),
        "core_kind": list(cores.KINDS),
        "real_program": list(realworld.PROGRAMS if everything else realworld.FEW),
        "gdb_label": gdbs.labels() if everything else [gdbs.system_label()],
    }
    for name in [name for name in matrix if name in metafunc.fixturenames]:
        if not _own(metafunc, name):
            ids = [PREFIX.get(name, "") + value for value in matrix[name]]
            metafunc.parametrize(name, matrix[name], ids=ids, scope="session")


@pytest.hookimpl(tryfirst=True)  # before xdist takes the names of the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for fixture, mark in MARKS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("fuzz")
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if "go_minor" in parameters and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(f"go{parameters['go_minor']}"))
    left_out = {item for item in items if not _needed(item, config.getoption("matrix"))}
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


def _needed(item: pytest.Item, matrix: str) -> bool:
    """Whether the test is one of the matrix.

    What is the same for every release is tested with the oldest and the newest, of which the one has DWARF 4 and the other
    DWARF 5. With ``--all`` each release is a column, and so is each other gdb with one release (GDB_SEES). These columns take
    the values of a parameter marked ``in_turn`` in turn, and no core of gcore, which differs by who wrote it and not by the
    release. An old Delve sees the releases of its time and the newest.
    """
    if (matrix == "soak") != bool(item.get_closest_marker("soak")):
        return matrix == "soak" and item.get_closest_marker("fuzz") is not None
    if matrix == "quick":
        return not any(item.get_closest_marker(name) for name in HEAVY)
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    go = parameters.get("go_minor", toolchains.NEWEST)
    gdb = parameters.get("gdb_label", gdbs.system_label())
    if gdb != gdbs.system_label() and "go_minor" in parameters and go not in GDB_SEES.get(gdb, ENDS):
        return False
    if parameters.get("delve") == delves.OLDEST and go not in (*ENDS, "1.20"):
        return False
    if go not in ENDS and (mark := item.get_closest_marker("ends")) and mark.args != (False,):
        return False
    if go in ENDS and gdb == gdbs.system_label():
        return True
    column = list(toolchains.TOOLCHAINS).index(go) + gdbs.labels().index(gdb)
    return parameters.get("core_kind") != "gcore" and all(
        _its_turn(item, name, go, column + place)
        for mark in item.iter_markers("in_turn")
        for place, name in enumerate(mark.args)
    )


def _its_turn(item: pytest.Item, name: str, go: str, column: int) -> bool:
    """Whether the parameter of that name has the value that a column of the matrix takes."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    values, ids = list(next(item.iter_markers("in_turn")).kwargs.get("of", ())), []
    for mark in item.iter_markers("parametrize"):
        if mark.args[0] == name:
            values, ids = list(mark.args[1]), list(mark.kwargs.get("ids") or map(str, mark.args[1]))
    if name not in parameters:
        return True
    # Each way to build takes a standard library of its own: one of them is made for a release, for all tests.
    way = WAYS_TO_BUILD.get(go)
    return values.index(parameters[name]) == (ids.index(way) if way in ids else column % len(values))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what a soak run saw, and what was skipped once more, by reason, as the last thing."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    told = [value for report in reports for name, value in report.user_properties if name == soak.PROPERTY]
    if told:
        terminalreporter.section("what was seen")
        terminalreporter.write("\n".join([*soak.table(told), ""]))
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(re.sub(r"^[\w.]+: ", "", str(report.longrepr[2]), count=1) for report in skipped)
    if reasons:
        terminalreporter.section(f"{len(skipped)} skipped, by reason")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:6}  {reason}")


@pytest.fixture(scope="session")
def toolchain(go_minor: str) -> toolchains.Toolchain:
    """A Go toolchain; the test runs once for each release of the matrix."""
    return toolchains.ensure(go_minor)


@pytest.fixture(scope="session")
def frag(go_minor: str) -> Path:
    """The sample program, built with each release."""
    return programs.build("frag", go_minor)


@pytest.fixture(scope="session")
def frag_core(frag: Path, core_kind: cores.Kind) -> cores.Core:
    """A core of the sample program at rest: its figures are those that it printed, to the byte."""
    return cores.core(core_kind, frag, "-objects", OBJECTS)


@pytest.fixture(scope="session")
def frag_core_cached(frag: Path, core_kind: cores.Kind) -> cores.Core:
    """A core of the sample program with spans in the caches of a P."""
    return cores.core(core_kind, frag, "-objects", OBJECTS, "-cached")


@pytest.fixture(scope="session")
def gdb(gdb_label: str) -> gdbs.Gdb:
    """A debugger; the test runs once for each debugger of the matrix."""
    return gdbs.ensure(gdb_label)


def _since(metafunc: pytest.Metafunc, minors: list[str]) -> list[str]:
    """Return the releases that the test is about."""
    mark = metafunc.definition.get_closest_marker("since")
    oldest = mark.args[0] if mark else toolchains.OLDEST
    return [minor for minor in minors if _number(minor) >= _number(oldest)]


def _number(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.split("."))


def _own(metafunc: pytest.Metafunc, name: str) -> bool:
    """Whether the test brings its own values for this fixture."""
    marks = metafunc.definition.iter_markers("parametrize")
    return any(name in str(mark.args[0]).replace(" ", "").split(",") for mark in marks)
