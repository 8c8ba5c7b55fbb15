"""Every failure of install.sh is one line that says what to do next, and leaves nothing behind."""

import os
import shutil
import subprocess

import pytest

from tools.cache import CHECKOUT

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]


def fails(home, *options, script=CHECKOUT / "install.sh", **env):
    """Run the installer, which must fail, and return its one line."""
    before = home.files()
    done = home.run(script, *options, **env)
    assert done.returncode == 1
    assert done.stderr.startswith("install.sh: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.count(": ") >= 2, "what, and what next"
    assert home.files() == before
    assert not home.prefix.exists()
    return done.stderr


@pytest.fixture
def altered_gdb(tmp_path):
    """Give a function that makes a gdb which is the real one but for a change in what it prints."""

    def make(change, folder=tmp_path / "altered"):
        folder.mkdir()
        script = folder / "gdb"
        script.write_text(f'#!/bin/sh\n{shutil.which("gdb")} "$@" 2>&1 | sed {change!r}\n')
        script.chmod(0o755)
        return script

    return make


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--frobnicate"], "unknown option --frobnicate"),
        (["--frobnicate=1"], "unknown option --frobnicate"),
        (["here"], "unknown option here"),
        (["--prefix"], "--prefix needs a value"),
        (["--prefix="], "--prefix needs a value"),
        (["--demo", "--uninstall"], "--demo and --uninstall cannot be combined"),
        (["--bundle", "x", "--demo"], "--bundle and --demo cannot be combined"),
        (["--no-gdb", "--no-shell"], "--no-gdb and --no-shell leave nothing to install"),
        (["--no-gdb", "--gdb", "gdb"], "--no-gdb and --gdb cannot be combined"),
        (["--no-gdb", "--demo"], "--demo needs gdb"),
        (["--gdb", "/nowhere/gdb"], "there is no gdb at /nowhere/gdb"),
        (["--gdb", "/bin/false"], "/bin/false is not a working gdb (it says: "),
        (["--gdb", "/bin/ls"], "/bin/ls is not a working gdb (it says: ls "),
        (["--prefix", "/a:b"], "gdb cannot load files from /a:b"),
        (["--prefix", "/dev/null/x"], "cannot write to /dev/null/x: choose another folder with --prefix"),
        (["--bundle", "/"], "cannot write /: give the name of a file"),
        (["--bundle", "/nowhere/x.tar.gz"], "cannot write /nowhere/x.tar.gz"),
        (["--from", "/nowhere.tar.gz"], "/nowhere.tar.gz is not a bundle: make one"),
        (["--from", CHECKOUT], "is not a bundle: make one"),
        (["--from", CHECKOUT / "install.sh"], "is not a .tar.gz archive"),
    ],
)
def test_options(home, options, line):
    assert line in fails(home, *options)


def test_no_home(home):
    assert "HOME is not set" in fails(home, HOME="")


def test_no_network(home):
    line = fails(home, PIP_NO_INDEX="1")
    assert "pip could not install what is needed (ERROR: " in line
    assert "use --from FILE" in line


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            r"s/^GNU gdb.*/GNU gdb (GDB) 11.2/",
            "has version 11.2, but go-spans needs gdb 12 or newer: choose another with --gdb PATH",
        ),
        (
            r"s/^GNU gdb.*/GNU gdb (GDB) Red Hat Enterprise Linux 8.2-20.el8/",
            "has version 8.2-20.el8, but go-spans needs gdb 12",
        ),
        (
            r"s/^go-spans-python.*/go-spans-python 3.9/",
            "has Python 3.9 inside, but go-spans needs 3.10 or newer",
        ),
        (
            r"s/^go-spans-python.*/go-spans-python 2.7/",
            "has Python 2.7 inside, but go-spans needs 3.10 or newer",
        ),
        (
            r's/^go-spans-python.*/Scripting in the "Python" language is not supported in this copy of GDB./',
            "was built without Python: choose another gdb with --gdb PATH",
        ),
    ],
)
def test_what_gdb_is(home, altered_gdb, change, line):
    assert line in fails(home, "--gdb", altered_gdb(change))


