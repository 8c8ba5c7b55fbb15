"""The types of objects, against what the program says of each: stripped or not, on every release."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pytest

from gdb_gospan.analysis import typebook, typewords
from gdb_gospan.analysis.fieldpaths import field_path
from gdb_gospan.analysis.objecttypes import EDGES, EXACT, SHAPE, UNKNOWN, object_types
from gdb_gospan.analysis.reach import reach
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.typescan import edges, header_bytes
from gdb_gospan.runtime import abitype
from gdb_gospan.targets.core import open_session
from tools import alloctypes, cores, forms, programs, shell, toolchains
from tools.damage import CopiedCore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gdb_gospan.analysis.objecttypes import ObjectTypes
    from gdb_gospan.analysis.session import Session

LIST = 30000
SMALL = "small values"
TINY = 5
"""Span class of these: 16 bytes without pointers."""

pytestmark = pytest.mark.toolchain


def core_of(minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("typed", minor))


@pytest.fixture(scope="module")
def core(go_minor: str) -> cores.Core:
    return core_of(go_minor)


def types_of(session: Session) -> ObjectTypes:
    assert session.threads is not None
    return object_types(session.heap, session.threads())


def planted(core: cores.Core, session: Session, which: str = "planted") -> tuple[Any, list[str], list[bool]]:
    """Return the slots of the objects that the program names, their types, and whether they may share a slot."""
    rows = core.stdout[which]
    slot, held = slots(session.heap).at(np.array([int(address, 16) for address, *_ in rows], np.uint64))
    assert held.all()
    return slot, [name for _, name, _ in rows], [small for *_, small in rows]


def wrong(core: cores.Core, session: Session) -> Counter[tuple[str, str]]:
    """Return the types that are not what the program says, each with that one."""
    found = types_of(session)
    slot, names, small = planted(core, session)
    said = [found.types[number].name for number in found.number[slot].tolist()]
    return Counter(
        (ours, name)
        for ours, name, tiny in zip(said, names, small, strict=True)
        if ours != name and not (tiny and ours == SMALL)
    )


def test_the_nodes_of_a_concurrent_map_that_a_variable_has(core: cores.Core) -> None:
    """Stripped, nothing says what the variable is: each node is inferred from where it leads. A sync.Map is a trie since Go 1.24."""
    session = forms.open_in(core, "stripped")
    found = types_of(session)
    if "Map" not in found.book.layout.structs:
        assert not core.stdout["inferred"]
        return
    slot, names, _ = planted(core, session, "inferred")
    assert [found.types[number].name for number in found.number[slot].tolist()] == names
    assert set(found.how[slot].tolist()) <= {EXACT, EDGES, SHAPE}
    assert SHAPE in found.how[slot]
    assert set(Counter(names).values()) > {100}


def itab_tables(session: Session) -> list[int]:
    found, numbered = types_of(session), slots(session.heap)
    named = [row for row, each in enumerate(found.types) if each.name == "runtime.itabTableType"]
    some: list[int] = numbered.addresses(np.flatnonzero(np.isin(found.number, named))).tolist()
    return some


def test_the_table_of_itabs_that_has_grown(go_minor: str) -> None:
    """Stripped: it is where the symbol that only the other form has says it is."""
    core = core_of(go_minor)
    toolchain = toolchains.ensure(go_minor)
    listed = subprocess.run(
        [toolchain.go, "tool", "nm", core.executable],
        env=toolchain.env,
        capture_output=True,
        text=True,
        check=True,
    )
    (address,) = re.findall(r"^\s*([0-9a-f]+) \w runtime\.itabTable$", listed.stdout, re.MULTILINE)
    session = forms.open_in(core, "stripped")
    words, known = session.heap.reader.pointers(np.array([int(address, 16)], np.uint64))
    assert known.all()
    assert itab_tables(session) == words.tolist()


def test_a_table_with_a_word_that_is_no_itab_is_none(copy: CopiedCore) -> None:
    core = core_of(toolchains.NEWEST)
    session = open_session([str(core.executable), str(core.path)])
    (table,) = itab_tables(session)
    places = np.uint64(table) + np.arange(2, 1026, dtype=np.uint64) * np.uint64(8)
    words, _ = session.heap.reader.pointers(places)
    first = int(places[np.flatnonzero(words)[0]])
    with changed(copy, [(first, (int(words.max()) + 8).to_bytes(8, "little"))]):
        assert not itab_tables(open_session([str(core.executable), str(copy.path)]))


@pytest.mark.parametrize("form", ["full", "stripped"])
def test_each_object_is_what_the_program_says(core: cores.Core, form: str) -> None:
    session = forms.open_in(core, form)
    assert wrong(core, session) == Counter()
    found = types_of(session)
    assert found.known
    assert not found.conflicts
    slot, _, _ = planted(core, session)
    assert set(found.how[slot].tolist()) <= {EXACT, EDGES}


def test_with_pointers_of_32_bits() -> None:
    core = cores.kernel_core(programs.build("typed", toolchains.NEWEST, goarch="386"))
    assert wrong(core, forms.open_in(core, "stripped")) == Counter()


def test_maps_of_the_old_kind_in_a_release_that_has_both() -> None:
    core = cores.kernel_core(programs.build("typed", "1.24", experiments="noswissmap"))
    assert wrong(core, forms.open_in(core, "full")) == Counter()


def test_nearly_all_that_is_reached_has_a_type(core: cores.Core) -> None:
    """The lists among it, which are far longer than any number of rounds; what has no type are objects of the runtime."""
    session = forms.open_in(core, "stripped")
    found, numbered = types_of(session), slots(session.heap)
    assert session.threads is not None
    reached = reach(session.heap, session.threads()).reached
    assert np.count_nonzero(reached & (found.how == UNKNOWN)) < 0.01 * np.count_nonzero(reached)
    names = np.array([each.name for each in found.types])
    by_name = Counter(names[found.number[reached]].tolist())
    assert by_name["main.even"] == by_name["main.odd"] == LIST
    assert by_name["main.link"] > LIST
    # A word that is a pointer of an object is one by its type, too.
    states, all_edges = slot_states(session.heap), edges(session.heap)
    assert not (found.number != 0)[~states.taken].any()
    source = np.repeat(np.arange(len(numbered)), np.diff(all_edges.graph.starts))
    for number in np.unique(found.number[(found.how > 0) & reached]).tolist():
        what = found.types[number]
        if what.form in (typebook.VALUE, typebook.ELEMENTS) and number:
            some = found.number[source] == number
            words = found.book.words(number)
            assert (words[all_edges.word[some] % len(words)] != typewords.SCALAR).all(), what.name


def test_which_field_a_word_is(core: cores.Core) -> None:
    found = types_of(forms.open_in(core, "stripped"))
    number = {each.name: row for row, each in enumerate(found.types)}
    expected = {
        ("main.link", 0): ".next",
        ("main.link", 8): ".value",
        ("main.odd", 8): ".back",
        ("main.odd", 24): ".rest[1]",
        ("main.outer", 8): ".inner.name",
        ("main.outer", 24 + 24 + 8): ".more[1].name",
        ("main.ring", 24): ".any",
        ("main.pair[int,*main.link]", 16): ".next",
        ("[]main.link", 5 * 16): "[5].next",
        ("[]main.middling", 3 * 824 + 800): "[3].first",
        ("[]string", 40): "[2]",
        ("main.huge", 24 + 2 * 32 + 8): ".cells[2].object",
        ("string", 3): "",
        ("chan *main.link", 16): ".buf",
        ("map[string]*main.inner", 16): ".dirPtr" if "Map" in found.book.layout.structs else ".buckets",
    }
    assert {key: field_path(found, number[key[0]], key[1]) for key in expected} == expected
    held = np.bincount(found.number, minlength=len(found.types))
    groups = [
        row for row in np.flatnonzero(held) if found.types[row].name == "map[string]*main.inner (groups)"
    ]
    offset, path = (
        (8 + 5 * 24 + 16, ".slots[5].elem")
        if "Map" in found.book.layout.structs
        else (8 + 8 * 16, ".elems[0]")
    )
    # One that is alone, and several side by side.
    assert {field_path(found, int(row), offset) for row in groups} <= {path, f"[0]{path}"}
    assert groups


def test_the_rows_add_up(core: cores.Core) -> None:
    said = shell.inside("objects", "--json", "--limit", "0", core.executable, core.path)
    assert said.status == 0, said.stderr
    answer = json.loads(said.stdout)
    totals, rows, typed = answer["totals"], answer["types"], answer["typed"]
    for name in ("objects", "reached", "garbage", "new", "new_garbage"):
        bytes_name = "object_bytes" if name == "objects" else f"{name}_bytes"
        assert sum(row[name] for row in rows) == totals[name], name
        assert sum(row[bytes_name] for row in rows) == totals[bytes_name], name
    for name in ("stranded_bytes", "garbage_stranded_bytes"):
        assert sum(row[name] for row in rows) == totals[name], name
    ways = ("exact_bytes", "edges_bytes", "shape_bytes", "unknown_bytes")
    assert sum(typed[way] for way in ways) == totals["reached_bytes"]
    assert len({row["name"] for row in rows}) == len(rows)
    assert answer["total_rows"] == len(rows)
    (odd,) = (row for row in rows if row["name"] == "main.odd")
    assert (odd["reached"], odd["reached_bytes"], odd["how"]) == (LIST, 48 * LIST, "edges")


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[CopiedCore]:
    found = CopiedCore(core_of(toolchains.NEWEST).path, tmp_path / "copy")
    yield found
    found.path.unlink()


@contextlib.contextmanager
def changed(copy: CopiedCore, changes: list[tuple[int, bytes]]) -> Iterator[None]:
    with contextlib.ExitStack() as all_of_them:
        for change in changes:
            all_of_them.enter_context(copy.changed(change))
        yield


def test_a_pointer_that_lies_is_not_believed(copy: CopiedCore) -> None:
    """A link whose next one is an object of another size, with other pointers: that keeps its type, and nothing else has one."""
    core = core_of(toolchains.NEWEST)
    rows = core.stdout["planted"]
    links = [int(address, 16) for address, name, _ in rows if name == "main.link"]
    others = [int(address, 16) for address, name, _ in rows if name == "main.ring"]
    lies = [(link, other.to_bytes(8, "little")) for link, other in zip(links, others, strict=False)]
    with changed(copy, lies):
        session = open_session([str(core.executable), str(copy.path)])
        assert set(wrong(core, session)) <= {("", name) for _, name, _ in rows}
        found, numbered = types_of(session), slots(session.heap)
        slot, held = numbered.at(np.array(others, np.uint64))
        assert held.all()
        assert {found.types[number].name for number in found.number[slot].tolist()} == {"main.ring"}


def test_a_type_that_is_damaged_is_none(copy: CopiedCore) -> None:
    """The descriptor in a malloc header is of no type: the object is unknown, and what hangs on it alone."""
    core = core_of(toolchains.NEWEST)
    session = open_session([str(core.executable), str(core.path)])
    found, numbered = types_of(session), slots(session.heap)
    name = next(row for row, each in enumerate(found.types) if each.name == "main.middling")
    some = np.flatnonzero((found.number == name) & (found.how == EXACT))
    assert len(some)
    places = [(int(address), (8).to_bytes(8, "little")) for address in numbered.addresses(some).tolist()]
    with changed(copy, places):
        again = types_of(open_session([str(core.executable), str(copy.path)]))
        assert not again.number[some].any()
        assert not again.how[some].any()


def test_the_core_alone_has_no_types() -> None:
    core = core_of(toolchains.NEWEST)
    said = shell.inside("objects", core.path)
    assert said.status == 0, said.stderr
    assert "none is known: the program's type descriptors were not found" in " ".join(said.stdout.split())
    answer = json.loads(shell.inside("objects", "--json", core.path).stdout)
    assert [row["name"] for row in answer["types"]] == [None]
    assert answer["typed"]["described"] is False
    assert answer["typed"]["unknown_bytes"] == answer["totals"]["reached_bytes"]


def test_classes_on_demand() -> None:
    core = core_of(toolchains.NEWEST)
    answer = json.loads(shell.inside("objects", "--by", "class", "--json", core.executable, core.path).stdout)
    assert (answer["types"], answer["typed"], answer["by"]) == (None, None, "class")
    by_type = json.loads(shell.inside("objects", "--json", core.executable, core.path).stdout)
    assert by_type["totals"] == answer["totals"]
    assert {row["spanclass"] for row in answer["classes"]} <= {row["spanclass"] for row in by_type["classes"]}
    rows = shell.inside(
        "objects", "--csv", "--limit", "0", "--sort", "name", core.executable, core.path
    ).stdout.splitlines()
    names = [row.split(",")[0].strip('"') for row in rows[1:]]
    assert rows[0].startswith("name,")
    known = [name for name in names if name]
    assert known == sorted(known)
    assert names == [*known, ""]
    sorted_by_class = shell.inside("objects", "--sort", "spanclass", "--json", core.executable, core.path)
    assert json.loads(sorted_by_class.stdout)["by"] == "class"
    refused = shell.inside("objects", "--by", "type", "--sort", "spanclass", core.executable, core.path)
    assert refused.status == 2
    assert "invalid --sort spanclass: a table by type has no such column" in refused.stderr


def test_variables_say_what_they_point_to(go_minor: str) -> None:
    """By debug information. Stripped, what hangs on them alone is inferred or unknown, and nothing else than it is."""
    core = cores.kernel_core(programs.build("objects", go_minor))
    full, stripped = (types_of(forms.open_in(core, form)) for form in ("full", "stripped"))
    names = [np.array([each.name for each in found.types])[found.number] for found in (full, stripped)]
    assert Counter(names[0][full.how == EDGES].tolist())["main.link"] > 5 * 500
    # Of a slot with several small values each may know another one.
    both = (full.number > 0) & (stripped.number > 0) & (names[0] != SMALL) & (full.how != SHAPE)
    assert np.count_nonzero(both & (stripped.how == SHAPE)) > 1000
    assert names[0][both].tolist() == names[1][both].tolist()


def allocated_as(session: Session, some: Any) -> list[int]:
    """Return the descriptors that the program's own allocator was given for these objects; less than 2 for none."""
    numbered = slots(session.heap)
    begins = numbered.addresses(some) + header_bytes(session.heap)[numbered.spans_of(some)].astype(np.uint64)
    beside = np.uint64(alloctypes.BESIDE) + ((begins - np.uint64(alloctypes.HEAP)) & ~np.uint64(7))
    words, known = session.heap.reader.pointers(beside)
    assert known.all()
    found: list[int] = words.tolist()
    return found


