"""Only the right layout is taken: every recorded program against every bundled table."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gdb_gospan.layout import anchors, bundled
from gdb_gospan.layout.goversion import GoVersion
from gdb_gospan.layout.platform import platform
from gdb_gospan.layout.schedulersigns import examine_scheduler
from gdb_gospan.layout.signature import examine
from gdb_gospan.layout.word_image import Words
from gdb_gospan.memory.image import Image
from gdb_gospan.memory.segments import Segments
from tools import images


def table(release, arch):
    return bundled.bundled(release, GoVersion("go", *release[:2]), platform("linux", arch), source="none")


def what_counts(release, arch):
    """Return all that a table says of mheap and of what hangs from it; not of goroutines and threads."""
    apart = (
        "g", "m", "schedt", "debug", "moduledata", "Type", "work", "sweepdata", "_panic", "gcCPULimiterState",
        "finBlock", "cleanupQueue", "memRecord", "memRecordCycle", "MapType",
    )  # fmt: skip
    values = bundled.values(release, arch)
    return {key: value for key, value in values.items() if key.split(".")[0] not in apart}


@pytest.mark.parametrize("name", images.names())
def test_the_signs_of_the_scheduler_hold_for_the_right_table_only(name):
    """Of all tables that lay mheap out like the program's own, at the addresses that its variables have.

    What no report reads is not recorded: the last number of a goroutine, and the names of settings.
    """
    recorded = images.load(name)
    layout = recorded.layout
    own, arch = bundled.table_of(layout.go), layout.platform.arch
    told = []
    for release in bundled.releases():
        if what_counts(release, arch) == what_counts(own, arch):
            signs = examine_scheduler(recorded.image, table(release, arch), recorded.symbols.addresses)
            unread = [
                sign for sign in signs if sign.found is None and re.search("goidgen|dbgvars", sign.what)
            ]
            failed = [sign for sign in signs if not sign.holds and sign not in unread]
            assert bool(failed) == (signed(release, arch) != signed(own, arch)), (release, failed)
            assert len(signs) >= 12
            told.append(release)
    assert own in told


def signed(release, arch):
    """Return what a table says of the fields that the signs of the scheduler are about."""
    fields = (
        "m.alllink", "m.g0", "m.gsignal", "m.curg", "m.id", "m.procid", "g.m", "g.goid", "g.atomicstatus", "g.stack.lo",
        "g.stack.hi", "g.sched.sp", "p.id", "p.m", "schedt.mnext",
    )  # fmt: skip
    values = bundled.values(release, arch)
    return {field: values[field] for field in fields}


def mheap_of(recorded):
    return recorded.symbols["mheap_"]


@pytest.mark.parametrize("name", images.names())
@pytest.mark.parametrize("release", bundled.releases(), ids=lambda release: ".".join(map(str, release)))
def test_a_table_fits_where_its_layout_is_the_same_and_nowhere_else(name, release):
    recorded = images.load(name)
    arch = recorded.layout.platform.arch
    signature = examine(recorded.image, mheap_of(recorded), table(release, arch))
    own = bundled.table_of(recorded.layout.go)
    assert signature.holds == (what_counts(release, arch) == what_counts(own, arch))
    if release == own:
        assert signature.memstats == recorded.symbols["memstats"]
        assert len(signature.evidence) >= 15
    elif not signature.holds:
        assert len(signature.failed) >= (1 if release[:2] == own[:2] else 2)  # not by a hair, but for a patch


@pytest.mark.parametrize("name", images.names())
def test_mheap_is_found_among_the_words_of_the_image(name):
    recorded = images.load(name)
    size = recorded.layout["mheap"].size
    system = recorded.layout.platform
    begin = mheap_of(recorded)
    words = Words.read(recorded.image, [(begin, size)], system)
    tables = [table(release, system.arch) for release in bundled.releases()]
    found = [signature for signature in anchors.find_mheaps(recorded.image, words, tables) if signature.holds]
    assert {signature.mheap for signature in found} == {begin}
    assert bundled.table_of(recorded.layout.go) in {signature.table.release for signature in found}


@pytest.mark.parametrize("name", ["1.19-frag", "1.27-frag", "1.27-386"])
def test_a_byte_in_the_wrong_place_is_told(name):
    """Each piece of evidence, made false by one bit, is the one that is named."""
    recorded = images.load(name)
    own = table(bundled.table_of(recorded.layout.go), recorded.layout.platform.arch)
    layout, base = own.layout, mheap_of(recorded)
    fixallocs = {
        f"{name}.{path}": layout.fixallocs[name] + layout["fixalloc"][path].offset
        for name, handed_out in own.handed_out.items()
        for path in (("size", "stat") if handed_out else ("stat",))
    }
    places = {
        **fixallocs,
        "spanalloc.arg": layout.fixallocs["spanalloc"] + layout["fixalloc"]["arg"].offset,
        "pages.mheapLock": layout["mheap"]["pages.mheapLock"].offset,
        "pages.sysStat": layout["mheap"]["pages.sysStat"].offset,
        "span classes": layout["mheap"]["central"].offset + layout["mcentral"]["spanclass"].offset,
    }
    for what, offset in places.items():
        data = bytearray(recorded.image.read(base + offset, 1))
        data[0] ^= 0x40
        signature = examine(changed(recorded, base + offset, bytes(data)), base, own)
        # memstats is where spanalloc says it is: with that wrong, everything else is.
        named = "cachealloc.stat" if what == "spanalloc.stat" else what
        assert any(piece.what.startswith(named) for piece in signature.failed), what


def changed(recorded, address, data):
    segments = recorded.image.segments
    flat = segments.flat.copy()
    at, inside = segments.locate(np.array([address], np.uint64), len(data))
    assert inside[0]
    flat[at[0] : at[0] + len(data)] = np.frombuffer(data, np.uint8)
    return Image(Segments(flat, segments.start, segments.size, segments.offset), recorded.image.holes)
