"""explain: every word that a report uses is explained, every popular name is answered, and names are found."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from gdb_gospan import cli
from gdb_gospan.analysis.occupancy import Classes
from gdb_gospan.analysis.verification import IDENTITIES, of_scheduler
from gdb_gospan.fields.command import options_of
from gdb_gospan.glossary.fixallocs import FIXALLOCS
from gdb_gospan.glossary.identities import IDENTITY_FORMULAS
from gdb_gospan.glossary.lookup import SHOWN, SOMETIMES, TERMS, plain, shown_by
from gdb_gospan.glossary.lookup import find as terms_of
from gdb_gospan.glossary.popular import POPULAR
from gdb_gospan.glossary.term import Term
from gdb_gospan.render.style import Style
from gdb_gospan.reports.catalog import COMMANDS, find
from gdb_gospan.reports.explain import described, why_text
from gdb_gospan.reports.keys import find_keys, keys, nearest
from gdb_gospan.reports.screens import summary
from tools import answers, images, schemas

GOLDEN = Path(__file__).parents[1] / "golden"
DOCUMENT = json.loads((GOLDEN / "summary-frag.json").read_text())
COVERED = {key for term in TERMS for key in term.covers}
COLUMNS = {f"{command.name}/{column}" for command in COMMANDS for column, _ in command.columns}
KEYS = {f"{section}/{key}" for section in ("bytes", "spans", "pages") for key in DOCUMENT[section]}
KEYS |= {f"classes/{key}" for key in DOCUMENT["classes"][0]}
KEYS |= {f"classes/{field.name}" for field in attrs.fields(Classes)}
CODES = {f"check/{identity.code}" for identity in (*IDENTITIES, *of_scheduler())}

#: Every name of the article about which something else is true (peers' table, rows S5 to S47).
CLAIMED = (
    "spanalloc.free.count", "SpanInuse/SpanSys", "nonempty", "empty", "inCache", "mSpanManualScavenging", "needzero state",
    "fragmentation above 35 %", "35 %", "mcentral.freeSpan", "mSpanCache", "neverFree", "scavengeOne", "reclaimList",
    "GCStats.HeapSys", "ReadGCStats", "FreeOSMemory", "runtime.GC", "MADV_FREE", "free_ratio", "mheap.spans", "freeSpan",
    "largeMalloc", "stack escape", "_MSpanScavenged", "needsZeroing", "go_mem_fragmentation_ratio", "pprof", "field reordering",
)  # fmt: skip

WITHOUT_SOURCE = (
    "resident (RSS)",
    "expected and observed",
    "layout",
    "unreadable",
    "read in",
    "unexplained",
    "cgroup",
    "c-threads",
    "anonymous-memory",
    "mapped-files",
    "other-runtime",
    "huge-pages",
    "healthy",
    "certain, likely, possible",
    "thresholds of doctor",
    "shared-memory",
)
#: Words on the screen that are no term's name.
PRINTED = (
    "exact", "DWARF", "read in", "in transition", "generation", "profiler", "pacer", "retained", "reserved", "longest",
    "status", "flags", "wholly free", "unreadable", "also scanned", "heap not returned", "returned or never touched",
)  # fmt: skip


def test_every_column_key_and_identity_is_explained() -> None:
    assert sorted((COLUMNS | KEYS | CODES) - COVERED) == []


def test_nothing_else_is_covered() -> None:
    """A column that was renamed must not keep an explanation that nobody can see."""
    assert sorted(COVERED - COLUMNS - KEYS - CODES) == []


def test_each_key_is_covered_once() -> None:
    keys = [key for term in TERMS for key in term.covers]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_a_term_is_found_by_all_of_its_names(term) -> None:
    assert terms_of(term.name)[0] == term
    for name in (*term.aliases, *term.covers, term.name.upper(), term.name.replace(" ", "_")):
        assert term in terms_of(name), name
    bare = [key.partition("/")[2] for key in term.covers]
    assert all(term in terms_of(key) for key in bare if plain(key)), "signs have no name"


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_a_term_says_enough(term) -> None:
    assert term.meaning.endswith(".")
    assert ". " not in term.meaning.removesuffix("."), "one sentence"
    assert term.formula or term.sources or term.truth
    assert bool(term.truth) is (term in POPULAR)
    assert term.sources or term.name in WITHOUT_SOURCE
    assert len({plain(name) for name in (term.name, *term.aliases)}) == 1 + len(term.aliases)


def test_every_name_of_the_article_is_answered() -> None:
    assert [name for name in CLAIMED if not any(term.truth for term in terms_of(name))] == []


def test_the_summary_explains_each_of_its_lines() -> None:
    shown = [term.name for term in shown_by(find("summary"))]
    assert set(SHOWN["summary"]) <= set(shown)
    labels = [label for label, _ in summary.ACCOUNTS]
    assert shown[: len(labels)] == labels
    assert [name for name in shown if name in ("runtime metadata", "Sys")] == ["runtime metadata", "Sys"]
    for name in SOMETIMES:
        assert name in shown


def test_only_lines_that_are_shown_are_explained() -> None:
    terms = [described(Term(name, "m."), "Group") for name in ("Sys", *SOMETIMES)]
    text = why_text(terms, "  Sys   garbage not swept yet  1 B", Style())
    assert [name for name in ("Sys", *SOMETIMES) if f"  {name}: m." in text] == [
        "Sys",
        "garbage not swept yet",
    ]
    assert answers.text(DOCUMENT).count("Sys minus the above") == 0


def test_every_command_has_why() -> None:
    assert all("why" in {option.name for option in options_of(command)} for command in COMMANDS)
    assert all(shown_by(command) for command in COMMANDS if command.columns)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("spanaloc.free.cout", "spanalloc.free.count"), ("fragmentaton", "fragmentation"), ("HeapInuze", "HeapInuse"),
        ("scavanged", "scavenged"), ("tial", "tail"), ("heap-inus", "heap-inuse"), ("generations", "generation"),
        ("rotation", None), ("cpu fraction", "gc_cpu_fraction"), ("xyzzyqq", None), ("!!!", None),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen(typed, meant, capsys) -> None:
    near = nearest(typed)
    assert near is None if meant is None else plain(near) == plain(meant)
    assert cli.main(["explain", typed]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"go-spans: explain: no term {typed} (")
    assert err.count("\n") == 1
    assert (f"did you mean {near}?" if near else "lists all terms") in err


def test_without_a_term_all_are_listed(capsys) -> None:
    assert cli.main(["explain"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert [term.name for term in TERMS if term.name not in text] == []


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_in_the_shell_without_any_program(term, capsys) -> None:
    assert cli.main(["explain", *term.name.split()]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(term.name.split()[0])
    assert max(map(len, lines)) <= 90
    text = " ".join(" ".join(lines).split())
    for said in (term.meaning, term.truth, term.formula, term.unlike):
        assert " ".join(said.split()) in text


def test_as_json(capsys) -> None:
    assert cli.main(["explain", "inCache", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (term,) = document["terms"]
    assert (document["command"], term["name"]) == ("explain", "inCache")
    assert term["sources"][0] == {
        "file": "runtime/mheap.go",
        "names": ["mspan.sweepgen"],
        "since": "",
        "until": "",
    }
    assert cli.main(["explain", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["terms"]) == len(TERMS)


@pytest.mark.parametrize("word", PRINTED)
def test_a_word_that_is_printed_is_explained(word) -> None:
    assert answers.of(None, "explain", word)["terms"]


def test_unreadable_is_not_a_descriptor() -> None:
    assert [term.name for term in terms_of("unreadable")] == ["unreadable"]


def test_every_json_key_is_explained() -> None:
    """Whatever a schema has a description for: by a term, or from the schema itself."""
    every = {
        path[-1]
        for schema in schemas.schemas().values()
        for inside, properties in schemas.nested(schema)
        if inside and inside[-1] == "properties"
        for path in [(*inside, name) for name in properties]
    }
    assert {"listed", "severity", "class_reached", "pause_ms", "large_type", "heap_minimum"} <= every
    unknown = [name for name in sorted(every) if not (terms_of(name) or find_keys(name))]
    assert unknown == []
    for key in keys():
        terms = answers.of(None, "explain", key.name)["terms"]
        assert terms, key
        assert schemas.errors(answers.of(None, "explain", key.name)) == []


def test_a_key_says_where_it_is() -> None:
    (term,) = answers.of(None, "explain", "class_reached")["terms"]
    assert (term["group"], term["shows_in"]) == ("JSON keys", ["gc/sweep.class_reached"])
    (term,) = answers.of(None, "explain", "severity")["terms"]
    assert term["shows_in"] == ["every report/checks.severity"]


def test_every_fixalloc_of_every_release_is_explained() -> None:
    every = {name for image in images.names() for name in images.load(image).layout.fixallocs}
    assert {"spanalloc", "cachealloc", "spanSPMCAlloc", "specialprofilealloc"} <= every
    assert [name for name in sorted(every) if not terms_of(name)] == []
    assert {term.name for term in FIXALLOCS} == every - {"spanalloc"}


def test_every_identity_has_its_formula() -> None:
    assert list(IDENTITY_FORMULAS) == [
        *(identity.code for identity in (*IDENTITIES, *of_scheduler())),
        "gdb-values",
    ]
    assert all(" = " in formula for formula in IDENTITY_FORMULAS.values())
    first, *others = answers.of(None, "explain", "heap-inuse")["terms"]
    assert (first["name"], first["formula"]) == ("heap-inuse", IDENTITY_FORMULAS["heap-inuse"])
    assert [term["name"] for term in others] == ["HeapInuse"]


def test_why_of_check_has_each_identity_that_is_listed() -> None:
    answer = images.load("1.27-corners").session()
    checks = answers.of(answer, "check", "--why", "--sort", "code", "--limit", "2")
    codes = [row["code"] for row in checks["identities"]]
    assert len(codes) == 2
    assert [(term["name"], term["formula"]) for term in checks["why"][-2:]] == [
        (code, IDENTITY_FORMULAS[code]) for code in codes
    ]
