"""install.sh puts go-spans on the shell's path, with completion, and takes both away again."""

import os
import re
from pathlib import Path

import pytest

from tools import images
from tools.cache import CHECKOUT

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

OFFLINE = {"PIP_NO_INDEX": "1"}
SNAPSHOT = images.FOLDER / "1.27-frag.gospan"

#: What bash offers for the last of the words.
OFFERED = """
. "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=$* COMP_POINT=${#COMP_LINE}
function=$(complete -p go-spans | sed 's/.* -F \\([^ ]*\\).*/\\1/')
"$function" go-spans "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def command(home):
    return home.path / ".local/bin/go-spans"


def completion(home):
    return home.path / ".local/share/bash-completion/completions/go-spans"


def folders(home):
    return {path for path in home.path.rglob("*") if path.is_dir()}


def summarises(home, program, **env):
    """Whether the command shows a summary from a folder that has modules of the same names."""
    trap = home.path.parent / "trap"
    for name in ("gdb_gospan", "numpy"):
        (trap / name).mkdir(parents=True, exist_ok=True)
        (trap / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    done = home.run(program, "summary", SNAPSHOT, cwd=trap, PYTHONPATH=str(trap), **env)
    assert done.stderr == ""
    return done.returncode == 0 and "Where the memory is" in done.stdout


def test_the_command_and_its_completion(home, unpacked):
    said = home.install("--from", unpacked)
    assert f"The command go-spans for the shell is {command(home)}\n" in said
    assert (
        f"{command(home).parent} is not on your PATH: add to your shell's startup file: export PATH=" in said
    )
    assert said.splitlines()[-1].startswith(f"In a shell: {command(home)} summary PROGRAM CORE")
    assert summarises(home, command(home))
    assert completion(home).is_file()
    files = home.files()
    path = f"{command(home).parent}{os.pathsep}{os.environ['PATH']}"
    said = home.install("--from", unpacked, PATH=path)
    assert "not on your PATH" not in said
    assert said.splitlines()[-1].startswith("In a shell: go-spans summary PROGRAM CORE")
    assert home.files() == files
    assert summarises(home, "go-spans", PATH=path)
    home.install("--uninstall")
    assert home.files() == {}
    assert folders(home) == set()


def test_folders_made_for_the_script_for_delve_go(home):
    home.install("--delve", "--no-shell")
    assert (home.prefix / "dlv_scripts/init").is_file()
    home.install("--uninstall")
    assert (home.files(), folders(home)) == ({}, set())


def test_the_python_is_gone(home, unpacked):
    """As after an upgrade of the system."""
    home.install("--from", unpacked, "--no-gdb")
    starter = home.prefix / "go-spans"
    starter.write_text(
        re.sub("^python=.*$", "python=/nowhere/python3", starter.read_text(), flags=re.MULTILINE)
    )
    done = home.run(command(home), "--version")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"go-spans: /nowhere/python3 is missing (try: {home.prefix}/install.sh)\n"


def test_folders_that_were_there_stay(home, unpacked):
    command(home).parent.mkdir(parents=True)
    completion(home).parent.mkdir(parents=True)
    before = folders(home)
    home.install("--from", unpacked)
    home.install("--uninstall")
    assert (home.files(), folders(home)) == ({}, before)


def test_without_gdb_one_command_is_enough(home, unpacked, without_gdb):
    said = home.install("--from", unpacked, PATH=str(without_gdb), **OFFLINE)
    assert said.startswith("There is no gdb: installing only the command for the shell")
    assert "for Python 3." in said
    assert summarises(home, command(home), PATH=str(without_gdb))
    assert not (home.path / ".gdbinit").exists()
    home.install("--uninstall", PATH=str(without_gdb))
    assert home.files() == {}


def test_without_gdb_and_python(home, unpacked, without_gdb):
    for program in without_gdb.glob("python*"):
        program.unlink()
    (without_gdb / "python3").write_text("#!/bin/sh\nexit 1\n")
    (without_gdb / "python3").chmod(0o755)
    script = home.path.parent / "install.sh"  # that looks nowhere but on PATH
    text = (CHECKOUT / "install.sh").read_text().replace('"/usr/bin/$name" ', "")
    script.write_text(text)
    script.chmod(0o755)
    for name in ("gdb_gospan", "pyproject.toml", "dlv_scripts"):
        (script.parent / name).symlink_to(CHECKOUT / name)
    done = home.run(script, PATH=str(without_gdb))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert (
        "the command for the shell needs Python 3.10 or newer, and there is none: install python3 first"
        in done.stderr
    )
    assert home.files() == {}


def test_in_a_folder_of_its_own(home, unpacked, tmp_path):
    prefix = tmp_path / "my tools"
    home.install("--from", unpacked, "--no-gdb", "--prefix", prefix)
    assert summarises(home, command(home))
    home.install("--uninstall")  # finds the folder by the command
    assert (home.files(), folders(home)) == ({}, set())
    assert not prefix.exists()


def test_the_last_installation_has_the_command(home, unpacked, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for prefix in (one, two):
        home.install("--from", unpacked, "--no-gdb", "--prefix", prefix)
    assert command(home).readlink() == two / "go-spans"
    home.install("--uninstall", "--prefix", one)
    assert not one.exists()
    assert summarises(home, command(home))
    home.install("--uninstall", "--prefix", two)
    assert home.files() == {}


@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
def test_what_is_not_ours_stays(home, unpacked, kind):
    command(home).parent.mkdir(parents=True)
    completion(home).parent.mkdir(parents=True)
    completion(home).write_text("# mine\n")
    if kind == "file":
        command(home).write_text("#!/bin/sh\necho mine\n")
    else:
        command(home).symlink_to("/bin/true" if kind == "link" else "/nowhere/go-spans")
    before = command(home).lstat().st_mtime_ns
    said = home.install("--from", unpacked)
    assert f"Left {command(home)} as it is: it was not made by install.sh\n" in said
    assert f"Left {completion(home)} as it is: it was not made by install.sh\n" in said
    assert f"In a shell: {home.prefix}/go-spans summary" in said
    assert summarises(home, home.prefix / "go-spans")
    home.install("--uninstall")
    assert (command(home).lstat().st_mtime_ns, completion(home).read_text()) == (before, "# mine\n")
    assert not home.prefix.exists()


def test_a_folder_that_cannot_be_made(home, unpacked):
    (home.path / ".local").mkdir()
    (home.path / ".local/bin").write_text("a file\n")
    said = home.install("--from", unpacked)
    assert f"Cannot write {command(home)}: " in said
    home.install("--uninstall")
    assert set(home.files()) == {".local/bin"}


def test_no_shell(home, unpacked):
    said = home.install("--from", unpacked, "--no-shell")
    assert "In a shell" not in said
    assert not command(home).exists()
    assert not completion(home).exists()


def test_delve_installs_it_too(home, unpacked, without_gdb):
    said = home.install("--delve", "--from", unpacked, PATH=str(without_gdb), **OFFLINE)
    assert said.startswith("Put go_spans for Delve into ")
    assert summarises(home, command(home), PATH=str(without_gdb))
    home.install("--uninstall", PATH=str(without_gdb))
    assert home.files() == {}


@pytest.fixture
def offered(home, unpacked, tmp_path):
    """Give a function that returns what bash offers in place of the last word."""
    home.install("--from", unpacked)
    home.run("mkdir", tmp_path / "here")
    (tmp_path / "here" / "core.123").touch()

    def offered(*words):
        done = home.run(
            "bash",
            "--norc",
            "-c",
            OFFERED,
            "bash",
            completion(home),
            "go-spans",
            *words,
            cwd=tmp_path / "here",
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout.split()

    return offered


def test_bash_completes(offered):
    assert offered("summ") == ["summary"]
    assert offered("spana") == ["spanalloc"]
    assert offered("summary", "--pi") == ["--pid"]
    assert offered("snapshot", "x.gospan", "--rep") == ["--replace"]
    assert offered("list", "--sort", "free_") == ["free_slots", "free_bytes"]
    assert offered("summary", "cor") == ["core.123"]
    assert "HeapInuse" in offered("explain", "Heap")
    assert offered("help", "fix") == ["fixalloc"]


def test_bash_completion_finds_it(home, unpacked):
    """By itself, where the package bash-completion is installed."""
    loader = Path("/usr/share/bash-completion/bash_completion")
    if not loader.exists():
        pytest.skip("no bash-completion on this machine")
    home.install("--from", unpacked)
    asked = f". {loader}; __load_completion go-spans; complete -p go-spans"
    assert "-F" in home.run("bash", "--norc", "-c", asked).stdout
