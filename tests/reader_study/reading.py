"""What the tests of the reader study share: a clock that can be set, answers, and requests."""

import http.client
import json
from datetime import UTC, datetime, timedelta

from dermimit.reader_study.clock import StudyClock


class Clock:
    """A clock that goes on when it is told, and that can be set wrong meanwhile."""

    def __init__(self, time=datetime(2026, 1, 1, tzinfo=UTC)):
        self.time, self.seconds = time, 0.0

    def passes(self, **time):
        """Time goes by."""
        self.seconds += timedelta(**time).total_seconds()
        self.time += timedelta(**time)

    def is_set(self, **time):
        """Somebody sets the clock by so much, and no time goes by."""
        self.time += timedelta(**time)

    def of(self, study):
        """The study's clock, by this one."""
        return StudyClock(study, lambda: self.time, lambda: self.seconds)


def offered(study):
    """The lists that the page offers."""
    names = study.label_space
    return {part: list(getattr(names, part)) for part in ("diseases", "body_parts", "attributes")}


def given(study, reader, due, **changes):
    """An answer to what is due, as the page would send it."""
    answer = {"body_part": "forearm", "attributes": [], "differential": ["acne vulgaris"]}
    answer |= {"confidence": 50, "seconds": 3.0, "interruptions": 0}
    return {"reader": reader, **{k: due[k] for k in ("period", "case", "step")}} | answer | changes


def asked(server, method, path, body=None, **headers):
    """A reply and its content."""
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def posted(server, answer, **headers):
    """Status and content of the reply to an answer."""
    usual = {"Content_Type": "application/json"} | headers
    response, content = asked(server, "POST", "/api/answer", json.dumps(answer), **usual)
    return response.status, json.loads(content)
