"""Screens that are laid out by hand, of reports that are long besides; each is imported at its first use."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from gdb_gospan.fields.document import Looks
from gdb_gospan.interrupts import Deferred


def apart(name: str, function: str = "screen") -> Callable[[Any, Looks], Iterator[str]]:
    """Return a function of the module of that name here: who needs the documents alone does not load it."""

    def screen(answer: Any, looks: Looks) -> Iterator[str]:
        with Deferred():
            module = importlib.import_module(f"{__name__}.{name}")
        shown: str | Iterator[str] = getattr(module, function)(answer, looks)
        return iter([shown]) if isinstance(shown, str) else shown

    return screen
