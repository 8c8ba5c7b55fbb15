"""Go's version strings, as runtime.buildVersion holds them."""

from __future__ import annotations

import re

import attrs

_VERSION = re.compile(
    r"""
    (?:devel\s+)?
    go(?P<major>\d+)\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?
    (?P<rest>.*)
    """,
    re.VERBOSE | re.DOTALL,
)
# 'go1.22.10 X:arenas' up to Go 1.25, 'go1.26.6-X:arenas' since 1.26 (cmd/dist, buildtag).
_EXPERIMENTS = re.compile(r"[ -]X:(?P<names>[\w,]+)")


@attrs.frozen
class GoVersion:
    """A parsed version; ``raw`` is the string in the program.

    A vendor's suffix (``go1.26.4-1-microsoft``) and a pre-release (``go1.27rc1``)
    keep the numbers of the release that they belong to.
    """

    raw: str
    major: int
    minor: int
    patch: int | None = None
    experiments: tuple[str, ...] = ()

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor version, by which tables are chosen (`bundled` also has patch releases that differ)."""
        return self.major, self.minor

    def __str__(self) -> str:
        return self.raw


def parse(raw: str) -> GoVersion | None:
    """Parse a version string, or return None when it is not one of Go's."""
    match = _VERSION.match(raw)
    if match is None:
        return None
    experiments = _EXPERIMENTS.search(match["rest"])
    return GoVersion(
        raw=raw,
        major=int(match["major"]),
        minor=int(match["minor"]),
        patch=int(match["patch"]) if match["patch"] else None,
        experiments=tuple(experiments["names"].split(",")) if experiments else (),
    )
