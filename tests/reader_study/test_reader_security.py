"""Strangers, slow clients, wrong clocks and damaged files can do nothing to a reader study, and are told in a line."""

import errno
import http.client
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from reading import Clock, asked, given, posted

from dermimit.cli import main
from dermimit.reader_study import answers as answer_files
from dermimit.reader_study import server as serving
from dermimit.reader_study.clock import ClockError
from dermimit.reader_study.connections import Connections
from dermimit.reader_study.design import CODE, new_codes
from dermimit.reader_study.kept import answers_of
from dermimit.reader_study.session import ConflictError, Sessions, UnknownReaderError
from dermimit.reader_study.study import Settings, load_study, prepare
from dermimit.records import read_json, write_json

pytest_plugins = ["prepared"]
posix = pytest.mark.skipif(os.name != "posix", reason="file modes and limits of POSIX")


def first(study):
    """A reader's code."""
    return next(iter(study.plans))


def raw(server, content, wait=5):
    """Send bytes as they are; all that comes back until the server hangs up or falls silent."""
    reply = b""
    with socket.create_connection(server.server_address[:2], timeout=wait) as connection:
        connection.sendall(content)
        with suppress(TimeoutError, ConnectionError):
            while more := connection.recv(65_536):
                reply += more
    return reply


def status_of(reply):
    """The status of the only reply in it."""
    assert reply.count(b"HTTP/1.1 ") == 1, reply[:500]
    return int(reply.split()[1])


# ---------------------------------------------------------------- codes and seed


def test_codes_come_from_no_seed_and_are_long_enough_not_to_be_guessed(photos, run, tmp_path):
    one, two = (prepare(photos, run, tmp_path / n, Settings(cases=4, readers=4, seed=0)) for n in ("one", "two"))
    assert not set(one.plans) & set(two.plans) and list(one.key["image"]) == list(two.key["image"])
    assert [plan for plan in one.plans.values()] == [plan for plan in two.plans.values()]  # the seed's part
    codes = new_codes(1000)
    assert len(set(codes)) == 1000 and all(CODE.fullmatch(code) for code in codes)
    assert len({letter for code in codes for letter in code} - {"-"}) ** 12 > 2**50


def test_the_seed_is_secret_by_default_and_never_leaves_the_server(photos, run, tmp_path, served, study):
    seeds = {Settings().seed for _ in range(10)}
    assert len(seeds) == 10 and max(seeds) > 2**24
    known = prepare(photos, run, tmp_path / "known", Settings(cases=4, readers=1, seed=20_260_101))
    fingerprint = read_json(known.folder / "study.json")["provenance"]["data_fingerprint"]
    assert "20260101" not in known.name and "synderm" not in known.name and fingerprint[:8] not in known.name
    told = asked(served, "GET", "/api/study")[1] + asked(served, "GET", f"/api/next?reader={first(study)}")[1]
    facts = json.loads(asked(served, "GET", "/api/study")[1])
    assert set(facts) == {"name", "title", "disclaimer", "diseases", "body_parts", "attributes"}
    assert b"seed" not in told and b"sequence" not in told and b"plans" not in told
    assert not any(code.encode() in told for code in study.plans)


def test_a_study_with_codes_that_can_be_computed_is_refused(study):
    values = read_json(study.folder / "study.json")
    write_json(study.folder / "study.json", values | {"format": 1})
    with pytest.raises(ValueError, match=r"study\.json: format 1.*codes can be computed.*prepare the study anew"):
        load_study(study.folder)
    write_json(study.folder / "study.json", values | {"plans": {"../../x": values["plans"][first(study)]}})
    with pytest.raises(ValueError, match=r"'\.\./\.\./x' is no reader code"):
        load_study(study.folder)


# ---------------------------------------------------------------- nothing is read before the reader is known


@pytest.fixture
def reads(monkeypatch):
    """Files that are opened or asked for after the server has begun."""
    seen = []
    for name in ("exists", "is_file", "read_bytes", "open"):
        real = getattr(Path, name)
        monkeypatch.setattr(
            Path, name, lambda path, *a, real=real, **k: (seen.append(str(path)), real(path, *a, **k))[1]
        )
    return seen


