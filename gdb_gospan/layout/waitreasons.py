"""What a goroutine waits for, in Go's words, by the number in g.waitreason (runtime2.go, waitReasonStrings)."""

from __future__ import annotations

from typing import Final

from gdb_gospan.layout.goversion import GoVersion

_ANY: Final = ((0, 0), (99, 99))
_TO_1_19: Final = ((0, 0), (1, 19))
_1_20: Final = ((1, 20), (99, 99))
_1_22: Final = ((1, 22), (99, 99))
_1_23: Final = ((1, 23), (99, 99))
_1_24: Final = ((1, 24), (99, 99))
_1_24_ONLY: Final = ((1, 24), (1, 24))
_TO_1_25: Final = ((0, 0), (1, 25))
_1_25: Final = ((1, 25), (99, 99))
_1_26: Final = ((1, 26), (99, 99))

_REASONS: Final = (
    ("", _ANY),
    ("GC assist marking", _ANY),
    ("IO wait", _ANY),
    ("chan receive (nil chan)", _TO_1_25),
    ("chan send (nil chan)", _TO_1_25),
    ("dumping heap", _ANY),
    ("garbage collection", _ANY),
    ("garbage collection scan", _ANY),
    ("panicwait", _ANY),
    ("select", _TO_1_25),
    ("select (no cases)", _TO_1_25),
    ("GC assist wait", _ANY),
    ("GC sweep wait", _ANY),
    ("GC scavenge wait", _ANY),
    ("chan receive", _TO_1_25),
    ("chan send", _TO_1_25),
    ("finalizer wait", _ANY),
    ("force gc (idle)", _ANY),
    ("GOMAXPROCS updater (idle)", _1_25),
    ("semacquire", _ANY),
    ("sleep", _ANY),
    ("chan receive (nil chan)", _1_26),
    ("chan send (nil chan)", _1_26),
    ("select (no cases)", _1_26),
    ("select", _1_26),
    ("chan receive", _1_26),
    ("chan send", _1_26),
    ("sync.Cond.Wait", _ANY),
    ("timer goroutine (idle)", _TO_1_19),
    ("sync.Mutex.Lock", _1_20),
    ("sync.RWMutex.RLock", _1_20),
    ("sync.RWMutex.Lock", _1_20),
    ("sync.WaitGroup.Wait", _1_24),
    ("trace reader (blocked)", _ANY),
    ("wait for GC cycle", _ANY),
    ("GC worker (idle)", _ANY),
    ("GC worker (active)", _1_20),
    ("preempted", _ANY),
    ("debug call", _ANY),
    ("GC mark termination", _1_20),
    ("stopping the world", _1_20),
    ("flushing proc caches", _1_22),
    ("trace goroutine status", _1_22),
    ("trace proc status", _1_22),
    ("page trace flush", _1_22),
    ("coroutine", _1_22),
    ("GC weak to strong wait", _1_23),
    ("synctest.Run", _1_24),
    ("synctest.Wait", _1_24),
    ("chan receive (synctest)", _1_24_ONLY),
    ("chan send (synctest)", _1_24_ONLY),
    ("select (synctest)", _1_24_ONLY),
    ("chan receive (durable)", _1_25),
    ("chan send (durable)", _1_25),
    ("select (durable)", _1_25),
    ("sync.WaitGroup.Wait (durable)", _1_25),
    ("cleanup wait", _1_25),
)
"""In the order of their numbers, with the first and the last release that has each."""

NOTHING: Final = frozenset(("chan receive (nil chan)", "chan send (nil chan)", "select (no cases)"))
"""Reasons of goroutines that wait for nothing, and so forever."""
CHANNELS: Final = frozenset(("chan receive", "chan send", "select"))
"""Reasons of goroutines that wait for channels."""
LOCKS: Final = frozenset(
    ("semacquire", "sync.Mutex.Lock", "sync.RWMutex.RLock", "sync.RWMutex.Lock", "sync.WaitGroup.Wait", "sync.Cond.Wait")
)  # fmt: skip
"""Reasons of goroutines that wait for something of package sync (sema.go)."""


def wait_reasons(go: GoVersion) -> tuple[str, ...]:
    """Return the reasons of a release: that of number n at index n. What a later release adds is not there."""
    return tuple(text for text, (first, last) in _REASONS if first <= go.release <= last)
