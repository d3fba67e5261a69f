"""What DermImitFormer costs beside a plain ViT, and beside models that select patches as FFVT and TransFG do.

On one core: `python benchmarks/model_overhead.py`. On a GPU, compiled and replayed as CUDA graphs: `make gpu`.
Each model takes turns with the ViT, and ratios are taken round by round, so that a busy machine changes them little.
The record is written after each model; the same call goes on after what it has of this device and commit.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import tyro
from overhead_models import (
    KINDS,
    OURS,
    REFERENCE,
    Compile,
    How,
    K,
    flops,
    matrix_rate,
    memory,
    parts,
    works,
)  # fmt: skip
from overhead_record import Record, is_whole
from timing import interleaved, ratio, summary, where_from

MODES: tuple[Compile, ...] = ("reduce-overhead", "default", "no")
"""Ways to compile, the next where one fails."""
LENGTH = 240  # of an error's text in the record
Works = dict[str, Callable[[], Any]]
Seconds = dict[tuple[str, str], list[float]]


class Failed(Exception):
    """No way to compile works; says why for each."""


def main(
    out: Path = Path("results/benchmarks/model_overhead.json"),
    cases: tuple[tuple[int, int], ...] = ((224, 4), (384, 1)),
    repeats: int = 5,
    device: str = "cpu",
    bf16: bool = False,
    compile: Compile = "no",
    uncompiled: bool = False,
    backbone: str = "vit_base_patch16_224",
    minutes: float = 0.0,
    again: bool = False,
) -> None:
    """Measure, print a table and write JSON.

    Args:
        out: file to write.
        cases: side of the image in pixels, and images in a batch.
        repeats: rounds in which a model and the ViT take turns.
        device: cpu (one thread) or cuda.
        bf16: mixed precision.
        compile: mode of torch.compile: default fuses operations, reduce-overhead also replays them as CUDA graphs.
            What cannot be done so is measured in the next simpler mode, and the record says why.
        uncompiled: then all cases without compiling too.
        backbone: timm's ViT that all models are made of; a smaller one is a quick try.
        minutes: after which no further model is begun; 0: never stop.
        again: measure what is in the record already, too.
    """
    if device == "cpu":
        torch.set_num_threads(1)
    elif not torch.cuda.is_available():
        raise SystemExit("no GPU here that torch can use: leave out --device cuda, or run this where one is")
    if compile != "no":
        strict()
    until, how = time.monotonic() + 60 * minutes, How(device, bf16, compile, backbone)
    facts = {"k": K, "repeats": repeats} | asdict(how)
    wanted = [(size, batch, mode) for mode in dict.fromkeys((compile, *["no"] * uncompiled)) for size, batch in cases]
    record = Record(out, facts, where_from(time.time(), os.getloadavg()[0], device))
    rate = matrix_rate() if device == "cuda" and not all(record.has(*case) and not again for case in wanted) else None
    for case in wanted:
        for name in measured(record.begin(*case, again=again), repeats, replace(how, compile=case[2]), rate):
            record.save(where_from(record.started, record.load, device))
            if minutes and time.monotonic() > until and not record.finished(wanted):
                print(f"stopped after {name} at {case[0]} pixels, the time is over; the same command goes on there")
                return
    print(f"{table(record.content())}\n\n{out}")


def strict() -> None:
    """Make torch raise an error where it would else go on uncompiled, or without a CUDA graph."""
    import torch._inductor.config as inductor

    torch._dynamo.config.fail_on_recompile_limit_hit = True
    torch._dynamo.config.recompile_limit = 4 * len(KINDS)  # models of one class count together, each twice
    inductor.graph_partition = False
    inductor.triton.cudagraph_or_error = True


def measured(case: dict[str, Any], repeats: int, how: How, rate: float | None) -> Iterator[str]:
    """Put into a case what it lacks, a model at a time: seconds, ratios to the ViT, operations, memory; then LSM and
    CIM as shares of a step. Says each time what has been added."""
    vit: Works = {}
    done = {row["model"]: row["compile"] for row in case["models"]} | {row["model"]: "" for row in case["left_out"]}
    for what in KINDS:
        if what not in done:
            try:
                rows = rows_of(what, case, repeats, how, vit, done.get(REFERENCE, ""))
                case["models"] += [row | speed(row, case["batch"], rate) for row in rows]
                done[what] = rows[0]["compile"]
            except Failed as error:
                case["left_out"].append({"model": what, "why": str(error)})
            yield what
    if "shares" not in case:
        case["shares"] = {}
        try:
            if done.get(OURS):
                case["shares"] = shares(case["size"], case["batch"], repeats, replace(how, compile=done[OURS]))
        except RuntimeError as error:
            case["shares_why"] = told(error)
        forget()
        yield "the shares of LSM and CIM"
    forget()


def rows_of(what: str, case: dict[str, Any], repeats: int, how: How, vit: Works, vit_mode: str) -> list[dict[str, Any]]:
    """Training and inference of a model, in turns with the ViT.

    Args:
        what: the model.
        case: its size and batch.
        repeats: rounds.
        how: what does the work; modes of compiling that are simpler are tried where this one fails.
        vit: the ViT's works, which are made here where they are not there yet.
        vit_mode: how the ViT was compiled; "" before it has been measured.
    """
    size, batch, why = case["size"], case["batch"], []
    for mode in MODES[MODES.index(how.compile) :]:
        way = replace(how, compile=mode)
        try:
            own = works(what, size, batch, way)
            if what == REFERENCE:
                vit |= own
            elif not vit:
                vit |= works(REFERENCE, size, batch, replace(how, compile=vit_mode or "no"))
            spent = timed({what: own, REFERENCE: vit}, repeats, how)
            used = memory(what, size, batch, way)
            break
        except RuntimeError as error:
            why.append(f"{mode}: {told(error)}")
            print(f"{what} at {size} pixels cannot be run as {why[-1]}", flush=True)
            if what == REFERENCE or not isinstance(error, torch._dynamo.exc.TorchDynamoException):
                vit.clear()  # what a failed capture leaves is not trusted
        own = {}
        forget(compiled=not vit)
    else:
        raise Failed("; ".join(why))
    counted = [flops(model, size, how.backbone) for model in (what, REFERENCE)]
    rows = []
    for work in ("training", "inference"):
        row = {"model": what, "work": work, "compile": mode, "seconds": summary(spent[what, work])}
        row |= {"ratio": ratio(spent[what, work], spent[REFERENCE, work]), "flops": counted[0][work]}
        row |= {"flop_ratio": counted[0][work] / counted[1][work]} | ({"why": "; ".join(why)} if why else {})
        rows.append(row | ({"memory_mb": used} if work == "training" else {}))
    return rows


def timed(models: dict[str, Works], repeats: int, how: How) -> Seconds:
    """Seconds of each round, by model and work; wall time on a GPU, and otherwise processor time."""
    on_gpu = how.device == "cuda"
    calls = {(what, work): call for what, several in models.items() for work, call in several.items()}
    wait, warm_up = torch.cuda.synchronize if on_gpu else lambda: None, 1 if how.compile == "no" else 3
    spent = interleaved(calls, repeats, wait, warm_up)
    return {name: clocks["wall" if on_gpu else "cpu"] for name, clocks in spent.items()}


def shares(size: int, batch: int, repeats: int, how: How) -> dict[str, dict[str, float]]:
    """LSM and CIM by themselves, and together, as shares of our model's training step."""
    calls = {OURS: {"training": works(OURS, size, batch, how)["training"]}, "part": parts(size, batch, how)}
    spent = timed(calls, repeats, how)
    step = spent.pop((OURS, "training"))
    found = {part: seconds for (_, part), seconds in spent.items()}
    found["together"] = [sum(several) for several in zip(*found.values(), strict=True)]
    return {part: ratio(seconds, step) for part, seconds in found.items()}


