"""Descriptions shared by all kinds of targets: of a core, and of a target without a Go heap."""

from __future__ import annotations

import signal


def core_description(program: str, died_of: int | None) -> str:
    """Describe a core by its program and the number of the signal that ended it, if one did."""
    if not died_of:
        return f"core of {program}"
    known = died_of in set(signal.Signals)
    return f"core of {program}, died of {signal.Signals(died_of).name if known else f'signal {died_of}'}"


def no_runtime(program: str, *, is_go: bool, try_with: str) -> str:
    """Return why there is no Go heap; `try_with` begins the hint."""
    if is_go:
        return (
            f"{program} is a Go program without symbols (-ldflags=-s or strip), so runtime.mheap_ cannot be found "
            f"(try: {try_with} of the same build, not stripped)"
        )
    return (
        f"no Go runtime in {program}: no symbol runtime.mheap_ and no Go build information "
        f"(try: {try_with} of the Go program)"
    )
