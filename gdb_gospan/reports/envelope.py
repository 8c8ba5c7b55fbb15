"""What every document of a target begins and ends with, out of a session."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.accounting import complete
from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.verification import Check as Outcome
from gdb_gospan.fields import answer
from gdb_gospan.fields.document import Address, made_of
from gdb_gospan.layout.signature import Recognised
from gdb_gospan.render.notes import phrases
from gdb_gospan.runtime.panics import read_death

_MOST_RANGES = 100


def _death(session: Session) -> answer.Death | None:
    """Say what the program of a core died of; a snapshot does not hold what the program has said."""
    heap = session.heap
    if session.target.kind != "core" or heap.ms is None:
        return None
    dying, throwing = heap.ms.dying, heap.ms.throwing
    # No part of the heap, which a snapshot would hold: it is what the program has said.
    found = heap.trail.part("death", lambda: read_death(heap.reader, heap.symbols, dying, throwing=throwing))
    return None if found is None else made_of(answer.Death, attrs.asdict(found))


def about(session: Session, command: str) -> answer.About:
    """Begin a document: what is looked at."""
    heap, target, layout = session.heap, session.target, session.heap.layout
    return answer.About(
        schema_version=answer.SCHEMA_VERSION,
        command=command,
        target=answer.Target(
            kind=target.kind,
            description=target.description,
            executable=target.executable,
            core=target.core,
            pid=target.pid,
            build_id=target.build_id,
            resident=target.resident,
            pause_ms=None,
            reads=None,
            missing=target.missing or None,
            death=_death(session),
        ),
        go=answer.Go(
            version=layout.go.raw,
            os=layout.platform.os,
            arch=layout.platform.arch,
            experiments=tuple(layout.go.experiments),
        ),
        layout=answer.Layout(
            source=layout.source,
            tested=layout.tested,
            missing=tuple(layout.missing),
            signature=None if heap.evidence is None else _signature(heap.evidence),
        ),
        runtimes=tuple(
            answer.Runtime(
                number=number,
                name=each.name,
                path=each.path,
                mheap=Address(each.mheap),
                version=each.version,
                in_use=each.in_use,
                shown=each.shown,
            )
            for number, each in enumerate(target.runtimes, 1)
        ),
    )


def _signature(evidence: Recognised) -> answer.Signature:
    """Say what the choice of a bundled layout rests on: what can be read of it, and how much of that holds."""
    pieces = [piece for piece in evidence.signature.evidence if piece.found is not None]
    return answer.Signature(
        release=".".join(map(str, evidence.signature.table.release)),
        same_in=tuple(".".join(map(str, release)) for release in evidence.also),
        pieces=len(pieces),
        held=sum(piece.holds for piece in pieces),
        other_runtimes=tuple(map(Address, evidence.others)),
    )


def proof(session: Session, *, scheduler: bool = False) -> answer.Proof:
    """End a document: the evidence for the figures, and those of goroutines and threads if they are among them."""
    # First, for checking reads the rest and may meet what is unreadable.
    checks = session.all_checks if scheduler else session.checks
    starts, ends = session.heap.reader.losses.ranges()
    return answer.Proof(
        checks=tuple(map(check, checks)),
        unreadable=answer.Unreadable(
            bytes=int((ends - starts).sum()),
            ranges=tuple(
                answer.Range(address=Address(start), size=end - start)
                for start, end in zip(
                    starts[:_MOST_RANGES].tolist(), ends[:_MOST_RANGES].tolist(), strict=True
                )
            ),
        ),
        spans=_span_counts(session),
        complete=complete(session.heap),
    )


def check(outcome: Outcome) -> answer.Check:
    """Return the outcome of an identity as documents have it: its notes in words."""
    return made_of(answer.Check, {**attrs.asdict(outcome, recurse=False), "note": phrases(outcome.notes)})


def _span_counts(session: Session) -> answer.SpanCounts:
    """Count the descriptors by what they are."""
    spans = session.heap.spans
    return answer.SpanCounts(
        descriptors=len(spans) + spans.lost,
        in_use=int(spans.in_use.sum()),
        manual=int(spans.manual.sum()),
        stack=int(spans.stack.sum()),
        work_buffer=int(spans.work_buffer.sum()),
        user_arena=int(spans.user_arena.sum()),
        dead=int((spans.state == 0).sum()),
        unreadable=int((spans.state < 0).sum()) + spans.lost,
        needzero=int(np.count_nonzero((spans.records.narrow("needzero") != 0) & spans.in_use)),
        cached=int(session.heap.cached.sum()),
        unswept=int(spans.unswept.sum()),
    )
