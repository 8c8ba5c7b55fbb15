"""The pretty-printers as guests in gdb: what else is there goes on, and they can be sent away."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, programs
from tools.gdbs import PLUGIN, run_gdb

if TYPE_CHECKING:
    from tools.cores import Core
    from tools.gdbs import Gdb
    from tools.toolchains import Toolchain

#: What the printers do as guests is the same for every release; what they print is in test_printers.py.
pytestmark = pytest.mark.ends
HERE = Path(__file__).parent

TYPES = (
    "fixalloc", "gcBits", "mSpanList", "mSpanStateBox", "mcache", "mcentral", "mspan",
    "pageBits", "pageCache", "pallocBits", "pallocData", "spanClass", "spanSet",
    "heapArena", "mheap", "p", "pageAlloc", "special",
)  # fmt: skip

#: Those that gdb itself refuses to print: pointers to them have the printer.
LARGE = ("heapArena", "mheap", "pageAlloc")

#: An expression of each type, most of them without a pointer that could be nil.
EXAMPLES = {
    "fixalloc": "'runtime.mheap_'.spanalloc",
    "gcBits": "*$span.allocBits",
    "mSpanList": "'runtime.work'.wbufSpans.free",
    "mSpanStateBox": "$span.state",
    "mcache": "*'runtime.allp'.array[0].mcache",
    "mcentral": "'runtime.mheap_'.central[5].mcentral",
    "mspan": "$span",
    "pageBits": "$chunk.scavenged",
    "pageCache": "'runtime.allp'.array[0].pcache",
    "pallocBits": "$chunk.pallocBits",
    "pallocData": "$chunk",
    "spanClass": "$span.spanclass",
    "spanSet": "'runtime.mheap_'.central[5].mcentral.partial[0]",
    "heapArena": "$arena",
    "mheap": "&'runtime.mheap_'",
    "p": "*'runtime.allp'.array[0]",
    "pageAlloc": "&'runtime.mheap_'.pages",
    "special": "$special",
}

SET_UP = f"source {HERE / 'examples_of_types.py'}"


@pytest.fixture(scope="session")
def frag_cached(go_minor: str) -> Core:
    """The sample program at rest."""
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000", "-cached")


def printed(gdb: Gdb, core: Core, *before: str, raw: bool = False, **options: Any) -> dict[str, str]:
    """What print shows of an example of each type."""
    prints = [f"print {'-raw-values ' if raw else ''}-- {expression}" for expression in EXAMPLES.values()]
    result = run_gdb(gdb, [SET_UP, *before, *prints], exe=core.executable, core=core.path, **options)
    errors = set(result.stderr)
    assert errors <= {"", "Loading Go Runtime support.\n"}, result.text
    return dict(zip(EXAMPLES, map(value_of, result.stdout[-len(prints) :]), strict=True))


def value_of(text: str) -> str:
    """Leave out the number that gdb gives to what it prints."""
    return re.sub(r"^\$\d+ = ", "", text)


def line_of(text: str) -> str:
    """Leave out the fields."""
    return text.partition(" = {")[0].rstrip("\n")


def lines_of(texts: dict[str, str]) -> dict[str, str]:
    return {name: line_of(text) for name, text in texts.items()}


def test_garbage_is_printed_without_a_complaint(gdb: Gdb, frag_cached: Core) -> None:
    """The program's objects and its code, taken for every type: nothing raises, hangs or floods."""
    names = ", ".join(f"'runtime.{name}'" for name in TYPES)
    script = [
        SET_UP,
        f"python types = [gdb.lookup_type(name).pointer() for name in ({names})]",
        "python starts = int(gdb.convenience_variable('span')['startAddr']), int(gdb.parse_and_eval(\"&'runtime.mallocgc'\"))",
        "python addresses = [start + 504 * step for start in starts for step in range(12)]",
        f"python large = [gdb.lookup_type('runtime.' + name).pointer() for name in {LARGE}]",
        "python values = [gdb.Value(each).cast(kind) for each in addresses for kind in types]",
        "python values = [value if value.type in large else value.dereference() for value in values]",
        "python texts = [value.format_string() for value in values]",
        "python print(len(texts), min(map(len, texts)), max(map(len, texts)))",
    ]
    result = run_gdb(gdb, script, exe=frag_cached.executable, core=frag_cached.path)
    assert set(result.stderr) == {""}, result.text
    count, shortest, longest = map(int, result.stdout[-1].split())
    assert count == 24 * len(TYPES)
    assert shortest > 0
    assert longest < 100_000


def test_a_pointer_to_nowhere(gdb: Gdb, frag_cached: Core) -> None:
    """gdb cannot fetch the value itself, and says so without us."""
    expressions = [f"python print(gdb.Value(16).cast(gdb.lookup_type('runtime.{name}').pointer()).dereference())"
                   for name in TYPES if name not in LARGE]  # fmt: skip
    result = run_gdb(gdb, expressions, exe=frag_cached.executable, core=frag_cached.path, check=False)
    assert all("Cannot access memory at address 0x10" in each for each in result.stderr)
    # The script's own traceback is there; none passes through our files.
    assert "gdb_gospan/debugger" not in result.text


