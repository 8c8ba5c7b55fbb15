"""What the script for Delve shares with the package, in Starlark: screens, tables, words and rules.

A function brings with it all that it uses, but for names that a part of the script defines: those are used as they are.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence

from gdb_gospan.analysis import verification
from gdb_gospan.fields.document import in_tables
from gdb_gospan.reports import catalog
from tools import star_tables
from tools.star_expressions import METHODS
from tools.star_rewriter import Rewriter
from tools.star_source import Place, Source, Untranslatable, home_of, literal, source_of, star_name

FUNCTIONS = {
    "render.provenance": "heading footer note rows_left_out",
    "render.tables": "fitted total_of",
    "render.text": "_table",
    "analysis.standing": "_standing Standing.inside Standing.among FRAMES",
    "analysis.transients": "judge Phase.explains _PAGE_CACHE",
    "analysis.occupancy": "matters_most",
    "analysis.contiguity": "HUGE_BYTES FEW CACHE_PAGES",
    "layout.sizeclasses": "SIZES PAGES",
    "layout.platform": "P_STATUS",
    "runtime.mpagealloc": "KIND_NAMES",
    "runtime.ms": "_FIELDS _IN_SYSTEM_CALL _DEAD _SCAN",
    "runtime.goroutines": "STATUS_NAMES _SCAN",
    "runtime.mstats": "mem_stats possible within ADDRESS_SPACE",
    "runtime.mgc": "read_gc_state read_sweep read_scavenger GCState.phase_name",
    "analysis.accounting": "accounts",
    "reports.cache": "_chosen",
    "reports.check": "_WORST_FIRST",
    "reports.list": "_asked",
    "reports.gc": "state_of pacer_of _scavenger_of",
    "targets.delve_server": "as_called",
}
"""By module: what the parts call. What these use comes with them."""

IDENTITIES = (
    "heap-inuse", "heap-alloc", "heap-objects", "heap-free", "heap-released", "stacks", "work-buffers", "address-space", "page-ranges",
    "committed", "heap-stats", "heap-stats-inuse", "heap-stats-released", "mspan-sys", "mcache-inuse", "mcache-sys", "gc-cycles",
)  # fmt: skip
"""Those of which both sides are sums, and no columns."""

BY_HAND = {
    "render.lines": "filled",
    "render.tables": "columns_of there _table",
    "fields.units": "moment",
    "reports.arguments": "low_high",
    "reports.list": "_screen",
    "reports.memstats": "mem_stats_of",
    "reports.screens.held": "kept_facts",
    "reports.screens.pages": "_chunks",
    "reports.screens.summary": "MORE",
    "analysis.transients": "_largest",
    "analysis.occupancy": "classes=class_columns",
    "analysis.identities.counters": "_walked",
    "runtime.mpagealloc": "FREE RELEASED CACHED=IN_CACHE CACHED_RELEASED=IN_CACHE_RELEASED PADDING IN_FLIGHT",
}
"""By module: what a part defines, under another name where one is given."""

REPLACED = {
    "heap.spans.page_size": "PAGE",
    "phase.note": '{"code": phase["kind"], "params": {"number": phase["number"]}}',
    "kinds.count(kind)": "len([True for each in kinds if each == kind])",
    "target.stopped_ms": "None",
    "target.missing": "None",
    "document.about.target.death": "None",
    "answer.pace": "None",
    "answer.limiter": "None",
    "answer.objects": "None",
    "answer.queues": "None",
    "answer.survivors": "None",
    "answer.verdict": "None",
    "neighbour.span": 'neighbour.get("span")',
    "answer.sampled": "[]",
    "answer.blockers": "None",
    "answer.object": "None",
    "answer.incomplete": "None",
    "span.start + span.npages * _PAGE_BYTES": 'int(span["start"], 16) + span["npages"] * PAGE',
    "state.phase_name": "phase_name(state)",
    "math.inf": 'float("inf")',
    "len(heap.ps)": 'len(heap["ps"]["all"])',
    "sizeclasses.sizes()": "SIZES",
    "heap.smallAllocCount + flush.small_allocs": 'added(heap["smallAllocCount"], flush["small_allocs"])',
    "(allocated * sizes).sum()": "product(allocated, sizes)",
    "(freed * sizes).sum()": "product(freed, sizes)",
    "flush.pending_bytes": 'product(flush["small_allocs"], SIZES)',
    "heap.flush.pending_bytes": 'product(heap["flush"]["small_allocs"], SIZES)',
    "memstats.array('pause_ns').view(np.uint64)": 'memstats["pause_ns"]',
    "memstats.array('pause_end').view(np.uint64)": 'memstats["pause_end"]',
    "controller.layout.traits.limit_headroom_percent": 'controller["headroom"]',
    "complete(heap)": "True",
    "spans.records": "None",
    "heap.unswept_marks": "None",
    "(spans.counted & ~shapes(heap).contradictory)[marks.rows]": "None",
    "marks.rows[sound & ~decided(heap)]": "None",
    "unswept_garbage(heap)[sound]": 'waiting_bytes(heap["h"])["garbage"]',
    "columns.at('allocCount', open_rows) * columns['elemsize'][open_rows]": 'waiting_bytes(heap["h"])["undecided"]',
    "spans.user_arena & ~spans.quarantined": 'spans["arena_chunks"]',
}
"""Expressions of the package, and what the script has in their place."""

TEXTS = {"go-spans": "go_spans", "--json and --csv have all": "--json has all"}
"""What is called otherwise in Delve."""


def functions(parts: str) -> str:
    """Return the block, for a script of these parts and tables."""
    whole = Translation()
    for module, names in FUNCTIONS.items():
        whole.add(f"gdb_gospan.{module}", *names.split(" "))
    cells = whole.cells(star_tables.ROWS)
    reports, identities = list(_reports(whole)), list(_identities(whole))
    defined = re.findall(r"^(?:def (\w+)\(|([A-Z]\w+)(?:, \w+)* = )", parts, re.MULTILINE)
    twice = {name for names in defined for name in names} & {*whole.constants, *whole.functions}
    if twice:
        raise Untranslatable(
            f"{', '.join(sorted(twice))}: also in a part; if that is to stand for it, add it to BY_HAND"
        )
    unused = {*whole.unused, *(".".join(place) for place in whole.unused_by_hand)}
    if unused:
        raise Untranslatable(
            f"no function has {', '.join(sorted(unused))} any more (see REPLACED and BY_HAND)"
        )
    lines = [
        "# ---- Functions, made of gdb_gospan by tests/tools/star_functions.py ".ljust(120, "-"),
        "",
        *whole.constants.values(),
        "",
        "",
        "\n\n\n".join(whole.functions.values()),
        "",
        "",
        *whole.others.values(),
        "",
        "",
        "# Class and key: the cell of a field whose own value is not all of it.",
        cells,
        "",
        "# Report: its screen, or its table.",
        "SCREENS = {",
        *reports,
        "}",
        "",
        "# Identity: what finds its two sides, of the heap as `read_heap` has it.",
        "FINDERS = {",
        *identities,
        "}",
    ]
    return "\n".join(lines)


def _reports(whole: Translation) -> Iterator[str]:
    """Yield what lays each report out."""
    for name in star_tables.COMMANDS:
        report = catalog.load(next(each for each in catalog.COMMANDS if each.name == name))
        source = source_of(f"gdb_gospan.reports.{report.name}")
        declared = source.defined["REPORT"]
        assert isinstance(declared, ast.Assign)
        assert isinstance(declared.value, ast.Call)
        stated = {each.arg: each.value for each in declared.value.keywords}
        screen, table = stated.get("screen"), stated.get("table")
        if screen is None:
            assert table is not None
            text = f"lambda answer, looks: text_table({whole.expression(source, table)}, answer, looks)"
        elif isinstance(screen, ast.Call):  # is in a module of its own
            text = whole.name_of(Place(f"gdb_gospan.reports.screens.{name}", "screen"))
        else:
            text = whole.name_of(home_of(Place(source.module.__name__, ast.unparse(screen))))
        yield f"    {json.dumps(name)}: {text},"


def _identities(whole: Translation) -> Iterator[str]:
    """Yield what finds the two sides of each identity that is translated."""
    for entry in verification.IDENTITIES:
        if entry.code in IDENTITIES:
            yield f"    {json.dumps(entry.code)}: {whole.name_of(Place(entry.find.__module__, entry.find.__name__))},"


class Translation:
    """All that is translated: constants, functions, and other names for some of them."""

    def __init__(self) -> None:
        self.replaced, self.texts, self.unused = REPLACED, TEXTS, set(REPLACED)
        self._by_hand = {
            Place(f"gdb_gospan.{module}", each.split("=")[0]): each.split("=")[-1]
            for module, names in BY_HAND.items()
            for each in names.split(" ")
        }
        self.unused_by_hand = set(self._by_hand)
        self.constants: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        self.others: dict[str, str] = {}
        self._begun: set[Place] = set()

    def add(self, module: str, *names: str) -> None:
        """Translate these, and what they use."""
        for name in names:
            if "." in name:
                self._method(Place(module, name))
            else:
                self.name_of(Place(module, name))

    def name_of(self, place: Place) -> str:
        """Return the script's name for a function or a constant, which is translated if no part has it."""
        place = home_of(place)
        name = star_name(place)
        if place in self._by_hand:
            own = self._by_hand[place]
            self.unused_by_hand.discard(place)
            return name if own == place.name else own
        if place not in self._begun:
            self._begun.add(place)
            source = source_of(place.module)
            statement = source.defined.get(place.name)
            if isinstance(statement, ast.FunctionDef):
                self.functions[name] = self._function(source, statement, name)
            elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
                value = source.value(place.name)
                # Starlark counts bytes: signs that are taken one by one are a list.
                signs = isinstance(value, str) and not value.isascii() and f"{place.name}[" in source.text
                self.constants[name] = f"{name} = {literal(list(value) if signs else value)}"
            else:
                raise Untranslatable(f"{place.module}.{place.name} is neither a function nor a constant")
        return name

    def other_name(self, place: Place) -> str:
        """Return another name for it, for where something else has its own."""
        other = f"{place.module.split('.')[-1]}_{place.name}"
        self.others[other] = f"{other} = {star_name(place)}"
        return other

    def _method(self, place: Place) -> None:
        """Translate a method of a class as a function of that name."""
        source = source_of(place.module)
        kind, name = place.name.split(".")
        owner = source.defined[kind]
        assert isinstance(owner, ast.ClassDef)
        (found,) = (each for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == name)
        self.functions[METHODS[name]] = self._function(source, found, METHODS[name])

    def _function(self, source: Source, function: ast.FunctionDef, name: str) -> str:
        return Rewriter(self, source, function).text(name)

    def expression(self, source: Source, node: ast.expr) -> str:
        """Translate an expression that stands outside of any function."""
        return Rewriter(self, source, node).expression()

    def cells(self, rows: Sequence[type]) -> str:
        """Return the cells of the columns whose fields make them in their own way."""
        lines = ["CELLS = {"]
        for row in rows:
            lines += [
                f"    {json.dumps(f'{row.__name__}.{name}')}: {self._shown(row, name)},"
                for name in own_cells(row)
            ]
        return "\n".join([*lines, "}"])

    def _shown(self, row: type, name: str) -> str:
        for kind in row.__mro__:
            source = source_of(kind.__module__)
            owner = source.defined.get(kind.__name__)
            for each in owner.body if isinstance(owner, ast.ClassDef) else ():
                if isinstance(each, ast.AnnAssign) and ast.unparse(each.target) == name:
                    return self._shown_in(source, each.value)
        raise Untranslatable(f"{row.__name__}.{name} has no cell")

    def _shown_in(self, source: Source, call: ast.expr | None) -> str:
        """Return what a call of `field`, or of a function that returns one, gives as `shown`."""
        assert isinstance(call, ast.Call)
        for keyword in call.keywords:
            if keyword.arg == "shown":
                return self.expression(source, keyword.value)
        place = home_of(Place(source.module.__name__, ast.unparse(call.func)))
        source = source_of(place.module)
        function = source.defined[place.name]
        assert isinstance(function, ast.FunctionDef)
        returned = function.body[-1]
        assert isinstance(returned, ast.Return)
        return self._shown_in(source, returned.value)


def own_cells(row: type) -> list[str]:
    """Return the fields of a row whose cells are made in their own way, but for those that the script has not."""
    return [each.name for each in in_tables(row) if each.column.shown and not each.column.optional]
