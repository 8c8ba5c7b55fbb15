"""Patch releases that lay the runtime's structs out in another way than the ones before (layout/requirements.py, PATCHES)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gdb_gospan.layout import bundled
from gdb_gospan.layout.schedulersigns import examine_scheduler
from tools import cores, layouts, programs
from tools.forms import compare, open_in

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Session
    from tools.cores import Core

ARGUMENTS = "-goroutines", "50", "-stacks", "5"


@pytest.fixture(scope="module")
def core(go_patch: str) -> Core:
    return cores.kernel_core(programs.build("corners", go_patch), *ARGUMENTS)


def chosen(session: Session) -> bundled.Release:
    assert session.heap.evidence is not None
    return session.heap.evidence.signature.table.release


@pytest.mark.parametrize("form", ["no-dwarf", "none"])
def test_every_command_says_the_same(core: Core, go_patch: str, form: str) -> None:
    """With its own table; `stacks` follows the list of threads, which went wrong by another's."""
    compare(core, form)
    session = open_in(core, form)
    assert chosen(session) == bundled.table_of(layouts.version_of(go_patch))
    assert session.heap.goroutines.complete
    assert session.all_checks[-1].code == "thread-numbers"
    assert {check.status for check in session.all_checks} == {"exact"}


@pytest.mark.parametrize("form", ["no-dwarf", "none"])
def test_a_version_that_says_too_much_is_not_believed(go_patch: str, form: str) -> None:
    """A vendor's number: the patch that it names has another m. The signs of the scheduler's structs decide."""
    own = bundled.table_of(layouts.version_of(go_patch))
    assert own is not None
    others = [table for table in bundled.releases() if table[:2] == own[:2] and table != own]
    beside = max(others, key=lambda table: differ("m", table, own))
    stated = "go" + ".".join(map(str, (*beside, 0)[:3]))
    program = programs.build("corners", go_patch, ldflags=f"-X=runtime.buildVersion={stated}")
    session = open_in(cores.kernel_core(program, *ARGUMENTS), form)
    assert session.heap.evidence is not None
    assert session.heap.evidence.stated == stated
    assert not differ("m", chosen(session), own)
    if differ("m", beside, own):
        assert beside in {signature.table.release for signature in session.heap.evidence.refused}
    assert {check.status for check in session.all_checks} == {"exact"}


def differ(struct: str, one: bundled.Release, other: bundled.Release) -> bool:
    """Whether two tables lay a struct out in two ways."""
    tables = [bundled.values(release, "amd64") for release in (one, other)]
    mine, theirs = (
        {key: value for key, value in table.items() if key.split(".")[0] == struct} for table in tables
    )
    return mine != theirs


def test_all_signs_hold_for_the_right_table_only(core: Core, go_patch: str) -> None:
    """Every bundled table that lays mheap out like its own is put to the test at the addresses that there are."""
    heap = open_in(core, "full").heap
    own = bundled.table_of(layouts.version_of(go_patch))
    assert own is not None
    alike = [
        table
        for table in bundled.releases()
        if not any(differ(name, table, own) for name in ("mheap", "mstats"))
    ]
    assert own in alike
    for release in alike:
        table = bundled.bundled(release, heap.layout.go, heap.layout.platform, source="none")
        assert table is not None
        signs = examine_scheduler(heap.memory, table, heap.symbols.addresses)
        assert len(signs) >= 10
        same = not any(differ(name, release, own) for name in ("m", "g", "p", "schedt", "debug"))
        assert all(sign.holds for sign in signs) == same, release
