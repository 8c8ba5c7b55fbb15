"""install.sh --delve: the script where it was asked for, told how to load it, and nothing else touched."""

import re
import shlex

import pytest

from tools import cores, delves, programs
from tools.cache import CHECKOUT

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]


def test_install_again_and_uninstall(home):
    before = home.files()
    said = home.install("--delve", "--no-shell")
    assert said.startswith(f"Put go_spans for Delve into {home.prefix}/dlv_scripts; no setting of Delve")
    assert "exit -d" in said
    files = home.files()
    names = {f".local/share/gdb_gospan/dlv_scripts/{name}" for name in ("go_spans.star", "init", "README.md")}
    assert set(files) == {*names, ".local/share/gdb_gospan/.folders"}
    assert home.install("--delve", "--no-shell") == said
    assert home.files() == files
    assert home.install("--uninstall") == f"Removed go-spans from {home.prefix}\n"
    assert home.files() == before


def test_a_folder_with_blanks_and_the_words_that_it_tells(home):
    prefix = home.path / "my tools"
    said = home.install("--delve", "--no-shell", "--prefix", prefix)
    delve, core = (
        delves.ensure(delves.NEWEST),
        cores.kernel_core(programs.build("frag", "1.27"), "-objects", "500"),
    )
    told = re.search(r"dlv core PROGRAM CORE (--init '.*?')", said)
    assert told
    words = [*delves.target(delve, exe=core.executable, core=core.path), *shlex.split(told[1])]
    done = home.run(
        *words, "--allow-non-terminal-interactive=true", XDG_CONFIG_HOME=str(home.path / "config")
    )
    assert "command not available" not in done.stdout + done.stderr
    again = home.run(CHECKOUT / "install.sh", "--uninstall", "--prefix", prefix)
    assert again.stdout == f"Removed go-spans from {prefix}\n"
    assert not prefix.exists()


def test_what_is_not_ours_stays(home, tmp_path):
    folder = tmp_path / "dlv_scripts"
    folder.mkdir()
    (folder / "mine.star").write_text("x = 1")
    done = home.run(CHECKOUT / "install.sh", "--delve", "--prefix", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("was not made by install.sh: choose another folder with --prefix DIR\n")
    assert [path.name for path in folder.iterdir()] == ["mine.star"]
