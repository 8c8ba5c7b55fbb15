"""Where the threads of a target stood when it stopped, and which of them may have had something in hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import attrs
import numpy as np

from gdb_gospan.analysis import rules
from gdb_gospan.analysis.notes import Code, Note
from gdb_gospan.analysis.rules import Family
from gdb_gospan.runtime.ms import Ms

FRAMES: Final = 32
"""Frames of a thread to look at: the allocator's own call chains, a crash on top of them included, are shorter."""


class Stack(NamedTuple):
    """What is known of one thread of the kernel's.

    Attributes
    ----------
    thread
        A label: ``thread 3``.
    functions
        The functions that it is in, newest first; empty when they are not known, "" where one has no name.
    lwp
        Its number in the kernel, in the process's own pid namespace; 0 when not known.
    """

    thread: str
    functions: tuple[str, ...] = ()
    lwp: int = 0


Frames = Callable[[], Iterable[Stack]]
"""Tells where every thread is; asked only when something is off, for unwinding takes time."""


def at_bottom(names: Sequence[str]) -> bool:
    """Whether what a thread does ends with the last of these functions, newest first.

    So it does in morestack, when that ended in the scheduler (stack.go, newstack: a preemption).
    """
    last = names[-1] if names else ""
    return rules.matches(last, rules.BOTTOMS) or (last == "runtime.morestack" and "runtime.schedule" in names)


@attrs.frozen
class Standing:
    """A thread that may be in the middle of something.

    Attributes
    ----------
    thread
        Its label; "" for an M, or for all of them.
    functions
        What it had begun, newest first: not the functions of a signal handler, nor those of a throw.
    thrower
        The function that threw, if one did; "" otherwise.
    hidden
        Why not all of it can be seen; None when it can.
    """

    thread: str
    functions: tuple[str, ...] = ()
    thrower: str = ""
    hidden: Note | None = None

    def inside(self, family: Family) -> str | None:
        """Return the function of this family that the thread is in, unless it died of that very thing."""
        patterns = rules.FAMILIES[family]
        if (
            self.thrower
            and not rules.matches(self.thrower, rules.OUT_OF_MEMORY)
            and rules.matches(self.thrower, patterns)
        ):
            return None
        return next((name for name in self.functions if rules.matches(name, patterns)), None)

    def among(self, patterns: rules.Patterns) -> bool:
        """Whether the thread is in one of these functions."""
        return any(rules.matches(name, patterns) for name in self.functions)


def standings(stacks: Sequence[Stack], ms: Ms | None) -> tuple[Standing, ...]:
    """Return the threads that may be in the middle of something; those that surely are not are left out.

    Parameters
    ----------
    stacks
        Every thread of the target; empty when nothing is known of them.
    ms
        The runtime's own list; None when it could not be read.
    """
    # Of a thread that no M has, Go knows nothing: it runs C code, unless it is one of Go's own that begins or ends. But
    # then every M that does something has its own.
    everyone = ms is not None and _all_have_threads(ms, stacks)
    whole = ms is not None and ms.complete and everyone
    # Numbers of another pid namespace say nothing: one of them may be another thread's here.
    alike = everyone or (ms is not None and ms.knows([stack.lwp for stack in stacks]))
    told = [(stack, ms.is_quiet(stack.lwp) if ms is not None and alike else None) for stack in stacks]
    nameless = not any(any(stack.functions) for stack in stacks)
    found = [
        _standing(stack, nameless=nameless)
        for stack, quiet in told
        if not (quiet or (quiet is None and whole and not _begins_or_ends(stack)))
    ]
    if not stacks:
        found += _without_stacks(ms)
    return tuple(found)


def _begins_or_ends(stack: Stack) -> bool:
    """Whether it is a thread of Go's that has no M yet, or no longer."""
    newest = stack.functions[0] if stack.functions else ""
    return rules.matches(newest, rules.STARTING) or any(
        rules.matches(name, rules.EXITING) for name in stack.functions
    )


def _all_have_threads(ms: Ms, stacks: Sequence[Stack]) -> bool:
    there = np.array([stack.lwp for stack in stacks], np.int64)
    return bool((ms.quiet | np.isin(ms.procid, there[there > 0])).all())


def _without_stacks(ms: Ms | None) -> list[Standing]:
    if ms is None or not ms.complete:
        return [Standing("", hidden=Note("no-stacks"))]
    return [Standing("", hidden=Note("no-stack", {"m": number})) for number in ms.number[~ms.quiet].tolist()]


def _standing(stack: Stack, *, nameless: bool) -> Standing:
    """Look at the functions of a thread.

    Parameters
    ----------
    nameless
        No function of any thread has a name: there is no executable at hand.
    """
    names = _interrupted(stack.functions)
    hidden = None
    hides = next((name for name in names if rules.matches(name, rules.HIDING)), "")
    more = len(stack.functions) >= FRAMES and names[-1:] == stack.functions[-1:]  # than are looked at
    if any(rules.matches(name, rules.LEFT) for name in names):
        pass  # preempted: what the thread did before is over
    elif not any(names):
        hidden = Note("no-names" if nameless else "no-functions", {"thread": stack.thread})
    elif hides:
        code: Code = "signal-handler" if rules.matches(hides, rules.HANDLING) else "callers-hidden"
        hidden = Note(code, {"thread": stack.thread, "function": hides})
    elif _breaks_off(names) and not more:
        last = next(name for name in reversed(names) if name)
        hidden = Note("stack-breaks-off", {"thread": stack.thread, "function": last})
    thrown = [index for index, name in enumerate(names) if rules.matches(name, rules.THROWS)]
    thrower = ""
    if thrown:
        names = names[thrown[-1] + 1 :]
        thrower = names[0] if names else ""
    return Standing(stack.thread, names, thrower, hidden)


def _breaks_off(names: Sequence[str]) -> bool:
    """Whether the allocator may be among the callers that are not seen: not where only code outside of the runtime calls."""
    return not at_bottom(names) and (
        not names[-1] or "runtime" in names[-1] or names[-1].startswith("internal/")
    )


def _interrupted(functions: tuple[str, ...]) -> tuple[str, ...]:
    """Leave a signal handler away, if more is known: a thread is judged by what the signal interrupted."""
    ends = [index for index, name in enumerate(functions) if rules.matches(name, rules.HANDLERS)]
    below = _down_to_gap(functions[ends[-1] + 2 :] if ends else ())
    return below if any(below) else _down_to_gap(functions)


def _down_to_gap(names: tuple[str, ...]) -> tuple[str, ...]:
    """Leave away what follows where the unwinder lost its way: each caller of a function of the runtime has a name.

    So has the first function of a goroutine, which the bottom of its stack calls. C code calls cgocallback only.
    """
    for at, name in enumerate(names):
        lost = not name and (names[at - 1].startswith("runtime.") if at else _only_bottoms(names))
        if lost:
            return names[:at]
    return names


def _only_bottoms(names: tuple[str, ...]) -> bool:
    return all(not name or rules.matches(name, rules.BOTTOMS) for name in names)