def test_each_one_can_be_disabled(gdb: Gdb, frag_cached: Core) -> None:
    """Without its printer a type begins as gdb shows it; all others go on."""
    commands = [SET_UP]
    for name in TYPES:
        commands += [f"disable pretty-printer global go-spans;{name}$"]  # a regular expression
        commands += [f"print {expression}" for expression in EXAMPLES.values()]
        commands += [f"enable pretty-printer global go-spans;{name}$"]
    result = run_gdb(gdb, commands, exe=frag_cached.executable, core=frag_cached.path)
    answers = iter(result.stdout[1:])
    on, off = lines_of(printed(gdb, frag_cached)), lines_of(printed(gdb, frag_cached, raw=True))
    for disabled in TYPES:
        assert "1 printer disabled" in next(answers)
        shown = {name: line_of(value_of(next(answers))) for name in EXAMPLES}
        assert "1 printer enabled" in next(answers)
        raw = shown.pop(disabled)
        assert shown == {name: line for name, line in on.items() if name != disabled}
        assert not on[disabled].startswith("{")
        # What is inside a raw struct has its own printers.
        assert raw.startswith("{") if off[disabled].startswith("{") else raw == off[disabled] != on[disabled]


def test_raw_values_are_gdbs_own(gdb: Gdb, frag_cached: Core) -> None:
    raw = printed(gdb, frag_cached, raw=True)
    disabled = printed(gdb, frag_cached, "disable pretty-printer global go-spans")
    without = printed(gdb, frag_cached, plugin=False)
    assert raw == disabled == without
    assert printed(gdb, frag_cached) != without


def test_children_are_the_fields_of_go(gdb: Gdb, frag_cached: Core) -> None:
    """All fields but the blank ones, in Go's order, also with `set print pretty`."""
    structs = [
        name
        for name in TYPES
        if name not in ("gcBits", "mSpanStateBox", "pageBits", "pallocBits", "spanClass", *LARGE)
    ]
    fields = "python print(*(f.name for f in gdb.lookup_type('runtime.{}').strip_typedefs().fields()))"
    commands = [
        SET_UP,
        "set print pretty on",
        *(fields.format(name) for name in structs),
        *(f"print {EXAMPLES[name]}" for name in structs),
    ]
    result = run_gdb(gdb, commands, exe=frag_cached.executable, core=frag_cached.path)
    assert set(result.stderr) == {""}
    answers = result.stdout[2:]
    for name, fields, text in zip(structs, answers, answers[len(structs) :], strict=False):
        assert re.findall(r"^  (\w+) = ", text, re.MULTILINE) == [f for f in fields.split() if f != "_"], name


def test_numbers_in_atomics_show_as_numbers(gdb: Gdb, frag_cached: Core) -> None:
    """The wrappers that later releases put around a number are not shown."""
    shown = printed(gdb, frag_cached)
    for name, field in (("spanSet", "spineLen"), ("spanSet", "index"), ("mcache", "flushGen")):
        assert re.search(rf"\b{field} = \d+[,}}]", shown[name]), shown[name]
    assert re.search(r"\bspanclass = [\d,]+ \w+ \(class \d+\), state = in use,", shown["mspan"])


def test_the_value_history_and_variables_keep_the_type(gdb: Gdb, frag_cached: Core) -> None:
    commands = [
        SET_UP,
        "print $span",
        "print $.spanclass",
        "set var $class = $span.spanclass",
        "output $class",
    ]
    result = run_gdb(gdb, commands, exe=frag_cached.executable, core=frag_cached.path)
    printed_class = result.stdout[-3].partition(" = ")[2].strip()
    assert re.fullmatch(r"[\d,]+ (no)?scan \(class \d+\)", printed_class)
    assert result.stdout[-1] == printed_class
    assert f"spanclass = {printed_class}" in result.stdout[-4]


def test_loaded_twice_is_listed_once(gdb: Gdb) -> None:
    commands = [
        "info pretty-printer",
        "disable pretty-printer global go-spans;mspan",
        f"source {PLUGIN}",
        "info pretty-printer",
    ]
    result = run_gdb(gdb, commands)
    assert set(result.stderr) == {""}  # the second time is no mistake
    before, _, _, after = result.stdout
    listed = re.search(r"^  go-spans\n((?:    .*\n)+)", before, re.MULTILINE)
    assert listed
    assert sorted(listed[1].split()) == sorted(TYPES)
    assert after.count("go-spans") == 1
    assert "    mspan [disabled]\n" in after  # what the user has disabled stays so
    assert after.replace(" [disabled]", "") == before.replace(" [disabled]", "")