def test_an_unknown_reader_touches_no_file_and_learns_no_path(served, study, tmp_path, reads):
    secret = tmp_path / "secret.jsonl"
    secret.write_text("not json\n")
    relative = os.path.relpath(secret, study.folder / "answers").removesuffix(".jsonl")
    for reader in (str(secret).removesuffix(".jsonl"), relative, "A" * 60_000, "NOBODY", "", "%00", "..%2f..%2fkey"):
        reads.clear()
        for path in ("/api/next", "/photo/C001", "/map/C001", "/nothing"):
            response, content = asked(served, "GET", f"{path}?reader={reader}")
            assert response.status == 404 and "no such reader" in json.loads(content)["error"]
        assert [path for path in reads if "answers" in path or "secret" in path] == []
    for reader in (str(secret).removesuffix(".jsonl"), relative, None, 5, [], {}):
        status, said = posted(served, given(study, reader, {"period": 1, "case": "C001", "step": "first"}))
        assert status == 404 and str(tmp_path) not in said["error"]
    assert [path for path in reads if "answers" in path or "secret" in path] == []


@posix
def test_a_fifo_in_place_of_answers_keeps_nobody_waiting(served, study, tmp_path, capsys):
    one, two = study.plans
    os.mkfifo(tmp_path / "fifo.jsonl")
    begun = time.monotonic()
    assert asked(served, "GET", f"/api/next?reader={tmp_path / 'fifo'}")[0].status == 404
    os.mkfifo(study.answers(one))
    response, content = asked(served, "GET", f"/api/next?reader={one}")
    assert response.status == 500 and str(study.folder) not in content.decode()
    assert asked(served, "GET", f"/api/next?reader={two}")[0].status == 200
    assert time.monotonic() - begun < 5 and "not a file" in capsys.readouterr().err


def test_no_lock_is_held_while_a_file_is_read(study, monkeypatch):
    sessions, (one, two) = Sessions(study, Clock().of(study)), study.plans
    due, entered, leave = sessions.next_step(one), threading.Event(), threading.Event()
    real = Path.read_bytes

    def slow(path):
        if path == study.answers(one):
            entered.set()
            assert leave.wait(20)
        return real(path)

    sessions.save(given(study, one, due))
    monkeypatch.setattr(Path, "read_bytes", slow)
    readers = [threading.Thread(target=sessions.next_step, args=(one,)) for _ in range(3)]
    [reader.start() for reader in readers]
    assert entered.wait(20)
    assert not any(lock.locked() for lock in sessions._locks.values())
    assert sessions.save(given(study, two, sessions.next_step(two)))["step"] == "revised"
    leave.set()
    [reader.join() for reader in readers]


