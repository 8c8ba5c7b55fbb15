"""Convenience functions for expressions and breakpoint conditions: ``$go_span``, ``$go_slot`` and others.

A condition is evaluated at every hit, each time after the target ran: nothing decoded survives from one to the next.
So an address is looked up as the runtime itself does it (mheap.go, spanOf): a handful of reads in the
map of arenas. What follows from types alone is computed once for each program.
"""

from __future__ import annotations

import gdb

from gdb_gospan.errors import GoSpansError
from gdb_gospan.interrupts import WholeImports

TYPE_CHECKING = False  # importing typing would take a third of what may be added to gdb's start
if TYPE_CHECKING:
    from typing import Any

    from gdb_gospan.debugger.span_lookup import SpanLookups

_map: SpanLookups | None = None
_char: gdb.Type | None = None


class _Function(gdb.Function):
    """A function; whatever goes wrong is one line."""

    name = ""
    takes = 1
    wants = "a number"

    def __init__(self) -> None:
        super().__init__(self.name)

    def answer(self, *arguments: Any, **_: Any) -> gdb.Value | int:
        """Return the function's value; a subclass says which."""
        raise NotImplementedError

    def invoke(self, *arguments: gdb.Value) -> gdb.Value | int:
        """Return the value, or raise one line."""
        if len(arguments) != self.takes:
            takes = "one argument" if self.takes else "no argument"
            raise gdb.GdbError(f"${self.name} takes {takes}, not {len(arguments)}")
        try:
            with WholeImports():
                return self.answer(*arguments)
        except gdb.GdbError:
            raise
        except GoSpansError as error:
            from gdb_gospan.debugger.commands import failure

            raise failure(f"go-spans: {error}") from None
        except (gdb.error, TypeError, ValueError, OverflowError) as error:
            why = str(error).rstrip(".")
            if why == "Cannot convert value to long":
                why = f"the argument is not {self.wants}"
            raise gdb.GdbError(f"${self.name}: {why}") from None


class _Span(_Function):
    """The Go span that holds an address, as a *runtime.mspan.

    Usage: $go_span (ADDRESS)

    ADDRESS is a heap address; a slice, string or interface gives what it points to. The value is void
    ($_isvoid) when no span holds it: a global, a thread's stack, C memory, a free page.

    A package variable stands in quotes, and .array before an index of a slice: that works wherever the
    program stopped (go-spans show needs neither). A local variable of the selected frame has its bare name.

    Examples: print *$go_span('main.sessions')
              print *$go_span('main.sessions'.array[3])
              break main.f if $go_span(p).elemsize == 4096
    """

    name = "go_span"
    wants = "an address"

    def answer(self, value: gdb.Value) -> gdb.Value:
        """Return the span, or void: a convenience variable that was never set is."""
        span = _spans().find(_address(value))
        return gdb.parse_and_eval("$__go_spans_void") if span is None else span


class _Slot(_Function):
    """The slot of its Go span that an address is in, from 0 on.

    Usage: $go_slot (ADDRESS)

    -1 when it is in none: no span in use holds it, or it lies in the span's tail.

    Example: break main.f if $go_slot(p) == 3
    """

    name = "go_slot"
    wants = "an address"

    def answer(self, value: gdb.Value) -> int:
        """Return the slot, or -1."""
        return _spans().slot(_address(value))


class _SpanClass(_Function):
    """The name of a Go span class, such as 4,096 noscan.

    Usage: $go_spanclass (NUMBER)

    NUMBER is twice the size class, plus 1 for objects without pointers, as in mspan.spanclass.

    Example: print $go_spanclass($go_span(p).spanclass)
    """

    name = "go_spanclass"

    def answer(self, value: gdb.Value) -> gdb.Value:
        """Return the name."""
        from gdb_gospan.debugger.printers.spans import span_class
        from gdb_gospan.debugger.printers.values import unwrapped
        from gdb_gospan.layout.sizeclasses import SPAN_CLASSES

        number = int(unwrapped(value))
        if not 0 <= number < SPAN_CLASSES:
            raise gdb.GdbError(f"$go_spanclass: no span class {number} (they are 0 to {SPAN_CLASSES - 1})")
        return _text(span_class(number))


class _Row(_Function):
    """A span that the last report has listed, as a *runtime.mspan, by the number of its row.

    Usage: $go_row (NUMBER)

    NUMBER counts from 0, in the order of the rows. The report is the last one with rows that are spans: list, cache P,
    show (its one span), pages --blockers (those that keep a block, one after the other). The value is valid until the
    program runs.

    Examples: go-spans list --size 4096
              print *$go_row(0)
              print $go_row(3).freeindex
    """

    name = "go_row"

    def answer(self, value: gdb.Value) -> gdb.Value:
        """Return the span."""
        from gdb_gospan.debugger.printers.values import unwrapped
        from gdb_gospan.single_thread import import_numpy

        number = int(unwrapped(value))
        import_numpy()
        from gdb_gospan.debugger import last_rows
        from gdb_gospan.debugger.target import which

        return last_rows.row(number, which)


class _Heap(_Function):
    """The Go heap, as a *runtime.mheap: the address of the runtime's mheap_.

    Usage: $go_heap ()

    Where a process has several Go runtimes it is the one that the reports show without --runtime. The heap as a
    whole is more than gdb's max-value-size, but its fields print one by one. Each stop of the program is
    read again: in conditions use $go_span.

    Examples: print $go_heap()
              print $go_heap().allspans
              print $go_heap().spanalloc
    """

    name = "go_heap"
    takes = 0

    def answer(self) -> gdb.Value:
        """Return the address."""
        from gdb_gospan.single_thread import import_numpy

        import_numpy()
        from gdb_gospan.debugger.values import heap_pointer

        return heap_pointer("$go_heap")


def register() -> None:
    """Create the functions; doing so again changes nothing."""
    for kind in (_Span, _Slot, _SpanClass, _Row, _Heap):
        kind()


def _text(text: str) -> gdb.Value:
    """Return a string that gdb and its printers show without touching the target.

    A string by itself is an array that gdb first copies into the target, by a call of malloc, when anyone looks
    inside: Go's runtime-gdb.py does, at every value that is printed. What is part of a convenience variable
    is not copied. Its characters are C's, as Go's printer takes an array of Go's for a Go string.
    """
    data = text.encode() + b"\0"
    kind = _character().array(len(data) - 1).array(0)
    gdb.set_convenience_variable("__go_spans_text", gdb.Value(data, kind))
    return gdb.parse_and_eval("$__go_spans_text")[0]  # no language lacks the name, but some lack the index


def _character() -> gdb.Type:
    """Return the type char of C, whatever gdb's language is now."""
    global _char  # noqa: PLW0603  # to ask again would change the language at every hit of a breakpoint
    if _char is None:
        from gdb_gospan.debugger.settings import changed

        with changed({"language": "c"}):
            _char = gdb.lookup_type("char")
    return _char


def _address(value: gdb.Value) -> int:
    from gdb_gospan.debugger.pointers import pointer_in

    return int(pointer_in(value))


def _spans() -> SpanLookups:
    global _map  # noqa: PLW0603  # one gdb, one current program
    if _map is None or not _map.valid():
        from gdb_gospan.debugger.span_lookup import SpanLookups

        _map = SpanLookups()
    return _map
