"""What `model_overhead.py` times: models on random weights, their steps and parts, their operations and memory."""

import gc
import multiprocessing
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import timm
import torch
from timing import interleaved
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import one_hot
from torch.utils.flop_counter import FlopCounterMode

from dermimit.data.synderm import LABEL_SPACE
from dermimit.model import SELECTING_TASKS
from dermimit.model.attention import Layer, split_heads, take
from dermimit.model.plan import no_numbers
from dermimit.train.losses import soft_cross_entropy, task_objectives

CLASSES = LABEL_SPACE.num_classes
REFERENCE, OURS = "ViT", "DermImitFormer"
KEPT, BARE = "ViT, matrices kept", "three tasks, no LSM, no CIM"
FFVT, TRANSFG = "FFVT-style, one task", "TransFG-style, one task"
KINDS = (REFERENCE, OURS, BARE, FFVT, TRANSFG, KEPT)
"""The models, the most informative first."""
ONE_TASK = {FFVT: "every_layer", TRANSFG: "per_head"}
K = 24
Compile = Literal["no", "default", "reduce-overhead"]
MATRIX = 8192  # side of the matrices whose product gives a GPU's rate


@dataclass(frozen=True)
class How:
    """What does the work: cpu (one thread) or cuda; mixed precision; torch.compile and its mode; timm's ViT that the
    models are made of."""

    device: str = "cpu"
    bf16: bool = False
    compile: Compile = "no"
    backbone: str = "vit_base_patch16_224"

    def autocast(self) -> torch.autocast:
        """bfloat16 where it is asked for."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.bf16)

    def compiled(self, module: nn.Module) -> nn.Module:
        """The module as it is called; compiled as one graph, or torch raises an error."""
        return module if self.compile == "no" else torch.compile(module, mode=self.compile, fullgraph=True)


class KeepsMatrices(nn.Module):
    """A ViT that builds and keeps the attention matrix of each layer and selects patches by them, as FFVT does.

    Source: FFVT (Wang et al., BMVC 2021) and TransFG (He et al., AAAI 2022) hand each layer's matrix to the selection.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__()
        self.vit = timm.create_model(name, num_classes=CLASSES["disease"], **options)
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


def build(what: str, size: int, how: How) -> nn.Module:
    """A model on random weights, channels last; of one task where it is named so, and otherwise of three."""
    torch.manual_seed(0)
    vit = {"img_size": size}
    ours = vit | {"backbone": how.backbone, "lsm_k": K}

    def with_heads(tasks: dict[str, int], **choices: Any) -> nn.Module:
        return timm.create_model("dermimitformer", num_classes=tasks, **ours, **choices)

    if what in ONE_TASK:
        one = {"disease": CLASSES["disease"]}
        return with_heads(one, fusion="none", selection=ONE_TASK[what]).to(memory_format=torch.channels_last)
    made = {
        REFERENCE: lambda: timm.create_model(how.backbone, num_classes=CLASSES["disease"], **vit),
        KEPT: lambda: KeepsMatrices(how.backbone, **vit),
        OURS: lambda: with_heads(CLASSES),
        BARE: lambda: with_heads(CLASSES, lsm=False, fusion="none"),
    }
    return made[what]().to(memory_format=torch.channels_last)


def inputs(batch: int, size: int, device: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Noise and labels, on the device."""
    images = torch.rand(batch, 3, size, size).contiguous(memory_format=torch.channels_last)
    targets = {task: one_hot(torch.arange(batch) % c, c).float() for task, c in CLASSES.items()}
    return images.to(device), {task: target.to(device) for task, target in targets.items()}


def loss_of(model: nn.Module, images: Tensor, targets: dict[str, Tensor], how: How) -> Tensor:
    """The training loss: of the disease for a ViT, of its tasks before and after the interaction for ours."""
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
    model = build(what, size, how).to(how.device)
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


@cache
def flops(what: str, size: int, backbone: str) -> dict[str, float]:
    """Floating-point operations of an image, two for each multiplication and addition, counted by torch on shapes
    alone."""
    how, found = How(backbone=backbone), {}
    with no_numbers():
        model = build(what, size, how)
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    with fake, sdpa_kernel(SDPBackend.MATH):  # the fused kernel of a CPU is not counted
        model, (images, targets) = model.to_empty(device="cpu"), inputs(1, size, "cpu")
        with FlopCounterMode(display=False) as counter:
            loss_of(model.train(), images, targets, how).backward()
        found["training"] = float(counter.get_total_flops())
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model.eval()(images)
        found["inference"] = float(counter.get_total_flops())
    return found


def parts(size: int, batch: int, how: How) -> dict[str, Callable[[], Any]]:
    """LSM and CIM by themselves, as a training step calls them: the LSM of both tasks that select (it has no gradient
    of its own), the CIM forward and backward on tokens as many as the model gives it, the update of its weights."""
    model = build(OURS, size, how).to(how.device).train()
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
    """Peak memory of one training step that is not compiled, in MB: of the process, libraries included, or what torch
    took of the GPU beside what it held before."""
    how = How(how.device, how.bf16, "no", how.backbone)
    if how.device == "cuda":
        gc.collect()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        works(what, size, batch, how)["training"]()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(memory_of_a_step, (what, size, batch, how))


def matrix_rate() -> float:
    """Operations a second of a large bf16 matrix product on the GPU: the yardstick of MFU."""
    a = torch.randn(MATRIX, MATRIX, device="cuda", dtype=torch.bfloat16)
    spent = interleaved({"product": lambda: [a @ a for _ in range(10)]}, 10, torch.cuda.synchronize)
    return 10 * 2 * MATRIX**3 / min(spent["product"]["wall"])
