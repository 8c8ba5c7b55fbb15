"""install.sh and SciPy, which some reports need: it comes if a wheel fits, and nothing fails where none does.

The wheels here are made by the tests, and weigh nothing; test_installer.py has the real one.
"""

import os
import shutil
import zipfile

import pytest

pytestmark = [pytest.mark.install, pytest.mark.xdist_group("install")]

OFFLINE = {"PIP_NO_INDEX": "1"}
NEEDED = "objects, owners, and the options --owners and --types, need SciPy, "
FOUND = "python import scipy.sparse.csgraph; print(scipy.__path__[0])"


def site(home):
    (folder,) = (home.prefix / "site").glob("python*")
    return folder


def has(home):
    return sorted(path.name for path in site(home).glob("*scipy*"))


@pytest.fixture
def wheels(tmp_path):
    """Give a function that makes a folder with one wheel, of a SciPy whose csgraph is this Python."""

    def make(csgraph, tag="py3-none-any"):
        folder = tmp_path / "wheels"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        files = {
            "scipy/__init__.py": "",
            "scipy/sparse/__init__.py": "",
            "scipy/sparse/csgraph.py": csgraph,
            "scipy-1.99.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: scipy\nVersion: 1.99.0\n",
            "scipy-1.99.0.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        }
        record = "scipy-1.99.0.dist-info/RECORD"
        files[record] = "".join(f"{name},,\n" for name in (*files, record))
        with zipfile.ZipFile(folder / f"scipy-1.99.0-{tag}.whl", "w") as wheel:
            for name, text in files.items():
                wheel.writestr(name, text)
        return OFFLINE | {"PIP_FIND_LINKS": str(folder)}

    return make


def lines(said):
    return [line for line in said.splitlines() if line.startswith(NEEDED)]


def test_a_bundle_without_it_says_so_and_it_is_added_later(home, unpacked, wheels):
    (line,) = lines(home.install("--from", unpacked, **OFFLINE))
    installer = home.prefix / "install.sh"
    assert line == (
        f"{NEEDED}which {unpacked} does not have: all else works; to add it, run {installer} where there is a network"
    )
    again = {"script": installer}
    (line,) = lines(home.install(**again, **wheels("", "cp27-none-any")))  # of another Python
    assert "which pip could not install (ERROR: " in line
    (line,) = lines(home.install(**again, **wheels("import numpy, no_such_library")))
    assert "which does not work here (ModuleNotFoundError: No module named 'no_such_library')" in line
    assert has(home) == []
    before = home.files()
    assert lines(home.install(**again, **wheels("import numpy"))) == []
    assert home.gdb(FOUND).strip() == str(site(home) / "scipy")
    assert lines(home.install("--no-scipy", **again, **OFFLINE)) == []
    assert home.files() == before


def test_a_bundle_brings_it(home, unpacked, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(unpacked, bundle, copy_function=os.link)
    (folder,) = (bundle / "site").glob("python*")
    (folder / "scipy/sparse").mkdir(parents=True)
    for name in ("__init__", "sparse/__init__", "sparse/csgraph"):
        (folder / "scipy" / f"{name}.py").touch()
    for option, found in (([], ["scipy"]), (["--no-scipy"], [])):
        assert lines(home.install("--from", bundle, *option, **OFFLINE)) == []
        assert has(home) == found
