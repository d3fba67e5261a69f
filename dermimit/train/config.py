"""What one training run is made of."""

from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from dermimit.data.label_space import TASKS
from dermimit.data.problems import suggest
from dermimit.train.checked import Checked
from dermimit.train.combinations import check_only_task, check_parts, check_second_loss
from dermimit.train.study_options import StudyOptions

SMALL = "dermimitformer_tiny_patch8_64"
RARE = (
    *("quarantine", "data_options", "cache", "accumulate", "compile", "vertical_flip", "rotation", "tracker"),
    *("weights", "freeze", "layer_decay", "new_lr", "drop_path", "views", "tokens"),
    *(f.name for f in fields(StudyOptions)),
)
"""Fields that a record holds only where they are not as usual."""
PATHS = ("data_root", "out")
NUMBERLESS = ("cache", "workers", "tracker", "tokens")
"""Fields that change no number: a run may go on with others."""


@dataclass(frozen=True, kw_only=True)
class CoreOptions(Checked):
    """The fields of `TrainConfig` that every run is made of."""

    data_root: Path
    """Folder of the dataset."""
    out: Path
    """Folder of the run: its record is written here, and an interrupted run continues here."""
    dataset: str = "synderm"
    """synderm, pad_ufes_20, dermacon_in, sd198, fitzpatrick17k, scin, ddi, or folder for photographs of your own."""
    data_options: dict[str, bool | int | float | str | None] = field(default_factory=dict)
    """Options of the dataset's loader, such as level or fold; `dermimit data info NAME` lists them."""
    image_size: int = 0
    """Side of the square photograph, in pixels; 0 for the size that the model, or its backbone, was made for."""
    model: str = SMALL
    """Name of the model in timm."""
    model_kwargs: dict[str, bool | int | float | str] = field(default_factory=dict)
    """Further arguments of the model, such as fields of ModelConfig: lsm_k, cim_wiring, ..."""
    pretrained: bool = False
    """Start from the weights that timm's hub has for the backbone."""
    weights: str = ""
    """Start from these weights instead: a file (safetensors, or a checkpoint of tensors alone, in the naming of timm,
    DINOv2, Hugging Face or PanDerm), or a name that `dermimit weights list` knows."""
    start_from: str = ""
    """Folder of a finished run whose weights this one starts from, where they fit, such as one on SynDerm."""
    freeze: str = ""
    """Weights that are not trained: trunk (patch embedding, positions and shared blocks), all-but-heads (all weights of
    the backbone, so that only classifiers and interaction are trained), blocks:N (patch embedding, positions and the
    first N blocks), or nothing."""
    drop_path: float = 0.0
    """Stochastic depth: share of the residual branches of the last block that are left out in training; it rises
    linearly from 0 at the first block."""
    tasks: tuple[str, ...] = TASKS
    """Tasks to train; those that the dataset has no labels for are left out."""
    lsm: bool = True
    """Lesion Selection Module."""
    fusion: Literal["none", "concat", "cim", "bottleneck"] = "cim"
    """Module that joins the tasks; a single task has none."""
    samples: int = 120_000
    """Photographs seen in training, repeats included."""
    epochs: int = 10
    """Number of equal parts of `samples`; after each the run is validated and saved."""
    batch_size: int = 64
    """Photographs in each step, over all processes."""
    accumulate: int = 1
    """Parts in which each process computes its share of a batch, one after the other. More parts need less memory. The
    numbers are the same except for rounding, unless chance is in the model (drop_path, dropout, selection=random);
    a stem with batch normalisation normalises each part by itself."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """SGD with Nesterov momentum (the paper: SGD), or AdamW."""
    lr: float = 0.05
    """Peak learning rate."""
    layer_decay: float = 1.0
    """Factor by which the learning rate falls from one block to the block before it; 1 for the same everywhere."""
    new_lr: float = 1.0
    """Factor of the learning rate of the new modules: classifiers and interaction."""
    momentum: float = 0.9
    """Of SGD; AdamW uses its own defaults."""
    weight_decay: float = 1e-4
    """Applied to matrices only, not to biases, norms and embeddings."""
    warmup: float = 0.05
    """Share of the steps in which the learning rate rises linearly; a cosine to zero follows."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""
    cutmix_probability: float = 0.5
    """Share of batches that CutMix mixes."""
    cutmix_alpha: float = 0.3
    """Parameter of the Beta distribution of the mixing ratio."""
    supervise: Literal["both", "after"] = "both"
    """Whether the logits before the interaction are trained too."""
    weight_body_part: float = 1.0
    """Weight of the body part's loss."""
    weight_attributes: float = 1.0
    """Weight of the attributes' loss."""
    weight_disease: float = 1.0
    """Weight of the disease's loss."""
    vertical_flip: bool = False
    """Augmentation: flip half of the training photographs vertically; half of them are always flipped horizontally."""
    rotation: float = 0.0
    """Augmentation: rotate each training photograph, and its lesion map, by -rotation to rotation degrees;
    the corners are filled with a reflection of the photograph. --colour-jitter varies the colour."""
    ema: float = 0.0
    """Decay of the moving average of the weights that is evaluated; 0 for none."""
    precision: Literal["no", "bf16"] = "no"
    """bf16 for mixed precision, or no for 32-bit floats."""
    compile: Literal["no", "default", "reduce-overhead"] = "no"
    """torch.compile of the training step: default fuses operations, reduce-overhead also replays them as CUDA graphs.
    The first step takes a minute or more; the numbers are the same except for rounding. Meant for a large model
    on a GPU."""
    workers: int = 0
    """Processes that load photographs; 0 loads in the training process. The numbers are the same."""
    in_memory: bool = True
    """Decode every photograph once and keep it reduced in memory; turn off for large photographs."""
    split_seed: int = 0
    """Seed of the split of a dataset without an official one. Use the same for runs that you compare."""
    quarantine: str = ""
    """File that names photographs to leave out, written by `dermimit data check --skip-broken`."""
    cache: str = ""
    """Folder that keeps photographs reduced to image_size, for faster reading; the numbers are the same."""
    views: int = 0
    """With freeze=trunk: number of augmented views of each training photograph, drawn once and used again in every
    epoch, so that the trunk's tokens can be kept; 0 augments each photograph anew in each epoch."""
    tokens: str = ""
    """Folder that keeps the tokens of a frozen trunk (16-bit), so that the trunk runs only once for each view; the
    numbers are the same except for rounding."""
    tracker: Literal["auto", "none", "tensorboard", "wandb", "mlflow"] = "auto"
    """Learning curves with a point for each epoch; auto writes them to OUT/tensorboard if TensorBoard is installed."""
    seed: int = 0
    """Seed of weights, order, augmentation and CutMix."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(StudyOptions, CoreOptions):  # of several bases, the last one's fields come first
    """One training run: every field of `CoreOptions` and `StudyOptions` is documented, checked, and written into the
    run's record.

    Raises:
        ValueError: a value of the wrong type or outside its range, naming the field.
    """

    def __post_init__(self) -> None:
        self.check_types()
        if not self.image_size:
            object.__setattr__(self, "image_size", own_size(self.model, self.model_kwargs))
        for task in self.tasks:
            if task not in TASKS:
                raise ValueError(f"TrainConfig.tasks: unknown task {task!r}; {suggest(task, TASKS)}")
        if not self.tasks:
            raise ValueError("TrainConfig.tasks: name at least one task")
        self.require("tasks", len({*self.tasks}) == len(self.tasks), "tasks of different names: name each once")
        for name in ("image_size", "samples", "epochs", "batch_size", "accumulate", "lr", "clip_norm", "cutmix_alpha"):
            self.require(name, getattr(self, name) > 0, "above 0")
        self.require_shares("warmup", "cutmix_probability", "ema")
        for name in ("weight_decay", "workers", "split_seed", *(f"weight_{task}" for task in TASKS)):
            self.require(name, getattr(self, name) >= 0, "at least 0")
        for name in ("layer_decay", "new_lr"):
            self.require(name, getattr(self, name) > 0, "above 0")
        self.require("layer_decay", self.layer_decay <= 1, "at most 1")
        for name in ("drop_path", "momentum"):
            self.require(name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        self.check_frozen()
        least = self.epochs * self.batch_size
        self.require("rotation", 0 <= self.rotation <= 180, "between 0 and 180 degrees")
        self.require("samples", self.steps_per_epoch > 0, f"at least epochs × batch_size = {least}")
        named = self.disease_loss == "cross_entropy" or "disease" in self.tasks
        self.require("disease_loss", named, "cross_entropy without the task disease")
        self.check_study()
        check_only_task(self)
        check_second_loss(self)
        check_parts(self)

    def check_frozen(self) -> None:
        """What is frozen, and what can be kept of it."""
        blocks = self.freeze.removeprefix("blocks:")
        known = self.freeze in ("", "trunk", "all-but-heads") or (self.freeze != blocks and blocks.isdecimal())
        self.require("freeze", known, "trunk, all-but-heads, blocks:N or empty")
        self.require("weights", not (self.weights and self.pretrained), "empty with pretrained")
        frozen = self.freeze in ("trunk", "all-but-heads")
        self.require("views", self.views >= 0 and (frozen or not self.views), "0, or above 0 with freeze=trunk")
        self.require("tokens", not self.tokens or self.views > 0, "empty without views")
        reads = frozen and self.reads_task_gradients
        told = "empty with balance=pcgrad or watch_gradients: they read gradients of the trunk, which is frozen"
        self.require("freeze", not reads, told)
        mixed = self.views and self.cutmix_probability
        self.require("cutmix_probability", not mixed, "0 with views: tokens of two photographs cannot be mixed")

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps between two validations."""
        return self.samples // (self.epochs * self.batch_size)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    def weight(self, task: str) -> float:
        """The weight of a task's loss."""
        return getattr(self, f"weight_{task}")

    def without_pretraining(self) -> "TrainConfig":
        """The same run without fetching weights, for loading a trained model."""
        return replace(self, pretrained=False, weights="", start_from="")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; the fields named in `RARE` are written only where they are not as usual."""
        values = asdict(self) | {
            "data_root": self.data_root.as_posix(),
            "out": self.out.as_posix(),
            "tasks": list(self.tasks),
        }
        usual = {f.name: {} if f.default is MISSING else f.default for f in fields(self) if f.name in RARE}
        return {k: v for k, v in values.items() if k not in usual or v != usual[k]}

    def identity(self) -> dict[str, Any]:
        """The settings that a checkpoint belongs to: all but where things lie, and `NUMBERLESS`."""
        return {k: v for k, v in self.to_dict().items() if k not in ("data_root", "out", *NUMBERLESS)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainConfig":
        """The inverse of `to_dict`.

        Raises:
            ValueError: a name that is no field, with the nearest fields; one that is missing; a value of another type.
        """
        known = {f.name for f in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"TrainConfig has no field {unknown[0]!r}; {suggest(unknown[0], known)}")
        if missing := [name for name in PATHS if name not in values]:
            raise ValueError(f"TrainConfig: {missing[0]} is missing")
        for name in PATHS:
            if not isinstance(values[name], str | Path):
                raise ValueError(f"TrainConfig.{name}={values[name]!r}: expected a path")
        tasks = values.get("tasks", TASKS)
        if not isinstance(tasks, list | tuple) or not all(isinstance(task, str) for task in tasks):
            raise ValueError(f"TrainConfig.tasks={tasks!r}: expected a list of {', '.join(TASKS)}")
        return cls(**values | {name: Path(values[name]) for name in PATHS} | {"tasks": tuple(tasks)})


def own_size(model: str, model_kwargs: dict[str, Any]) -> int:
    """The side, in pixels, of the photographs that a builder's model takes, or its backbone was pretrained with.

    Args:
        model: a builder's name.
        model_kwargs: its arguments; an img_size among them holds.
    """
    if given := model_kwargs.get("img_size"):
        return given if isinstance(given, int) else 0  # what else it is, the builder says by name
    if model == SMALL:
        return 64
    import dermimit.model  # noqa: F401  (registers the builders)
    from dermimit.model.arguments import known_cfg

    around = model in ("dermimitformer", "baseline")
    cfg = known_cfg(model, str(model_kwargs.get("backbone") if around else model))
    return cfg.input_size[-1] if cfg else 224
