"""The light index of the reports, for gdb's start: `python tests/tools/index.py` writes gdb_gospan/reports/index.py."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # run as a file: the package is beside it
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gdb_gospan import reports
from gdb_gospan.fields.command import Command, Option

if TYPE_CHECKING:
    from gdb_gospan.fields.report import Report

PATH = Path(next(iter(reports.__path__))) / "index.py"
HEAD = '''"""Every subcommand as gdb and the shell have to know it before it is used, made by tests/tools/index.py from the reports.

Light on purpose: gdb imports it at every start; a report's own module is imported at its first use.
"""

from gdb_gospan.fields.command import Command, Option

COMMANDS: tuple[Command, ...] = (
'''


def declared() -> list[Report[Any]]:
    """Return every report that a module of `reports` declares, in the order of the list of commands."""
    modules = [
        importlib.import_module(f"{reports.__name__}.{found.name}")
        for found in pkgutil.iter_modules(reports.__path__)
        if not found.ispkg and found.name != "index"
    ]
    found: list[Report[Any]] = [module.REPORT for module in modules if hasattr(module, "REPORT")]
    return sorted(found, key=lambda report: (report.place, report.name))


def source() -> str:
    """Return the module: a line for each fact of a command, and for each of its options and columns."""
    return HEAD + "".join(f"    {_call(report.command, 4)},\n" for report in declared()) + ")\n"


def _call(made: Command | Option, indent: int = 0) -> str:
    """Return the call that makes it, without what is so anyway."""
    kind = type(made)
    plain = Command("", "", "", "") if isinstance(made, Command) else Option("", "")
    code = kind.__init__.__code__
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    arguments = [
        f"{name}={_value(value, indent and indent + 4)}"
        for name in names
        if (value := getattr(made, name)) != getattr(plain, name)
    ]
    return f"{kind.__name__}({_joined(arguments, indent)})"


def _value(value: object, indent: int) -> str:
    if isinstance(value, Option):
        return _call(value)
    if isinstance(value, tuple):
        parts = [_value(each, 0) for each in value]
        inside = ", ".join(parts) if value and isinstance(value[0], str) else _joined(parts, indent)
        return f"({inside}{',' if len(value) == 1 and not inside.endswith(' ') else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_value(key, 0)}: {_value(each, 0)}" for key, each in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _joined(parts: list[str], indent: int) -> str:
    """Join parts, each in a line of its own below where there is an indent."""
    if not indent:
        return ", ".join(parts)
    inner = " " * (indent + 4)
    return "\n" + "".join(f"{inner}{part},\n" for part in parts) + " " * indent


if __name__ == "__main__":
    PATH.write_text(source(), encoding="utf-8")
