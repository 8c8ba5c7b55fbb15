"""The bundled layouts are those of the toolchains, to the byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gdb_gospan.layout import bundled, requirements
from tools import layouts, toolchains


def version(go_minor):
    return layouts.version_of(toolchains.TOOLCHAINS.get(go_minor, go_minor))


@pytest.mark.parametrize("arch", layouts.ARCHES)
def test_each_table_is_that_of_its_toolchain(go_minor, arch):
    assert bundled.values(bundled.table_of(version(go_minor)), arch) == layouts.tables_of(go_minor, arch)


def test_a_patch_release_that_differs_has_its_own(go_patch):
    table = bundled.table_of(version(go_patch))
    assert bundled.values(table, "amd64") == layouts.tables_of(go_patch, "amd64")
    tables = [release for release in bundled.releases() if release[:2] == table[:2]]
    assert len({str(bundled.values(release, "amd64")) for release in tables}) == len(tables) > 1


def test_a_larger_program_has_the_same(frag, go_minor):
    """What is linked into a program besides changes no type of the runtime."""
    measured = layouts.measured(frag, toolchains.TOOLCHAINS[go_minor], "amd64")
    known = bundled.values(bundled.table_of(version(go_minor)), "amd64")
    assert {key: known[key] for key in measured} == measured


@pytest.mark.parametrize(
    ("stated", "table"),
    [
        ("1.24", (1, 24)),
        ("1.24.5", (1, 24)),
        ("1.24.6", (1, 24, 6)),
        ("1.24.99", (1, 24, 6)),
        ("1.25rc1", (1, 25)),
        ("1.18.10", None),
        ("1.99.1", None),
    ],
)
def test_a_version_has_the_last_table_up_to_it(stated, table):
    assert bundled.table_of(layouts.version_of(stated)) == table


def test_every_release_and_architecture_has_one():
    assert {release for release in bundled.releases() if len(release) == 2} == set(requirements.TESTED)
    assert set(layouts.sources()) == set(bundled.releases())
    assert {release[:2] for release in bundled.releases()} == {
        tuple(map(int, minor.split("."))) for minor in toolchains.TOOLCHAINS
    }
    for arch in layouts.ARCHES:
        for release in bundled.releases():
            assert len(bundled.values(release, arch)) > 190


def test_the_file_is_laid_out_for_reading():
    text = Path(bundled.FILE).read_text(encoding="utf-8")
    assert text == layouts.written(json.loads(text))
    assert len(text) < 50_000
