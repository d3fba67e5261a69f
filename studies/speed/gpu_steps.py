"""The commands that `gpu` runs, with the paper's sizes on a GPU and with tiny models on a processor."""

from dataclasses import dataclass
from pathlib import Path

from dermimit.evaluate.runs import read_experiments
from studies.shared.paths import EXPERIMENTS, PUBLISHED, ROOT

SPEED = ROOT / PUBLISHED / "speed"
ROWS = "row,group,label,tasks,lsm,fusion,settings,description,priority\n"
TINY = "model=dermimitformer_tiny_patch8_64 image_size=64 epochs=1 batch_size=8 precision=no compile=no samples=16"


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        name: for people.
        share: of the time, relative to the other steps'.
        words: after `python`.
        timed: whether the command takes --minutes.
        why: it is left out for this reason; "" where it is not.
    """

    name: str
    share: float
    words: tuple[str, ...]
    timed: bool = True
    why: str = ""


def real(pad: Path | None, pretrained: bool) -> list[Step]:
    """The steps on a GPU, with the paper's sizes."""
    models = ("benchmarks/model_overhead.py", "--device", "cuda", "--bf16", "--compile", "reduce-overhead")
    models += ("--uncompiled", "--cases", "224", "128", "384", "48", "--repeats", "20")
    models += ("--out", str(SPEED / "model_overhead_gpu.json"))
    epochs = ("benchmarks/extrapolation.py", "--records", str(SPEED), "--out", str(SPEED / "extrapolation.json"))
    rows = read_experiments(ROOT / EXPERIMENTS / "real/pad_ufes_20_backbones.csv")["row"]
    small = ("-m", "studies.evidence.measure_backbones", str(pad), "--unpublished", "--only")
    small += tuple(row for row in rows if row.startswith("tuned"))
    base = ("-m", "studies.evidence.measure_paper_scale", "--pad", str(pad), "--pretrained", "--unpublished")
    missing = "" if pad else "give --pad FOLDER, that of PAD-UFES-20"
    return [
        Step("models", 5, models),
        Step("epochs, extrapolated", 0.5, epochs, timed=False),
        Step("protocol", 3, ("-m", "studies.protocol.measure")),
        Step("fine-tuning of ViT-S", 1, small, why=missing),
        Step("fine-tuning of ViT-B/16", 1, (*base, "--only", "pad_D", "pad_full"),
             why=missing or ("" if pretrained else "give --pretrained, which fetches its weights")),
    ]  # fmt: skip


def rehearsed(out: Path, pad: Path | None) -> list[Step]:
    """The same steps with tiny models on the processor; of the protocol only what is left to train is counted."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "rows.csv").write_text(f"{ROWS}tiny_D,a,D,disease,false,none,{TINY},d,1\n", encoding="utf-8")
    models = ("benchmarks/model_overhead.py", "--backbone", "vit_tiny_patch16_224", "--cases", "96", "2")
    epochs = ("benchmarks/extrapolation.py", "--records", str(SPEED), "--out", str(out / "extrapolation.json"))
    protocol = ("-m", "studies.protocol.measure", "--minutes", "0", "--work", str(out / "evidence"))
    places = ("--out", str(out / "backbones"), "--work", str(out / "backbone_runs"), "--table", str(out / "rows.csv"))
    small = ("-m", "studies.evidence.measure_backbones", str(pad), "--unpublished", "--seeds", "0", *places)
    base = ("-m", "studies.evidence.measure_paper_scale", "--pad", str(pad), "--unpublished", "--only", "pad_D")
    base += ("--work", str(out / "runs"), "--data", str(out / "data"), "--out", str(out / "paper"), "--more", TINY)
    missing = "" if pad else "give --pad FOLDER, that of PAD-UFES-20"
    return [
        Step("models", 5, (*models, "--repeats", "1", "--out", str(out / "models.json"))),
        Step("epochs, extrapolated", 0.5, epochs, timed=False),
        Step("protocol", 3, (*protocol, "--out", str(out / "protocol")), timed=False),
        Step("fine-tuning of ViT-S", 1, small, why=missing),
        Step("fine-tuning of ViT-B/16", 1, base, why=missing),
    ]
