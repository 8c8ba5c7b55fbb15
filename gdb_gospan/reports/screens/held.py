"""What --owners adds to the screen of go-spans show."""

from __future__ import annotations

from collections.abc import Iterator

from gdb_gospan.fields import units
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.units import counted
from gdb_gospan.reports.rows.held import HeldObject, KeptSpan, Nodes, Owner, Referrer, Share
from gdb_gospan.reports.rows.kept import INCOMPLETE
from gdb_gospan.reports.rows.place import Place

KNOWN_BY = {
    "exact": "type recorded by the runtime",
    "edges": "type known from what points to it",
    "shape": "type inferred from its contents",
    "unknown": "type not known",
}
"""Words for how the type of an object is known."""
Facts = Iterator[tuple[str, str]]


def kept_facts(answer: Place, looks: Looks) -> list[tuple[str, str]]:
    """Say how the object is kept, and what keeps the span."""
    facts = [*(_object(answer.object, looks) if answer.object else ())]
    facts += _span(answer.kept, looks) if answer.kept else ()
    if answer.incomplete and facts:
        facts.append(("", INCOMPLETE))
    return facts


def _object(held: HeldObject, looks: Looks) -> Facts:
    reached = "" if held.reached else " · garbage: no root that could be read leads to it"
    yield "type", f"{held.type} · {KNOWN_BY[held.known_by]}{reached}"
    if held.owner is not None:
        objects, nbytes = counted(held.retained_objects or 0, "object"), _size(held.retained_bytes, looks)
        yield "retains", f"{objects} of {nbytes}, itself included"
        yield "owner", _owner(held.owner, looks)
    for number, step in enumerate(held.path):
        many = f" × {step.count:,}" if step.count > 1 else ""
        left_out = held.path_left_out and 2 * number == len(held.path)
        if left_out:
            yield "", f"… {held.path_left_out:,} more …"
        yield (
            "" if number else "path",
            f"{step.name}{many}{_where(step)}{_field(step.through)}",
        )
    yield from _referrers(held)


def _owner(owner: Owner, looks: Looks) -> str:
    shared = "shared: " if owner.kind == "shared" else ""
    names = " → ".join(owner.path)
    return f"{shared}{names} · retains {_size(owner.retained_bytes, looks)}"


def _referrers(held: HeldObject) -> Facts:
    number = len(held.first_referrers)
    for row, each in enumerate(held.first_referrers):
        first = f"{held.referrers:,}: " if held.referrers > 1 else ""
        yield "" if row else "referrers", f"{'' if row else first}{_referrer(each)}"
    if held.referrers > number:
        yield "", f"… {held.referrers - number:,} more …"
    if not number:
        yield "referrers", "none that could be read"


def _referrer(each: Referrer) -> str:
    garbage = "" if each.reached else ", garbage"
    return f"{each.name}{_where(each)}{_field(each.through)}{garbage}"


def _span(kept: KeptSpan, looks: Looks) -> Facts:
    if not kept.reached_bytes:
        yield "kept by", "no root that could be read leads to an object of the span"
        return
    whole = kept.reached_bytes
    types, owners = (
        ", ".join(_share(each, whole, looks) for each in some) for some in (kept.types, kept.owners)
    )
    yield "span has", f"{_size(whole, looks)} of objects that are reached · {types}"
    yield "kept by", owners


def _share(each: Share, whole: int, looks: Looks) -> str:
    shared = "shared: " if each.kind == "shared" else ""
    return f"{shared}{each.name} {_size(each.bytes, looks)} ({units.share(each.bytes, whole)})"


def _where(each: Nodes | Referrer) -> str:
    """Write where it is, unless that is its name."""
    if each.goid is not None:
        return f" (goroutine {each.goid})"
    named = each.address is None or f"{each.address:#x}" in each.name
    return "" if named else f" at {each.address:#x}"


def _field(through: str | None) -> str:
    return f", {through}" if through else ""


def _size(value: int | None, looks: Looks) -> str:
    return units.nbytes(value, exact=looks.exact)
