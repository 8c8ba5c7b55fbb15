"""install.sh in an empty home folder, with the gdb on PATH and real packages."""

import os
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tools.cache import CHECKOUT, Unavailable

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

LOADED = "python import gdb_gospan; print(gdb_gospan.__path__[0])"
OFFLINE = {"PIP_NO_INDEX": "1"}
ENDS = [
    b"",
    b"set confirm off\n",
    b"set confirm off",
    b"# caf\xe9\r\nset confirm off\r\n",
    b"\n\n",
    b"\n# \\ $HOME `x` %s\n",
]


def site(home):
    (folder,) = (home.prefix / "site").glob("python*")
    return folder


def test_install_again_and_uninstall(home):
    """The one test that fetches all from the network."""
    before = home.files()
    said = home.install()
    assert said.splitlines()[1].endswith(f"in {home.prefix}")
    scipy = home.gdb("python import scipy.sparse.csgraph; print(scipy.__path__[0])").strip()
    assert scipy == str(site(home) / "scipy")
    assert list((site(home) / "scipy/sparse/csgraph").rglob("*.pyc"))
    assert home.gdb(LOADED).splitlines() == [str(site(home) / "gdb_gospan")]
    assert "summary" in home.gdb("help go-spans")
    first = home.files()
    assert first[".local/share/gdb_gospan/gdb_gospan"] == (CHECKOUT / "gdb_gospan/gdb_gospan").read_bytes()
    assert list((site(home) / "gdb_gospan").rglob("*.pyc")), "without bytecode gdb starts slower"
    assert "Fetching" not in home.install(**OFFLINE)
    assert home.files() == first
    home.install("--uninstall")
    assert home.files() == before


@pytest.mark.parametrize(
    ("where", "content"),
    [
        *((".gdbinit", content) for content in ENDS),
        (".config/gdb/gdbinit", ENDS[1]),
        ("xdg/gdb/gdbinit", ENDS[2]),
    ],
)
def test_the_users_lines_stay_to_the_byte(home, unpacked, where, content):
    if where.startswith("xdg"):
        home.env["XDG_CONFIG_HOME"] = str(home.path / "xdg")
    gdbinit = home.path / where
    gdbinit.parent.mkdir(parents=True, exist_ok=True)
    gdbinit.write_bytes(content)
    gdbinit.chmod(0o640)
    home.install("--from", unpacked)
    installed = gdbinit.read_bytes()
    assert installed.startswith(content)
    assert installed.count(b">>> gdb_gospan >>>") == 1
    assert home.gdb(LOADED).splitlines() == [str(site(home) / "gdb_gospan")]
    home.install("--from", unpacked)
    assert gdbinit.read_bytes() == installed
    home.install("--uninstall")
    assert gdbinit.read_bytes() == content
    assert stat.S_IMODE(gdbinit.stat().st_mode) == 0o640
    assert not home.prefix.exists()


@pytest.mark.parametrize("content", [None, b"", b"set confirm off", b"set confirm off\n"])
def test_lines_added_later_stay(home, unpacked, content):
    gdbinit = home.path / ".gdbinit"
    if content is not None:
        gdbinit.write_bytes(content)
    home.install("--from", unpacked)
    with gdbinit.open("ab") as file:
        file.write(b"set width 0\n")
    home.install("--from", unpacked)
    home.install("--uninstall")
    lines = gdbinit.read_bytes().splitlines()
    assert lines == [*(content or b"").splitlines(), b"set width 0"]


def test_a_linked_gdbinit_stays_a_link(home, unpacked):
    (home.path / "dotfiles").mkdir()
    (home.path / "dotfiles/gdbinit").write_text("set confirm off\n")
    (home.path / ".gdbinit").symlink_to("dotfiles/gdbinit")
    home.install("--from", unpacked)
    assert (home.path / ".gdbinit").is_symlink()
    assert "gdb_gospan" in (home.path / "dotfiles/gdbinit").read_text()
    home.install("--uninstall")
    assert (home.path / ".gdbinit").readlink() == Path("dotfiles/gdbinit")
    assert (home.path / "dotfiles/gdbinit").read_text() == "set confirm off\n"


def test_the_block_is_in_the_gdbinit_that_gdb_reads(home, unpacked):
    first, second = home.path / ".gdbinit", home.path / ".config/gdb/gdbinit"
    first.write_text("set confirm off\n")
    home.install("--from", unpacked)
    assert "gdb_gospan" in first.read_text()
    second.parent.mkdir(parents=True)
    second.write_text("")  # from now on gdb reads this one only
    home.install("--from", unpacked)
    assert first.read_text() == "set confirm off\n"
    assert home.gdb(LOADED).splitlines() == [str(site(home) / "gdb_gospan")]


def test_no_gdbinit(home, unpacked):
    said = home.install("--from", unpacked, "--no-gdbinit")
    assert not (home.path / ".gdbinit").exists()
    command = f"source {home.prefix}/gdb_gospan"
    assert command in said
    assert home.gdb(command, LOADED).splitlines() == [str(site(home) / "gdb_gospan")]


def test_source_by_name_from_any_folder(home, unpacked, tmp_path):
    prefix = tmp_path / "a folder with spaces" / "go spans"
    home.install("--from", unpacked, f"--prefix={prefix}")
    home.install("--from", unpacked, "--prefix", prefix)
    (tmp_path / "x/gdb_gospan").mkdir(parents=True)
    for folder in (tmp_path / "x", prefix, CHECKOUT, CHECKOUT / "gdb_gospan" / "debugger", Path("/")):
        said = home.gdb("source gdb_gospan", "source gdb_gospan", LOADED, cwd=folder)
        assert said.splitlines() == [str(next((prefix / "site").glob("python*")) / "gdb_gospan")], folder
    (prefix / "mine").touch()
    home.install("--uninstall")  # finds the folder by the block
    assert [path.name for path in prefix.iterdir()] == ["mine"]
    assert not (home.path / ".gdbinit").exists()


