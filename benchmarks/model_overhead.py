"""What DermImitFormer costs beside a plain ViT, and beside one that keeps its attention matrices.

On one core: `python benchmarks/model_overhead.py`. On a GPU, compiled and replayed as CUDA graphs: `make gpu`.
Ratios are taken round by round within one run, so that a busy machine changes them little.
"""

import multiprocessing
import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import timm
import torch
import tyro
from timing import finish, interleaved, ratio, summary, where_from
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import one_hot
from torch.utils.flop_counter import FlopCounterMode

from dermimit.data.synderm import LABEL_SPACE
from dermimit.model import SELECTING_TASKS
from dermimit.model.attention import Layer, split_heads, take
from dermimit.train.losses import soft_cross_entropy, task_objectives

CLASSES = LABEL_SPACE.num_classes
REFERENCE, OURS = "ViT", "DermImitFormer"
KEPT, BARE = "ViT, matrices kept", "three tasks, no LSM, no CIM"
KINDS = (REFERENCE, OURS, BARE, KEPT)
K = 24
Compile = Literal["no", "default", "reduce-overhead"]
MATRIX = 8192  # side of the matrices whose product gives a GPU's rate


@dataclass(frozen=True)
class How:
    """What does the work: cpu (one thread) or cuda; mixed precision; torch.compile and its mode."""

    device: str = "cpu"
    bf16: bool = False
    compile: Compile = "no"

    def autocast(self) -> torch.autocast:
        """bfloat16 where it is asked for."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.bf16)

    def compiled(self, module: nn.Module) -> nn.Module:
        """The module as it is called."""
        return module if self.compile == "no" else torch.compile(module, mode=self.compile)


class KeepsMatrices(nn.Module):
    """A ViT that builds and keeps the attention matrix of each layer and selects patches by them, as FFVT does.

    Source: FFVT (Wang et al., BMVC 2021) and TransFG (He et al., AAAI 2022) hand each layer's matrix to the selection.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.vit = timm.create_model(name, num_classes=CLASSES["disease"])
        self.kept: list[Tensor] = []
        for block in self.vit.blocks:
            block.attn.fused_attn = False
            block.attn.attn_drop.register_forward_hook(lambda module, inputs, matrix: self.kept.append(matrix))

    def forward(self, images: Tensor) -> Tensor:
        """Logits from the class token, after a last block over it and the patches that the layers agree on."""
        self.kept.clear()
        vit = self.vit
        x = vit.norm_pre(vit.patch_drop(vit._pos_embed(vit.patch_embed(images))))
        for block in vit.blocks[:-1]:
            x = block(x)
        scores = sum(m[:, :, 0, 1:].mean(1) * m.softmax(2)[:, :, 1:, 0].mean(1) for m in self.kept)
        chosen = torch.cat([scores.new_zeros(len(x), 1).long(), scores.topk(K).indices + 1], dim=1)
        return vit.forward_head(vit.norm(vit.blocks[-1](take(x, chosen))))


def build(what: str, size: int) -> nn.Module:
    """A model on random weights, channels last."""
    torch.manual_seed(0)
    vit, ours = f"vit_base_patch16_{size}", f"dermimitformer_base_patch16_{size}"
    made = {
        REFERENCE: lambda: timm.create_model(vit, num_classes=CLASSES["disease"]),
        KEPT: lambda: KeepsMatrices(vit),
        OURS: lambda: timm.create_model(ours, num_classes=CLASSES),
        BARE: lambda: timm.create_model(ours, num_classes=CLASSES, lsm=False, fusion="none"),
    }
    return made[what]().to(memory_format=torch.channels_last)