#: Values of Go's own sorts in the sample program; one of the two channels is in each release.
GO_VALUES = (
    "output 'runtime.buildVersion'",
    "output 'os.Args'",
    "output 'flag.CommandLine'.formal",
    "output 'runtime.main_init_done'",
    "output 'runtime.mainInitDoneChan'",
    "output 'io.EOF'",
    "output 'main.sessions'",
    "output *'main.sessions'.array[0]",
    "output $len('os.Args')",
    "info goroutines",
)


@pytest.mark.ends(False)  # each release has a script of its own
@pytest.mark.in_turn("order")
@pytest.mark.parametrize("order", ["before", "after"])
def test_beside_gos_own_script(gdb: Gdb, toolchain: Toolchain, frag_cached: Core, order: str) -> None:
    """Go's runtime-gdb.py throws away the printers of the program's file, and adds its own there."""
    script = toolchain.goroot / "src" / "runtime" / "runtime-gdb.py"
    target: dict[str, Any] = {"exe": frag_cached.executable, "core": frag_cached.path, "plugin": False}
    alone = run_gdb(gdb, [f"source {script}", *GO_VALUES], **target)
    load = [f"source {script}", f"source {PLUGIN}"]
    both = run_gdb(gdb, [*(load if order == "before" else load[::-1]), *GO_VALUES], **target)
    values = {command: (alone.stdout[i + 1], alone.stderr[i + 1]) for i, command in enumerate(GO_VALUES)}
    assert values == {
        command: (both.stdout[i + 2], both.stderr[i + 2]) for i, command in enumerate(GO_VALUES)
    }
    assert values[GO_VALUES[0]] == (f'"{frag_cached.stdout["Version"]}"', "")
    assert values[GO_VALUES[1]][0].startswith("[]string = {")
    assert '["objects"] = 0x' in values[GO_VALUES[2]][0]
    assert "chan bool" in values[GO_VALUES[3]][0] + values[GO_VALUES[4]][0]
    assert "waiting  runtime.gopark" in values[GO_VALUES[-1]][0]

    mixed = printed(gdb, frag_cached, *(load if order == "before" else load[::-1]), plugin=False)
    assert lines_of(mixed) == lines_of(printed(gdb, frag_cached))


def test_a_terminal_that_only_takes_ascii(gdb: Gdb, frag_cached: Core) -> None:
    plain = printed(gdb, frag_cached, env={"LC_ALL": "C"})
    assert all(text.isascii() for text in plain.values())
    assert re.match(r"mspan 0x\w+ \[\d pages?\] in use \| ", plain["mspan"])
    # The same when gdb takes the program's strings for something else than its terminal does.
    assert lines_of(printed(gdb, frag_cached, "set target-charset ISO-8859-1")) == lines_of(plain)


def test_values_half_in_registers(gdb: Gdb, frag: Path) -> None:
    """`info locals` at every line of allocToCache, where the compiler keeps a pageCache in pieces."""
    # One thread alone, to the end of the function: another one may get to the breakpoint meanwhile,
    # and how many steps there are depends on where the heap has room.
    function = "runtime.(*pageAlloc).allocToCache"
    step = (
        f"python [gdb.execute(c) for _ in range(200) if gdb.selected_frame().name() == '{function}'"
        " for c in ('next', 'info locals')]"
    )
    commands = [
        f"tbreak {function}",
        "run -objects 100 -end exit",
        "set scheduler-locking on",
        step,
        "set scheduler-locking off",
        "continue",
    ]
    result = run_gdb(gdb, commands, exe=frag)
    found = re.findall(r"^c = (.*)", result.text, re.MULTILINE)
    whole = r"pageCache 0x[0-9a-f]+ \[64 pages\] · (\d+) free, \1 of them scavenged = \{base = \d+, .*"
    assert any(re.fullmatch(whole, text) for text in found), found
    parts = [text for text in found if text.startswith("pageCache ") and "<optimized out>" in text]
    assert parts
    assert all("<unreadable>" in text for text in parts)
    assert "exited normally" in result.stdout[-1]


def test_what_has_a_printer_is_small_enough_for_gdb(gdb: Gdb, frag_cached: Core) -> None:
    """gdb prints nothing of more than max-value-size bytes, whatever printer there is; then pointers have it."""
    sizes = [f"python print(gdb.lookup_type('runtime.{name}').sizeof)" for name in TYPES]
    commands = [*sizes, "python print(gdb.parameter('max-value-size'))", "print 'runtime.mheap_'"]
    result = run_gdb(gdb, commands, exe=frag_cached.executable, core=frag_cached.path)
    *each, limit = map(int, result.stdout[:-1])
    assert {name for name, size in zip(TYPES, each, strict=True) if size > limit} == set(LARGE)
    assert "more than max-value-size" in result.stderr[-1]
