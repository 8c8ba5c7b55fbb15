"""The bundled layouts are those of the toolchains, to the byte."""

from __future__ import annotations

import json

import pytest

from gdb_gospan.layout import bundled, requirements
from tools import layouts, toolchains


@pytest.mark.parametrize("arch", layouts.ARCHES)
def test_each_table_is_that_of_its_toolchain(go_minor, arch):
    release = tuple(map(int, go_minor.split(".")))
    assert bundled.values(release, arch) == layouts.tables_of(go_minor, arch)


def test_a_larger_program_has_the_same(frag, go_minor):
    """What is linked into a program besides changes no type of the runtime."""
    measured = layouts.measured(frag, go_minor, "amd64")
    known = bundled.values(tuple(map(int, go_minor.split("."))), "amd64")
    assert {key: known[key] for key in measured} == measured


def test_every_release_and_architecture_has_one():
    assert set(bundled.releases()) == set(requirements.TESTED)
    assert {f"{major}.{minor}" for major, minor in bundled.releases()} == set(toolchains.TOOLCHAINS)
    for arch in layouts.ARCHES:
        for release in bundled.releases():
            assert len(bundled.values(release, arch)) > 190


def test_the_file_is_laid_out_for_reading():
    text = bundled.FILE.read_text(encoding="utf-8")
    assert text == layouts.written(json.loads(text))
    assert len(text) < 50_000
