"""go-spans gate: limits as typed and from files, every figure, what comes of comparing them, and the forms for CI."""

from __future__ import annotations

import json
import re
import sys
import types
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import attrs
import numpy as np
import pytest

from gdb_gospan.analysis.limits import Known, judged, known, part_of
from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import FOUND, NOT_TOLD, USAGE, UsageError
from gdb_gospan.fields.command import Command, Option
from gdb_gospan.fields.document import BYTES, COUNT, PERCENT
from gdb_gospan.memory.image import Image
from gdb_gospan.render.annotations import annotation
from gdb_gospan.render.help import help_text
from gdb_gospan.render.junit import Case, junit
from gdb_gospan.render.style import Style
from gdb_gospan.reports import gate, limits, toml
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.figures import BROKEN, RATE, STATS, UNITS
from gdb_gospan.reports.run import run
from gdb_gospan.runtime.heap import Heap
from tools import answers, images, planted, schemas, shell
from tools.tiny_heap import parked

if TYPE_CHECKING:
    from pathlib import Path

NAME = "1.27-frag"
FILE = images.FOLDER / f"{NAME}.gospan"
GATE = answers.named("gate")

#: What is not known of each image: it is of no process, and the program has no memory limit or has had few cycles.
SOMETIMES = {"rss", "memory_headroom", "gc_cycles_per_second"}


def words(kind: str, *given: str) -> list[str]:
    return [word for each in given for word in (f"--{kind}", each)]


def rows(session: Session, *given: str) -> dict[str, dict[str, Any]]:
    answer = answers.of(session, "gate", *given)
    assert schemas.errors(answer) == []
    return {row["name"]: row for row in answer["conditions"]}


def text(session: Session, *given: str, style: Style | None = None) -> str:
    return run(session, GATE, parse(GATE, given), style or Style())


def asked(*given: str) -> dict[tuple[str, str], limits.Limit]:
    return {(each.kind, each.name): each for each in limits.wanted(parse(GATE, given), UNITS)}


def broken(frames: Any = parked) -> Session:
    """Return a session with a counter that no walk can explain, nor any thread: where they stand is known, or not."""
    recorded = images.load(NAME)
    controller = recorded.session().heap.controller
    value = controller["heapInUse"] + 8192
    session = recorded.session((controller.address_of("heapInUse"), value.to_bytes(8, "little")))
    session.frames = frames
    return session


def incomplete() -> Session:
    """Return a session without the bitmap of pages."""
    recorded = images.load(NAME)
    heap, segments = recorded.session().heap, recorded.image.segments
    keep = np.ones(len(segments.start), np.bool_)
    keep[segments.index(int(heap.spans.addresses[0]))] = False
    start, size, offset = (column[keep] for column in (segments.start, segments.size, segments.offset))
    image = Image(attrs.evolve(segments, start=start, size=size, offset=offset), recorded.image.holes)
    return Session(
        recorded.target, Heap(image, recorded.layout, recorded.symbols), lwps=lambda: recorded.lwps
    )


# Limits as they are typed.


def test_an_option_that_is_repeated_has_all_that_was_given() -> None:
    toy = Command(
        "toy",
        "t",
        "t",
        "t",
        options=(Option("each", "e", "N", repeated=True, number=True), Option("one", "o", "N")),
    )
    assert parse(toy, ["--each", "1", "--one", "a", "--each=0x10", "--one", "b"])["each"] == (1, 16)
    assert parse(toy, ["--one", "a", "--one", "b"]) | {"each": ()} == {
        **parse(toy, ["--one", "b"]),
        "each": (),
    }
    assert parse(toy, [])["each"] is parse(toy, ["--one", "a"])["each"] is None
    assert "--each N              e; may be repeated" in help_text(toy)
    with pytest.raises(UsageError, match="toy: --each: x is not a number"):
        parse(toy, ["--each", "1", "--each", "x"])
    assert toy.options[0].only_of("a part", "one").repeated


