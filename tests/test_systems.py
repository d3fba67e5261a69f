"""The package without what Windows lacks: its modules and functions are taken away here, since only Linux is tested."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
UNIX_MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "crypt", "nis", "spwd")
UNIX_NAMES = {
    "os": {
        "fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "getpgid", "setpgid", "setsid", "killpg", "nice",
        "sysconf", "uname", "getloadavg", "sched_getaffinity", "mkfifo", "mknod", "chown", "lchown", "fchmod", "wait",
        "pread", "pwrite", "sendfile", "posix_spawn", "statvfs", "sync", "getxattr", "setxattr", "O_NOFOLLOW",
        "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "WNOHANG", "set_blocking", "openpty", "getpriority", "chroot",
    },
    "signal": {
        "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGHUP", "SIGQUIT", "SIGCHLD", "SIGPIPE", "SIGSTOP", "SIGCONT",
        "alarm", "setitimer", "pause", "pthread_kill", "sigwait",
    },
    "time": {"tzset", "clock_gettime"},
    "select": {"poll", "epoll"},
}  # fmt: skip
TAKEN_AWAY = """
import importlib, json, pkgutil, signal, sys, warnings
root, data, run, modules, signals = sys.argv[1:]
sys.path.insert(0, root)
for name in json.loads(modules):
    sys.modules[name] = None
for name in json.loads(signals):
    delattr(signal, name)
import dermimit
from dermimit.extras import MissingExtraError
imported = 0
for module in pkgutil.walk_packages(dermimit.__path__, "dermimit."):
    if module.name != "dermimit.__main__":
        try:
            importlib.import_module(module.name)
            imported += 1
        except MissingExtraError as error:
            print(module.name, error, file=sys.stderr)

from pathlib import Path
from dermimit.predict import predict_photo
from dermimit.train import TrainConfig, fit, load_run
warnings.simplefilter("ignore")  # filelock finds itself on a Linux that cannot lock
model = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3}
recipe = {"image_size": 16, "model_kwargs": model, "samples": 8, "epochs": 1, "batch_size": 4}
finished = load_run(fit(TrainConfig(data_root=Path(data), out=Path(run), dataset="folder", **recipe)))
answer = predict_photo(finished, Path(data) / "train" / "acne" / "0.png").answers["disease"]
print(json.dumps([imported, sorted(answer.index), float(answer.sum()), finished.provenance["peak_memory_mb"]]))
"""


@pytest.mark.slow
def test_every_module_is_imported_and_a_model_trained_and_asked_without_what_windows_lacks(tmp_path):
    for split in ("train", "val", "test"):
        for disease, colour in (("acne", 90), ("eczema", 180)):
            for i in range(2):
                path = tmp_path / "data" / split / disease / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((16, 16, 3), colour + i + len(split), np.uint8)).save(path)
    names = [json.dumps(UNIX_MODULES), json.dumps(sorted(UNIX_NAMES["signal"]))]
    command = [sys.executable, "-c", TAKEN_AWAY, str(ROOT), str(tmp_path / "data"), str(tmp_path / "run"), *names]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    imported, diseases, total, memory = json.loads(done.stdout.splitlines()[-1])
    assert imported > 150 and diseases == ["acne", "eczema"] and abs(total - 1) < 1e-2 and memory is None
    assert not [name for name in os.listdir(tmp_path / "run") if name.startswith(".")]


def test_no_function_that_windows_lacks_is_used():
    for path in sorted((ROOT / "dermimit").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]:
            assert node.attr not in UNIX_NAMES.get(node.value.id, ()), f"{path}: {ast.unparse(node)}"


def test_text_is_read_and_written_as_utf_8_whatever_the_system():
    for path in sorted((ROOT / "dermimit").rglob("*.py")):
        for call in [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]:
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            given = {keyword.arg for keyword in call.keywords}
            where = f"{path}: {ast.unparse(call)}"
            if name in ("read_text", "write_text") or ("text" in given and name in ("run", "Popen", "check_output")):
                assert "encoding" in given, where
