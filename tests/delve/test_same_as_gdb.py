"""Delve's script says what go-spans says of the same core: every figure, and the same lines of text.

The command line stands for gdb here, for the two print the same byte for byte (tests/cli/test_same_as_gdb.py).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.analysis import verification
from gdb_gospan.fields.document import evolved, fields_of, is_document
from gdb_gospan.render import tables
from gdb_gospan.render.style import Style
from gdb_gospan.reports import run as reports_run
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.reports.run import run
from gdb_gospan.targets import core as coredump
from tools import cores, delves, programs, schemas, shell, toolchains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cores import Core
    from tools.delves import Delve

pytestmark = pytest.mark.toolchain

#: A core of some thousand spans: the older Delve reads it by 1,000 bytes, for each question anew.
OBJECTS = "3000"

#: What is asked of every core, by the words of both.
QUESTIONS = (
    "summary",
    "classes --limit 0",
    "classes --sort spans --limit 5",
    "list --limit 0",
    "list --state manual --sort start --limit 0",
    "list --sort occupied --scan --occupancy 0-60 --limit 7",
    "list --sort type --limit 5",
    "list --state manual --sort state --limit 5",
    "spanalloc",
    "fixalloc --sort inuse",
    "central --limit 0",
    "central --sort spanclass",
    "cache",
    "cache 0",
    "cache --sort parked_bytes",
    "gc",
    "pages --chunks --limit 0",
    "pages --chunks --sort largest_run",
    "check",
    "check --sort code",
    "check --sort expected --limit 5",
)

#: What is asked for exact bytes, too.
EXACT = {"summary", "classes --limit 0", "pages --chunks --limit 0", "gc"}

#: Of this the script has less: it does not see files.
LESS = {"target"}

#: What takes the bitmaps of all spans, or goroutines, which the script has not: `optional` in the package's documents.
LACKING = {"survivors", "verdict", "survived_bytes", "new_bytes", "pace", "limiter", "objects", "queues"}

#: Identities of each report: those that need nothing of each span beyond its descriptor; two more of the lists in central.
QUICK = 29
SHOWN = {"central": 31, "check": 34}
ALL = 34


def different(got: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """Name every place where two documents differ."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        for key in sorted(got.keys() | wanted.keys()):
            if key not in got or key not in wanted:
                yield f"{path}.{key} is in one only"
            else:
                yield from different(got[key], wanted[key], f"{path}.{key}")
    elif isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        for index, (one, other) in enumerate(zip(got, wanted, strict=True)):
            yield from different(one, other, f"{path}[{index}]")
    elif got != wanted or isinstance(got, bool) != isinstance(wanted, bool):
        yield f"{path}: {got!r}, not {wanted!r}"


@pytest.fixture(autouse=True)
def of_the_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of goroutines, threads and bitmaps the script has no report and no identities; so here the engine has none either."""
    monkeypatch.setattr(verification, "of_scheduler", lambda: ())
    in_tables = tables.in_tables
    monkeypatch.setattr(
        tables, "in_tables", lambda row: [each for each in in_tables(row) if not each.column.optional]
    )
    answered = reports_run.answered
    monkeypatch.setattr(reports_run, "answered", lambda *words: without(answered(*words)))


def without(answer: Any) -> Any:
    """Return a document without what the script has not."""
    changed = {}
    for each in fields_of(type(answer)):
        value = getattr(answer, each.name)
        if each.name in LACKING and each.column.optional:
            changed[each.name] = None
        elif is_document(type(value)):
            changed[each.name] = without(value)
        elif isinstance(value, tuple) and value and is_document(type(value[0])):
            changed[each.name] = tuple(map(without, value))
    return evolved(answer, **changed) if changed else answer


def compare_figures(said: str, expected: str) -> None:
    """Hold a document of the script against the engine's."""
    got, wanted = json.loads(said), json.loads(expected)
    assert got["target"]["pid"] == wanted["target"]["pid"]
    assert got["target"]["kind"] == wanted["target"]["kind"]
    assert schemas.errors(got) == []
    for runtime in wanted["runtimes"]:
        runtime["path"] = None  # the script sees no files
    checks = {check["code"]: check for check in got["checks"]}
    assert len(checks) == SHOWN.get(got["command"], QUICK)
    wanted["checks"] = [check for check in wanted["checks"] if check["code"] in checks]
    for document in (got, wanted):
        for key in LESS:
            document.pop(key, None)
    assert list(different(got, wanted)) == []


def alike(said: str, expected: str) -> tuple[str, str]:
    """Take away where a report of the script and one of the engine must differ."""
    expected = re.sub(r", died of \w+", "", expected, count=1)  # Delve does not tell a script
    expected, said = (re.sub(r"\nMore: (.|\n)*?\nlayout", "\nlayout", text) for text in (expected, said))
    if "what must hold" not in expected:
        shown = SHOWN["central"] if "reusable slots" in expected else QUICK
        expected = expected.replace(f"{ALL} of {ALL} identities", f"{shown} of {shown} identities")
    return said, re.sub(r"--json\s+and\s+--csv\s+have\s+all", "--json has all", expected)


