"""A bounded number of connections, and a bounded time for each request: one slow client does not stop the others."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time

MOST = 64  # at a time; a browser holds six


def most_connections() -> int:
    """`MOST`, or half of the files that this process may open where that is less."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST
    return max(4, min(MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))


class Connections:
    """At most `most` connections; where all are taken, a newcomer gets the place that has been idle longest.

    A connection is idle while the server waits for its client: for a request, for the rest of one, or for a reply to
    be taken. A client that fills all places thus drives out itself.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._idle_since: dict[socket.socket, float | None] = {}
        self._changed = threading.Condition()

    def admit(self, connection: socket.socket) -> bool:
        """Take a place; False where every other connection is being worked for."""
        with self._changed:
            if len(self._idle_since) >= self.most:
                idle = {held: since for held, since in self._idle_since.items() if since is not None}
                if idle:
                    oldest = min(idle, key=idle.__getitem__)
                    _hang_up(oldest)
                    self._changed.wait_for(lambda: oldest not in self._idle_since, timeout=1)
            if len(self._idle_since) >= self.most:
                return False
            self._idle_since[connection] = time.monotonic()
            return True

    def waits(self, connection: socket.socket, idle: bool) -> None:
        """Whether the server waits for this client from now on, or works for it."""
        with self._changed:
            if connection in self._idle_since:
                self._idle_since[connection] = time.monotonic() if idle else None

    def gone(self, connection: socket.socket) -> None:
        """Give the place back."""
        with self._changed:
            self._idle_since.pop(connection, None)
            self._changed.notify_all()


def _hang_up(connection: socket.socket) -> None:
    """End a connection for which another thread waits: its read returns nothing then."""
    with contextlib.suppress(OSError):  # it has just ended by itself
        connection.shutdown(socket.SHUT_RDWR)


class Incoming(io.RawIOBase):
    """The bytes of a connection, request by request: each has to be there in full within a time and a length.

    Args:
        connection: whose time-out is set anew at each read.
        idle: seconds until the first byte of a request.
        whole: seconds from then until the last one, however they drip.
        most: bytes of a request.
    """

    def __init__(self, connection: socket.socket, idle: float, whole: float, most: int) -> None:
        self.connection, self.idle, self.whole, self.most = connection, idle, whole, most
        self.next_request()

    def next_request(self) -> None:
        """Begin to count anew."""
        self._ends: float | None = None
        self._left = self.most

    def readable(self) -> bool:
        """As a file that is read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what is there, in the time that is left.

        Raises:
            TimeoutError: the request took too long, or is too long.
        """
        left = self.idle if self._ends is None else self._ends - time.monotonic()
        if left <= 0 or not self._left:
            raise TimeoutError("the request did not come in time" if self._left else "the request is too long")
        self.connection.settimeout(left)
        count = self.connection.recv_into(buffer[: self._left])
        self._ends = time.monotonic() + self.whole if self._ends is None else self._ends
        self._left -= count
        return count
