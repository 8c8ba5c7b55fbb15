"""What pyproject.toml says, read with whatever TOML parser there is."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def read() -> dict[str, Any]:
    """Return the whole of pyproject.toml."""
    for parser in ("tomllib", "pip._vendor.tomli"):  # Python 3.10 has no tomllib, but every pip brings tomli
        try:
            loads = importlib.import_module(parser).loads
        except ModuleNotFoundError:
            continue
        result: dict[str, Any] = loads(PYPROJECT.read_text(encoding="utf-8"))
        return result
    raise SystemExit("pyproject.toml cannot be read: neither tomllib (Python 3.11) nor pip is there")


def dependencies() -> list[str]:
    """Return what the package needs at run time."""
    return list(read()["project"]["dependencies"])


def graph() -> list[str]:
    """Return what the reports of objects need besides."""
    return list(read()["project"]["optional-dependencies"]["graph"])


def development() -> list[str]:
    """Return what its development needs besides."""
    return list(read()["dependency-groups"]["dev"])
