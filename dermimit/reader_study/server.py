"""The reading page, served on this machine: alone, or behind a web server that lets a clinic in."""

from __future__ import annotations

import errno
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dermimit.prediction import DISCLAIMER
from dermimit.reader_study.connections import Connections, most_connections
from dermimit.reader_study.private import FILE, make_private
from dermimit.reader_study.requests import Handler
from dermimit.reader_study.session import Sessions
from dermimit.reader_study.study import load_study

LOOPBACK, NAMES = "127.0.0.1", ("127.0.0.1", "localhost")
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*", re.ASCII)
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 5\r\n\r\n"


class ReadingServer(ThreadingHTTPServer):
    """A server of one study on the loopback address.

    Args:
        sessions: the readers of the study.
        port: 0 for any free one; see `server_address`.
        hosts: names beside those of this machine under which it may be asked, such as that of a proxy before it.

    Attributes:
        idle_seconds, request_seconds, reply_seconds: how long a client may take until its request begins, from then
            until it is there in full, and to take the reply.
    """

    daemon_threads = True
    request_queue_size = 128  # of connections that the system keeps for us
    idle_seconds, request_seconds, reply_seconds = 60.0, 10.0, 60.0

    def __init__(self, sessions: Sessions, port: int, hosts: Sequence[str] = ()) -> None:
        super().__init__((LOOPBACK, port), Handler)
        self.connections, self.names = Connections(most_connections()), {*NAMES, *hosts}
        self.sessions, study = sessions, sessions.study
        self.facts = {"name": study.name, "title": study.settings.title, "disclaimer": DISCLAIMER,
                      "diseases": study.label_space.diseases, "body_parts": study.label_space.body_parts,
                      "attributes": study.label_space.attributes}  # fmt: skip

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; where no more files can be opened, wait instead of asking again at once."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(0.1)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection a thread, if there is a place for it."""
        if self.connections.admit(request):
            return super().process_request(request, client_address)
        request.settimeout(1)
        try:
            request.sendall(BUSY)
        finally:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and give its place back."""
        self.connections.gone(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in a line what went wrong; clients that go away in the middle are nothing to tell."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"dermimit: a request failed: {error!r}", file=sys.stderr, flush=True)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the study's lock: two programs must not add to the same answers.

    Raises:
        ValueError: another program holds it, or the folder cannot be written.
    """
    lock = FileLock(folder / "answers" / ".lock", mode=FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise ValueError(f"{folder} is served by another program already: stop that one first") from error
    except OSError as error:
        raise ValueError(f"{folder}: answers cannot be kept there ({error.strerror}): give the folder to the user who "
                         "serves the study, on a disk that can be written") from error  # fmt: skip
    try:
        yield
    finally:
        lock.release()


def listening(sessions: Sessions, port: int, hosts: Sequence[str] = ()) -> ReadingServer:
    """A server that can be reached.

    Raises:
        ValueError: the port cannot be had, or a host is no name.
    """
    if not 0 <= port <= 65_535:
        raise ValueError(f"--port {port}: give 1 to 65535, or 0 for any free one")
    if wrong := [name for name in hosts if not HOST_NAME.fullmatch(name)]:
        raise ValueError(f"--allowed-host {wrong[0]}: give a name in small letters, without port or https://, such as "
                         "study.clinic.example")  # fmt: skip
    try:
        return ReadingServer(sessions, port, hosts)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(f"--port {port}: another program uses it: stop that one, or give another port (0 for any "
                             "free one)") from error  # fmt: skip
        if error.errno == errno.EACCES:
            raise ValueError(f"--port {port}: this user may not use it: give one above 1023") from error
        raise


def serve(folder: Path, port: int, hosts: Sequence[str] = ()) -> None:
    """Serve a study until interrupted.

    Raises:
        ValueError: the folder is no study or cannot be written, it is served already, the port is taken, its clock or
            an answer cannot be right.
    """
    study = load_study(folder)
    with only_one(folder):
        make_private(folder)
        sessions = Sessions(study)
        with listening(sessions, port, hosts) as server:
            sessions.clock.note()
            print(f"{study.settings.title}: http://{LOOPBACK}:{server.server_address[1]}/ (stop with Ctrl+C)\n"
                  f"The clock says {sessions.clock.time():%Y-%m-%d %H:%M} UTC; the washout is counted by it.\n"
                  f"{DISCLAIMER}", flush=True)  # fmt: skip
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                print("stopped; every answer is kept")
