"""Lines from and to an untrusted server, each with a limit of length and time."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Final

_BUFFER: Final = 1 << 20
"""Bytes to take from the system at once: an answer of Delve has up to 90,000."""


class ClosedError(Exception):
    """The server has closed the connection."""


class TooLongError(Exception):
    """A line exceeds the length limit."""


class Wire:
    """A connection to a server, made within a time limit; every method raises `OSError` on failure."""

    def __init__(self, at: tuple[str, int], seconds: float) -> None:
        self._socket = socket.create_connection(at, seconds)
        self._arrival = select.poll()
        self._arrival.register(self._socket, select.POLLIN)
        self._received = bytearray()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def send(self, text: str, seconds: float) -> None:
        """Send all of a text."""
        self._socket.settimeout(seconds)
        self._socket.sendall(text.encode())

    def line(
        self,
        seconds: float,
        longest: int,
        meanwhile: Callable[[], object] = lambda: None,
        every: float = float("inf"),
    ) -> bytes:
        """Return the next line that the server sends; after a `TimeoutError` it can be asked for again.

        Parameters
        ----------
        seconds
            Time for the whole line.
        longest
            Bytes that it may have.
        meanwhile
            What to do after this many seconds, `every`, in which nothing has come.
        """
        deadline, searched = time.monotonic() + seconds, 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > longest:
                raise TooLongError
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if not self._arrival.poll(1000 * min(left, every)):
                meanwhile()
                continue
            data = self._socket.recv(_BUFFER)
            if not data:
                raise ClosedError
            self._received += data
        if end > longest:
            raise TooLongError
        found = bytes(self._received[:end])
        del self._received[: end + 1]
        return found