def inputs(batch: int, size: int, device: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Noise and labels, on the device."""
    images = torch.rand(batch, 3, size, size).contiguous(memory_format=torch.channels_last)
    targets = {task: one_hot(torch.arange(batch) % c, c).float() for task, c in CLASSES.items()}
    return images.to(device), {task: target.to(device) for task, target in targets.items()}


def loss_of(model: nn.Module, images: Tensor, targets: dict[str, Tensor], how: How) -> Tensor:
    """The training loss: of the disease for a ViT, of the three tasks before and after the interaction for ours."""
    with how.autocast():
        answer = model(images)
    if isinstance(answer, Tensor):
        return soft_cross_entropy(answer.float(), targets["disease"])
    logits = {task: z.float() for task, z in answer[0].items()}
    return sum(task_objectives(logits, answer[1], targets, dict.fromkeys(logits, 1.0), True)[0].values())


def sgd(model: nn.Module, how: How) -> torch.optim.Optimizer:
    """The paper's kind of optimizer, in one kernel on a GPU."""
    return torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, fused=how.device == "cuda")


def works(what: str, size: int, batch: int, how: How) -> dict[str, Callable[[], Any]]:
    """A training step (forward, backward, update) and an inference of a model."""
    model = build(what, size).to(how.device)
    images, targets = inputs(batch, size, how.device)
    optimizer = sgd(model, how)
    run = how.compiled(model)

    def train() -> None:
        model.train()
        loss_of(run, images, targets, how).backward()
        optimizer.step()
        optimizer.zero_grad()

    @torch.no_grad()
    def infer() -> None:
        model.eval()
        with how.autocast():
            run(images)

    return {"training": train, "inference": infer}


def flops(what: str, size: int) -> dict[str, float]:
    """Floating-point operations of an image, two for each multiplication and addition, counted by torch."""
    model, (images, targets) = build(what, size), inputs(1, size, "cpu")
    found = {}
    with sdpa_kernel(SDPBackend.MATH):  # the fused kernel of a CPU is not counted
        with FlopCounterMode(display=False) as counter:
            loss_of(model.train(), images, targets, How()).backward()
        found["training"] = float(counter.get_total_flops())
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model.eval()(images)
        found["inference"] = float(counter.get_total_flops())
    return found


def parts(size: int, batch: int, how: How) -> dict[str, Callable[[], Any]]:
    """LSM and CIM by themselves, as a training step calls them: the LSM of both tasks that select (it has no gradient
    of its own), the CIM forward and backward on tokens as many as the model gives it, the update of its weights."""
    model = build(OURS, size).to(how.device).train()
    images, _ = inputs(batch, size, how.device)
    with torch.no_grad():
        out = model.forward_features(images)
        last = model.heads["disease"].blocks[-1]
        q, k, _ = split_heads(last.attn, last.attn.qkv(last.norm1(out["tokens"])))
    tokens = {task: model.task_tokens(out, task).detach().requires_grad_() for task in model.tasks}
    optimizer, interaction = sgd(model.interaction, how), how.compiled(model.interaction)
    selections = [how.compiled(model.heads[task].selection) for task in SELECTING_TASKS]

    @torch.no_grad()
    def lsm() -> None:
        for selection in selections:
            take(out["tokens"], selection([Layer(q, k)], 0, 1)[1] + 1)

    def cim() -> None:
        for parameter in model.interaction.parameters():
            parameter.grad = None
        with how.autocast():
            enhanced = interaction(tokens)
        sum(x.float().sum() for several in enhanced.values() for x in several).backward()

    return {"LSM": lsm, "CIM": cim, "update of the CIM's weights": optimizer.step}


def memory_of_a_step(what: str, size: int, batch: int, how: How) -> float:
    """Peak resident MB of this process after one training step; for a process of its own."""
    torch.set_num_threads(1)
    works(what, size, batch, how)["training"]()
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e6


def memory(what: str, size: int, batch: int, how: How) -> float:
    """Peak memory of one training step in MB: of the process, libraries included, or what torch took of the GPU."""
    if how.device == "cuda":
        torch.compiler.reset()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        works(what, size, batch, how)["training"]()
        return torch.cuda.max_memory_allocated() / 1e6
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(memory_of_a_step, (what, size, batch, how))


def matrix_rate() -> float:
    """Operations a second of a large bf16 matrix product on the GPU: the yardstick of MFU."""
    a = torch.randn(MATRIX, MATRIX, device="cuda", dtype=torch.bfloat16)
    spent = interleaved({"product": lambda: [a @ a for _ in range(10)]}, 10, torch.cuda.synchronize)
    return 10 * 2 * MATRIX**3 / min(spent["product"]["wall"])