PARTS = {
    typebook.MAP: "maps.Map",
    typebook.TABLE: "maps.table",
    typebook.DIRECTORY: "*maps.table",
    typebook.CHANNEL: "runtime.hchan",
    typebook.TEXT: "uint8",
}
SHAPED = "go.shape."
BOXED = re.compile(r"runtime\.\w+InterfacePtr|unsafeheader\.Slice")
"""What package runtime calls what it puts into an interface (iface.go), and package reflect a slice that it makes."""


def same(found: ObjectTypes, number: int, descriptor: int) -> bool:
    """Whether this is the type that the allocator was given, or one that a value of it can be converted to as it is."""
    what, reader, book = found.types[number], found.book.reader, found.book
    given = reader.at(descriptor)
    if given is None:
        return False
    if what.form in (typebook.VALUE, typebook.ELEMENTS, typebook.BUFFER):
        own = reader.at(what.descriptor)
        elem = given.elem if given.kind == abitype.ARRAY else 0
        if own is None or what.descriptor in (descriptor, elem):
            return own is not None
        if BOXED.fullmatch(given.name):
            return own.size == given.size
        if (
            SHAPED in given.name
        ):  # a generic function allocates by the type of its instance, or by what it calls that
            generic = given.name.split("[")[0] in (own.name.split("[")[0], SHAPED + "*uint8")
            one, other = (
                book.pointers(book.number(typebook.VALUE, each.address)).tolist() for each in (own, given)
            )
            return generic and one == other
        alike = book.same_layout(
            book.number(typebook.VALUE, descriptor), book.number(typebook.VALUE, own.address)
        )
        return alike and own.kind == given.kind
    if what.form == typebook.GROUPS:
        whole = reader.at(what.descriptor)
        return whole is not None and whole.group == descriptor
    closure = what.form == typebook.CLOSURE and given.name.startswith("struct { F uintptr")
    return closure or given.name == PARTS.get(what.form)