def speed(row: dict[str, Any], batch: int, rate: float | None) -> dict[str, float]:
    """Images a second and share of the measured matrix rate, from the median time; nothing where no rate is known."""
    images = batch / row["seconds"]["median"]
    return {"images_per_second": images, "mfu": row["flops"] * images / rate, "matrix_rate": rate} if rate else {}


def told(error: Exception) -> str:
    """An error in a line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:LENGTH]


def forget(compiled: bool = False) -> None:
    """Give back the memory of models that are gone, and of what was compiled for them."""
    gc.collect()
    if compiled:
        torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def table(found: dict[str, Any]) -> str:
    """The results as text."""
    head = f"{'pixels':>6} {'batch':>5} {'model':<28} {'work':<10} {'seconds':>9} {'ratio':>22} {'FLOP ratio':>10}  MB"
    lines = [head]
    for part in found["cases"]:
        for row in part["models"]:
            r = row["ratio"]
            cells = [f"{part['size']:>6} {part['batch']:>5} {row['model']:<28} {row['work']:<10}"]
            cells += [f"{row['seconds']['median']:>9.3f}", f"{r['median']:>6.2f} ({r['min']:.2f} to {r['max']:.2f})"]
            cells += [f"{row['flop_ratio']:>10.2f}", f"{row['memory_mb']:.0f}" if "memory_mb" in row else "-"]
            cells += [f"{row['images_per_second']:.0f} images/s, MFU {row['mfu']:.0%}"] if "mfu" in row else []
            cells += [f"compile={row.get('compile', 'no')}"] + ([f"({row['why']})"] if "why" in row else [])
            lines.append(" ".join(cells))
        lines += [f"  left out: {row['model']} ({row['why']})" for row in part.get("left_out", [])]
        told_of = ", ".join(f"{name} {share['median']:.1%}" for name, share in part.get("shares", {}).items())
        lines.append(f"  shares of DermImitFormer's training step: {told_of or part.get('shares_why', 'not measured')}")
        lines += [] if is_whole(part) else ["  not finished"]
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
