"""The published measurements of time and memory as tables; each says where nothing has run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dermimit.evaluate.estimate import NONE, NOT_RUN, Estimate
from dermimit.records import read_json
from studies.shared.paths import PUBLISHED

OURS, REFERENCE = "DermImitFormer", "ViT"
MODELS = (REFERENCE, OURS, "three tasks, no LSM, no CIM", "FFVT-style, one task", "TransFG-style, one task",
          "ViT, matrices kept")  # fmt: skip
GPU_SIZES = (224, 384)
RUN_AS = {"reduce-overhead": "CUDA graphs", "default": "compiled", "no": "not compiled"}
TARGET_SHARE = 0.05
NAMES = ("model_overhead", "model_overhead_gpu", "input_speed", "synderm_speed", "growth", "extrapolation",
         "book_stages", "book_stages_slower", "small_training", "book_on_slurm", "predict_speed",
         "time_to_score")  # fmt: skip
AXES = {"image size": "side of the image (pixels)", "patches": "patches of an image", "K": "selected patches, K",
        "tasks": "tasks", "classes": "classes of each task"}  # fmt: skip
WORKS = ("training", "inference")


@dataclass(frozen=True)
class Speed:
    """Records of `results/published/speed`; None where one has not been made. See the scripts in `benchmarks`."""

    model_overhead: dict[str, Any] | None
    model_overhead_gpu: dict[str, Any] | None
    input_speed: dict[str, Any] | None
    synderm_speed: dict[str, Any] | None
    growth: dict[str, Any] | None
    extrapolation: dict[str, Any] | None
    book_stages: dict[str, Any] | None
    book_stages_slower: dict[str, Any] | None
    small_training: dict[str, Any] | None
    book_on_slurm: dict[str, Any] | None
    predict_speed: dict[str, Any] | None
    time_to_score: dict[str, Any] | None

    @property
    def provenance(self) -> dict[str, Any]:
        """Of the first record that is there."""
        return next((r["provenance"] for r in (getattr(self, n) for n in NAMES) if r), {})


def read_speed(root: Path) -> Speed:
    """The records of a checkout.

    Args:
        root: the project's folder.
    """
    folder = root / PUBLISHED / "speed"
    paths = {name: folder / f"{name}.json" for name in NAMES}
    return Speed(**{name: read_json(path) if path.exists() else None for name, path in paths.items()})


def spread(times: dict[str, float], form: str = "{:.2f}") -> str:
    """Median, least and greatest for a table."""
    return f"{form} ({form}\u2013{form})".format(times["median"], times["min"], times["max"])


def overhead_table(record: dict[str, Any]) -> pd.DataFrame:
    """Every model at every size: time and operations relative to the ViT, and peak memory of training."""
    rows = []
    for case in record["cases"]:
        lines = {(row["model"], row["work"]): row for row in case["models"]}
        for model in dict.fromkeys(row["model"] for row in case["models"]):
            training, inference = (lines[model, work] for work in WORKS)
            cells = {"pixels": case["size"], "model": model, "step (s)": f"{training['seconds']['median']:.1f}"}
            cells |= {"training, × ViT": spread(training["ratio"]), "inference, × ViT": spread(inference["ratio"])}
            cells |= {
                "operations, × ViT": f"{training['flop_ratio']:.2f}",
                "memory (MB)": f"{training['memory_mb']:,.0f}",
            }
            rows.append(cells)
    return pd.DataFrame(rows)


def shares_table(record: dict[str, Any]) -> pd.DataFrame:
    """LSM and CIM by themselves as per cent of a training step, and whether both together stay under the target."""
    rows = [
        {"pixels": case["size"], "batch": case["batch"], "part": part}
        | {"share of a step (%)": spread(_percent(share))}
        | {f"target: {100 * TARGET_SHARE:.0f} %": _beside_target(share["median"]) if part == "together" else NONE}
        for case in record["cases"]
        for part, share in case.get("shares", {}).items()
    ]
    return pd.DataFrame(rows)


def _beside_target(share: float) -> str:
    return "under" if share < TARGET_SHARE else "over"


def _percent(shares: dict[str, float]) -> dict[str, float]:
    return {name: 100 * value for name, value in shares.items()}


def gpu_table(record: dict[str, Any] | None) -> pd.DataFrame:
    """Images a second and MFU of every model on a GPU; what has not run there says so."""
    columns = ("run as", "training, images a second", "inference, images a second", "training, × ViT", "memory (MB)")
    rows = []
    for case in record["cases"] if record else []:
        lines = {(row["model"], row["work"]): row for row in case["models"]}
        for model in dict.fromkeys(row["model"] for row in case["models"]):
            training, inference = (lines[model, work] for work in WORKS)
            cells = [RUN_AS[training["compile"]], _rate(training), _rate(inference), spread(training["ratio"])]
            cells = dict(zip(columns, [*cells, f"{training['memory_mb']:,.0f}"], strict=True))
            rows.append({"pixels": case["size"], "model": model} | cells)
        for row in case["left_out"]:
            rows.append({"pixels": case["size"], "model": row["model"]} | dict.fromkeys(columns, NONE))
    there = {(row["pixels"], row["model"]) for row in rows}
    for size in GPU_SIZES:
        missing = [model for model in MODELS if (size, model) not in there]
        rows += [{"pixels": size, "model": model} | dict.fromkeys(columns, NOT_RUN) for model in missing]
    return pd.DataFrame(rows)


def _rate(row: dict[str, Any]) -> str:
    return f"{row['images_per_second']:,.0f} (MFU {100 * row['mfu']:.0f} %)"


def gpu_text(record: dict[str, Any]) -> str:
    """Which device it was, how many photographs in a batch, and which models could not be run as they were to be, with
    the reason."""
    cases = record["cases"]
    devices = ", ".join(dict.fromkeys(case["provenance"]["device"] for case in cases))
    batches = ", ".join(dict.fromkeys(f"{case['batch']} photographs of {case['size']} pixels" for case in cases))
    changed = [row | {"size": c["size"]} for c in cases for row in c["models"] if "why" in row]
    lines = [f"*{row['model']}* at {row['size']} pixels was run as *{RUN_AS[row['compile']]}*: `{row['why']}`."
             for row in changed if row["work"] == WORKS[0]]  # fmt: skip
    lines += [f"*{row['model']}* at {c['size']} pixels did not run: `{row['why']}`."
              for c in cases for row in c["left_out"]]  # fmt: skip
    return "\n\n".join([f"Measured on {devices}, in batches of {batches}.", *lines])


def input_table(record: dict[str, Any], drawn: dict[str, Any] | None) -> pd.DataFrame:
    """Photographs a second that one core hands over: from files of two sizes, and drawn on the fly."""
    rows = []
    for size in record["sizes"]:
        for way in size["ways"]:
            cells = {"source": f"JPEG, {size['photo'][0]} × {size['photo'][1]}", "to pixels": record["image_size"]}
            cells |= {"way": way["way"], "images a second": spread(way["images_per_second_cpu"], "{:.0f}")}
            rows.append(cells | {"× ImageFolder": spread(way["ratio_cpu"])})
    for row in drawn["images"] if drawn else []:
        if row["source"] == "SynDerm":
            cells = {"source": "SynDerm-49", "to pixels": row["size"], "way": "drawn on the fly"}
            rows.append(cells | {"images a second": f"{row['images_per_second_cpu']:.0f}", "× ImageFolder": "–"})
    return pd.DataFrame(rows)


def growth_table(record: dict[str, Any]) -> pd.DataFrame:
    """Fitted exponents of time and of operations with their 95 % intervals."""
    return pd.DataFrame(
        {
            "what grows": AXES[part["axis"]],
            "from": part["points"][0]["value"],
            "to": part["points"][-1]["value"],
            "exponent of time": _exponent(part["time"]),
            "exponent of operations": _exponent(part["operations"]),
        }
        for part in record["axes"]
    )


def _exponent(fit: dict[str, float]) -> str:
    return Estimate(fit["exponent"], fit["low"], fit["high"]).plain(2)


def assumptions_table(record: dict[str, Any]) -> pd.DataFrame:
    """What the extrapolation rests on."""
    rows = [{"assumption": a["name"], "value": f"{a['value']:.4g}", "basis": a["basis"], "why": a["why"]}
            for a in record["assumptions"]]  # fmt: skip
    return pd.DataFrame(rows)


def epochs_table(record: dict[str, Any]) -> pd.DataFrame:
    """Epochs that nobody has run: on a core from measured seconds an image, on GPUs from the assumptions."""
    rows = []
    for row in record["cpu"]:
        cells = {"epoch": "57,246 photographs", "pixels": row["size"], "on": "one core"}
        rows.append(cells | {"time": f"{row['days']:.1f} days", "basis": "measured seconds an image, multiplied"})
    basis = "measured rate" if record["gpu_recorded"] else "assumed rate: no GPU record exists"
    for row in record["gpu"]:
        on = "1 GPU" if row["gpus"] == 1 else f"{row['gpus']} GPUs"
        time = f"{row['seconds'] / 60:.1f} min, {100 * row['exchange_seconds'] / row['seconds']:.0f} % of it exchange"
        cells = {"epoch": f"{row['images']:,} photographs", "pixels": record["size"], "on": on}
        rows.append(cells | {"time": time, "basis": basis})
    return pd.DataFrame(rows)


def waiting_table(record: dict[str, Any]) -> pd.DataFrame:
    """Cores that would have to read or draw photographs so that one GPU never waits."""
    rows = [{"way": w["way"], "images a second of a core": f"{w['images_per_second_of_a_core']:.0f}",
             "cores for one GPU": f"{w['cores_for_a_gpu']:.1f}"} for w in record["input"]]  # fmt: skip
    return pd.DataFrame(rows)
