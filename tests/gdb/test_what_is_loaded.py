"""The first `go-spans summary` in gdb loads nothing that it does not use: most of its time is what Python loads."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tools import gdbs
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cores import Core
    from tools.gdbs import Gdb

#: Modules with functions of which none is called, and why they are there.
IDLE = {
    "errors": "its classes are what is caught",
    "analysis.thresholds": "its class has the limits of the rules; doctor alone changes them",
    "reports.screens.causes": "the sentences of all verdicts, of which each summary has one at most",
    "fields.answer": "its classes are made, and one of them has a property",
    "fields.goal": "memstats, whose document is a part of the summary's, imports it",
    "fields.table": "its class is asked for by isinstance",
    # runtime/heap.py has every decoder at hand
    "runtime.goroutines": "heap",
    "runtime.mbits": "heap",
    "runtime.ms": "heap",
    "runtime.rtype": "heap",
    "memory.prefetched": "heap",
    "layout.signature": "heap",
    "layout.bundled": "heap, by layout.signature",
}

#: Modules of Python that take a millisecond or more each, with what they bring; numpy and attrs load none of them.
HEAVY = {
    "argparse", "bz2", "csv", "decimal", "difflib", "fractions", "gettext", "ipaddress", "json", "locale", "lzma", "pathlib",
    "shlex", "shutil", "statistics", "tempfile", "urllib", "zipfile",
}  # fmt: skip

#: What gdb itself has loaded is nothing of ours.
BEFORE = "python import sys; before = {*sys.modules}"

#: Notes the files whose functions run; class bodies and modules are none.
WATCH = """python
import os, sys
called = set()
def profile(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_flags & 0x2 and "/gdb_gospan/" in code.co_filename:
        called.add(os.path.realpath(code.co_filename))
sys.setprofile(profile)
end
"""

TELL = """python
sys.setprofile(None)
ours = {name: sys.modules[name].__file__ for name in sys.modules if name.startswith("gdb_gospan.")}
print(*(name.partition(".")[2] for name, file in ours.items() if os.path.realpath(file) not in called))
print(*({*sys.modules} - before))
end
"""


def test_a_first_summary_loads_what_it_uses(gdb: Gdb, frag_core: Core, tmp_path: Path) -> None:
    idle, loaded = asked(gdb, frag_core, tmp_path, "go-spans summary")
    assert {name for name in idle if has_functions(name)} - {*IDLE} == set()
    assert loaded & HEAVY == set()


def test_it_is_seen_what_is_loaded_in_vain(gdb: Gdb, frag_core: Core, tmp_path: Path) -> None:
    more = "go-spans summary\npython import argparse, gdb_gospan.reports.cache"
    idle, loaded = asked(gdb, frag_core, tmp_path, more)
    assert "reports.cache" in idle
    assert {"argparse", "gettext"} <= loaded


def asked(gdb: Gdb, core: Core, folder: Path, command: str) -> tuple[set[str], set[str]]:
    """Return the modules of ours of which no function was called, and all that were loaded."""
    script, plugin = folder / "script.gdb", CHECKOUT / "gdb_gospan" / "gdb_gospan"
    script.write_text(f"{BEFORE}\n{WATCH}source {plugin}\n{command}\n{TELL}", encoding="utf-8")
    result = gdbs.run_gdb(gdb, [f"source {script}"], exe=core.executable, core=core.path, plugin=False)
    *_, idle, loaded = result.stdout[0].rstrip("\n").split("\n")
    return {*idle.split()}, {*loaded.split()}


def has_functions(module: str) -> bool:
    """Whether a module has functions, and is not only words, numbers and classes of figures."""
    path = CHECKOUT / "gdb_gospan" / f"{module.replace('.', '/')}.py"
    if not path.exists():  # a package
        path = path.with_suffix("") / "__init__.py"
    return any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(path.read_text("utf-8"))))
