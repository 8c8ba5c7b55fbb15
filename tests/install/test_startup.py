"""What is decided at gdb's start, without gdb."""

import re
import sys
from pathlib import Path

import pytest

from gdb_gospan import startup
from tools import project

NEEDS = {"numpy": (1, 26), "attrs": (23, 1)}
PACKAGE = Path(startup.__file__).parent


def folder(path, *distributions):
    for name in distributions:
        (path / name).mkdir(parents=True)
    return str(path)


def test_the_bounds_are_those_of_the_project():
    stated = {}
    for line in project.dependencies():
        if (
            ";" in line
        ):  # of some Pythons only, and for who has a file with limits: the first report does without
            continue
        name, version = re.fullmatch(r"(\w+)>=([\d.]+)", line).groups()
        stated[name] = tuple(map(int, version.split(".")))
    assert stated == startup.NEEDS


def test_the_sourced_file_is_short():
    """The gdb of 2023 reads a command file with two system calls for each byte: 2 KB take 3 ms."""
    assert len((PACKAGE / "gdb_gospan").read_bytes()) < 2048


def test_what_is_there_and_new_enough_serves(tmp_path, monkeypatch):
    theirs = folder(tmp_path / "theirs", "numpy-2.1.0.dist-info", "attrs-23.1.0.dist-info")
    ours = folder(tmp_path / "ours", "numpy-2.4.0.dist-info", "attrs-26.1.0.dist-info")
    monkeypatch.setattr(sys, "path", [theirs])
    assert startup.make_importable(NEEDS, [ours]) == []
    assert sys.path == [theirs]


def test_ours_comes_last_when_something_is_missing(tmp_path, monkeypatch):
    theirs = folder(tmp_path / "theirs", "attrs-23.1.0.dist-info")
    ours = folder(tmp_path / "ours", "numpy-2.4.0.dist-info", "attrs-26.1.0.dist-info")
    monkeypatch.setattr(sys, "path", [theirs])
    assert startup.make_importable(NEEDS, [str(tmp_path / "nowhere"), ours]) == []
    assert sys.path == [theirs, ours]


def test_ours_comes_before_what_is_too_old_and_after_what_is_not(tmp_path, monkeypatch):
    plugin = folder(tmp_path / "plugin", "attrs-24.2.0.dist-info")
    system = folder(tmp_path / "system", "numpy-1.24.2.egg-info", "attrs-22.2.0.dist-info")
    ours = folder(tmp_path / "ours", "numpy-1.26.0.dist-info")
    monkeypatch.setattr(sys, "path", [plugin, "python311.zip", system])
    assert startup.make_importable(NEEDS, [ours]) == []
    assert sys.path == [plugin, "python311.zip", ours, system]


def test_a_site_that_lacks_something_is_passed_over(tmp_path, monkeypatch):
    broken = folder(tmp_path / "broken", "numpy-1.26.0.dist-info", "attrs-9.9.dist-info")
    monkeypatch.setattr(sys, "path", [])
    assert startup.make_importable(NEEDS, [broken]) == ["numpy", "attrs"]
    assert sys.path == []


@pytest.mark.parametrize("version", ["11.2", "8.3.50.20190404-git", "Red Hat Enterprise Linux 8.2-20.el8"])
def test_an_old_gdb_is_refused(version):
    reason = startup.load(str(PACKAGE), str(PACKAGE.parent), version)
    assert reason == f"needs gdb 12 or newer, this is gdb {version}: start a newer gdb"


@pytest.mark.parametrize("version", ["12.1", "Fedora Linux 14.1-2.fc39", "18.0.50.20260101-git", "odd"])
def test_a_newer_gdb_gets_as_far_as_the_dependencies(version, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    reason = startup.load(str(PACKAGE), str(PACKAGE.parent), version)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    what = "attrs, numpy, pyelftools, pygments, tabulate"
    assert reason == f"needs {what} for gdb's Python {python}: run {PACKAGE.parent}/install.sh"


def test_a_second_installation_is_told_of_the_first(tmp_path):
    reason = startup.load(str(tmp_path), str(tmp_path / "site"), "13.1")
    assert reason == f"is already loaded from {PACKAGE}: start gdb with -nx to load it from {tmp_path}/site"
