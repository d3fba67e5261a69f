"""Records of runs: written whole or not at all, with where they come from; published copies."""

import errno
import hashlib
import json
import os
import platform
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from dermimit.evaluate.ranks import rank_of_truth
from dermimit.files import read_json, without_folders

PACKAGE = Path(__file__).parent
PACKAGES = ("torch", "torchvision", "timm", "accelerate", "numpy", "pandas", "scikit-learn", "dermimit")
RESULT_CODE = (
    "data",
    "model",
    "train",
    "weights",
    "evaluate/calibration.py",
    "evaluate/metrics.py",
    "evaluate/predictions.py",
    "evaluate/ranking.py",
    "evaluate/ranks.py",
    "evaluate/temperatures.py",
)
"""The parts of the package that a run's numbers depend on."""
DISK_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of disk space is used up",
    errno.EFBIG: "files may not become this large here (ulimit -f)",
}


def write_atomically(path: Path, write: Callable[[Path], object], durable: bool = True, mode: int = -1) -> None:
    """Calls `write` with a temporary name beside `path` and renames: `path` is complete or as it was before, also after
    a loss of power. Others may read it as the umask says, whatever the writer does.

    Args:
        path: file to write.
        write: writes a file under the name that it is given.
        durable: whether file and folder are on the disk when this returns; False for many files that are looked at
            before they are used, such as pictures that can be drawn again.
        mode: rights of the file, also while it is written; -1: as the umask says.

    Raises:
        OSError: `write` failed; of a full disk, with the remedy.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder: name a file", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its folder is not there: make it, or name another file", str(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if mode >= 0:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT, mode))
            temporary.chmod(mode)
        else:
            temporary.touch()
            mode = stat.S_IMODE(temporary.stat().st_mode)
        write(temporary)
        temporary.chmod(mode)  # safetensors' writer leaves its files to their owner alone
        if durable:
            sync(temporary)
        os.replace(temporary, path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise OSError(error.errno, f"{path}: {DISK_FULL[error.errno]}; nothing is half-written: make room and run "
                          "again, what is finished is kept") from error  # fmt: skip
        raise
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Returns once a file's content is on the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Returns once the names in a folder are on the disk, where the system can say so (not on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # a file system that syncs no folders
            raise
    finally:
        os.close(handle)


def write_json(path: Path, values: object) -> None:
    """Indented JSON, written atomically; NaN is written as null."""
    text = json.dumps(_without_nan(values), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(path, lambda p: p.write_text(text, encoding="utf-8"))


def _without_nan(values: object) -> object:
    if isinstance(values, dict):
        return {key: _without_nan(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_without_nan(value) for value in values]
    return None if isinstance(values, float) and values != values else values


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """A frame as zstd-compressed Parquet, written atomically."""
    write_atomically(path, lambda p: frame.to_parquet(p, compression="zstd", index=False))


def code_fingerprint() -> str:
    """SHA-256 over the sources that a run's numbers depend on (see `RESULT_CODE`)."""
    digest = hashlib.sha256()
    for part in RESULT_CODE:
        root = PACKAGE / part
        for path in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            digest.update(path.relative_to(PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def data_fingerprint(frame: pd.DataFrame) -> str:
    """SHA-256 over a manifest: which photographs, labels and splits."""
    return hashlib.sha256(frame.to_json(orient="records", force_ascii=False).encode()).hexdigest()


def git_state() -> tuple[str, bool]:
    """The commit of the package's checkout and whether files differ from it; ("unknown", False) elsewhere.

    Elsewhere is also an environment that lies in the checkout of another project. Folders that the checkout's
    pyproject.toml lists as `records` under [tool.dermimit] do not count: a measurement that replaces its own record
    would call itself modified.
    """

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=PACKAGE, capture_output=True, encoding="utf-8", errors="replace", check=True
        )
        return done.stdout.strip()

    try:
        if not git("ls-files", "--", "."):
            return "unknown", False
        aside = [f":(top,exclude){folder}" for folder in _record_folders(Path(git("rev-parse", "--show-toplevel")))]
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", *aside)
        return git("rev-parse", "HEAD"), bool(changed)
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False


def _record_folders(checkout: Path) -> list[str]:
    try:
        settings = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return settings.get("tool", {}).get("dermimit", {}).get("records", [])


def processor() -> str:
    """The name that the processor gives itself, and whether it computes in bf16; "" where the system does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    name = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), "")
    return name + (", bf16" if "bf16" in text else "")


def peak_memory_mb() -> int | None:
    """The most memory that this process has held, in MiB; None where the system does not say (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, else in KiB
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)


@cache
def versions() -> dict[str, str]:
    """Version of each of `PACKAGES`, looked up once: this process has loaded no others."""
    return {name: version(name) for name in PACKAGES}


def provenance(frame: pd.DataFrame, started: float, extra: dict[str, Any]) -> dict[str, Any]:
    """Where a record comes from.

    Args:
        frame: the manifest that was used.
        started: seconds since the epoch.
        extra: seed, device and what else the run knows.

    Returns:
        commit, dirty, versions, fingerprints of code and data, started (ISO, UTC), seconds, peak_memory_mb of the
        process (None where not known), python, platform, processor, and `extra`.
    """
    commit, dirty = git_state()
    return {
        "commit": commit,
        "dirty": dirty,
        "versions": dict(versions()),
        "code_fingerprint": code_fingerprint(),
        "data_fingerprint": data_fingerprint(frame),
        "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "seconds": max(0.0, round(time.time() - started, 1)),  # 0 where the clock was set back
        "peak_memory_mb": peak_memory_mb(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        **extra,
    }


def origins(record: object) -> list[dict[str, Any]]:
    """Where a stored measurement comes from: its own provenance, or that of each run that it lists; else nothing.

    Args:
        record: content of its JSON file.
    """
    if not isinstance(record, dict):
        return []
    if isinstance(record.get("provenance"), dict):
        return [record["provenance"]]
    runs = record.get("runs")
    return [run for run in runs if isinstance(run, dict) and "commit" in run] if isinstance(runs, list) else []


def publish(run: Path, destination: Path, predictions: Literal["all", "answers", "none"] = "all") -> None:
    """Copies the small part of a finished run's record, to be quoted.

    Args:
        run: the run's folder.
        destination: folder to write; replaced file by file.
        predictions: "all" probabilities, of validation and test split; or the disease "answers" of the test split
            alone, see `answers_of`; or "none", where the labels may not be passed on.

    Raises:
        FileNotFoundError: the run is not finished.
    """
    if not (run / "metrics.json").exists():
        raise FileNotFoundError(f"{run} is not a finished run: metrics.json is missing; train it first")
    destination.mkdir(parents=True, exist_ok=True)
    config = read_json(run / "config.json")
    paths = ("data_root", "out", "start_from", "quarantine", "cache", "tokens", "weights")
    # names only: where they lay is nobody's business
    config |= {key: Path(config[key]).name for key in paths if config.get(key)}
    config |= {"data_options": without_folders(config.get("data_options") or {})}
    write_json(destination / "config.json", config)
    for name in ("metrics.json", "provenance.json", "label_space.json"):
        write_json(destination / name, read_json(run / name))
    write_parquet(destination / "history.parquet", pd.read_parquet(run / "history.parquet"))
    if predictions != "none":
        frame = pd.read_parquet(run / "predictions.parquet")
        kept = frame.drop(columns="selected", errors="ignore")
        if predictions == "answers":
            kept = answers_of(kept[kept["split"] == "test"], read_json(run / "label_space.json")["diseases"])
        write_parquet(destination / "predictions.parquet", kept)


def answers_of(predictions: pd.DataFrame, diseases: list[str]) -> pd.DataFrame:
    """What is needed to compare models on one question: a twentieth of the space that all probabilities take.

    Args:
        predictions: as a run stores them.
        diseases: the label space's, in the order of the probabilities.

    Returns:
        columns `image, split, patient_id, disease` and `answer`, the most probable disease, as categories;
        `confidence`, its probability (float16); `rank` of the true disease, see `rank_of_truth` (missing where none is
        known).
    """
    probability = np.stack(predictions["disease_prob"].to_list()).astype(np.float32)
    place = {name: i for i, name in enumerate(diseases)}
    truth = predictions["disease"].map(place)
    rank = pd.Series(rank_of_truth(probability, truth.fillna(0).astype(int).to_numpy()), index=predictions.index)
    rank = rank.where(truth.notna())
    kept = predictions[["image", "split", "patient_id", "disease"]]
    return kept.assign(
        disease=pd.Categorical(kept["disease"], diseases),
        answer=pd.Categorical.from_codes(probability.argmax(axis=1), diseases),
        confidence=probability.max(axis=1).astype(np.float16),
        rank=rank.astype("UInt16"),
    )
