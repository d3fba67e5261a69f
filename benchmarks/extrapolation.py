"""An epoch of the paper's 57,246 photographs, and on paper one of a million on 64 GPUs, each assumption stated.

After the other benchmarks: `python benchmarks/extrapolation.py`. It measures nothing; it reads their records.
"""

import os
import time
from pathlib import Path
from typing import Any

import timm
import tyro
from timing import where_from

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.data.synderm import LABEL_SPACE
from dermimit.model.plan import no_numbers
from dermimit.records import read_json, write_json

OURS, SIZE = "DermImitFormer", 384
GPU_RATE, TARGET, BANDWIDTH, GPU_BATCH = 989e12, 0.45, 50e9, 96
PAPER, MILLION, MANY = 57_246, 1_000_000, 64


def row_of(overhead: dict[str, Any], size: int) -> tuple[dict[str, Any], int]:
    """Our model's training at a size, and the batch it was measured with."""
    case = next(case for case in overhead["cases"] if case["size"] == size)
    return next(row for row in case["models"] if (row["model"], row["work"]) == (OURS, "training")), case["batch"]


def gpu_row(path: Path) -> dict[str, Any] | None:
    """Our model's training at `SIZE` pixels as a GPU's record has it, with its batch and the device; None without."""
    for case in read_json(path)["cases"] if path.is_file() else []:
        for row in case["models"]:
            if (case["size"], row["model"], row["work"]) == (SIZE, OURS, "training"):
                return row | {"batch": case["batch"], "device": case["provenance"]["device"]}
    return None


def input_rate(speed: dict[str, Any], way: str) -> float:
    """Photographs a second that one core reads, of the larger photographs."""
    rows = speed["sizes"][-1]["ways"]
    return next(row for row in rows if row["way"] == way)["images_per_second_cpu"]["median"]


def drawn_rate(synderm: dict[str, Any], size: int) -> float:
    """SynDerm's pictures a second that one core draws."""
    rows = synderm["images"]
    return next(r for r in rows if (r["size"], r["source"]) == (size, "SynDerm"))["images_per_second_cpu"]


def assumptions(gpu: dict[str, Any] | None, parameters: int) -> list[dict[str, Any]]:
    """Name, value, and whether it was measured, counted or assumed; `gpu` is of `gpu_row`."""
    if gpu:
        device, measured = gpu["device"], "measured"
        rate, share, why = gpu["matrix_rate"], gpu["mfu"], f"in training at {SIZE} pixels, batch {gpu['batch']}"
    else:
        device, measured = "an H100 or H200", "assumed"
        rate, share, why = GPU_RATE, TARGET, "the target; no GPU record exists"
    lines = (
        ("bf16 rate of a GPU, operations a second", rate, measured, f"{device}, dense matrices"),
        ("share of that rate in training", share, measured, why),
        ("images in a step on each GPU", GPU_BATCH, "assumed", "the batch of the profile paper"),
        ("parameters", parameters, "counted", "of the model with three tasks"),
        ("bytes of a gradient", 4, "assumed", "float32, as torch's DDP sends them"),
        ("bytes a second between GPUs", BANDWIDTH, "assumed", "400 Gbit/s for each GPU, in a ring"),
        ("share of the exchange hidden behind computing", 0.0, "assumed", "none: the worst case"),
    )
    return [dict(zip(("name", "value", "basis", "why"), line, strict=True)) for line in lines]


def gpu_epoch(images: int, gpus: int, flops: float, given: dict[str, float]) -> dict[str, float]:
    """Seconds of an epoch on GPUs that never wait for photographs: computing, and exchange of gradients in a ring."""
    batch = given["images in a step on each GPU"]
    computing = (
        flops * batch / (given["bf16 rate of a GPU, operations a second"] * given["share of that rate in training"])
    )
    sent = 2 * (gpus - 1) / gpus * given["parameters"] * given["bytes of a gradient"]
    exchange = (
        sent / given["bytes a second between GPUs"] * (1 - given["share of the exchange hidden behind computing"])
    )
    steps = images / (batch * gpus)
    return {"images": images, "gpus": gpus, "steps": steps, "computing_seconds": steps * computing,
            "exchange_seconds": steps * exchange, "seconds": steps * (computing + exchange),
            "images_per_second_of_a_gpu": batch / (computing + exchange)}  # fmt: skip


def cpu_epochs(overhead: dict[str, Any]) -> list[dict[str, float]]:
    """Days of one core for an epoch of the paper's photographs, from the measured time of an image."""
    rows = []
    for case in overhead["cases"]:
        row, batch = row_of(overhead, case["size"])
        seconds = row["seconds"]["median"] / batch
        rows.append(
            {"size": case["size"], "batch": batch, "seconds_an_image": seconds, "days": seconds * PAPER / 86400}
        )
    return rows


def main(records: Path = Path("results/benchmarks"), out: Path | None = None) -> None:
    """Compute, print and write JSON.

    Args:
        records: folder of model_overhead.json, input_speed.json, synderm_speed.json and, where a GPU was at hand,
            model_overhead_gpu.json.
        out: file to write; extrapolation.json in that folder if left out.
    """
    started, load = time.time(), os.getloadavg()[0]
    overhead = read_json(records / "model_overhead.json")
    gpu = gpu_row(records / "model_overhead_gpu.json")
    with no_numbers():  # its parameters are counted, and need no values
        model = timm.create_model(f"dermimitformer_base_patch16_{SIZE}", num_classes=LABEL_SPACE.num_classes)
    assumed = assumptions(gpu, sum(p.numel() for p in model.parameters()))
    given = {line["name"]: line["value"] for line in assumed}
    flops = row_of(overhead, SIZE)[0]["flops"]
    epochs = [gpu_epoch(PAPER, 1, flops, given), gpu_epoch(MILLION, MANY, flops, given)]
    speed, synderm = read_json(records / "input_speed.json"), read_json(records / "synderm_speed.json")
    rates = {way: input_rate(speed, way) for way in ("ImageFolder", "full size", "reduced", "cache")}
    small = speed["image_size"]
    rates["SynDerm on the fly"] = drawn_rate(synderm, small)
    wanted = gpu_epoch(PAPER, 1, row_of(overhead, small)[0]["flops"], given)["images_per_second_of_a_gpu"]
    waits = [{"way": way, "images_per_second_of_a_core": r, "cores_for_a_gpu": wanted / r} for way, r in rates.items()]
    found = {"size": SIZE, "flops_an_image": flops, "gpu_recorded": gpu is not None, "assumptions": assumed,
             "cpu": cpu_epochs(overhead), "gpu": epochs, "input": waits, "input_size": small,
             "images_per_second_wanted": wanted}  # fmt: skip
    found["provenance"] = where_from(started, load)
    write_json(out or records / "extrapolation.json", found)
    print(table(found))


def table(found: dict[str, Any]) -> str:
    """The results as text."""
    lines = [f"{line['basis']:<9} {line['name']}: {line['value']:.4g} ({line['why']})" for line in found["assumptions"]]
    lines += [f"{PAPER} images at {row['size']} px on one core: {row['days']:.1f} days" for row in found["cpu"]]
    for row in found["gpu"]:
        exchange = f"of which exchange {row['exchange_seconds']:.0f} s"
        lines.append(f"{row['images']} images on {row['gpus']} GPUs: {row['seconds']:.0f} s, {exchange}")
    lines += [f"{row['way']}: {row['cores_for_a_gpu']:.0f} cores keep a GPU busy" for row in found["input"]]
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
