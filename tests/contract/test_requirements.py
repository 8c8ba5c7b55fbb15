"""The table of requirements against the DWARF of each toolchain: what it says about releases is true."""

from __future__ import annotations

import re

import pytest

from gdb_gospan.layout import requirements, sizeclasses
from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.goversion import GoVersion
from gdb_gospan.layout.platform import PAGE_SIZE, platform
from gdb_gospan.layout.resolve import find_symbols, resolve
from tools import programs, toolchains

#: In the release named, an experiment that is off by default; the rows say when it stopped being one.
EXPERIMENT = {"spanInlineMarkBits": ("1.25", "greenteagc")}


def release(minor):
    return tuple(map(int, minor.split(".")))


def go_version(minor):
    return GoVersion(f"go{toolchains.TOOLCHAINS[minor]}", *release(minor))


def layout_of(executable, minor):
    return resolve(DwarfTypes(executable), go_version(minor), platform("linux", "amd64"), source="dwarf")


def has(row, minor):
    """Whether the table says that this release has the row."""
    first = release(row.since) if row.since else (0, 0)
    last = release(getattr(row, "until", "")) if getattr(row, "until", "") else (99, 99)
    return first <= release(minor) <= last


def expected_missing(minor):
    missing = []
    for struct in (struct for struct in requirements.STRUCTS if not struct.late):
        if not has(struct, minor) or EXPERIMENT.get(struct.name, ("",))[0] == minor:
            missing.append(struct.name)
        else:
            missing += [f"{struct.name}.{need.path}" for need in struct.needs if not has(need, minor)]
    return missing


def test_since_and_until_are_what_the_toolchain_has(frag, go_minor):
    layout = layout_of(frag, go_minor)
    assert sorted(layout.missing) == sorted(expected_missing(go_minor))
    for struct in requirements.STRUCTS:
        if struct.name not in layout.missing and has(struct, go_minor):
            resolved = set(layout[struct.name].fields)
            assert resolved == {need.path for need in struct.needs if has(need, go_minor)}


def test_every_variable_is_there(frag, go_minor):
    types, since = DwarfTypes(frag), requirements.VARIABLES_SINCE
    there = {name for name in requirements.VARIABLES if release(since.get(name, "1.0")) <= release(go_minor)}
    assert set(find_symbols(types).addresses) == there


def test_every_alias_is_some_release_s_name(frag, go_minor):
    """A path and its aliases exclude each other, so that none hides a field of another meaning."""
    types = DwarfTypes(frag)
    for struct in requirements.STRUCTS:
        for need in struct.needs:
            if need.aliases and has(need, go_minor):
                (node,) = filter(None, map(types.struct, struct.names))
                names = {(path.split(".")[0]) for path in (need.path, *need.aliases)}
                if len(names) > 1:
                    assert len([name for name in names if node.field(name)]) == 1, need


@pytest.mark.toolchain
@pytest.mark.parametrize("struct", EXPERIMENT)
def test_an_experiment_has_its_struct(struct):
    minor, name = EXPERIMENT[struct]
    layout = layout_of(programs.build("frag", minor, experiments=name), minor)
    (row,) = (row for row in requirements.STRUCTS if row.name == struct)
    assert set(layout[struct].fields) == {need.path for need in row.needs}


def test_the_table_names_the_releases_of_the_suite():
    assert {release(minor) for minor in toolchains.TOOLCHAINS} == set(requirements.TESTED)
    assert min(requirements.TESTED) == requirements.OLDEST
    assert max(requirements.TESTED) == requirements.NEWEST


def test_size_classes_are_those_of_the_toolchain(toolchain):
    source = toolchain.goroot / "src"
    candidates = [source / "runtime/sizeclasses.go", source / "internal/runtime/gc/sizeclasses.go"]
    (file,) = (candidate for candidate in candidates if candidate.exists())
    text = file.read_text()

    def table(*names):
        (row,) = re.findall(
            rf"^var (?:{'|'.join(names)}) = \[\w+\]uint\d+\{{([\d, ]+)\}}", text, re.MULTILINE
        )
        return tuple(map(int, row.split(",")))

    assert table("class_to_size", "SizeClassToSize") == sizeclasses.SIZES
    assert table("class_to_allocnpages", "SizeClassToNPages") == sizeclasses.PAGES
    (shift,) = re.findall(r"^\s+_?PageShift\s+= (\d+)$", text, re.MULTILINE)
    assert 1 << int(shift) == PAGE_SIZE
