"""The memory of a process on this machine, through Linux's ``/proc/PID/mem``."""

import os
from typing import Final

import numpy as np

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.gather import gather, read_run
from gdb_gospan.memory.model import NOT_IN_PROCESS, ReadAfterReleaseError, Rows, Unreadable
from gdb_gospan.memory.readv import NoReadvError, read_runs
from gdb_gospan.memory.segments import I64, U64, Bytes, Mask

_OFFSETS: Final = 1 << 63
"""File offsets are signed, so the kernel's half of the address space is out of reach."""

_MANY: Final = 4
"""Runs that are worth a call for all of them."""


class ProcessMemory:
    """The memory of a process that this user may trace; reading neither stops nor changes it.

    The file stays bound to the program that ran when it was opened: after an
    exec or the end of the process every read is unreadable, also when the
    process id has been given to another.

    Raises
    ------
    TargetError
        There is no such process, or it may not be read.
    ReadAfterReleaseError
        From a read after `close`.
    """

    kind = "live"
    at_hand = True

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.reads = 0
        self.bytes_read = 0
        self._file = -1
        self._together = True
        try:
            self._file = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, ProcessLookupError) as error:
            raise TargetError(f"process {pid}: no such process") from error
        except PermissionError as error:
            raise TargetError(
                f"process {pid}: no permission to read its memory "
                "(try: sudo, or sysctl kernel.yama.ptrace_scope=0; in a container: --cap-add SYS_PTRACE)"
            ) from error
        except OSError as error:
            raise TargetError(f"process {pid}: cannot open its memory: {error.strerror}") from error

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._file < 0

    def close(self) -> None:
        """Close the file; later reads raise `ReadAfterReleaseError`."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __del__(self) -> None:
        self.close()

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        return read_run(address, size, self.fill, NOT_IN_PROCESS)

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        return gather(addresses, size, self.fill, fill_many=self.fill_many)

    def fill(self, address: int, buffer: Bytes) -> bool:
        """Read ``len(buffer)`` bytes at an address; False when not all of them could be read."""
        if self._file < 0:
            raise ReadAfterReleaseError
        got = 0
        while got < len(buffer):
            if address + got >= _OFFSETS:
                return False
            self.reads += 1
            try:
                count = os.preadv(self._file, [buffer[got:].data], address + got)
            except OSError:
                return False
            if count == 0:  # the process is gone
                return False
            self.bytes_read += count
            got += count
        return True

    def fill_many(self, begins: U64, ends: I64, buffer: Bytes) -> Mask:
        """Read runs that begin at these addresses to where they end in a buffer, each behind the one before it.

        Returns
        -------
        Mask
            bool (n,): which of them could be read.
        """
        if self._file < 0:
            raise ReadAfterReleaseError
        if not len(begins):
            return np.zeros(0, np.bool_)
        if self._together and len(begins) >= _MANY:
            try:
                known, calls, nbytes = read_runs(self.pid, begins, ends, buffer, self.fill)
            except NoReadvError:
                self._together = False
            else:
                # The call reads whatever program the process has become; the file, only the one that it was.
                if not self.fill(int(begins[known.argmax()]), np.empty(1, np.uint8)):
                    known[:] = False
                self.reads += calls
                self.bytes_read += nbytes
                return known
        starts = np.append(0, ends[:-1]).tolist()
        runs = zip(begins.tolist(), starts, ends.tolist(), strict=True)
        return np.array([self.fill(address, buffer[i:j]) for address, i, j in runs], np.bool_)


def resident(pid: int) -> int | None:
    """Bytes of the process that are in memory now (RSS, as /proc/PID/statm has it), or None."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123  # pathlib is slow to start
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, IndexError):
        return None
