"""Where the code of a program is mapped: what Go's own profile of that process says, by each way to read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
import pytest

from gdb_gospan.analysis.mappedcode import MappedCode, mapped_code
from gdb_gospan.targets import core as coredump
from gdb_gospan.targets import process, snapshot
from tools import cores, gdbs, pprofs, processes, programs, shell, toolchains
from tools.remote import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = pytest.mark.toolchain

ROWS = """python
import attrs, json
from gdb_gospan.analysis.mappedcode import mapped_code
from gdb_gospan.debugger.target import current_session
def rows():
    print(json.dumps([attrs.astuple(row) for row in mapped_code(current_session())]))
end
"""


def told_by_go(path: Path) -> list[MappedCode]:
    """Files that have code, in the profile; the kernel's vdso is none."""
    found = pprofs.read(path.read_bytes()).mappings
    return [each for each in found if (each.file or "").startswith("/")]


def check(
    found: Sequence[MappedCode], wanted: Sequence[MappedCode], own: Path, *, known: bool = True
) -> None:
    """The same rows; the build id of a library may be unknown, that of the executable only without it."""
    assert [attrs.evolve(each, build_id=None) for each in found] == [
        attrs.evolve(each, build_id=None) for each in wanted
    ]
    for ours, theirs in zip(found, wanted, strict=True):
        is_own = ours.file == str(own)
        assert ours.build_id in ({theirs.build_id} if is_own and known else {theirs.build_id, None})
    assert found[0].file == str(own)


def in_gdb(folder: Path, *commands: str, **target: object) -> list[MappedCode]:
    (folder / "rows.gdb").write_text(ROWS)
    gdb = gdbs.ensure(gdbs.system_label())
    commands = *commands, f"source {folder}/rows.gdb", "python rows()"
    said = gdbs.run_gdb(gdb, commands, **target)  # type: ignore[arg-type]
    return [MappedCode(*row) for row in json.loads(said.stdout[len(commands) - 1])]


def of_snapshot(path: Path, *files: object) -> tuple[MappedCode, ...]:
    answer = shell.inside("snapshot", path, *files)
    assert answer.status == 0, answer.stderr
    return mapped_code(snapshot.open_session(str(path)))


BUILDS = [("", toolchains.OLDEST), ("", toolchains.NEWEST), ("pie", toolchains.NEWEST)]


@pytest.mark.live
@pytest.mark.parametrize(("buildmode", "minor"), BUILDS)
class TestProcess:
    """One that sleeps."""

    @pytest.fixture
    def program(self, buildmode: str, minor: str) -> Path:
        return programs.build("profiled", minor, buildmode=buildmode)

    @pytest.fixture
    def pid(self, program: Path, tmp_path: Path) -> Iterator[int]:
        with processes.start(program, "-end", "sleep", cwd=tmp_path) as running:
            running.line()
            yield running.pid

    def test_every_way(self, program: Path, pid: int, tmp_path: Path) -> None:
        wanted = told_by_go(tmp_path / "heap.pb.gz")
        session = process.open_session(pid)
        check(mapped_code(session), wanted, program)
        check(of_snapshot(tmp_path / "heap.gospan", "--pid", pid), wanted, program)
        check(in_gdb(tmp_path, pid=pid), wanted, program)
        with served(pid) as port:
            check(in_gdb(tmp_path, f"target remote 127.0.0.1:{port}", exe=program), wanted, program)
        cores.gcore(pid, tmp_path / "core")
        check(mapped_code(coredump.open_session([str(program), str(tmp_path / "core")])), wanted, program)


@pytest.mark.parametrize(("buildmode", "minor"), BUILDS)
def test_core(buildmode: str, minor: str, tmp_path: Path) -> None:
    program = programs.build("profiled", minor, buildmode=buildmode)
    core = cores.kernel_core(program)
    wanted = told_by_go(core.path.parent / "heap.pb.gz")
    check(mapped_code(coredump.open_session([str(program), str(core.path)])), wanted, program)
    alone = mapped_code(coredump.open_session([str(core.path)]))
    check(alone, wanted, program, known=False)
    assert alone[0].build_id is None
    check(of_snapshot(tmp_path / "heap.gospan", program, core.path), wanted, program)
    check(in_gdb(tmp_path, exe=program, core=core.path), wanted, program)


def test_of_an_older_snapshot_the_executable_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And no range: pprof takes all addresses for its own."""
    from gdb_gospan.reports import snapshot as report

    program = programs.build("profiled", toolchains.NEWEST)
    core = cores.kernel_core(program)
    monkeypatch.setattr(report, "freeze_mappings", lambda _: None)
    found = of_snapshot(tmp_path / "heap.gospan", program, core.path)
    (build_id,) = {
        row.build_id for row in told_by_go(core.path.parent / "heap.pb.gz") if row.file == str(program)
    }
    assert found == (MappedCode(None, None, None, str(program), build_id),)
