"""What the reading page may ask for, and what it gets."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from dermimit.reader_study.answers import AnswerError
from dermimit.reader_study.connections import Incoming
from dermimit.reader_study.design import REVISED, WITH
from dermimit.reader_study.session import ConflictError, UnknownReaderError

if TYPE_CHECKING:
    from dermimit.reader_study.server import ReadingServer

HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
LENGTH = re.compile(r"[0-9]{1,9}", re.ASCII)
MOST_BYTES = 20_000  # of an answer
MOST_REQUEST = 64_000 + MOST_BYTES  # with its headers
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
NO_READER = "there is no such reader: type the code as it was given to you"
OUR_FAULT = "the machine that keeps the answers has a fault, and nothing was kept: tell those who run the study"
Reply = tuple[bytes, str]


class Refused(Exception):
    """A request that is not served: a status and what to tell the reader."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Answers requests of the page. A reader gets the photograph of the case at hand and no other, and the model's view
    only after the first answer is on the disk. No reply names a file of this machine."""

    server: ReadingServer
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # a reply to what is no HTTP has a status too
    server_version, sys_version = "dermimit", ""

    def setup(self) -> None:
        """Read through a limit of time and length."""
        super().setup()
        self.incoming = Incoming(self.connection, self.server.idle_seconds, self.server.request_seconds, MOST_REQUEST)
        self.rfile = io.BufferedReader(self.incoming)

    def handle_one_request(self) -> None:
        """Wait for a request and answer it."""
        self.incoming.next_request()
        self.server.connections.waits(self.connection, idle=True)
        super().handle_one_request()

    def do_GET(self) -> None:
        """Serve the page, the study's lists, a reader's next step, or a picture."""
        self._serve(self._get)

    def do_POST(self) -> None:
        """Take an answer."""
        self._serve(self._post)

    def _serve(self, respond: Callable[[SplitResult, bytes], Reply]) -> None:
        try:
            self._check_host()
            url, body = self._url(), self._body()
            self.server.connections.waits(self.connection, idle=False)
            content, kind = respond(url, body)
        except Refused as refused:
            return self._refuse(refused.status, str(refused))
        except UnknownReaderError:
            return self._refuse(HTTPStatus.NOT_FOUND, NO_READER)
        except (ValueError, LookupError, OSError) as error:  # damaged or full disk: tell who can mend it
            print(f"dermimit: {error}", file=sys.stderr, flush=True)
            return self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, OUR_FAULT)
        self._reply(HTTPStatus.OK, content, kind)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request: as any other, and without the page of the standard library."""
        self._refuse(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        self.close_connection = True  # what follows may be the rest of a request that was not read
        self._reply(status, to_json({"error": text}), "application/json")

    def _reply(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in (HEADERS | {"Content-Type": kind, "Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.connection.settimeout(self.server.reply_seconds)  # of the whole reply, not of each part
        self.server.connections.waits(self.connection, idle=True)
        self.end_headers()
        self.wfile.write(content)

    def _only(self, header: str) -> str | None:
        """The header's value; a second one of its name would be read differently elsewhere."""
        values = self.headers.get_all(header, [])
        if len(values) > 1:
            raise Refused(HTTPStatus.BAD_REQUEST, f"give {header} once")
        return values[0].strip() if values else None

    def _check_host(self) -> None:
        """Refuse other sites: those that reach us under a name of theirs, and those that post from elsewhere."""
        host, origin = self._only("Host") or "", self._only("Origin")
        match = HOST.fullmatch(host)
        if match is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "the Host header names no host")
        if match[1].lower() not in self.server.names:
            raise Refused(HTTPStatus.FORBIDDEN, "this page is not served under that name: open it as localhost, or "
                          "under the name that was allowed for the study")  # fmt: skip
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            raise Refused(HTTPStatus.FORBIDDEN, "this request comes from another page")

    def _url(self) -> SplitResult:
        try:
            url = urlsplit(self.path)
            parse_qs(url.query, max_num_fields=8)
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, "no address") from error
        if url.netloc or not url.path.startswith("/"):
            raise Refused(HTTPStatus.BAD_REQUEST, "give the path alone")
        return url

    def _body(self) -> bytes:
        """The body, read in full before anything is done; only answers have one."""
        length, encoding = self._only("Content-Length"), self._only("Transfer-Encoding")
        if encoding is not None or (length is not None and not LENGTH.fullmatch(length)):
            raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length: give a whole number of bytes, and nothing in chunks")
        count = int(length or 0)
        if self.command != "POST" and count:
            raise Refused(HTTPStatus.BAD_REQUEST, "only answers have a body")
        if count > MOST_BYTES:
            raise Refused(HTTPStatus.BAD_REQUEST, f"send one JSON object of at most {MOST_BYTES} bytes")
        try:
            body = self.rfile.read(count)
        except TimeoutError as error:
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, "the request did not come in time") from error
        if len(body) < count:
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is shorter than its Content-Length")
        return body

    def _get(self, url: SplitResult, body: bytes) -> Reply:
        if url.path in STATIC:
            name, kind = STATIC[url.path]
            return resources.files(__package__).joinpath(name).read_bytes(), kind
        if url.path == "/api/study":
            return to_json(self.server.facts), "application/json"
        reader = self.server.sessions.check_reader((parse_qs(url.query).get("reader") or [""])[0])
        due = self.server.sessions.next_step(reader)
        if url.path == "/api/next":
            return to_json(due), "application/json"
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

    def _post(self, url: SplitResult, body: bytes) -> Reply:
        if url.path != "/api/answer":
            raise Refused(HTTPStatus.NOT_FOUND, "answers go to /api/answer")
        try:
            return to_json(self.server.sessions.save(self._answer(body))), "application/json"
        except AnswerError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        except ConflictError as error:
            raise Refused(HTTPStatus.CONFLICT, str(error)) from error

    def _answer(self, body: bytes) -> dict[str, Any]:
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.BAD_REQUEST, "send one JSON object, as application/json")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"not JSON: {error}") from error
        if not isinstance(answer, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "send one JSON object")
        return answer

    def log_message(self, *args: object) -> None:
        """Nothing: addresses hold reader codes."""


def to_json(values: object) -> bytes:
    """JSON as it is sent."""
    return json.dumps(values, ensure_ascii=False).encode()
