"""The commands as a front end sees them: structured results, one-line errors, and text in its debug console."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gdb_gospan.reports import catalog
from tools import cores, programs, toolchains
from tools.gdbs import run_gdb
from tools.mi import run_mi
from tools.questions import bare

if TYPE_CHECKING:
    from tools.gdbs import Gdb

NAMES = [
    bare(command, name)
    for command in catalog.COMMANDS
    if not command.argument
    for name in (command.name, *command.aliases)
]


@pytest.fixture
def core(go_minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000", "-cached")


def spelt(value: Any) -> Any:
    """What MI is to say for a value of JSON: every scalar as JSON has it, text as it is."""
    if isinstance(value, dict):
        return {key: spelt(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spelt(item) for item in value]
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.ends
def test_results_are_the_json_document(gdb: Gdb, core: cores.Core) -> None:
    target = {"exe": core.executable, "core": core.path}
    answers = run_mi(gdb, [f"-go-spans-{name}" for name in NAMES], **target)
    texts = run_gdb(gdb, [f"go-spans {name} --json" for name in NAMES], **target).stdout
    for name, answer, text in zip(NAMES, answers, texts, strict=True):
        assert answer.status == "done"
        assert answer.console == answer.log == "", name
        assert answer.results == spelt(json.loads(text)), name
    summary = answers[NAMES.index("summary")].results
    assert summary["memstats"]["LastGC"] == str(core.stdout["LastGC"])  # more than 53 bits
    assert summary["target"]["core"] == str(core.path)


@pytest.mark.parametrize("go_minor", [toolchains.NEWEST])
def test_options_are_arguments(gdb: Gdb, core: cores.Core) -> None:
    few, some, shown = run_mi(
        gdb,
        [
            "-go-spans-list --limit 3 --sort start --noscan",
            '-go-spans-list "--limit" "2" --occupancy 0-50 --json --bytes --units bytes --color never',
            "-go-spans-show \"'main.sessions'.array[1]\"",
        ],
        exe=core.executable,
        core=core.path,
    )
    starts = [int(row["start"], 16) for row in few.results["list"]]
    assert len(starts) == 3
    assert starts == sorted(starts)
    assert {row["noscan"] for row in few.results["list"]} == {"true"}
    assert len(some.results["list"]) == 2
    assert all(float(row["occupied"]) <= 50 for row in some.results["list"])
    assert shown.results["slot"]["allocated"] == "true"


@pytest.mark.parametrize("go_minor", [toolchains.NEWEST])
def test_errors_are_one_line(gdb: Gdb, core: cores.Core) -> None:
    commands = [
        "-go-spans-list --limt 1",
        "-go-spans-show 0x1",
        "-go-spans-show",
        "-go-spans-classes --sort x",
    ]
    lines = []
    for answer in run_mi(gdb, commands, exe=core.executable, core=core.path):
        assert (answer.status, list(answer.results)) == ("error", ["msg"])
        assert answer.console == answer.log == ""
        lines.append(answer.results["msg"])
    (nothing,) = run_mi(gdb, ["-go-spans-summary"])
    lines.append(nothing.results["msg"])
    assert all(line.startswith("go-spans: ") and "\n" not in line for line in lines), lines
    assert "did you mean --limit?" in lines[0]
    assert "not in the Go heap" in lines[1]
    assert "no program is loaded" in lines[4]


@pytest.mark.parametrize("go_minor", [toolchains.NEWEST])
def test_the_debug_console_of_a_front_end_shows_the_same_text(gdb: Gdb, core: cores.Core) -> None:
    """VS Code's -exec, CLion's and Eclipse's gdb consoles send exactly this."""
    target = {"exe": core.executable, "core": core.path}
    commands = [f"go-spans {name}" for name in NAMES]
    answers = run_mi(gdb, [f'-interpreter-exec console "{command}"' for command in commands], **target)
    texts = run_gdb(gdb, commands, **target).stdout
    for answer, text in zip(answers, texts, strict=True):
        assert (answer.status, answer.console) == ("done", text)
        assert "\x1b" not in answer.console
    (wrong,) = run_mi(gdb, ['-interpreter-exec console "go-spans lst"'], **target)
    assert (wrong.status, wrong.results["msg"]) == (
        "error",
        "go-spans: unknown command lst (did you mean list?)",
    )


@pytest.mark.parametrize("go_minor", [toolchains.NEWEST])
def test_both_ways_see_one_session(gdb: Gdb, core: cores.Core) -> None:
    """gdb 18 gives an MI command the console's text as MI: what the session rests on must not depend on it."""
    commands = ["-go-spans-check", '-interpreter-exec console "go-spans check --json"', "-go-spans-check"]
    first, text, second = run_mi(gdb, commands, exe=core.executable, core=core.path)
    assert first.results == second.results == spelt(json.loads(text.console))
    assert first.results["target"]["description"] == "core of frag, died of SIGABRT"


@pytest.mark.parametrize("go_minor", [toolchains.NEWEST])
def test_no_setting_of_the_front_end_changes(gdb: Gdb, core: cores.Core) -> None:
    """Each change is a record that it has to take in: of what a command needs for a moment, it hears nothing."""
    names = [f"-go-spans-{name}" for name in NAMES]
    expressions = [
        "main.sessions",
        "&main.sessions[1]",
        "'main.sessions'.array[1]",
        "$pc",
        "$sp",
        "main.nosuch",
        "0xc000000000",
    ]
    asked = [
        *names, *(f'-go-spans-show "{expression}"' for expression in expressions), "-go-spans-list --sort x",
        "-go-spans-map --zoom main.sessions --lines 2", "-go-spans-explain span", '-interpreter-exec console "go-spans summary"',
        '-interpreter-exec console "go-spans show main.sessions --json"',
    ]  # fmt: skip
    if gdb.label != "13.1":  # which has no other way to see to it that an expression calls nothing
        asked += ['-go-spans-show "main.sessions.array + 1"', '-complete "go-spans show main.s"']
    answers = run_mi(gdb, asked, exe=core.executable, core=core.path)
    assert {line: answer.notices for line, answer in zip(asked, answers, strict=True) if answer.notices} == {}


@pytest.mark.parametrize("go_minor", [toolchains.NEWEST])
def test_options_of_a_text_are_refused(gdb: Gdb, core: cores.Core) -> None:
    refused = ["--csv", "--color always", "--color=always", "--units binary", "--units=binary"]
    honoured = [
        "--json",
        "--bytes",
        "--units bytes",
        "--units=bytes",
        "--color never",
        "--color auto",
        "--why",
    ]
    lines = [f"-go-spans-classes --limit 3 {option}" for option in [*refused, *honoured]]
    answers = run_mi(gdb, ["-gdb-set go-spans color always", *lines], exe=core.executable, core=core.path)[1:]
    for option, answer in zip(refused, answers, strict=False):
        plain = option.replace("=", " ")
        assert answer.status == "error"
        assert answer.results["msg"] == (
            f"go-spans: classes: {plain} is for text output, which MI results do not have "
            f'(try: -interpreter-exec console "go-spans classes {plain}")'
        )
    assert {answer.status for answer in answers[len(refused) :]} == {"done"}
    assert "why" in answers[-1].results