def timed(size: int, batch: int, repeats: int, how: How) -> dict[tuple[str, str], list[float]]:
    """Seconds of each round: (model, work), and (OURS, part) for its modules."""
    on_gpu = how.device == "cuda"
    torch.compiler.reset()
    calls = {(what, work): call for what in KINDS for work, call in works(what, size, batch, how).items()}
    calls |= {(OURS, part): call for part, call in parts(size, batch, how).items()}
    wait, warm_up = torch.cuda.synchronize if on_gpu else lambda: None, 1 if how.compile == "no" else 3
    spent = interleaved(calls, repeats, wait, warm_up)
    return {name: clocks["wall" if on_gpu else "cpu"] for name, clocks in spent.items()}


def measure(size: int, batch: int, repeats: int, how: How) -> dict[str, Any]:
    """All models at a size: seconds, ratios to the ViT, operations, memory; LSM and CIM as shares of a step."""
    spent = timed(size, batch, repeats, how)
    counted = {what: flops(what, size) for what in KINDS}
    rows = []
    for what in KINDS:
        used = memory(what, size, batch, how)
        for work in ("training", "inference"):
            row = {"model": what, "work": work, "seconds": summary(spent[what, work])}
            row |= {"ratio": ratio(spent[what, work], spent[REFERENCE, work])}
            row |= {"flops": counted[what][work], "flop_ratio": counted[what][work] / counted[REFERENCE][work]}
            rows.append(row | ({"memory_mb": used} if work == "training" else {}))
    shared = {part: spent[OURS, part] for _, part in spent if part not in ("training", "inference")}
    shared["together"] = [sum(several) for several in zip(*shared.values(), strict=True)]
    shares = {part: ratio(seconds, spent[OURS, "training"]) for part, seconds in shared.items()}
    return {"size": size, "batch": batch, "models": rows, "shares": shares}


def with_mfu(found: list[dict[str, Any]], rate: float) -> list[dict[str, Any]]:
    """Images a second and share of the measured matrix rate, from the median time."""
    for part in found:
        for row in part["models"]:
            row["images_per_second"] = part["batch"] / row["seconds"]["median"]
            row["mfu"] = row["flops"] * row["images_per_second"] / rate
    return found


def main(
    out: Path = Path("results/benchmarks/model_overhead.json"),
    cases: tuple[tuple[int, int], ...] = ((224, 4), (384, 1)),
    repeats: int = 5,
    device: str = "cpu",
    bf16: bool = False,
    compile: Compile = "no",
    batch: int | None = None,
) -> None:
    """Measure, print a table and write JSON.

    Args:
        out: file to write.
        cases: side of the image in pixels (224 or 384), and images in a batch.
        repeats: rounds of all models in turn.
        device: cpu (one thread) or cuda.
        bf16: mixed precision.
        compile: mode of torch.compile: default fuses operations, reduce-overhead also replays them as CUDA graphs.
        batch: of the first case, in place of what `cases` says.
    """
    started, load, how = time.time(), os.getloadavg()[0], How(device, bf16, compile)
    if device == "cpu":
        torch.set_num_threads(1)
    elif not torch.cuda.is_available():
        raise SystemExit("no GPU here that torch can use: leave out --device cuda, or run this where one is")
    torch._dynamo.config.fail_on_recompile_limit_hit = True  # else torch goes on uncompiled, with a warning
    if batch:
        cases = ((cases[0][0], batch), *cases[1:])
    found: dict[str, Any] = {"k": K, "repeats": repeats} | asdict(how)
    found["cases"] = [measure(size, n, repeats, how) for size, n in cases]
    if device == "cuda":
        found["matrix_rate"] = matrix_rate()
        found["cases"] = with_mfu(found["cases"], found["matrix_rate"])
    found["provenance"] = where_from(started, load, device)
    finish(found, out, table)


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
            lines.append(" ".join(cells))
        shares = ", ".join(f"{name} {share['median']:.1%}" for name, share in part["shares"].items())
        lines.append(f"  shares of DermImitFormer's training step: {shares}")
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
