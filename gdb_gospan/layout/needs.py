"""How the table of requirements states a struct and its fields."""

from __future__ import annotations

from typing import NamedTuple

from gdb_gospan.layout.model import Kind


class Need(NamedTuple):
    """One field.

    ``aliases`` are older or newer paths of the same thing. A ``spare`` field is shown where it is
    there; no figure rests on it, so that a release without it is not refused.
    """

    path: str
    kind: Kind = "uint"
    aliases: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    spare: bool = False

    @property
    def optional(self) -> bool:
        """Some supported release lacks it, or may."""
        return bool(self.since or self.until or self.spare)


class NeedStruct(NamedTuple):
    """One struct: the type's name, or the variable that has this (unnamed) type.

    ``older`` is what the type was called in other releases; ``since`` and ``until`` name the releases that have it, where not all do.
    A ``late`` one is for a single command: it is resolved when that command needs it.
    """

    name: str
    needs: tuple[Need, ...]
    type_name: str = ""
    older: tuple[str, ...] = ()
    variable: str = ""
    since: str = ""
    until: str = ""
    late: bool = False

    @property
    def optional(self) -> bool:
        """Some supported release lacks it."""
        return bool(self.since or self.until)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the type, of which a program has at most one."""
        return (self.type_name or f"runtime.{self.name}", *self.older)


def plain(kind: Kind, *paths: str) -> tuple[Need, ...]:
    """Return fields that all supported releases have."""
    return tuple(Need(path, kind) for path in paths)


def spare(kind: Kind, *paths: str) -> tuple[Need, ...]:
    """Return fields that are shown where they are there; no figure rests on them."""
    return tuple(Need(path, kind, spare=True) for path in paths)
