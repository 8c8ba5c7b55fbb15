"""Which bundled layouts to try, and what to call the one that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from gdb_gospan.errors import TargetError
from gdb_gospan.layout import bundled, requirements
from gdb_gospan.layout.bundled import Bundled
from gdb_gospan.layout.goversion import GoVersion, parse
from gdb_gospan.layout.model import Layout, Platform, Source
from gdb_gospan.layout.resolve import too_old, traits_of
from gdb_gospan.layout.schedulersigns import examine_scheduler
from gdb_gospan.layout.signature import Signature
from gdb_gospan.memory import Memory


def tables(version: GoVersion | None, platform: Platform, *, source: Source) -> list[Bundled]:
    """Return every table for this architecture, that of the stated release first, then the newest.

    Raises
    ------
    TargetError
        The stated release is older than any that is supported.
    """
    refuse_old(version)
    stated = version and bundled.table_of(version)
    releases = sorted(bundled.releases(), key=lambda release: release != stated)
    label = version or GoVersion("unknown", *requirements.NEWEST)
    found = (bundled.bundled(release, label, platform, source=source) for release in releases)
    return [table for table in found if table is not None]


def refuse_old(version: GoVersion | None) -> None:
    """Raise a `TargetError` for a release that is older than any that is supported."""
    if version is not None and version.release < requirements.OLDEST:
        raise TargetError(too_old(version))


def likeliest(signatures: Iterable[Signature], stated: str | None) -> list[Signature]:
    """Return the signatures with those of the release that the program states first, otherwise in order."""
    version = parse(stated) if stated else None
    table = version and bundled.table_of(version)
    return sorted(signatures, key=lambda each: each.table.release != table)


@attrs.frozen
class Told:
    """The candidate layouts of one mheap, after the scheduler's structs were checked.

    Attributes
    ----------
    fitting
        Layouts that fit, the best first; with all their evidence, as in `refused`.
    refused
        Layouts that memory contradicts.
    addresses
        Of the runtime's variables, as the first one finds them.
    """

    fitting: tuple[Signature, ...]
    refused: tuple[Signature, ...]
    addresses: Mapping[str, int]


def tell_apart(
    memory: Memory, signatures: Sequence[Signature], find: Callable[[Signature], Mapping[str, int]]
) -> Told:
    """Decide between layouts with the same mheap by checking goroutines, threads and Ps.

    A layout whose checks all pass comes before one with checks that cannot be read; otherwise they keep their order.

    Parameters
    ----------
    find
        Returns the addresses of the runtime's variables by a layout, which may depend on it; `signatures` in order are
        asked until one finds what it must.
    """
    addresses: Mapping[str, int] = {}
    partial: Mapping[str, int] | None = None
    for signature in signatures:
        addresses = find(signature)
        whole = signature.and_(examine_scheduler(memory, signature.table, addresses))
        if whole.holds:
            break
        if partial is None and not whole.contradicted:
            partial = addresses
    else:
        addresses = partial if partial is not None else addresses
    examined = [each.and_(examine_scheduler(memory, each.table, addresses)) for each in signatures]
    fitting = sorted((each for each in examined if not each.contradicted), key=lambda each: not each.holds)
    if fitting and fitting[0].holds:  # what cannot be read by another layout is there by this one
        fitting = [each for each in fitting if each.holds]
    refused = tuple(each for each in examined if each not in fitting)
    return Told(tuple(fitting), refused, addresses)


def labelled(fitting: Sequence[Signature], stated: str | None) -> Layout:
    """Return the first fitting layout, labelled with the version that the program states, or else with all possible ones."""
    version = parse(stated) if stated else None
    if version is None:
        releases = sorted(signature.table.release for signature in fitting)
        names = (".".join(map(str, release)) for release in releases)
        major, minor, *_ = releases[-1]
        version = GoVersion(" or ".join(f"go{name}" for name in names), major, minor)
    return attrs.evolve(
        fitting[0].table.layout,
        go=version,
        tested=version.release in requirements.TESTED,
        traits=traits_of(version),
    )
