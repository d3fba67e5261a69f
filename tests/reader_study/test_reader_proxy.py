"""The web server of the notebook 17_reader_study before the reading page: TLS, the study's name alone, slow clients."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from reading import Clock, given

from dermimit.reader_study.server import listening
from dermimit.reader_study.session import Sessions

pytest_plugins = ["prepared"]
PAGE = Path(__file__).parents[2] / "notebooks/17_reader_study.ipynb"
NAME = "study.clinic.example"
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed: on Debian, apt-get install nginx-light"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]
AROUND = """
{user}daemon off; pid {folder}/pid; error_log {folder}/start.log;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    {block}
}}
"""


def example():
    """The block of the page."""
    cells = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
    return re.search(r"```nginx\n(.*?)```", "\n".join("".join(cell["source"]) for cell in cells), re.DOTALL)[1]


def free_port():
    """A port that nobody uses just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def proxied(study, tmp_path):
    """The port of nginx before a server of the study, and the certificate to trust."""
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    words += ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", "study.key", "-out", "study.crt"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    with listening(Sessions(study, Clock().of(study)), 0, (NAME,)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        port, block = free_port(), example()
        for page, here in (
            ("listen 443", f"listen 127.0.0.1:{port}"),
            ("127.0.0.1:8642", f"127.0.0.1:{server.server_address[1]}"),
            ("/etc/ssl", str(tmp_path)),
            ("/var/log/nginx", str(tmp_path)),
            ("timeout 10s", "timeout 1s"),
        ):
            assert page in block, f"{page} is not in the example"
            block = block.replace(page, here)
        user = "user root;\n" if os.geteuid() == 0 else ""
        (tmp_path / "nginx.conf").write_text(AROUND.format(folder=tmp_path, block=block, user=user))
        nginx = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", "nginx.conf", "-e", str(tmp_path / "start.log")])
        try:
            ends = time.monotonic() + 20
            while True:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                assert nginx.poll() is None and time.monotonic() < ends, (tmp_path / "start.log").read_text()
                time.sleep(0.05)
            yield port, tmp_path / "study.crt"
        finally:
            nginx.terminate()
            nginx.wait(20)
            server.shutdown()
            thread.join()


class Through(HTTPSConnection):
    """A connection to nginx under the study's name, whose certificate is checked."""

    def __init__(self, proxied):
        context = ssl.create_default_context(cafile=str(proxied[1]))
        super().__init__(NAME, proxied[0], context=context, timeout=10)

    def connect(self):
        """To this machine, whatever the name."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.sock = self._context.wrap_socket(plain, server_hostname=NAME)


def asked(proxied, method, path, body=None, **headers):
    """Status and content."""
    connection = Through(proxied)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_reader_reads_and_answers_through_the_web_server(proxied, study):
    reader = next(iter(study.plans))
    assert b"not a medical device" in asked(proxied, "GET", "/")[1]
    due = json.loads(asked(proxied, "GET", f"/api/next?reader={reader}")[1])
    assert asked(proxied, "GET", f"/photo/{due['case']}?reader={reader}")[0] == 200
    answer = json.dumps(given(study, reader, due))
    usual = {"Content_Type": "application/json", "Origin": f"https://{NAME}:{proxied[0]}"}
    status, content = asked(proxied, "POST", "/api/answer", answer, **usual)
    assert status == 200 and json.loads(content)["step"] == "revised"
    assert asked(proxied, "POST", "/api/answer", answer, **usual | {"Origin": "https://evil.example"})[0] == 403
    assert asked(proxied, "POST", "/api/answer", "x" * 30_000, **usual)[0] == 413


def test_no_other_name_comes_through(proxied):
    assert asked(proxied, "GET", "/", Host="evil.example")[0] == 403
    assert asked(proxied, "GET", "/", Host=NAME)[0] == 200


def test_no_log_of_the_web_server_holds_a_code(proxied, study):
    reader = next(iter(study.plans))
    for path in (f"/api/next?reader={reader}", f"/photo/C999?reader={reader}"):
        asked(proxied, "GET", path)
    for path in proxied[1].parent.glob("*.log"):
        assert reader not in path.read_text()


def test_a_slow_client_is_cut_off_by_the_web_server(proxied):
    connection = Through(proxied)
    connection.connect()
    begun = time.monotonic()
    with suppress(OSError):
        connection.sock.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nX: ".encode())
        while time.monotonic() - begun < 8:
            connection.sock.sendall(b"y")
            time.sleep(0.1)
    connection.close()
    assert time.monotonic() - begun < 6