def compare_words(said: str, expected: str) -> None:
    """Hold a report of the script against the engine's."""
    said, expected = alike(said, expected)
    assert said.splitlines() == expected.splitlines()


def addresses(core: Core) -> Iterator[str]:
    """Name one of each sort of address: in spans of every state, past the last slot, in a free page, of descriptors."""
    listed = shell.inside("list", "--state", "all", "--limit", "0", "--json", core.executable, core.path)
    spans: list[dict[str, Any]] = json.loads(listed.stdout)["list"]
    for state in dict.fromkeys(span["state"] for span in spans if span["state"] != "dead"):
        own = [span for span in spans if span["state"] == state]
        first, middle, last = (int(span["start"], 16) for span in (own[0], own[len(own) // 2], own[-1]))
        yield from (
            own[0]["descriptor"],
            hex(int(own[0]["descriptor"], 16) + 98),
            hex(first),
            hex(middle + 5000),
            hex(last + own[-1]["span_bytes"] - 1),
        )
    run = json.loads(shell.inside("pages", "--json", core.executable, core.path).stdout)["largest_run"]
    yield hex(int(run["address"], 16) + 5)


def compare(delve: Delve, core: Core, questions: tuple[str, ...] = QUESTIONS) -> None:
    questions = (*questions, *(f"show {address}" for address in addresses(core)))
    asked = [f"{question}{form}" for question in questions for form in (" --json", "")]
    asked += [f"{question} --bytes" for question in questions if question in EXACT]
    answers = delves.run(delve, [f"go_spans {words}" for words in asked], exe=core.executable, core=core.path)
    for words, said in zip(asked, answers, strict=True):
        expected = shell.inside(*words.split(), core.executable, core.path)
        if words.startswith("show") and (expected.status, expected.stdout) == (
            3,
            "",
        ):  # outside of the page allocator's ranges
            assert said.strip().endswith(expected.stderr.removeprefix("go-spans: ").strip()), words
            continue
        assert (expected.stderr, expected.status) == ("", 0), words
        try:
            (compare_figures if words.endswith("--json") else compare_words)(said, expected.stdout)
        except (AssertionError, json.JSONDecodeError) as error:
            raise AssertionError(f"go_spans {words}: {error}") from None


@pytest.mark.ends
def test_a_program_at_rest(delve: Delve, go_minor: str) -> None:
    compare(delve, cores.kernel_core(programs.build("frag", go_minor), "-objects", OBJECTS))


@pytest.mark.parametrize("go_minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_spans_in_the_caches_of_a_p(delve: Delve, go_minor: str) -> None:
    compare(delve, cores.core("gcore", programs.build("frag", go_minor), "-objects", OBJECTS, "-cached"))


@pytest.mark.parametrize("width", [44, 60, 80])
def test_what_does_not_fit_is_left_out_alike(delve: Delve, width: int) -> None:
    core = cores.kernel_core(programs.build("frag", "1.27"), "-objects", OBJECTS, "-cached")
    asked = [*QUESTIONS, *(f"{question} --bytes" for question in sorted(EXACT))]
    answers = delves.run(
        delve, [f"go_spans {words} --width {width}" for words in asked], exe=core.executable, core=core.path
    )
    session = coredump.open_session([str(core.executable), str(core.path)])
    for words, said in zip(asked, answers, strict=True):
        name, *options = words.split()
        command = find(name)
        assert command is not None
        expected = run(
            session, command, parse(command, options), Style(width=width, exact="--bytes" in words)
        )
        # Shorter words may end a line elsewhere, and long ones be cut elsewhere; the lines are no longer for it.
        got, wanted = alike(said, expected)
        got, wanted = (re.sub(r"\s*·\s*", " ", text) for text in (got, wanted))
        assert "".join(got.split()) == "".join(wanted.split()), f"go_spans {words} --width {width}"
        longest = max(map(len, expected.splitlines()))
        assert max(map(len, said.splitlines())) <= max(longest, width)


CORNERS = ("-tiny", "2000", "-finalizers", "99", "-goroutines", "99", "-stacks", "9", "-huge", "1", "-cached")


def test_finalizers_stacks_and_large_objects(delve: Delve, go_minor: str) -> None:
    compare(delve, cores.kernel_core(programs.build("corners", go_minor), *CORNERS))


@pytest.mark.parametrize("go_minor", ["1.24", "1.27"])
def test_garbage_that_is_not_swept(delve: Delve, go_minor: str) -> None:
    compare(delve, cores.kernel_core(programs.build("corners", go_minor), "-unswept"))


@pytest.mark.parametrize("go_minor", ["1.21", "1.24", "1.25", "1.27"])
def test_user_arenas(delve: Delve, go_minor: str) -> None:
    program = programs.build("corners", go_minor, experiments="arenas")
    compare(delve, cores.kernel_core(program, "-arenas", "5", "-ready", "4", "-quarantined", "2"))
