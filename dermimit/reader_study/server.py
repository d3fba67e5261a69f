"""The reading page, served to this machine alone: one static page, its photographs, and answers that are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from filelock import FileLock, Timeout

from dermimit.prediction import DISCLAIMER
from dermimit.reader_study.answers import AnswerError
from dermimit.reader_study.design import REVISED, WITH
from dermimit.reader_study.session import ConflictError, Sessions
from dermimit.reader_study.study import load_study

LOOPBACK, NAMES = "127.0.0.1", ("127.0.0.1", "localhost")
MOST_BYTES = 20_000  # of an answer
STATIC = {
    "/": ("reader.html", "text/html; charset=utf-8"),
    "/reader.js": ("reader.js", "text/javascript; charset=utf-8"),
    "/reader.css": ("reader.css", "text/css; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """A request that is not served: a status and what to tell the reader."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Answers requests of the page. A reader gets the photograph of the case at hand and no other, and the model's view
    only after the first answer is on the disk."""

    server: ReadingServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "dermimit", ""
    timeout = 60

    def do_GET(self) -> None:
        """Serve the page, the study's lists, a reader's next step, or a picture."""
        self._serve(self._get)

    def do_POST(self) -> None:
        """Take an answer."""
        self._serve(self._post)

    def _serve(self, respond: Any) -> None:
        try:
            self._check_host()
            content, kind = respond(urlsplit(self.path))
            status = HTTPStatus.OK
        except Refused as refused:
            content, kind, status = _json({"error": str(refused)}), "application/json", refused.status
        except KeyError:
            text = "there is no such reader: type the code as it was given to you"
            content, kind, status = _json({"error": text}), "application/json", HTTPStatus.NOT_FOUND
        except (ValueError, OSError) as error:  # damaged or full disk: the reader must know that nothing was kept
            content, kind, status = _json({"error": str(error)}), "application/json", HTTPStatus.INTERNAL_SERVER_ERROR
        self.send_response(status)
        for name, value in (HEADERS | {"Content-Type": kind, "Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        if status != HTTPStatus.OK:
            self.close_connection = True  # a refused body may be unread
        self.end_headers()
        self.wfile.write(content)

    def _check_host(self) -> None:
        """Refuse other sites: those that reach us under a name of theirs, and those that post from elsewhere."""
        host = urlsplit(f"//{self.headers.get('Host', '')}")
        if host.hostname not in NAMES:
            raise Refused(HTTPStatus.FORBIDDEN, "open this page as localhost, through a tunnel from another device")
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != host.netloc:
            raise Refused(HTTPStatus.FORBIDDEN, "this request comes from another page")

    def _get(self, url: Any) -> tuple[bytes, str]:
        if url.path in STATIC:
            name, kind = STATIC[url.path]
            return resources.files(__package__).joinpath(name).read_bytes(), kind
        if url.path == "/api/study":
            return _json(self.server.facts), "application/json"
        reader = (parse_qs(url.query).get("reader") or [""])[0]
        due = self.server.sessions.next_step(reader)
        if url.path == "/api/next":
            return _json(due), "application/json"
        return self._picture(url.path, due), "image/png"

    def _picture(self, path: str, due: dict[str, Any]) -> bytes:
        study, case = self.server.sessions.study, due.get("case")
        if case is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here for this reader now")
        if path == f"/photo/{case}":
            return study.photo(case).read_bytes()
        if path == f"/map/{case}" and due.get("step") == REVISED and due.get("arm") == WITH and due["has_map"]:
            return study.map(case).read_bytes()
        raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here for this reader at this step")

    def _post(self, url: Any) -> tuple[bytes, str]:
        if url.path != "/api/answer":
            raise Refused(HTTPStatus.NOT_FOUND, "answers go to /api/answer")
        try:
            return _json(self.server.sessions.save(self._body())), "application/json"
        except AnswerError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        except ConflictError as error:
            raise Refused(HTTPStatus.CONFLICT, str(error)) from error

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != "application/json" or not length.isdigit() or int(length) > MOST_BYTES:
            raise Refused(HTTPStatus.BAD_REQUEST, f"send one JSON object of at most {MOST_BYTES} bytes")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"not JSON: {error}") from error
        if not isinstance(body, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "send one JSON object")
        return body

    def log_message(self, *args: object) -> None:
        """Nothing: addresses hold reader codes."""


def _json(values: object) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode()


class ReadingServer(ThreadingHTTPServer):
    """A server of one study on the loopback address.

    Args:
        sessions: the readers of the study.
        port: 0 for any free one; see `server_address`.
    """

    daemon_threads = True

    def __init__(self, sessions: Sessions, port: int) -> None:
        super().__init__((LOOPBACK, port), Handler)
        self.sessions, study = sessions, sessions.study
        self.facts = {"name": study.name, "title": study.settings.title, "disclaimer": DISCLAIMER,
                      "diseases": study.label_space.diseases, "body_parts": study.label_space.body_parts,
                      "attributes": study.label_space.attributes}  # fmt: skip


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the study's lock: two programs must not add to the same answers.

    Raises:
        ValueError: another program holds it.
    """
    lock = FileLock(folder / "answers" / ".lock")
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise ValueError(f"{folder} is served by another program already: stop that one first") from error
    try:
        yield
    finally:
        lock.release()


def serve(folder: Path, port: int) -> None:
    """Serve a study until interrupted.

    Raises:
        ValueError: the folder is no study, or it is served already.
        OSError: the port is taken.
    """
    study = load_study(folder)
    with only_one(folder), ReadingServer(Sessions(study), port) as server:
        print(f"{study.settings.title}: http://{LOOPBACK}:{server.server_address[1]}/ (stop with Ctrl+C)\n{DISCLAIMER}",
              flush=True)  # fmt: skip
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped; every answer is kept")
