"""Which bundled layouts to try, and what to call the one that fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from gdb_gospan.errors import TargetError
from gdb_gospan.layout import bundled, requirements
from gdb_gospan.layout.bundled import Bundled
from gdb_gospan.layout.goversion import GoVersion, parse
from gdb_gospan.layout.model import Layout, Platform
from gdb_gospan.layout.resolve import too_old, traits_of
from gdb_gospan.layout.signature import Signature


def tables(version: GoVersion | None, platform: Platform, *, source: str) -> list[Bundled]:
    """Return every table for this architecture, that of the stated release first, then the newest.

    Raises
    ------
    TargetError
        The stated release is older than any that is supported.
    """
    refuse_old(version)
    releases = sorted(bundled.releases(), key=lambda release: version is None or release != version.release)
    label = version or GoVersion("unknown", *requirements.NEWEST)
    found = (bundled.bundled(release, label, platform, source=source) for release in releases)
    return [table for table in found if table is not None]


def refuse_old(version: GoVersion | None) -> None:
    """Raise a `TargetError` for a release that is older than any that is supported."""
    if version is not None and version.release < requirements.OLDEST:
        raise TargetError(too_old(version))


def likeliest(signatures: Iterable[Signature], stated: str | None) -> list[Signature]:
    """Return the signatures in their order, but those of the release that a program states first."""
    version = parse(stated) if stated else None
    return sorted(signatures, key=lambda each: version is None or each.table.release != version.release)


def labelled(fitting: Sequence[Signature], stated: str | None) -> Layout:
    """Return the first layout of those that fit, under the version that the program states, else all that it can be."""
    version = parse(stated) if stated else None
    if version is None:
        releases = sorted(signature.table.release for signature in fitting)
        version = GoVersion(" or ".join(f"go{major}.{minor}" for major, minor in releases), *releases[-1])
    return attrs.evolve(
        fitting[0].table.layout,
        go=version,
        tested=version.release in requirements.TESTED,
        traits=traits_of(version),
    )
