"""Memory as work grows: training on photographs drawn on the fly, and scoring a file of a million predictions.

python benchmarks/memory.py              # about half an hour of one core
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import timm
import torch
import tyro
from pyarrow import parquet
from scipy import stats
from torch.utils.data import DataLoader, Dataset

import dermimit
from dermimit.data.synderm import LABEL_SPACE, SynDerm
from dermimit.data.targets import encode_targets
from dermimit.data.transforms import CutMix, train_transform
from dermimit.evaluate.metrics import score
from dermimit.evaluate.streaming import score_file
from dermimit.records import provenance, write_json
from dermimit.train.losses import task_objectives

ROOT = Path(__file__).parents[1]
MODEL = "dermimitformer_tiny_patch8_64"
BATCH = 64
WARM = 0.2  # share of the course that is not fitted: libraries fill their pools
Scoring = Literal["in parts", "at once"]


def resident() -> float:
    """Memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def peak() -> float:
    """The most memory that this process has had, in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


class OnTheFly(Dataset[dict[str, Any]]):
    """SynDerm's cases, drawn when they are asked for.

    Args:
        n: cases.
        size: side in pixels.
    """

    def __init__(self, n: int, size: int) -> None:
        self.cases, self.transform = SynDerm(n, image_size=size), train_transform(size)

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Any]:
        case = self.cases[index]
        row = {"disease": case.disease, "body_part": case.body_part, "attributes": list(case.labels.attributes)}
        frame = pd.DataFrame([row | {"attributes_unknown": None}])
        targets = {task: torch.from_numpy(t[0]) for task, t in encode_targets(frame, LABEL_SPACE).items()}
        return {"image": self.transform(torch.from_numpy(case.image.copy()).permute(2, 0, 1)), "targets": targets}


def train(cases: int, size: int, every: int) -> list[dict[str, float]]:
    """Train on cases drawn on the fly, each once; memory after every `every` cases."""
    torch.set_num_threads(1)
    model = timm.create_model(MODEL, num_classes=LABEL_SPACE.num_classes, img_size=size).train()
    optimizer, cutmix = torch.optim.AdamW(model.parameters(), 1e-3), CutMix()
    weights, rows = dict.fromkeys(LABEL_SPACE.num_classes, 1.0), []
    for step, batch in enumerate(DataLoader(OnTheFly(cases, size), BATCH), start=1):
        images, targets = cutmix(batch["image"], batch["targets"])
        logits, out = model(images)
        loss = sum(task_objectives(logits, out, targets, weights, True)[0].values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step * BATCH // every > (step - 1) * BATCH // every:
            rows.append({"cases": step * BATCH, "mb": round(resident(), 1), "loss": round(loss.item(), 3)})
            print(rows[-1], flush=True)
    return rows


def growth(rows: list[dict[str, float]]) -> dict[str, float]:
    """Least-squares slope of memory over cases after the warm-up, in MB a 100,000 cases, with its 95 % interval."""
    later = [row for row in rows if row["cases"] > WARM * rows[-1]["cases"]]
    x, y = (np.array([row[name] for row in later], float) for name in ("cases", "mb"))
    fit = stats.linregress(x / 1e5, y)
    width = float(stats.t.ppf(0.975, max(1, len(x) - 2)) * fit.stderr)
    return {"slope": float(fit.slope), "low": float(fit.slope) - width, "high": float(fit.slope) + width}


def write_predictions(path: Path, count: int, rows: int = 10_000) -> None:
    """A file of predictions as a run leaves it, of random answers to the prior of SynDerm."""
    draw, writer = np.random.default_rng(0), None
    for start in range(0, count, rows):
        part = predictions(min(rows, count - start), start, draw)
        table = pa.Table.from_pandas(part, preserve_index=False)
        writer = writer or parquet.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    writer.close()


def predictions(n: int, start: int, draw: np.random.Generator) -> pd.DataFrame:
    """`n` rows of random truths and probabilities."""
    frame = pd.DataFrame({"image": [f"images/{start + i:07d}.png" for i in range(n)]})
    for task in ("disease", "body_part"):
        classes = np.array(LABEL_SPACE.classes(task))
        frame[task] = draw.choice(classes, n).astype(object)
        exp = draw.exponential(size=(n, len(classes)))
        frame[f"{task}_prob"] = list((exp / exp.sum(axis=1, keepdims=True)).astype(np.float16))
    names = np.array(LABEL_SPACE.attributes)
    frame["attributes"] = [names[row].tolist() for row in draw.random((n, len(names))) < 0.1]
    frame["attributes_unknown"] = [["crust"] if "crust" not in labels else [] for labels in frame["attributes"]]
    frame["attributes_prob"] = list(draw.random((n, len(names))).astype(np.float16))
    return frame


def measure_scoring(path: Path, how: Scoring) -> dict[str, Any]:
    """Memory and seconds of scoring a file, in this process."""
    before, begun = resident(), time.perf_counter()
    found = score_file(path, LABEL_SPACE) if how == "in parts" else score(pd.read_parquet(path), LABEL_SPACE)
    seconds = round(time.perf_counter() - begun, 1)
    return {"before_mb": round(before), "peak_mb": round(peak()), "seconds": seconds, "scores": found}


def scored_elsewhere(path: Path, how: Scoring) -> dict[str, Any]:
    """`measure_scoring` in a process of its own, so that peaks do not mix."""
    command = [sys.executable, __file__, "--one", str(path), "--how", how]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def scoring(counts: tuple[int, ...], at_once: tuple[int, ...]) -> list[dict[str, Any]]:
    """A row for each number of predictions and way of scoring; both ways must agree where both are tried."""
    rows: list[dict[str, Any]] = []
    for count in counts:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name, "predictions.parquet")
            write_predictions(path, count)
            ways = ["in parts"] + (["at once"] if count in at_once else [])
            found = {how: scored_elsewhere(path, how) for how in ways}
            megabytes = round(path.stat().st_size / 2**20, 1)
        scores = [row.pop("scores") for row in found.values()]
        apart = max((abs(scores[0][k] - s[k]) for s in scores[1:] for k in s), default=None)
        rows += [{"predictions": count, "how": how, "file_mb": megabytes} | row for how, row in found.items()]
        rows[-1]["largest_difference"] = apart
        print(*rows[-len(ways) :], sep="\n", flush=True)
    return rows


def main(
    out: Path = ROOT / "results/published/survival/memory.json",
    cases: int = 100_000,
    size: int = 32,
    every: int = 2000,
    counts: tuple[int, ...] = (10_000, 100_000, 300_000, 1_000_000),
    at_once: tuple[int, ...] = (10_000, 100_000, 300_000),
    one: Path | None = None,
    how: Scoring = "in parts",
) -> None:
    """Measure and write the record.

    Args:
        out: file to write.
        cases: drawn and trained on.
        size: side of the photographs in pixels.
        every: cases between two looks at the memory.
        counts: of predictions, each in a file of its own.
        at_once: those of them that are also scored as a whole.
        one: score this file only, and print what was measured; what a child process is asked for.
        how: in parts or at once, for `one`.
    """
    if one is not None:
        print(json.dumps(measure_scoring(one, how)))
        return
    started = time.time()
    rows = scoring(counts, at_once)
    course = train(cases, size, every)
    facts = provenance(pd.DataFrame({"case": [cases]}), started, {"device": "cpu", "image_size": size, "model": MODEL})
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, {"training": course, "growth": growth(course), "scoring": rows, "provenance": facts})
    print(growth(course), out, sep="\n")


if __name__ == "__main__":
    assert dermimit  # registers the models
    tyro.cli(main)
