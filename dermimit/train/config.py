"""What one training run is made of."""

from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_origin

from dermimit.data.label_space import TASKS
from dermimit.data.problems import suggest

RARE = ("quarantine", "data_options", "cache", "train_share", "attribute_noise", "attribute_missing", "balance",
        "watch_gradients", "lesion_map", "disease_loss", "sampling", "train_only", "unseen",
        "dark_share", "even_skin", "colour_jitter", "group_dro", "accumulate", "compile")  # fmt: skip

NUMBERLESS = ("cache", "workers")
"""Fields that change no number: a run may go on with others."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training run; every field is documented, checked, and written into the run's record.

    Raises:
        ValueError: a value of the wrong type or outside its range, naming the field.
    """

    data_root: Path
    """Folder of the dataset."""
    out: Path
    """Folder of the run: its record is written here, and an interrupted run goes on from here."""
    dataset: str = "synderm"
    """synderm, pad_ufes_20, dermacon_in, sd198, fitzpatrick17k, scin, ddi, or folder for photographs of your own."""
    data_options: dict[str, bool | int | float | str | None] = field(default_factory=dict)
    """Options of the dataset's loader, such as level or fold; `dermimit data info NAME` lists them."""
    image_size: int = 64
    """Side of the square photograph, in pixels."""
    model: str = "dermimitformer_tiny_patch8_64"
    """A builder registered with timm."""
    model_kwargs: dict[str, bool | int | float | str] = field(default_factory=dict)
    """Further arguments of the builder, such as fields of ModelConfig: lsm_k, cim_wiring, ..."""
    pretrained: bool = False
    """Start from timm's ImageNet-21k weights."""
    start_from: str = ""
    """Folder of a finished run whose weights this one starts from, where they fit, such as one on SynDerm."""
    tasks: tuple[str, ...] = TASKS
    """Tasks to train; those that the dataset has no labels for are left out."""
    lsm: bool = True
    """Lesion Selection Module."""
    fusion: Literal["none", "concat", "cim", "bottleneck"] = "cim"
    """What joins the tasks; a single task takes none."""
    samples: int = 120_000
    """Photographs seen in training, repeats included."""
    epochs: int = 10
    """Number of equal parts of `samples`; after each the run is validated and saved."""
    batch_size: int = 64
    """Photographs in a step, over all processes."""
    accumulate: int = 1
    """Parts in which each process computes its share of a batch, one after the other: more parts, less memory. The
    numbers are the same but for rounding; a stem with batch normalisation normalises each part by itself."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """SGD with Nesterov momentum (the paper: SGD), or AdamW."""
    lr: float = 0.05
    """Peak learning rate."""
    momentum: float = 0.9
    """Of SGD; AdamW uses its own defaults."""
    weight_decay: float = 1e-4
    """Applied to matrices only, not to biases, norms and embeddings."""
    warmup: float = 0.05
    """Share of the steps in which the learning rate rises linearly; a cosine to zero follows."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""
    cutmix_probability: float = 0.5
    """Share of batches that are mixed."""
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
    ema: float = 0.0
    """Decay of the moving average of the weights that is evaluated; 0 for none."""
    precision: Literal["no", "bf16"] = "no"
    """Mixed precision; fp32 or bf16."""
    compile: Literal["no", "default", "reduce-overhead"] = "no"
    """torch.compile of the training step: default fuses operations, reduce-overhead also replays them as CUDA graphs.
    The first step takes a minute or more; the numbers are the same but for rounding. Meant for a large model on
    a GPU."""
    workers: int = 0
    """Processes that load photographs; 0 loads in the training process. The numbers are the same."""
    in_memory: bool = True
    """Decode every photograph once and keep it small in memory; turn off for large photographs."""
    split_seed: int = 0
    """Seed of the split of a dataset that comes without one. The same for runs that are compared."""
    quarantine: str = ""
    """File that names photographs to leave out, written by `dermimit data check --skip-broken`."""
    cache: str = ""
    """Folder that keeps photographs reduced to what image_size needs, for faster reading; the numbers are the same."""
    lesion_map: str = ""
    """Select patches by lesion maps instead of attention: "mask" for the manifest's own (an oracle), or a folder of
    maps in data_root, one <image stem>.png for every photograph; empty: as the model says."""
    train_share: float = 1.0
    """Share of the training patients that are used; the others are left out."""
    attribute_noise: float = 0.0
    """Share of the training photographs whose attributes are dealt out anew among them: wrong labels."""
    attribute_missing: float = 0.0
    """Share of the training photographs whose attributes are made unknown: missing labels."""
    balance: Literal["sum", "uncertainty", "pcgrad"] = "sum"
    """How the tasks' weighted losses become one step: their sum, learnt uncertainty weights, or PCGrad on the trunk."""
    disease_loss: Literal["cross_entropy", "class_balanced", "logit_adjusted", "focal"] = "cross_entropy"
    """The disease's loss; all but the first are remedies for rare diseases, see `dermimit.train.long_tail`."""
    sampling: Literal["photographs", "diseases"] = "photographs"
    """Every photograph equally often, or every disease."""
    train_only: Literal["all", "classifiers"] = "all"
    """All weights, or the classifiers alone: with start_from and sampling=diseases, decoupled training."""
    unseen: str = ""
    """Diseases to keep out of training and validation, separated by "; ": they stay classes, and stay in the test."""
    watch_gradients: int = 0
    """Steps between two measurements of how the tasks' gradients on the trunk agree; 0 for none."""
    dark_share: float = -1.0
    """Share of skin types V and VI among the training and validation photographs, 0 to 0.5, which are then as many
    whatever the share; -1: as the dataset has them."""
    even_skin: bool = False
    """Draw the training photographs so that skin types I-II, III-IV and V-VI are equally likely."""
    colour_jitter: float = 0.0
    """Strength s of random colour in training: brightness, contrast and saturation vary by 0.8 s, hue by 0.2 s."""
    group_dro: float = 0.0
    """Step size of the weights of skin types I-II, III-IV and V-VI in group DRO; 0: all photographs count the same."""
    seed: int = 0
    """Seed of weights, order, augmentation and CutMix."""

    def __post_init__(self) -> None:
        self._check_types()
        for task in self.tasks:
            if task not in TASKS:
                raise ValueError(f"TrainConfig.tasks: unknown task {task!r}; {suggest(task, TASKS)}")
        if not self.tasks:
            raise ValueError("TrainConfig.tasks: name at least one task")
        for name in ("image_size", "samples", "epochs", "batch_size", "accumulate", "lr", "clip_norm", "cutmix_alpha"):
            self._require(name, getattr(self, name) > 0, "above 0")
        for name in ("momentum", "warmup", "cutmix_probability", "ema", "attribute_noise", "attribute_missing"):
            self._require(name, 0 <= getattr(self, name) <= 1, "between 0 and 1")
        weights = ("weight_body_part", "weight_attributes", "weight_disease")
        for name in ("weight_decay", "workers", "watch_gradients", *weights):
            self._require(name, getattr(self, name) >= 0, "at least 0")
        self._require("dark_share", self.dark_share == -1 or 0 <= self.dark_share <= 0.5, "-1, or between 0 and 0.5")
        self._require("colour_jitter", 0 <= self.colour_jitter <= 1, "between 0 and 1")
        self._require("group_dro", self.group_dro >= 0, "at least 0")
        self._require("even_skin", not self.even_skin or self.sampling == "photographs", "false with sampling=diseases")
        whole = self.balance != "sum" or self.watch_gradients or self.group_dro
        why = "1 with this balance, watch_gradients or group_dro"
        self._require("accumulate", self.accumulate == 1 or not whole, why)
        self._require("accumulate", self.accumulate <= self.batch_size, f"at most batch_size = {self.batch_size}")
        kept = self.balance == "pcgrad" or self.watch_gradients > 0
        self._require("compile", self.compile == "no" or not kept, "no with balance=pcgrad or watch_gradients")
        graphs = self.compile == "reduce-overhead" and self.accumulate > 1
        self._require("compile", not graphs, "default with accumulate: a replayed graph overwrites its last gradients")
        self._require("train_share", 0 < self.train_share <= 1, "above 0, at most 1")
        self._require(
            "samples", self.steps_per_epoch > 0, f"at least epochs × batch_size = {self.epochs * self.batch_size}"
        )

    def _check_types(self) -> None:
        kinds = {int: int, float: (int, float), bool: bool, str: str, dict: dict}
        for f in fields(self):
            value, kind = getattr(self, f.name), kinds.get(get_origin(f.type) or f.type)
            wrong = kind is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool))
            choices = getattr(f.type, "__args__", ()) if "Literal" in str(f.type) else ()
            if wrong or (choices and value not in choices):
                expected = f"one of {', '.join(choices)}" if choices else getattr(f.type, "__name__", f.type)
                raise ValueError(f"TrainConfig.{f.name}={value!r}: expected {expected}")

    def _require(self, name: str, ok: bool, what: str) -> None:
        if not ok:
            raise ValueError(f"TrainConfig.{name}={getattr(self, name)!r}: must be {what}")

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
        return replace(self, pretrained=False, start_from="")

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
            ValueError: a name that is no field, with the nearest fields.
        """
        known = {f.name for f in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"TrainConfig has no field {unknown[0]!r}; {suggest(unknown[0], known)}")
        paths = {name: Path(values[name]) for name in ("data_root", "out") if name in values}
        tasks = {"tasks": tuple(values["tasks"])} if "tasks" in values else {}
        return cls(**values | paths | tasks)