def test_the_same_answer_from_many_threads_is_kept_once(study):
    sessions, reader = Sessions(study, Clock().of(study)), first(study)
    answer, said = given(study, reader, sessions.next_step(reader)), []
    start = threading.Barrier(8)

    def send(confidence):
        start.wait()
        try:
            said.append(sessions.save(answer | {"confidence": confidence}))
        except ConflictError as error:
            said.append(error)

    threads = [threading.Thread(target=send, args=(confidence,)) for confidence in (50, 50, 50, 50, 60, 60, 60, 60)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    kept = answers_of(study, reader).records
    assert len(kept) == 1 and len(said) == 8
    assert sum(isinstance(one, ConflictError) for one in said) == 4  # those with the other confidence


# ---------------------------------------------------------------- requests that are none


BAD = {
    "a host that is no host": b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "an empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "a user before the host": b"GET / HTTP/1.1\r\nHost: evil@localhost\r\n\r\n",
    "a path after the host": b"GET / HTTP/1.1\r\nHost: localhost/x\r\n\r\n",
    "an origin twice": b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nOrigin: null\r\n\r\n",
    "a length that is no number": "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ²\r\n\r\n".encode("latin1"),
    "a negative length": b"POST /api/answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nGET /",
    "chunks": b"POST /api/answer HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a GET with a body": b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n"
    b"GET /api/study HTTP/1.1\r\nHost: a\r\n\r\n",
    "too long a body": b"POST /api/answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20001\r\n\r\n",
    "another server's address": b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an address that is none": b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a hundred parameters": b"GET /api/next?" + b"a=1&" * 100 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_bad_request_is_refused_once_and_the_connection_closed(served, content):
    served.request_seconds = 2.0
    reply = raw(served, content)
    assert status_of(reply) == 400
    assert b"Connection: close" in reply and b"Traceback" not in reply


def test_a_name_that_merely_begins_like_ours_is_foreign(served):
    for host in ("localhost.evil.example", "127.0.0.1.evil.example", "evil.example", "[::1]", "0.0.0.0"):
        assert asked(served, "GET", "/", Host=host)[0].status == 403
    for origin in ("null", "http://localhost:1", "http://evil.example", "http://localhost@evil.example", "http://["):
        assert asked(served, "GET", "/", Host="localhost", Origin=origin)[0].status == 403
    assert asked(served, "GET", "/", Host="LOCALHOST:1234", Origin="http://localhost:1234")[0].status == 200


@pytest.mark.parametrize("body", [b"[" * 19_000, b'{"a":' * 3_900, b'{"a": ' + b"9" * 5_000 + b"}", b"\xff\xfe", b""])
def test_json_that_is_nested_or_no_json_is_refused(served, body):
    response, content = asked(served, "POST", "/api/answer", body, Content_Type="application/json")
    assert response.status == 400 and "JSON" in json.loads(content)["error"]


# ---------------------------------------------------------------- slow and idle clients


def test_bytes_that_drip_are_cut_off_in_time(served):
    served.request_seconds, served.idle_seconds = 0.6, 0.6
    for slow in (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"POST /api/answer HTTP/1.1\r\nHost: localhost\r\n"
                 b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"):  # fmt: skip
        begun = time.monotonic()
        with socket.create_connection(served.server_address[:2], timeout=5) as connection:
            connection.sendall(slow)
            with suppress(ConnectionError):
                while time.monotonic() - begun < 4:
                    connection.sendall(b" ")
                    time.sleep(0.05)
        assert time.monotonic() - begun < 3
    begun = time.monotonic()
    assert raw(served, b"") == b"" and time.monotonic() - begun < 3


def test_a_reply_that_nobody_takes_is_given_up(served, study, monkeypatch):
    served.reply_seconds = 0.4
    monkeypatch.setattr(type(study), "photo", lambda *_: study.folder / "large.png")
    (study.folder / "large.png").write_bytes(bytes(40_000_000))
    due = served.sessions.next_step(first(study))
    with socket.create_connection(served.server_address[:2]) as connection:
        path = f"/photo/{due['case']}?reader={first(study)}"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert waited(lambda: len(served.connections._idle_since) == 1)
        assert waited(lambda: not served.connections._idle_since)


def waited(condition, seconds=5.0):
    """Whether it comes true in time."""
    ends = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends:
        time.sleep(0.02)
    return condition()


def test_a_header_without_end_is_cut_off(served):
    begun = time.monotonic()
    lines = b"".join(b"X-%d: " % i + b"y" * 60_000 + b"\r\n" for i in range(50))
    reply = b""
    with suppress(ConnectionError):
        reply = raw(served, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + lines, wait=3)
    assert b"200" not in reply[:20] and time.monotonic() - begun < 3


def test_many_idle_clients_drive_out_themselves_and_no_reader(served, study):
    served.connections.most = 8
    idle = [socket.create_connection(served.server_address[:2]) for _ in range(60)]
    try:
        dripping = idle[-1]
        dripping.sendall(b"GET / HT")
        for _ in range(5):
            begun = time.monotonic()
            assert asked(served, "GET", f"/api/next?reader={first(study)}")[0].status == 200
            assert time.monotonic() - begun < 3
        assert len(served.connections._idle_since) <= 8
        assert threading.active_count() < 40
    finally:
        [connection.close() for connection in idle]


def test_a_connection_that_is_worked_for_is_never_hung_up():
    connections, pairs = Connections(2), [socket.socketpair() for _ in range(3)]
    one, two, three = (pair[0] for pair in pairs)
    assert connections.admit(one) and connections.admit(two)
    connections.waits(one, idle=False), connections.waits(two, idle=False)
    assert not connections.admit(three)
    connections.gone(two)
    assert connections.admit(three)
    [end.close() for pair in pairs for end in pair]


@posix
@pytest.mark.slow
def test_more_clients_than_open_files_make_no_busy_loop(study):
    text = "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\nfrom dermimit.cli import main\n"
    words = [
        sys.executable,
        "-c",
        f"{text}sys.exit(main(['reader-study', 'serve', {str(study.folder)!r}, '--port', '0']))",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline().rsplit(":", 1)[1].split("/")[0])
            idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
            time.sleep(1)
            before = cpu_seconds(process.pid)
            time.sleep(3)
            assert cpu_seconds(process.pid) - before < 0.6
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", f"/api/next?reader={first(study)}")
            assert connection.getresponse().status == 200
            connection.close()
            [one.close() for one in idle]
        finally:
            process.kill()


def cpu_seconds(pid):
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_no_file_left_to_open_is_waited_for_and_not_asked_again_at_once(served, monkeypatch):
    tries = []
    monkeypatch.setattr(serving.ThreadingHTTPServer, "get_request", lambda self: tries.append(1) or fail(errno.EMFILE))
    with socket.create_connection(served.server_address[:2]):
        time.sleep(0.5)
        monkeypatch.undo()
    assert 1 <= len(tries) <= 7


def fail(code):
    """As the system fails."""
    raise OSError(code, os.strerror(code))


@posix
def test_a_burst_of_clients_is_not_kept_waiting_by_a_short_queue(served):
    assert served.request_queue_size >= 100
    begun = time.monotonic()
    connections = [socket.create_connection(served.server_address[:2], timeout=5) for _ in range(60)]
    for connection in connections:
        with suppress(OSError):
            connection.sendall(b"GET /reader.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    replies = [connection.recv(15) for connection in connections]
    [connection.close() for connection in connections]
    assert replies.count(b"HTTP/1.1 200 OK") == 60 and time.monotonic() - begun < 5


# ---------------------------------------------------------------- answer files


def answered(study, steps=2):
    """A reader with so many answers on the disk."""
    sessions, reader = Sessions(study, Clock().of(study)), first(study)
    for _ in range(steps):
        sessions.save(given(study, reader, sessions.next_step(reader)))
    return reader


def nested(record):
    return "[" * 100_000


WRONG = {
    "an empty object": (lambda r: "{}", "reader: None"),
    "a list": (lambda r: "[]", "one JSON object"),
    "nested lists": (nested, "not an answer"),
    "a number": (lambda r: "5", "one JSON object"),
    "no JSON": (lambda r: "{broken", "not an answer"),
    "another reader": (lambda r: json.dumps(r | {"reader": "X"}), "reader: 'X'"),
    "another case": (lambda r: json.dumps(r | {"case": "C099"}), "case: 'C099'"),
    "another step": (lambda r: json.dumps(r | {"step": "first"}), "step: 'first'"),
    "the other arm": (lambda r: json.dumps(r | {"arm": "both"}), "arm: 'both'"),
    "an unknown disease": (lambda r: json.dumps(r | {"differential": ["flu"]}), "'flu': not of the list"),
    "no confidence": (lambda r: json.dumps({k: v for k, v in r.items() if k != "confidence"}), "confidence: None"),
    "a number as time": (lambda r: json.dumps(r | {"saved": 5}), "saved: 5"),
    "a time without zone": (lambda r: json.dumps(r | {"saved": "2026-01-01T00:00:00"}), "give the zone"),
}


@pytest.mark.parametrize(("damage", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_line_stops_with_its_number_and_the_remedy(served, study, damage, message, capsys):
    reader = answered(study)
    lines = study.answers(reader).read_text().splitlines()
    study.answers(reader).write_text("\n".join([lines[0], damage(json.loads(lines[1]))]) + "\n")
    with pytest.raises(ValueError, match=rf"{reader}\.jsonl, row 2: not an answer.*restore the file") as error:
        answers_of(study, reader)
    assert message in str(error.value)
    with pytest.raises(ValueError, match="row 2"):
        Sessions(study, Clock().of(study))  # a program that is started says it at once
    response, content = asked(served, "GET", f"/api/next?reader={reader}")
    assert response.status == 500 and "row" not in json.loads(content)["error"]
    assert "row 2" in capsys.readouterr().err
    assert main(["reader-study", "export", str(study.folder), "--out", str(study.folder / "x.parquet")]) == 2
    assert "row 2" in capsys.readouterr().err


def test_more_lines_than_the_plan_has_are_wrong(study):
    clock, reader = Clock(), first(study)
    sessions = Sessions(study, clock.of(study))
    while (due := sessions.next_step(reader))["state"] != "done":
        clock.passes(days=1 if due["state"] == "washout" else 0)
        if due["state"] == "answer":
            sessions.save(given(study, reader, due))
    with open(study.answers(reader), "a") as file:
        file.write(study.answers(reader).read_text().splitlines()[0] + "\n")
    with pytest.raises(ValueError, match=r"row 17: not an answer .the plan ends after 16"):
        answers_of(study, reader)


def test_a_name_that_was_made_when_the_disk_was_full_is_forced_to_the_disk_later(study, monkeypatch):
    reader, forced = first(study), []
    study.answers(reader).touch()
    monkeypatch.setattr(answer_files.os, "fsync", lambda number: forced.append(stat.S_ISDIR(os.fstat(number).st_mode)))
    sessions = Sessions(study, Clock().of(study))
    sessions.save(given(study, reader, sessions.next_step(reader)))
    assert True in forced


# ---------------------------------------------------------------- whose files they are


def modes(folder):
    """What is in a folder and may be read by others than the owner."""
    return {str(path.relative_to(folder)) for path in [folder, *folder.rglob("*")] if path.stat().st_mode & 0o077}


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_answers_codes_and_truth_are_for_the_owner_alone(photos, run, tmp_path, umask):
    before = os.umask(umask)
    try:
        study = prepare(photos, run, tmp_path / "deep" / "study", Settings(cases=4, readers=2))
        assert modes(study.folder) == set()
        with serving.only_one(study.folder):
            answered(study)
            sessions = Sessions(study, Clock().of(study))
            sessions.clock.correct("a test")
            assert (study.folder / "answers" / ".lock").exists()
            assert modes(study.folder) == set()
        out = tmp_path / "x.parquet"
        assert main(["reader-study", "export", str(study.folder), "--out", str(out)]) == 0
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
    finally:
        os.umask(before)


@posix
def test_a_study_that_others_could_read_is_closed_when_it_is_served(study, monkeypatch):
    for path in [study.folder, *study.folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    monkeypatch.setattr(serving.ReadingServer, "serve_forever", lambda self: None)
    serving.serve(study.folder, 0)
    assert modes(study.folder) == set()


# ---------------------------------------------------------------- the clock


def to_washout(study, sessions, reader):
    """Answer all of the first session."""
    while (due := sessions.next_step(reader))["state"] == "answer" and due["period"] == 1:
        sessions.save(given(study, reader, due))
    return due


def test_a_clock_ahead_in_the_first_session_is_noticed_and_put_right(study):
    clock, reader = Clock(), first(study)
    clock.is_set(days=500)
    due = to_washout(study, Sessions(study, clock.of(study)), reader)
    assert due["until"] == "2027-05-17T00:00+00:00"
    clock.is_set(days=-500)
    with pytest.raises(ClockError, match=r"the clock says 2026-01-01.*but 2027-05-16.* was seen.*correct-clock"):
        Sessions(study, clock.of(study))
    clock.passes(hours=1)
    clock.of(study).correct("the year was wrong", reader, datetime(2026, 1, 1, tzinfo=UTC))
    sessions = Sessions(study, clock.of(study))
    assert sessions.next_step(reader) == {"state": "washout", "until": "2026-01-02T00:00+00:00"}
    clock.passes(days=1)
    assert sessions.next_step(reader)["period"] == 2
    line = json.loads((study.folder / "answers" / "corrections.jsonl").read_text())
    assert line["why"] == "the year was wrong" and line["reader"] == reader and line["by"]
    assert line["before"]["latest"].startswith("2027-05-16") and line["ended"].startswith("2026-01-01T00:00")
    assert answers_of(study, reader).records[-1]["saved"].startswith("2027")  # what was kept is not rewritten


def test_a_clock_set_ahead_does_not_shorten_the_washout(study):
    clock, reader = Clock(), first(study)
    sessions = Sessions(study, clock.of(study))
    assert to_washout(study, sessions, reader)["state"] == "washout"
    clock.is_set(days=30)
    with pytest.raises(ClockError, match=r"the clock jumped to 2026-01-31.*when it was 2026-01-01"):
        sessions.next_step(reader)
    with pytest.raises(ClockError, match="jumped"):
        sessions.save(given(study, list(study.plans)[1], sessions.next_step(list(study.plans)[1])))
    with pytest.raises(ClockError, match="jumped"):  # and the next program knows
        Sessions(study, clock.of(study))
    clock.is_set(days=-30)
    assert sessions.next_step(reader)["state"] == "washout"
    sessions.clock.note()
    assert Sessions(study, clock.of(study)).next_step(reader)["state"] == "washout"


def test_the_latest_time_seen_never_goes_back(study):
    clock = Clock()
    one = clock.of(study)
    one.check(), one.note()
    clock.is_set(minutes=-5)  # within tolerance
    one.note()
    assert read_json(study.folder / "answers" / "times.json") == {"latest": "2026-01-01T00:00:00+00:00"}
    (study.folder / "answers" / "times.json").write_text('{"latest": 5}')
    with pytest.raises(ValueError, match=r"times\.json: no time in it.*delete it"):
        one.check()


def test_the_clock_is_corrected_by_command_and_only_with_a_reason(study, capsys):
    reader, (_, later) = first(study), list(study.plans)
    to_washout(study, Sessions(study, Clock().of(study)), reader)
    words = ["reader-study", "correct-clock", str(study.folder)]
    for more, message in (
        (["--why", " "], "--why: say what was wrong"),
        (["--why", "x", "--reader", reader], "go together"),
        (["--why", "x", "--reader", "NOBODY", "--ended", "2026-01-01T00:00+00:00"], "no such reader"),
        (["--why", "x", "--reader", reader, "--ended", "2026-01-01T00:00"], "with its zone"),
        (["--why", "x", "--reader", later, "--ended", "2026-01-01T00:00+00:00"], "first session is not complete"),
        (["--why", "x", "--reader", reader, "--ended", "2999-01-01T00:00+00:00"], "has passed"),
        (["--why", "x", "--reader", reader, "--ended", "soon"], "give a time such as"),
    ):
        assert main([*words, *more]) == 2
        assert message in capsys.readouterr().err
    assert not (study.folder / "answers" / "corrections.jsonl").exists()
    assert main([*words, "--why", "battery", "--reader", reader, "--ended", "2026-01-01T00:00+01:00"]) == 0
    assert f"the washout of {reader} counts from 2026-01-01" in capsys.readouterr().out
    with serving.only_one(study.folder):
        assert main([*words, "--why", "battery"]) == 2
    assert "served by another program" in capsys.readouterr().err


# ---------------------------------------------------------------- errors in one line


def one_line(capsys, *words):
    """What the command says where it fails."""
    assert main(["reader-study", *words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Errno" not in said and "Traceback" not in said
    return said


def test_a_port_in_use_is_said_in_a_line(study, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = one_line(capsys, "serve", str(study.folder), "--port", port)
    assert f"--port {port}: another program uses it" in said and "another port" in said
    assert "--port 70000: give 1 to 65535" in one_line(capsys, "serve", str(study.folder), "--port", "70000")


@posix
@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_is_said_in_a_line(study, capsys, monkeypatch, code):
    real = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *a, **k: fail(code) if str(path).endswith(".lock") else real(path, *a, **k)
    )
    said = one_line(capsys, "serve", str(study.folder))
    assert "answers cannot be kept there" in said and os.strerror(code) in said


def test_an_allowed_host_is_a_name_and_opens_nothing_else(study, capsys):
    for wrong in ("*", "https://clinic.example", "clinic.example:443", "Clinic.example", "a b", ""):
        assert "give a name in small letters" in one_line(capsys, "serve", str(study.folder), "--allowed-host", wrong)
    with serving.listening(Sessions(study, Clock().of(study)), 0, ("study.clinic.example",)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        assert server.server_address[0] == "127.0.0.1"
        for host, status in (("study.clinic.example", 200), ("study.clinic.example:8443", 200), ("localhost", 200),
                             ("clinic.example", 403), ("x.study.clinic.example", 403)):  # fmt: skip
            assert asked(server, "GET", "/", Host=host)[0].status == status
        server.shutdown()
        thread.join()


def test_unknown_readers_are_no_key_errors(study):
    with pytest.raises(UnknownReaderError):
        Sessions(study, Clock().of(study)).next_step("NOBODY")
    with pytest.raises(UnknownReaderError):
        Sessions(study, Clock().of(study)).save({"reader": ["x"]})