@pytest.mark.parametrize(
    ("typed", "number", "percent"),
    [
        ("idle_retained=64MiB", 64 << 20, None),
        ("idle_retained=64 MiB", 64 << 20, None),
        ("idle_retained=1,024", 1024, None),
        ("idle_retained=0x10", 16, None),
        ("sys=30%", None, Fraction(30)),
        ("sys=30 %", None, Fraction(30)),
        ("memory_headroom=12.5%", None, Fraction(25, 2)),
        ("goroutines=10,000", 10_000, None),
        ("gc_cpu_percent=5%", 5, None),
        ("gc_cpu_percent=2.5", 2.5, None),
        ("gc_cycles_per_second=0.1", 0.1, None),
    ],
)
def test_a_limit_as_it_is_typed_or_printed(
    typed: str, number: float | None, percent: Fraction | None
) -> None:
    name = typed.partition("=")[0]
    for given in (
        ["--max", typed],
        [f"--max={typed}"],
        ["--max", *typed.split()],
        ["--max", *f'"{typed}"'.split()],
    ):
        assert asked(*given) == {("max", name): limits.Limit("max", name, number, percent)}, given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "gate: no limit is given (try: --max idle_retained=64MiB, or --limits FILE; "),
        (["--max", "goroutines"], "--max goroutines: the limit is missing (try: --max goroutines=10000)"),
        (["--max", "sys"], "--max sys: the limit is missing (try: --max sys=64MiB)"),
        (["--max", "idle_retaned=1"], "no such figure (did you mean idle_retained or "),
        (["--min", "heapinuse=1"], "--min heapinuse: no such figure (did you mean HeapInuse"),
        (["--max", "xyzzy=1"], "--max xyzzy: no such figure (go-spans help gate lists the figures)"),
        (["--max", "goroutines=30%"], "30% is not a number (try: 10000)"),
        (["--max", "goroutines=1MiB"], "1MiB is not a number"),
        (["--max", "sys=1MB"], "1MB is ambiguous (in units of 1024: 1MiB)"),
        (["--max", "sys=-1"], "-1 is negative"),
        (["--max", "sys=nan"], "nan is not a number"),
        (["--max", "sys=-5%"], "is not a number"),
        (["--max", "sys="], "there is no number"),
        (["--max", "gc_cpu_percent=nan"], "nan is not a number (try: 5)"),
        (["--max", "gc_cpu_percent=1e400"], "1e400 is not a number"),
        (["--max", "gc_cycles_per_second=inf"], "inf is not a number (try: 2.5)"),
        (["--max", f"sys={1 << 64}"], "it is more than any program has (try: 64MiB)"),
        (["--max", "sys=16EiB"], "it is more than any program has"),
        (["--max", "sys=1", "--max", "sys=2"], "--max sys is given twice"),
    ],
)
def test_a_wrong_limit_is_one_line(given: list[str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        asked(*given)
    assert str(error.value).startswith("gate: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert "(" in str(error.value), "what to try"
    answer = shell.inside("gate", *given, FILE)
    assert (answer.status, answer.stdout, answer.stderr) == (USAGE, "", f"go-spans: {error.value}\n")


def test_the_help_lists_every_figure() -> None:
    listed = set(re.findall(r"[\w_]+", help_text(GATE)))
    assert set(UNITS) <= listed
    assert set(UNITS.values()) == {BYTES, COUNT, PERCENT, RATE}


# Files.


def test_limits_from_a_file_and_options_that_replace_them(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(
        '[max]\nsys = "64MiB"\nHeapInuse = 4096\nfree_slots = "30 %"\ngc_cpu_percent = 2.5\n[min]\nmemory_headroom = "10%"\nNumGC = 1\n'
    )
    found = asked("--limits", str(file), "--max", "sys=1GiB", "--min", "sys=1")
    assert [*found] == [
        ("max", "sys"), ("min", "sys"), ("max", "HeapInuse"), ("max", "free_slots"), ("max", "gc_cpu_percent"),
        ("min", "memory_headroom"), ("min", "NumGC"),
    ]  # fmt: skip
    assert found["max", "sys"].number == 1 << 30
    assert found["max", "HeapInuse"].number == 4096
    assert found["max", "free_slots"].percent == 30
    assert found["max", "gc_cpu_percent"].number == 2.5
    assert found["min", "memory_headroom"].percent == 10


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no limit is given"),
        (b"[max]\n", "no limit is given"),
        (b"[maximum]\nsys = 1\n", ": maximum: no such table (the tables are [max], [min] and [verdicts])"),
        (b"sys = 1\n", ": sys: no such table"),
        (b"max = 1\n", ": max: it is not a table (try: [max] and the limits below it)"),
        (b"[max]\nidle_retaned = 1\n", ": [max] idle_retaned: no such figure (did you mean idle_retained"),
        (b"[max]\nsys = true\n", ": [max] sys: invalid limit: it is neither a number nor a text (try: 64MiB)"),
        (b"[max]\nsys = [1]\n", "it is neither a number nor a text"),
        (b"[max.sys]\na = 1\n", "it is neither a number nor a text"),
        (b"[max]\nsys = 1979-05-27\n", "it is neither a number nor a text"),
        (b"[max]\nsys = 1.5\n", "1.5 is not a whole number"),
        (b"[max]\nsys = -1\n", "-1 is not 0 or more"),
        (b"[max]\ngc_cpu_percent = nan\n", "nan is not 0 or more"),
        (b"[max]\ngc_cpu_percent = inf\n", "inf is not 0 or more"),
        (b"[max]\ngoroutines = 0x1ffffffffffffffff\n", "it is more than any program has"),
        (b'[max]\nsys = "many"\n', "[max] sys: invalid limit: many is not a number"),
        (b'[max]\nsys = ""\n', "there is no number"),
        (b"[max\n", "is not valid TOML: "),
        (b"[max]\nsys = 1\nsys = 2\n", "(at line 3"),
        (b"[max]\nsys = \xff\n", "is not valid TOML: "),
        (b"[max]\nsys = " + b"9" * 5000 + b"\n", "is not valid TOML: "),
        (b"[max]\nsys = " + b"[" * 100_000, "is not valid TOML: "),
        (b"#" * ((1 << 20) + 1), "has more than 1,048,576 bytes"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_bytes(content)
    answer = shell.inside("gate", "--limits", file, FILE)
    assert (answer.status, answer.stdout, answer.stderr.count("\n")) == (USAGE, "", 1)
    assert said in answer.stderr
    assert said.startswith("no limit") or str(file) in answer.stderr


@pytest.mark.parametrize("name", ["absent", ".", "\0"])
def test_a_file_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"^gate: cannot read .* \(try: a TOML file with goroutines = 10000 below \[max\]\)$"
    ):
        asked("--limits", f"{tmp_path}/{name}")


def test_before_python_3_11_tomli_reads_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text("[max]\nsys = 1\n")
    monkeypatch.setattr(toml.sys, "version_info", (3, 10))
    monkeypatch.setitem(sys.modules, "tomli", types.SimpleNamespace(loads=lambda _: {"max": {"sys": 7}}))
    assert asked("--limits", str(file))["max", "sys"].number == 7
    monkeypatch.setitem(sys.modules, "tomli", None)
    with pytest.raises(UsageError, match=r"needs the Python package tomli .*\(try: pip install tomli"):
        asked("--limits", str(file))


# Figures.


@pytest.mark.parametrize("name", images.names())
def test_every_figure_is_that_of_its_report(name: str) -> None:
    session = images.load(name).session()
    found = rows(session, *words("max", *(f"{figure}=0" for figure in UNITS)))
    summary, gc, check = (answers.of(session, report) for report in ("summary", "gc", "check"))
    goroutines = answers.of(session, "goroutines")["totals"]["goroutines"]
    pace = gc.get("pace")
    wanted = {
        **summary["bytes"],
        **{each: summary["memstats"][each] for each in STATS},
        "rss": None,
        "goroutines": goroutines,
        "unswept_spans": summary["spans"]["unswept"],
        "gc_cycles_per_second": pace and pace["per_second"],
        "gc_cpu_percent": pytest.approx(100 * summary["memstats"]["GCCPUFraction"], abs=1e-6),
        "memory_headroom": gc["pacer"]["memory_headroom"],
        BROKEN: sum(row["status"] == "broken" for row in check["checks"]),
    }
    values = {figure: row["value"] for figure, row in found.items()}
    threads = values.pop("threads")
    assert values == wanted
    assert [*found] == [*UNITS]
    assert 1 <= threads <= len(images.load(name).lwps)
    unknown = {figure for figure, row in found.items() if row["status"] == "unknown"}
    assert unknown <= SOMETIMES
    assert unknown == {figure for figure, value in values.items() if value is None}
    assert {found[figure]["reason"] for figure in unknown} <= {"no_process", "no_memory_limit", "few_cycles"}


@pytest.mark.parametrize("figure", [figure for figure in UNITS if figure not in SOMETIMES])
def test_a_limit_holds_up_to_the_figure_itself(figure: str) -> None:
    session = images.load(NAME).session()
    value = rows(session, "--max", f"{figure}=0")[figure]["value"]
    step = 1 if UNITS[figure] in (BYTES, COUNT) else 0.001
    for kind, other in (("max", value - step), ("min", value + step)):
        same = [f"--{kind}", f"{figure}={value}"]
        assert rows(session, *same)[figure]["status"] == "ok"
        if other >= 0:
            past = rows(session, f"--{kind}", f"{figure}={other:.9f}" if step < 1 else f"{figure}={other}")
            assert past[figure]["status"] == "exceeded"


def test_the_figures_of_a_process_with_a_limit() -> None:
    """RSS is the target's, and the headroom what is left of GOMEMLIMIT, of which a share is meant."""
    recorded = images.load(NAME)
    controller = recorded.session().heap.controller
    used = controller["mappedReady"]
    limit = 4 * used
    session = recorded.session((controller.address_of("memoryLimit"), limit.to_bytes(8, "little")))
    session.target = attrs.evolve(session.target, resident=12_345)
    found = rows(session, *words("max", "rss=12345"), *words("min", "memory_headroom=75%"))
    assert (found["rss"]["value"], found["rss"]["status"]) == (12_345, "ok")
    headroom = found["memory_headroom"]
    assert (headroom["value"], headroom["limit"], headroom["limit_of"]) == (
        3 * used,
        3 * used,
        "memory_limit",
    )
    assert headroom["status"] == "ok"
    assert rows(session, *words("min", "memory_headroom=75.0001%"))["memory_headroom"]["status"] == "exceeded"
    assert "at least" in text(session, *words("min", "memory_headroom=75%"))
    assert "75 % of GOMEMLIMIT)" in text(session, *words("min", "memory_headroom=75%"))


def test_a_share_is_exact() -> None:
    assert part_of(1000, Fraction("0.1"), "max") == part_of(1000, Fraction("0.1"), "min") == 1
    assert (part_of(999, Fraction(10), "max"), part_of(999, Fraction(10), "min")) == (99, 100)
    assert part_of(None, Fraction(10), "max") is None
    session = images.load(NAME).session()
    whole = answers.of(session, "summary")["bytes"]["sys"]
    row = rows(session, "--max", "free_slots=30%")["free_slots"]
    assert (row["limit"], row["limit_percent"], row["limit_of"]) == (whole * 30 // 100, 30.0, "Sys")
    assert rows(session, "--max", "sys=100%")["sys"]["status"] == "ok"
    assert rows(session, "--max", "sys=99.9999999%")["sys"]["status"] == "exceeded"


def test_what_is_not_certain_never_holds() -> None:
    assert judged("max", known(1), 1) == ("ok", None)
    assert judged("min", known(1), 2) == ("exceeded", None)
    assert judged("max", known(None), 1) == ("unknown", "not_known")
    assert judged("max", known(None, otherwise="few_cycles"), 1) == ("unknown", "few_cycles")
    for limit in (0, 1, 2):
        for kind in limits.KINDS:
            assert judged(kind, known(1, complete=False), limit) == ("unknown", "lower_bound")
    assert judged("max", known(1), None) == ("unknown", "no_base")
    assert judged("max", Known(None), 1) == ("unknown", "not_known")


def test_what_cannot_be_decided_is_not_passed_over() -> None:
    """Where it is not known what the threads do, a difference may be damage."""
    found = rows(broken(None), "--max", "sys=1TiB", "--max", f"{BROKEN}=0")
    assert {(row["status"], row["reason"]) for row in found.values()} == {("unknown", "open_checks")}
    assert "sys is 12.6 MiB: a check that cannot be decided has two different sides" in text(
        broken(None), "--max", "sys=1TiB", "--format", "github"
    )


# What comes of them.


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        (["--max", "sys=1TiB"], 0, "2 limits hold"),
        (["--max", "sys=1"], FOUND, "1 of 2 limits is exceeded"),
        (["--min", "sys=1TiB"], FOUND, "1 of 2 limits is exceeded"),
        (["--max", "rss=1TiB"], NOT_TOLD, "rss: a core has no RSS (try: --pid, or a snapshot of a process)"),
        (["--min", "memory_headroom=1"], NOT_TOLD, "memory_headroom: there is no memory limit"),
        (["--max", "rss=1TiB", "--max", "sys=1"], FOUND, "1 of 3 limits is exceeded, 1 is unknown"),
    ],
)
@pytest.mark.parametrize(
    "form", [[], ["--json"], ["--csv"], ["--format", "junit"], ["--format=github"], ["--why"]]
)
def test_exit_statuses(given: list[str], status: int, said: str, form: list[str]) -> None:
    answer = shell.inside("gate", *given, *form, FILE)
    assert (answer.status, answer.stderr) == (status, "")
    assert said in answer.stdout or form not in ([], ["--why"])


def test_with_a_broken_check_nothing_holds() -> None:
    session = broken()
    found = rows(session, "--max", "sys=1TiB", "--max", "goroutines=0")
    assert {(row["status"], row["reason"]) for row in found.values()} == {("unknown", "broken_checks")}
    assert found[BROKEN]["value"] >= 1
    assert gate.exit_status(answers.typed(answers.of(session, "gate", "--max", "sys=1TiB"))) == NOT_TOLD
    said = " ".join(text(session, "--max", "sys=1TiB").split())
    assert "sys, broken_checks: a check is broken, so no figure can be trusted (see go-spans check)" in said
    own = rows(session, "--max", f"{BROKEN}=0", "--max", "sys=1TiB")
    assert (own[BROKEN]["status"], own["sys"]["status"]) == ("exceeded", "unknown")
    more = rows(session, "--max", f"{BROKEN}=9", "--max", "sys=1TiB")
    assert (more[BROKEN]["status"], more["sys"]["status"]) == ("ok", "unknown")


def test_a_bound_decides_nothing() -> None:
    session = incomplete()
    given = words("max", "objects=1TiB", "sys=1TiB", "goroutines=1000") + words("min", "objects=1")
    answer = answers.of(session, "gate", *given)
    found = [(row["name"], row["status"], row["reason"]) for row in answer["conditions"]]
    assert found == [
        ("objects", "unknown", "lower_bound"),
        ("sys", "ok", None),
        ("goroutines", "ok", None),
        ("objects", "unknown", "lower_bound"),
        (BROKEN, "ok", None),
    ]
    assert answer["status"] == "unknown"
    said = text(session, *given)
    assert re.search(r"^  objects +≥ [\d.]+ [KM]iB +at most 1\.00 TiB +unknown$", said, re.MULTILINE)
    assert "  objects: only a lower bound of the figure is known" in said
    assert "objects is ≥ " in text(session, *given, "--format", "github")


def test_figures_that_look_like_their_limit_are_written_in_full() -> None:
    session = images.load(NAME).session()
    value = rows(session, "--max", "sys=0")["sys"]["value"]
    line = next(line for line in text(session, "--max", f"sys={value - 1}").splitlines() if " sys " in line)
    assert re.split(r" {2,}", line.strip())[1:3] == [f"{value:,} B", f"at most {value - 1:,} B"]
    line = next(line for line in text(session, "--max", f"sys={value}").splitlines() if " sys " in line)
    assert f"{value:,}" not in line


def test_two_forms_are_refused() -> None:
    for form in (["--json", "--csv"], ["--json", "--format", "junit"], ["--csv", "--format", "github"]):
        answer = shell.inside("gate", "--max", "sys=1", *form, FILE)
        assert answer.status == USAGE
        assert re.fullmatch(r"go-spans: gate: --\S+ or --\w+( \w+)?, not both\n", answer.stderr)
    assert shell.inside("gate", "--max", "sys=1TiB", "--json", "--format", "text", FILE).status == 0


# Forms for CI.


def test_junit() -> None:
    given = words("max", "sys=1", "rss=1", "goroutines=1000")
    answer = shell.inside("gate", *given, "--format", "junit", FILE)
    assert answer.stdout.isascii()
    (suite,) = ET.fromstring(answer.stdout)
    assert (suite.tag, suite.attrib) == (
        "testsuite",
        {"name": "go-spans gate", "tests": "4", "failures": "1", "errors": "1", "skipped": "0", "time": "0"},
    )
    cases = {
        case.get("name"): [(each.tag, each.get("type")) for each in case] for case in suite.iter("testcase")
    }
    assert cases == {
        "max sys": [("failure", "exceeded")],
        "max rss": [("error", "no_process")],
        "max goroutines": [],
        "max broken_checks": [],
    }
    assert {case.get("classname") for case in suite.iter("testcase")} == {"go-spans gate"}
    (failure,) = suite.iter("failure")
    assert re.fullmatch(r"sys is 12\.6 MiB, more than the limit of 1 B", failure.get("message") or "")
    assert failure.text == failure.get("message")
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert properties == {
        "target": "core of frag, died of SIGABRT",
        "go": answers.of(images.load(NAME).session(), "gate", *given)["go"]["version"],
    }


def test_junit_has_no_character_that_xml_forbids() -> None:
    every = "".join(
        map(chr, (*range(0x20), 0x7F, 0x85, 0x2028, 0xD800, 0xDFFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600))
    )
    name = f'"<&]]>{every}'
    made = junit(name, [Case(name, "failure", name, name), Case("b")], {name: name})
    (suite,) = ET.fromstring(made)
    assert suite.get("tests") == "2"
    assert "\U0001f600\ufffd" not in made
    assert (suite.get("name") or "").endswith("\\ud800\\udfff\ufffd\\ufffe\\uffff\U0001f600")


@pytest.mark.parametrize("form", ["junit", "github"])
def test_names_from_outside_are_escaped(form: str) -> None:
    session = images.load(NAME).session()
    session.target = attrs.evolve(session.target, description=f"core of {planted.NAME}")
    made = text(session, "--max", "sys=1", "--format", form, style=Style(unicode=False))
    assert planted.raw(made) == ""
    if form == "junit":
        ET.fromstring(made)
    else:
        (line,) = made.splitlines()
        assert line.startswith("::error title=go-spans gate%3A sys::sys is ")
        assert "%25s%25n" in line


def test_github() -> None:
    assert annotation("error", "a: b, 5 %\r\n", "c: d, 5 %\r\n") == (
        "::error title=a%3A b%2C 5 %25%0D%0A::c: d, 5 %25%0D%0A\n"
    )
    session = images.load(NAME).session()
    given = ["--format", "github", *words("max", "sys=1", "rss=1", "goroutines=1000", "free_slots=1%")]
    where = r"\(core of frag, died of SIGABRT\)"
    lines = text(session, *given).splitlines()
    wanted = [
        rf"::error title=go-spans gate%3A sys::sys is 12\.6 MiB, more than the limit of 1 B {where}",
        rf"::error title=go-spans gate%3A rss::rss is unknown: a core has no RSS .* {where}",
        rf"::error title=go-spans gate%3A free_slots::free_slots is [\d.]+ KiB, more than the limit of [\d.]+ KiB \(1 %25 of Sys\) {where}",
    ]
    assert [bool(re.fullmatch(*pair)) for pair in zip(wanted, lines, strict=True)] == [True] * 3
    assert text(session, "--format", "github", "--max", "sys=1TiB") == (
        "::notice title=go-spans gate::2 limits hold (core of frag, died of SIGABRT)\n"
    )


@pytest.mark.parametrize("width", [40, 60, 100])
def test_every_figure_in_few_columns(width: int) -> None:
    session = images.load(NAME).session()
    given = words("max", *(f"{figure}=1" for figure in UNITS)) + words(
        "min", "memory_headroom=10%", "sys=30%"
    )
    for more in ([], ["--bytes"], ["--why"]):
        lines = text(session, *given, *more, style=Style(width=width)).splitlines()
        assert [line for line in lines if len(line) > max(width, 90 if more == ["--why"] else 0)] == []


def test_from_python() -> None:
    import gdb_gospan

    with gdb_gospan.open(snapshot=str(FILE)) as heap:
        answer = heap.report("gate", max=["sys=1", "goroutines=1000"], min="NumGC=0")
    assert [(row.kind, row.name, row.status) for row in answer.conditions] == [
        ("max", "sys", "exceeded"),
        ("max", "goroutines", "ok"),
        ("min", "NumGC", "ok"),
        ("max", BROKEN, "ok"),
    ]
    assert (
        json.loads(shell.inside("gate", "--max", "sys=1", "--json", FILE).stdout)["status"] == answer.status
    )


@pytest.mark.parametrize("width", [40, 80])
def test_colour_takes_no_room(width: int) -> None:
    session, arguments = (
        images.load(NAME).session(),
        parse(GATE, ["--max", "sys=1", "--max", "free_slots=100%"]),
    )
    plain, coloured = (
        run(session, GATE, arguments, Style(width=width, colour=colour)) for colour in (False, True)
    )
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


# Verdicts that must not be given.

UNSWEPT = "1.27-unswept"


@pytest.mark.parametrize(
    ("words", "statuses", "whole"),
    [
        (["--forbid", "unswept"], ["exceeded"], 1),
        (["--forbid", "goroutine-leak"], ["ok"], 0),
        (["--forbid", "goroutine-leak", "--forbid", "all"], ["ok", "exceeded"], 1),
        (["--max", "sys=1TiB", "--forbid", "all"], ["ok", "exceeded"], 1),
    ],
)
def test_a_verdict_that_must_not_be_given(words: list[str], statuses: list[str], whole: int) -> None:
    session = images.load(UNSWEPT).session()
    found = [row for row in rows(session, *words).values() if row["name"] != BROKEN]
    assert [row["status"] for row in found] == statuses
    for row in found:
        given = row["name"].startswith("verdict ") and row["status"] == "exceeded"
        assert (row["cause"] or "").startswith("unswept: The last GC cycle found ") == given
    assert gate.exit_status(answers.typed(answers.of(session, "gate", *words))) == whole


def test_with_a_broken_check_no_verdict_is_certain() -> None:
    found = rows(broken(), "--forbid", "goroutine-leak")
    assert {(row["status"], row["reason"]) for row in found.values()} == {("unknown", "broken_checks")}


def test_forbidden_verdicts_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text('[verdicts]\nforbid = ["unswept", "goroutine-leak"]\n')
    given = parse(GATE, ["--limits", str(file), "--forbid", "p-hoard"])
    assert limits.forbidden(given) == ("p-hoard", "unswept", "goroutine-leak")
    assert limits.wanted(given, UNITS) == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[verdicts]\nforbid = ["unswpet"]\n', r"\[verdicts\] forbid unswpet: no such verdict \("),
        ('[verdicts]\nforbid = ["healthy"]\n', r"\[verdicts\] forbid healthy: no such verdict \("),
        ('[verdicts]\nforbid = "all"\n', r"\[verdicts\] forbid: it is not a list of names \(try: "),
        ("[verdicts]\nforbid = [1]\n", r"\[verdicts\] forbid: it is not a list of names \(try: "),
        ('[verdicts]\nforbids = ["all"]\n', r"\[verdicts\]: unknown name \(try: "),
        ("verdicts = 1\n", r": verdicts: it is not a table \(try: "),
        ("[verdicts]\nforbid = []\n", r"no limit is given \(try: "),
    ],
)
def test_a_wrong_list_of_verdicts_is_one_line(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(content)
    answer = shell.inside("gate", "--limits", file, FILE)
    assert (answer.status, answer.stdout, answer.stderr.count("\n")) == (USAGE, "", 1)
    assert re.search(said, answer.stderr)


@pytest.mark.parametrize("spelt", [["--format", "{}"], ["--format={}"]])
def test_a_target_that_cannot_be_read_is_an_error_of_its_own(spelt: list[str]) -> None:
    """An empty file would be taken for no tests at all."""

    def asked_of_nothing(form: str) -> shell.Answer:
        answer = shell.inside(
            "gate", "--max", "sys=1", *(word.format(form) for word in spelt), "/nonexistent%"
        )
        assert answer.status == NOT_TOLD
        assert answer.stderr.startswith("go-spans: /nonexistent%")
        return answer

    (case,) = ET.fromstring(asked_of_nothing("junit").stdout).iter("testcase")
    (error,) = case
    assert (error.tag, error.get("type")) == ("error", "unreadable")
    assert "/nonexistent%" in (error.get("message") or "")
    said = asked_of_nothing("github").stdout
    assert said.startswith("::error title=go-spans gate::/nonexistent%25")
    assert said.count("\n") == 1
    assert asked_of_nothing("text").stdout == ""
