"""Which Go runtime of several is shown, and how they are named."""

from __future__ import annotations

import attrs
import pytest

from gdb_gospan.errors import UsageError
from gdb_gospan.fields.answer import Answer, Go
from gdb_gospan.fields.document import evolved
from gdb_gospan.layout import anchors, bundled
from gdb_gospan.layout.goversion import GoVersion
from gdb_gospan.layout.platform import platform
from gdb_gospan.render.gate import shown
from gdb_gospan.render.plain import passed
from gdb_gospan.render.provenance import heading
from gdb_gospan.render.style import Style
from gdb_gospan.reports.envelope import about, proof
from gdb_gospan.runtime.several import Runtime, choose
from tools.tiny_heap import TinyHeap

A = Runtime("liba.so", "/lib/liba.so", 0x1000, "go1.27.3", 1 << 20)
B = Runtime("libb.so", "/lib/libb.so", 0x2000, "go1.27.3", 50 << 20)
SAME = Runtime("liba.so", "/opt/liba.so", 0x3000, "go1.27.3", 50 << 20)
UNKNOWN = Runtime("7", None, 0x4000, None, None)


@pytest.mark.parametrize(
    ("runtimes", "wanted", "expected"),
    [
        ([A], None, A),
        ([A, B], None, B),
        ([A, B, SAME], None, B),  # of equals, the lowest address
        ([A, SAME, B], None, SAME),
        ([UNKNOWN, A], None, A),
        ([UNKNOWN], None, UNKNOWN),
        ([A, B], "liba.so", A),
        ([A, B], "1", A),
        ([A, B], "2", B),
        ([A, B], "/lib/../lib/libb.so", B),
        ([A, B, SAME], "/opt/liba.so", SAME),
        ([A, UNKNOWN], "7", UNKNOWN),  # a name comes before a number
    ],
)
def test_the_choice(runtimes: list[Runtime], wanted: str | None, expected: Runtime) -> None:
    assert choose(runtimes, wanted) is expected


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("libc.so", "--runtime: no Go runtime named libc.so (found: 1 liba.so, 2 libb.so, 3 liba.so; try: --runtime 1)"),
        ("0", "--runtime: no Go runtime named 0 (found: 1 liba.so, 2 libb.so, 3 liba.so; try: --runtime 1)"),
        ("4", "--runtime: no Go runtime named 4 (found: 1 liba.so, 2 libb.so, 3 liba.so; try: --runtime 1)"),
        (
            "liba.so",
            "--runtime: 2 Go runtimes are named liba.so (found: 1 /lib/liba.so, 2 /lib/libb.so, 3 /opt/liba.so; try: --runtime 1)",
        ),
    ],
)  # fmt: skip
def test_a_choice_that_there_is_not(wanted: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose([A, B, SAME], wanted)
    assert str(caught.value) == said


def document(*runtimes: Runtime) -> Answer:
    session = TinyHeap().session()
    session.target = attrs.evolve(session.target, description="core of host", runtimes=runtimes)
    answer = Answer(about=about(session, "summary"), proof=proof(session))
    go = Go(version="go1.27.3", os="linux", arch="amd64", experiments=())
    return evolved(answer, about=evolved(answer.about, go=go))


def test_one_runtime_is_not_named() -> None:
    assert heading(document(A), Style()) == "go1.27.3 linux/amd64 · core of host"


def test_several_are_named() -> None:
    shown = attrs.evolve(B, shown=True)
    assert heading(document(A, shown), Style(width=120)).splitlines()[1:] == [
        "2 Go runtimes · 1 liba.so (1.00 MiB in use) · 2 libb.so (50.0 MiB in use, shown) · --runtime NAME or N shows another"
    ]
    assert heading(document(A, UNKNOWN, shown), Style(width=100, exact=True)).splitlines()[1:] == [
        "3 Go runtimes · 1 liba.so (go1.27.3, 1,048,576 B in use) · 2 7 (unknown, layout not known)",
        "3 libb.so (go1.27.3, 52,428,800 B in use, shown) · --runtime NAME or N shows another",
    ]


def test_a_name_that_a_terminal_would_obey() -> None:
    text = heading(passed(document(attrs.evolve(A, name="lib\x1b[2Jé.so"), B), shown), Style())
    assert "\x1b" not in text
    assert r"lib\x1b[2Jé.so" in text


@pytest.mark.parametrize("arch", bundled.ARCHES)
def test_the_smallest_mheap(arch: str) -> None:
    """What is smaller than any mheap is not searched for one."""
    system = platform("linux", arch)
    tables = [
        bundled.bundled(release, GoVersion("unknown", *release), system, source="none")
        for release in bundled.releases()
    ]
    assert (
        min(table.layout["mheap"].size for table in tables if table) >= anchors.SMALLEST[system.pointer_size]
    )