def test_the_installed_copy_can_uninstall_itself(home, unpacked, tmp_path):
    prefix = tmp_path / "elsewhere"
    home.install("--from", unpacked, "--prefix", prefix)
    home.install("--uninstall", script=prefix / "install.sh")
    assert not prefix.exists()
    assert home.files() == {}


def test_uninstalling_one_leaves_the_other(home, unpacked, tmp_path):
    home.install("--from", unpacked, "--no-gdbinit", "--prefix", tmp_path / "one")
    home.install("--from", unpacked)
    home.install("--uninstall", "--prefix", tmp_path / "one")
    assert not (tmp_path / "one").exists()
    assert home.gdb(LOADED).splitlines() == [str(site(home) / "gdb_gospan")]


def test_bundle_by_its_own_installer(home, bundle, tmp_path):
    with tarfile.open(bundle) as archive:
        assert {name.split("/")[0] for name in archive.getnames()} == {
            "gdb_gospan",
            "install.sh",
            "pyproject.toml",
            "site",
        }
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-xf", bundle], cwd=tmp_path / "unpacked", check=True)
    done = home.run("./install.sh", "--from", ".", cwd=tmp_path / "unpacked", **OFFLINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Fetching" not in done.stdout
    home.install("--uninstall")
    assert "Fetching" not in home.install("--from", bundle, **OFFLINE)
    shutil.rmtree(tmp_path / "unpacked")
    assert home.gdb(LOADED, "python import numpy; print(numpy.__path__[0])").splitlines() == [
        str(site(home) / "gdb_gospan"),
        str(site(home) / "numpy"),
    ]


def test_an_installation_that_fails_leaves_the_old_one(home, unpacked):
    home.install("--from", unpacked)
    (site(home) / ".made_for").write_text("something else\n")
    before = home.files()
    done = home.run(CHECKOUT / "install.sh", **OFFLINE)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "check the network, or use --from FILE" in done.stderr
    assert home.files() == before
    assert home.gdb(LOADED).splitlines() == [str(site(home) / "gdb_gospan")]


@pytest.fixture(scope="module")
def other_gdb(tmp_path_factory):
    """A gdb with another Python inside than the gdb on PATH has."""
    ask = "python import sys; print('%d.%d' % sys.version_info[:2])"
    own = subprocess.run(
        ["gdb", "-nx", "-batch", "-ex", ask], capture_output=True, text=True, check=False
    ).stdout.strip()
    folder = tmp_path_factory.mktemp("gdb")
    for python in pythons():
        probe = [
            python,
            "-c",
            "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], sysconfig.get_config_var('Py_ENABLE_SHARED'))",
        ]
        version = subprocess.run(probe, capture_output=True, text=True, check=False).stdout.split()
        if (
            len(version) == 2
            and version[0] in ("3.10", "3.11", "3.12", "3.13")
            and version[0] != own
            and version[1] == "1"
        ):
            subprocess.run([python, "-m", "venv", folder], check=True)
            pip = [
                folder / "bin/python",
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
                "gdb-for-pwndbg",
            ]
            done = subprocess.run(pip, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Unavailable(f"pip cannot fetch gdb-for-pwndbg for Python {version[0]}")
            return version[0], folder / "bin/gdb"
    raise Unavailable(f"no Python with a shared library but that of gdb ({own}) on this machine")


def pythons():
    names = [f"python3.{minor}" for minor in range(13, 9, -1)]
    found = [path for name in names for path in [shutil.which(name)] if path]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    return [
        *found,
        *(str(path) for name in names for path in sorted(pyenv.glob(f"*/bin/{name}"))),
        sys.executable,
    ]


def test_a_second_gdb_with_another_python(home, unpacked, other_gdb):
    python, gdb = other_gdb
    home.install("--from", unpacked)
    done = home.run(gdb, "-batch", "-ex", "help go-spans")
    line = done.stderr.splitlines()[0]
    installer = home.prefix / "install.sh"
    assert line == f"go-spans is not installed for gdb's Python {python}: run {installer} --gdb THIS_GDB"
    home.install("--gdb", gdb, script=installer)
    assert len(list((home.prefix / "site").glob("python*"))) == 2
    for program in ("gdb", gdb):
        said = home.gdb(
            "source gdb_gospan",
            LOADED,
            "python import numpy, attrs; print(numpy.__path__[0])",
            program=program,
        )
        package, numpy = said.splitlines()
        assert Path(package).parent == Path(numpy).parent
    assert Path(package).parent == home.prefix / f"site/python{python}"
    home.install("--uninstall")
    assert not home.prefix.exists()


def test_pip_installs_the_shell_command(home, tmp_path):
    """For a shell, and for a gdb whose Python is that of the environment."""
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    done = home.run(environment / "bin/python", "-m", "pip", "install", "-q", CHECKOUT)
    if done.returncode:
        raise Unavailable(f"pip cannot install the checkout: {done.stderr.strip().splitlines()[-1]}")
    shown = home.run(environment / "bin/go-spans", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "summary" in shown.stdout
    (sourced,) = environment.glob("lib/python3*/site-packages/gdb_gospan/gdb_gospan")
    assert sourced.read_bytes() == (CHECKOUT / "gdb_gospan/gdb_gospan").read_bytes()
