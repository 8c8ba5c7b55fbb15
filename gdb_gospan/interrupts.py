"""Ctrl-C waits while modules are imported.

An interrupted import leaves a package half loaded: a C extension cannot be loaded a second time in one process (numpy),
and a package with modules but without its own attributes fails much later. In a debugger that lasts until it exits.
"""

# signal itself would cost a fifteenth of what may be added to gdb's start.
import _signal  # type: ignore[import-not-found]
import builtins
from _thread import get_ident

TYPE_CHECKING = False  # importing typing would take a third of what may be added to gdb's start
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


class Deferred:
    """Delay SIGINT until the end of the block, in the main thread, where KeyboardInterrupt is raised.

    The signal itself is blocked, so that neither Python nor gdb handles it meanwhile.
    """

    def __enter__(self) -> None:
        self._before = _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
        try:
            _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT,))
        except KeyboardInterrupt:  # it came just before
            _signal.pthread_sigmask(_signal.SIG_SETMASK, self._before)
            raise

    def __exit__(self, *_: object) -> None:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._before)


class WholeImports:
    """Delay SIGINT during each import within the block, including imports made inside libraries."""

    _own: "Callable[..., ModuleType]"

    def __enter__(self) -> None:
        self._before = builtins.__import__
        outer = getattr(self._before, "__self__", None)  # of a block around this one
        self._own = outer._own if isinstance(outer, WholeImports) else self._before  # noqa: SLF001
        self._importing = 0
        vars(builtins)["__import__"] = self._import

    def __exit__(self, *_: object) -> None:
        vars(builtins)["__import__"] = self._before

    def _import(
        self,
        name: str,
        globals: "dict[str, Any] | None" = None,  # noqa: A002  # as the import statement passes them
        locals: "dict[str, Any] | None" = None,  # noqa: A002
        fromlist: "tuple[str, ...] | None" = (),
        level: int = 0,
    ) -> "ModuleType":
        thread = get_ident()
        if self._importing == thread:
            return self._own(name, globals, locals, fromlist or (), level)
        with Deferred():
            self._importing = thread
            try:
                return self._own(name, globals, locals, fromlist or (), level)
            finally:
                self._importing = 0