@pytest.mark.parametrize("options", [["--no-shell"], ["--bundle", "x.tar.gz"]])
def test_no_gdb(home, without_gdb, options):
    """Without gdb there is nothing but the command for the shell."""
    line = fails(home, *options, PATH=str(without_gdb))
    apt = os.getuid() == 0 and shutil.which("apt-get")
    assert ("run apt-get install gdb, or " in line) if apt else ("install it as root, then run" in line)


def test_no_pip(home, without_gdb):
    (without_gdb / "gdb").symlink_to(shutil.which("gdb"))
    for path in without_gdb.glob("python*"):
        path.unlink()
    line = fails(home, PATH=str(without_gdb))
    assert "python3-pip is missing" in line


def test_bundle_for_another_machine(home, unpacked, tmp_path):
    shutil.copytree(unpacked, tmp_path / "b")
    (site,) = (tmp_path / "b/site").glob("python*")
    abi, *rest = (site / ".made_for").read_text().split("\n")
    foreign = abi.replace("x86_64", "riscv64") if "x86_64" in abi else "cpython-311-x86_64-linux-gnu"
    (site / ".made_for").write_text("\n".join([foreign, *rest]))
    line = fails(home, "--from", tmp_path / "b")
    assert (
        f"was made for {foreign}, but this machine is {abi}: make the bundle on a machine like this one"
        in line
    )
    site.rename(site.with_name("python3.99"))
    line = fails(home, "--from", tmp_path / "b")
    assert "was made for python3.99, but gdb's Python here is" in line


def test_a_bundle_that_lost_a_file(home, unpacked, tmp_path):
    shutil.copytree(unpacked, tmp_path / "b")
    (site,) = (tmp_path / "b/site").glob("python*")
    shutil.rmtree(site / "numpy")
    assert "No module named 'numpy'" in fails(home, "--from", tmp_path / "b")


def test_a_block_without_its_end(home, unpacked):
    (home.path / ".gdbinit").write_text("# >>> gdb_gospan >>>\nset width 0\n")
    before = (home.path / ".gdbinit").read_bytes()
    done = home.run(CHECKOUT / "install.sh", "--from", unpacked)
    assert done.returncode == 1
    assert "remove the block by hand" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (home.path / ".gdbinit").read_bytes() == before


def test_demo_needs_a_checkout(home, unpacked):
    assert "--demo builds a program from examples/" in fails(home, "--demo", script=unpacked / "install.sh")


SHELLS = [
    shell for shell in (["sh"], ["dash"], ["busybox", "sh"], ["ksh"], ["zsh"], ["bash", "--posix"], ["bash"])
    if shutil.which(shell[0])
]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_started_by_any_shell(shell, tmp_path):
    for folder, script in ((CHECKOUT, "install.sh"), (tmp_path, str(CHECKOUT / "install.sh"))):
        for words, status, said in (
            ("--help", 0, ""),
            ("--no-such", 1, "install.sh: unknown option --no-such"),
        ):
            done = subprocess.run(
                [*shell, script, words], cwd=folder, capture_output=True, text=True, check=False
            )
            assert (done.returncode, bool(done.stdout)) == (status, status == 0)
            assert done.stderr.startswith(said)
            assert done.stderr.count("\n") == status


def test_bash_by_the_name_of_sh(tmp_path):
    """Then it is in POSIX mode, in which older releases do not read all of the script."""
    (tmp_path / "sh").symlink_to(shutil.which("bash"))
    done = subprocess.run(
        [tmp_path / "sh", CHECKOUT / "install.sh", "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("dash"), reason="no dash")
def test_piped_into_a_shell_that_is_not_bash():
    script = (CHECKOUT / "install.sh").read_text()
    done = subprocess.run(["dash"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "install.sh: this needs bash: run bash install.sh in the folder that it is in\n"
