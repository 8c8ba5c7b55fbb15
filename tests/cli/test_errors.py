"""Whatever is wrong with the files is one line that says what to do next."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess

import pytest

from tools import cores, programs, shell, toolchains


@pytest.fixture
def refused():
    """Run, and return the one line; it must be an error."""

    def refused(*words, status=3):
        answer = shell.inside(*words)
        assert answer.stdout == ""
        assert answer.status == status, answer.stderr
        assert re.fullmatch(r"go-spans: [^\n]+\n", answer.stderr), answer.stderr
        return answer.stderr.removeprefix("go-spans: ").rstrip()

    return refused


@pytest.fixture(scope="session")
def newest():
    """A small core of the newest release, and its executable."""
    return cores.kernel_core(programs.build("frag", toolchains.NEWEST), "-objects", "2000")


@pytest.mark.toolchain
class TestFiles:
    def test_an_executable_alone_is_not_enough(self, newest, refused):
        assert "its core is needed too" in refused("summary", newest.executable)

    def test_two_of_a_kind(self, newest, refused):
        assert "both cores" in refused("summary", newest.path, newest.path)
        assert "both executables" in refused("summary", newest.executable, newest.executable)

    def test_a_number_and_a_core_alone(self, newest, refused):
        answer = shell.run("cache", "0", "--json", newest.path)
        assert answer.status == 0, answer.stderr
        assert json.loads(answer.stdout)["p"] == 0
        assert refused("cache", "999", newest.path, status=2).startswith("cache: ")

    def test_an_option_that_changes_nothing(self, newest, refused):
        line = refused("pages", "--sort", "free", newest.executable, newest.path, status=2)
        assert line.endswith("(try: pages --chunks --sort free)")

    def test_no_such_file(self, newest, refused, tmp_path):
        absent = tmp_path / "absent"
        assert refused("summary", absent, newest.path) == f"{absent}: no such file or directory"
        assert refused("summary", newest.executable, absent) == f"{absent}: no such file or directory"

    def test_neither_program_nor_core(self, newest, refused, tmp_path):
        text = tmp_path / "notes.txt"
        text.write_text("not ELF, but long enough for a header of it\n")
        assert refused("summary", text, newest.path) == f"{text}: not an ELF file"
        assert refused("summary", newest.executable, text) == f"{text}: not an ELF core"
        assert refused("summary", text) == f"{text}: not an ELF core"
        assert "directory" in refused("summary", tmp_path, newest.path)

    def test_compressed_but_no_core(self, newest, refused, tmp_path):
        packed = tmp_path / "core.gz"
        packed.write_bytes(gzip.compress(b"not ELF, but long enough for a header of it\n" * 9))
        expected = f"{packed}: compressed with gzip, but not an ELF core inside"
        assert refused("summary", newest.executable, packed) == expected
        packed.write_bytes(packed.read_bytes()[:12])
        assert refused("summary", newest.executable, packed) == expected

    def test_an_executable_of_another_build(self, newest, refused):
        other = programs.build("frag", toolchains.OLDEST)
        line = refused("summary", other, newest.path)
        assert line.startswith(f"{other} is not the executable of {newest.path}: ")
        assert line.endswith(f"(the core was dumped by {newest.executable})")

    def test_an_executable_of_another_build_when_the_core_lacks_its_headers(self, newest, refused, tmp_path):
        """The kernel may be told to leave headers out; then the runtime's own pointers decide."""
        core = tmp_path / "core"
        data = newest.path.read_bytes()
        header = newest.executable.read_bytes()[:4096]
        at = data.index(header)
        core.write_bytes(data[:at] + bytes(4096) + data[at + 4096 :])
        other = programs.build(
            "frag", toolchains.NEWEST, ldflags="-X main.unused=1 -B gobuildid", gcflags="-N"
        )
        line = refused("summary", other, core)
        assert "build ids differ" in line or "is not the executable of this core" in line

    def test_a_stripped_program_s_core_with_the_executable_before_stripping(self, newest, tmp_path):
        """What production runs is stripped; the figures are those of the same build with symbols."""
        stripped = tmp_path / "frag"
        subprocess.run(["strip", "-o", stripped, newest.executable], check=True)
        core = cores.kernel_core(stripped, "-objects", "2000")
        answer = shell.run("check", newest.executable, core.path)
        assert (answer.status, answer.stderr) == (0, "")
        assert "broken" not in answer.stdout

    def test_no_go_program(self, newest, refused):
        plain = programs.build_c()
        core = cores.kernel_core(plain).path
        assert "no Go runtime in plain" in refused("summary", plain, core)
        assert "no Go runtime in plain" in refused("summary", core)

    def test_a_runtime_that_no_layout_fits(self, refused):
        """Lock ranks make every lock larger, so that nothing lies where the bundled layouts have it."""
        program = programs.build("frag", toolchains.NEWEST, experiments="staticlockranking")
        line = refused("summary", cores.kernel_core(program, "-objects", "2000").path)
        assert "staticlockranking" in line
        assert line.endswith("(try: the executable of the same build, not stripped)")

    def test_an_executable_that_is_no_go_program(self, newest, refused):
        """The heap is found without it, and is not that of the program named."""
        plain = programs.build_c()
        line = refused("summary", plain, newest.path)
        assert line.startswith(f"{plain} is no")
        assert line.endswith(f"(the core was dumped by {newest.executable})")

    def test_another_build_names_both_ids(self, newest, refused):
        other = programs.build("frag", toolchains.NEWEST, gcflags="-N")
        line = refused("summary", other, newest.path)
        assert re.search(r"their build ids differ, [0-9a-f]{40} and [0-9a-f]{40} ", line)

    @pytest.mark.parametrize("size", [0, 40, 4000, 200_000])
    def test_a_core_cut_off(self, newest, refused, tmp_path, size):
        cut = tmp_path / "core"
        with newest.path.open("rb") as whole, cut.open("wb") as file:
            file.write(whole.read(size))
        line = refused("summary", newest.executable, cut)
        assert line.startswith(str(cut))
        assert "cut off" in line or "the file is empty" in line

    def test_a_core_cut_off_in_the_middle_still_answers(self, newest, tmp_path):
        cut = tmp_path / "core"
        shutil.copy(newest.path, cut)
        os.truncate(cut, newest.path.stat().st_size * 9 // 10)
        answer = shell.run("summary", newest.executable, cut)
        assert answer.status == 0 or re.fullmatch(r"go-spans: [^\n]+\n", answer.stderr)

    def test_an_executable_cut_off(self, newest, refused, tmp_path):
        cut = tmp_path / "frag"
        shutil.copy(newest.executable, cut)
        os.truncate(cut, newest.executable.stat().st_size // 2)
        assert str(cut) in refused("summary", cut, newest.path)

    def test_an_address_outside_of_the_heap(self, newest, refused):
        line = refused("show", "0x1234", newest.executable, newest.path)
        assert line.startswith("0x1234 is not in the Go heap")