def test_the_allocator_was_asked_for_these_types() -> None:
    """Object by object, of all that are reached; several small values may share a slot, and have no one type."""
    core = cores.kernel_core(alloctypes.build("typed"))
    session = forms.open_in(core, "stripped")
    found = types_of(session)
    assert session.threads is not None
    reached = reach(session.heap, session.threads()).reached
    numbered = slots(session.heap)
    several = numbered.spanclass[numbered.spans_of(np.arange(len(numbered)))] == TINY
    some = np.flatnonzero(reached & (found.number > 0) & ~several)
    given = allocated_as(session, some)
    numbers = found.number[some].tolist()
    typed = [pair for pair in zip(numbers, given, strict=True) if pair[1] > alloctypes.UNTYPED]
    assert len(typed) > 3 * LIST
    pairs = Counter(typed)
    mistaken = [
        (found.types[number].name, found.book.reader.at(address))
        for number, address in pairs
        if not same(found, number, address)
    ]
    assert [(ours, given_type.name) for ours, given_type in mistaken if given_type is not None] == []
    assert not mistaken
    shifted = Counter((number, address) for (number, _), (_, address) in zip(typed, typed[::-1], strict=True))
    others = sum(count for (number, address), count in shifted.items() if not same(found, number, address))
    assert others > LIST, "anything is the same"


def test_frozen() -> None:
    """What is found once for each heap is not changed by who uses it."""
    found = types_of(forms.open_in(core_of(toolchains.NEWEST), "full"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        found.known = False  # type: ignore[misc]
