"""What one probe is made of."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from dermimit.data.problems import suggest
from dermimit.files import without_folders
from dermimit.train.checked import Checked

COLOUR = "colour"
COLOUR_SIZE = 96
FEATURES = ("class", "mean", "class+mean", "pooled", COLOUR)
METHODS = ("knn", "logistic", "attentive")
PROBABILITY = "p_"
"""What stands before a disease's name in the names of columns of answers."""
ALONE = "(row "
"""How the group of a photograph begins that has neither patient nor lesion."""
NUMBERLESS = ("cache", "batch_size")
"""Fields that change no number but by rounding."""
PLACES = ("data_root", "weights", "quarantine")
"""Fields of which a record holds the last part alone: where they lay is nobody's business."""


@dataclass(frozen=True, kw_only=True)
class ProbeConfig(Checked):
    """One probe: a backbone, what is taken from it, and how it is judged.

    Raises:
        ValueError: a value of the wrong type or outside its range, naming the field.
    """

    dataset: str
    """pad_ufes_20, dermacon_in, sd198, fitzpatrick17k, scin, ddi, synderm, or folder for photographs of your own."""
    data_root: Path
    """Folder of the dataset."""
    out: Path
    """Folder of the record."""
    data_options: dict[str, bool | int | float | str | None] = field(default_factory=dict)
    """Options of the dataset's loader, such as level; `dermimit data info NAME` lists them."""
    quarantine: str = ""
    """File that names photographs to leave out, written by `dermimit data check --skip-broken`."""
    backbone: str = "vit_small_patch14_dinov2"
    """A model of timm; or colour: 25 numbers of colour and texture, without a network."""
    weights: str = ""
    """The backbone's weights: a file, or a name that `dermimit weights list` knows."""
    pretrained: bool = False
    """Use the weights that timm's hub has for the backbone."""
    random: bool = False
    """Use a backbone with random weights, as a baseline."""
    image_size: int = 0
    """Side of the square photograph in pixels; 0 for the backbone's own (96 for colour)."""
    features: tuple[str, ...] = ()
    """Features for knn and logistic: class (the class token), mean (of the patch tokens), class+mean (both, one after
    the other), pooled (the backbone's own pooling); by default all that the backbone has."""
    methods: tuple[str, ...] = METHODS
    """knn, logistic, attentive (a learned query over the patch tokens, or over the places of a convolution's map); the
    colour numbers are read by logistic alone."""
    folds: int = 5
    """Folds of a split; each is predicted by a model trained on the others. No patient, or lesion, is in two folds."""
    splits: int = 3
    """Number of different divisions of the photographs into folds."""
    neighbours: int = 20
    """Nearest neighbours of knn."""
    C: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)
    """Inverse strength of the L2 penalty of the logistic regressions; of several, the best one in an inner
    cross-validation on the training photographs of each fold is used."""
    epochs: int = 20
    """Passes of attentive pooling over its training photographs."""
    lr: float = 0.001
    """Peak learning rate of attentive pooling."""
    resamples: int = 2000
    """Resamples of the patients, for the intervals."""
    batch_size: int = 16
    """Photographs in one pass of the backbone."""
    cache: str = ""
    """Folder that keeps the features, for a later probe of the same backbone and photographs."""
    seed: int = 42
    """Seed of the first split (42 gives the folds of `dermimit.data.folds`; the next split has the next seed), of
    attentive pooling and of random weights."""

    def __post_init__(self) -> None:
        self.check_types()
        for name, known in (("features", FEATURES), ("methods", METHODS)):
            for value in getattr(self, name):
                if value not in known:
                    raise ValueError(f"ProbeConfig.{name}: unknown {value!r}; {suggest(value, known)}")
        self.require("methods", bool(self.methods), "at least one")
        for name in ("splits", "neighbours", "epochs", "resamples", "batch_size"):
            self.require(name, getattr(self, name) >= 1, "at least 1")
        self.require("lr", self.lr > 0, "above 0")
        self.require("folds", self.folds >= 2, "at least 2")
        self.require("C", bool(self.C) and all(c > 0 for c in self.C), "above 0, one or several")
        self.require("image_size", self.image_size >= 0, "at least 1, or 0 for the backbone's own")
        self._check_weights()

    def _check_weights(self) -> None:
        """That it is said, once, where the weights come from."""
        named = [f"--{name}" for name in ("weights", "pretrained", "random") if getattr(self, name)]
        if self.backbone == COLOUR and (named or self.features):
            raise ValueError(
                "--backbone colour is no network: leave --weights, --pretrained, --random and --features out"
            )
        if self.backbone == COLOUR and "logistic" not in self.methods:
            raise ValueError(
                f"--backbone colour: its 25 numbers are read by logistic alone, not by {', '.join(self.methods)}"
            )
        if self.backbone != COLOUR and len(named) != 1:
            told = f"{' and '.join(named)} are given" if named else "none is given, so the backbone would be noise"
            raise ValueError(f"--backbone {self.backbone}: say where its weights come from with one of --weights, "
                             f"--pretrained and --random; {told}")  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON and for publishing: no path but the last part of its name."""
        values = {k: v for k, v in asdict(self).items() if k not in ("out", *NUMBERLESS)}
        places = {name: Path(values[name]).name for name in PLACES if values[name]}
        lists = {f.name: list(values[f.name]) for f in fields(self) if f.name in ("features", "methods", "C")}
        return values | places | lists | {"data_options": without_folders(self.data_options)}
