"""What happens when gdb sources the plain file ``gdb_gospan``: check, make importable, register.

It stands before everything else, so it uses the standard library only, and little of that: it runs at
every start of gdb. No dependency is imported here; their versions are in the names of their metadata folders.
"""
# pathlib would cost a fifth of what may be added to gdb's start:
# ruff: noqa: PTH111, PTH118, PTH120, PTH208

import os
import re
import sys
from collections.abc import Iterable, Sequence

OLDEST_GDB = 12

# The bounds of pyproject.toml, which is not there once installed; a test compares the two.
NEEDS = {
    "attrs": (24, 1),
    "numpy": (2, 0),
    "pyelftools": (0, 30),
    "pygments": (2, 15),
    "tabulate": (0, 9),
}

_METADATA = re.compile(r"(\w+)-(\d+)\.(\d+).*\.(?:dist|egg)-info$")


def load(folder: str, root: str, gdb_version: str) -> str | None:
    """Register the commands with the gdb that runs this; loading twice is harmless.

    Parameters
    ----------
    folder
        Where the sourced file is: the package itself in a checkout, else the installed folder.
    root
        The folder that holds the package.
    gdb_version
        ``gdb.VERSION``; some systems put their name before the number.

    Returns
    -------
    str or None
        Why not, with the next step, as the end of a sentence that begins with ``go-spans``.
    """
    release = re.search(r"(\d+)\.\d", gdb_version)
    if release and int(release[1]) < OLDEST_GDB:
        return f"needs gdb {OLDEST_GDB} or newer, this is gdb {gdb_version}: start a newer gdb"
    package = os.path.dirname(__file__)
    if os.path.realpath(package) != os.path.realpath(os.path.join(root, "gdb_gospan")):
        return f"is already loaded from {package}: start gdb with -nx to load it from {root}"
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    site = os.path.join("site", f"python{python}")
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    missing = make_importable(NEEDS, [os.path.join(folder, site), os.path.join(data, "gdb_gospan", site)])
    if missing:
        installer = os.path.join(root if folder == package else folder, "install.sh")
        return f"needs {', '.join(missing)} for gdb's Python {python}: run {installer}"
    from gdb_gospan.interrupts import Deferred  # noqa: PLC0415 - Ctrl-C would leave half of the plugin

    with Deferred():
        import gdb_gospan.debugger  # noqa: PLC0415 - only gdb can import it, and only now may it import dependencies

        gdb_gospan.debugger.register()
    return None


def make_importable(needs: dict[str, tuple[int, int]], sites: Iterable[str]) -> Sequence[str]:
    """Put the first of the sites that has everything that `sys.path` lacks on `sys.path`.

    What gdb's Python or another plugin brings serves if it is new enough. Ours comes last, or just before a
    folder whose version is too old, so that it never hides what another plugin brought for itself.

    Returns
    -------
    sequence of str
        The distributions that are still missing or too old.
    """
    first: dict[str, tuple[tuple[int, int], int]] = {}
    for position, entry in enumerate(sys.path):
        for name, version in _distributions(entry).items():
            first.setdefault(name, (version, position))
    missing = [name for name in needs if name not in first or first[name][0] < needs[name]]
    if not missing:
        return []
    for site in sites:
        have = _distributions(site)
        if all(name in have and have[name] >= needs[name] for name in missing):
            too_old = [first[name][1] for name in missing if name in first]
            sys.path.insert(min(too_old, default=len(sys.path)), site)
            return []
    return missing


def _distributions(folder: str) -> dict[str, tuple[int, int]]:
    """Versions by lower-case name, from a listing like ``numpy-2.1.0.dist-info``."""
    try:
        names = os.listdir(folder or ".")
    except OSError:  # a zip file, or not there
        return {}
    matches = filter(None, map(_METADATA.match, names))
    return {match[1].lower(): (int(match[2]), int(match[3])) for match in matches}
