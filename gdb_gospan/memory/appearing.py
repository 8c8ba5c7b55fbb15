"""Write a file atomically: it appears complete or not at all, and no symbolic link is followed.

Until it is complete it has no name (open(2), O_TMPFILE), so nothing is left of it, however the writer ends. Where the file
system has no such files it has one that is recognised, ``.NAME.part``: removed by a signal that ends the writer, and by the
next that writes a file of this name. No link at the last component is followed, not even one that leads nowhere.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from typing import IO, Final

from gdb_gospan.errors import TargetError

_MODE: Final = 0o600
_LONGEST: Final = 240
"""Bytes of a name that has some more: file systems allow 255."""
_ENDINGS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_UNNAMED_UNKNOWN: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)
"""What file systems and old kernels answer that have no files without a name."""
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)
_DESCRIPTORS: Final = "/proc/self/fd"


@contextlib.contextmanager
def written(path: str, *, replace: bool) -> Iterator[IO[bytes]]:
    """Do as `appearing`, and raise a `TargetError` that names the file where it cannot be written."""
    try:
        with appearing(path, replace=replace) as file:
            yield file
    except OSError as error:
        another = " (try: another FILE)" if isinstance(error, FileExistsError) else ""
        reason = (error.strerror or str(error)).lower()
        raise TargetError(f"{path}: cannot be written: {reason}{another}") from error


@contextlib.contextmanager
def appearing(path: str, *, replace: bool) -> Iterator[IO[bytes]]:
    """Open a file that only its owner can read; it gets its name when the block ends without an error.

    Parameters
    ----------
    replace
        Replace an existing file, atomically; otherwise an existing file is an error.

    Raises
    ------
    OSError
        It cannot be written; `FileExistsError` when a file of this name, or a link, is there and not to be replaced, or
        another process is writing it.
    """
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100  # a link stays one
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        part = f".{os.fsdecode(os.fsencode(name)[:_LONGEST])}.part"
        _remove_left_over(place, part)
        descriptor = _unnamed(place)
        if descriptor is not None:
            with open(descriptor, "wb") as file:  # noqa: PTH123  # it is open already
                yield file
                _complete(file)
                source = f"{_DESCRIPTORS}/{descriptor}"
                if replace:
                    with _removed_at_the_end(place, part):
                        # A descriptor in dst_dir_fd makes it linkat(2), which follows the link of /proc to the file.
                        os.link(source, part, dst_dir_fd=place)
                        os.rename(part, name, src_dir_fd=place, dst_dir_fd=place)
                else:
                    os.link(source, name, dst_dir_fd=place)
            return
        with _removed_at_the_end(place, part):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(part, flags, _MODE, dir_fd=place), "wb") as file:  # noqa: PTH123  # see above
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield file
                _complete(file)
                if replace or not _linked(place, part, name):
                    os.rename(part, name, src_dir_fd=place, dst_dir_fd=place)
    finally:
        os.close(place)


def _unnamed(place: int) -> int | None:
    """Return a file without a name, or None where there are none, or none that can get one."""
    if not os.path.isdir(_DESCRIPTORS):  # noqa: PTH112  # quick
        return None
    try:
        return os.open(".", os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, _MODE, dir_fd=place)
    except OSError as error:
        if error.errno in _UNNAMED_UNKNOWN:
            return None
        raise


def _complete(file: IO[bytes]) -> None:
    """Have all of it on the disk before it gets its name: a name without contents is no file that is whole."""
    file.flush()
    os.fsync(file.fileno())


def _linked(place: int, part: str, name: str) -> bool:
    """Give the file its name if no other has it; False where the file system has no links and none has it."""
    try:
        os.link(part, name, src_dir_fd=place, dst_dir_fd=place, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with contextlib.suppress(FileNotFoundError):
            os.lstat(name, dir_fd=place)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        return False
    return True


def _remove_left_over(place: int, part: str) -> None:
    """Remove what a writer has left that was killed: a file of ours that nobody holds; anything else is in the way."""
    try:
        descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise FileExistsError(errno.EEXIST, f"{part} in the same folder is in the way") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise FileExistsError(errno.EEXIST, f"{part} in the same folder is in the way")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileExistsError(errno.EEXIST, "another go-spans is writing it") from error
        os.unlink(part, dir_fd=place)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _removed_at_the_end(place: int, part: str) -> Iterator[None]:
    """Remove the file of this name when the block ends, or a signal ends this process in it."""

    def remove() -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part, dir_fd=place)

    with _before_the_end(remove):
        try:
            yield
        finally:
            remove()


@contextlib.contextmanager
def _before_the_end(remove: Callable[[], None]) -> Iterator[None]:
    """Have `remove` called before one of the signals ends this process; one that is ignored, or a debugger's own, is not ours."""
    before = {}
    if threading.current_thread() is threading.main_thread():  # Python lets no other set handlers
        before = {number: signal.getsignal(number) for number in _ENDINGS}
        before = {number: old for number, old in before.items() if old not in (None, signal.SIG_IGN)}

    def end(number: int, _frame: object) -> None:
        remove()
        signal.signal(number, before[signal.Signals(number)])
        os.kill(os.getpid(), number)

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
