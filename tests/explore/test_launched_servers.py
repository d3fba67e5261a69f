"""What `dermimit explore` opens answers to this machine's names and to who has the token: over HTTP and websockets."""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("voila")
websocket = pytest.importorskip("websocket")
from tornado.httputil import HTTPHeaders, HTTPServerRequest  # noqa: E402

from dermimit.explore.guard import Foreign  # noqa: E402
from dermimit.explore.guarded_voila import GuardedVoila  # noqa: E402
from dermimit.explore.launch import APPS, command  # noqa: E402

SECRET = "photograph of a patient"
PATHS = {
    "voila": ["/", "/voila/static/favicon.ico", "/voila/templates/lab/static/voila.js", "/voila/files/page.ipynb",
              "/api/kernels/{kernel}", "/login", "/nothing"],
    "jupyter": ["/", "/api", "/api/contents", "/api/kernels", "/api/contents/page.ipynb", "/files/page.ipynb",
                "/static/favicon.ico", "/lab", "/tree", "/login", "/nothing", "/api/status"],
}  # fmt: skip


class Asked(HTTPServerRequest):
    """A request with these Host headers."""

    def __init__(self, *hosts):
        self.headers = HTTPHeaders()
        for host in hosts:
            self.headers.add("Host", host)


def test_only_one_host_of_this_machine_is_ours():
    def foreign(*hosts):
        return Foreign().match(Asked(*hosts)) == {}

    assert not any(map(foreign, ("localhost", "LOCALHOST:80", "127.0.0.1:8888", "[::1]:8888", "[::1]")))
    for host in (
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "0.0.0.0",
        "evil@localhost",
        "",
    ):
        assert foreign(host), host
    assert foreign() and foreign("localhost", "evil.example")


def test_a_users_own_configuration_cannot_open_the_server(tmp_path):
    for app in APPS:
        words = command(app, tmp_path / "page.ipynb", 9000, browser=False)
        ip = [word for word in words if word.endswith(".ip=127.0.0.1")]
        assert len(ip) == 1 and "--port=9000" in words and "--no-browser" in words
        assert not any("token=" in word for word in words if "auto_token" not in word)  # others see these words


def test_the_browser_is_told_the_token_by_a_private_file(monkeypatch, tmp_path):
    from types import SimpleNamespace

    opened = []
    monkeypatch.setattr("dermimit.explore.guarded_voila.webbrowser.open", opened.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    app = SimpleNamespace(connection_url="http://127.0.0.1:1/", identity_provider=SimpleNamespace(token="abc"))
    GuardedVoila.launch_browser(app)
    [page] = tmp_path.iterdir()
    assert opened == [page.as_uri()] and "url=http://127.0.0.1:1/?token=abc" in page.read_text()
    assert page.stat().st_mode & 0o077 == 0


class Started:
    """A real server of a notebook that shows a secret, started as `dermimit explore` does, with a careless user's
    configuration."""

    def __init__(self, app, folder):
        self.app, page = app, folder / "page.ipynb"
        cell = nbformat.v4.new_code_cell(f"print({SECRET!r})", id="secret")
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), page)
        careless = folder / "config"
        careless.mkdir()
        settings = {"ServerApp": {"ip": "0.0.0.0", "token": "", "password": "", "allow_remote_access": True,
                                  "allow_origin": "*", "disable_check_xsrf": True},
                    "IdentityProvider": {"token": ""}, "Voila": {"ip": "0.0.0.0", "token": ""}}  # fmt: skip
        for name in ("jupyter_server_config", "jupyter_lab_config", "jupyter_notebook_config", "voila"):
            (careless / f"{name}.json").write_text(json.dumps(settings))
        self.log = folder / "log"
        environment = os.environ | {"JUPYTER_CONFIG_DIR": str(careless), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
                                    "JUPYTER_PREFER_ENV_PATH": "0", "IPYTHONDIR": str(folder / "ipython"),
                                    "JUPYTERLAB_SETTINGS_DIR": str(folder / "lab"), "HOME": str(folder)}  # fmt: skip
        environment.pop("JUPYTER_TOKEN", None)
        words = command(app, page, free_port(), browser=False) + (["--allow-root"] if app != "voila" else [])
        with self.log.open("w") as log:
            self.process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env=environment)
        ends = time.monotonic() + 300
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/\S*\?token=(\w+)", self.log.read_text())):
            assert self.process.poll() is None and time.monotonic() < ends, self.log.read_text()[-3000:]
            time.sleep(0.2)
        self.port, self.token = int(found[1]), found[2]

    def get(self, path, host=None, token=True, method="GET"):
        """Status and content."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": f"token {self.token}"} if token else {}
        connection.request(
            method, path, "{}" if method == "POST" else None, headers=headers | ({"Host": host} if host else {})
        )
        response = connection.getresponse()
        content = response.read().decode(errors="replace")
        connection.close()
        return response.status, content

    def kernel(self):
        """The identity of a kernel that runs."""
        if self.app == "voila":
            return re.search(r'"kernelId":\s*"([\w-]+)"', self.get("/")[1])[1]
        return json.loads(self.get("/api/kernels", method="POST")[1])["id"]

    def opened(self, kernel, host=None, origin=None, token=True):
        """Whether a websocket to the kernel opens."""
        headers = [f"Authorization: token {self.token}"] if token else []
        address = f"ws://127.0.0.1:{self.port}/api/kernels/{kernel}/channels"
        client = websocket.WebSocket()
        client.settimeout(60)
        try:
            client.connect(address, header=headers, host=host, origin=origin, suppress_origin=origin is None)
        except websocket.WebSocketBadStatusException as error:
            assert error.status_code == 403
            return False
        finally:
            client.shutdown()
        return True


def free_port():
    """A port that nobody uses just now."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def listens_on(port):
    """The addresses, in hexadecimal digits, on which something listens to a port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    lines += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    return {line[1].split(":")[0] for line in lines if line[3] == "0A" and int(line[1].split(":")[1], 16) == port}


@pytest.fixture(params=APPS)
def started(request, tmp_path):
    server = Started(request.param, tmp_path)
    yield server
    server.process.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.process.wait(20)
    server.process.kill()
    server.process.wait()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks in /proc for the addresses that are listened on")
def test_a_launched_server_asks_for_its_token_and_answers_to_no_foreign_name(started):
    page = "/" if started.app == "voila" else "/api/contents/page.ipynb"
    status, content = started.get(page)
    assert status == 200 and SECRET in content
    kernel = started.kernel()
    for path in PATHS["voila" if started.app == "voila" else "jupyter"]:
        for host in ("evil.example", f"evil.example:{started.port}", "0.0.0.0"):
            status, content = started.get(path.format(kernel=kernel), host)
            assert status == 403 and SECRET not in content, (path, host)
    status, content = started.get(page, token=False)
    assert status in (302, 403) and SECRET not in content
    ours, evil = f"http://127.0.0.1:{started.port}", "http://evil.example"
    assert started.opened(kernel, origin=ours)
    assert not started.opened(kernel, host="evil.example", origin=evil)
    assert not started.opened(kernel, host="evil.example", origin=ours)
    assert not started.opened(kernel, host="evil.example")
    assert not started.opened(kernel, origin=ours, token=False)
    assert not started.opened(kernel, origin=evil, token=False)
    assert listens_on(started.port) == {"0100007F"}  # 127.0.0.1
