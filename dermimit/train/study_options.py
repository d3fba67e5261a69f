"""What a single study of this project changes in a training run; a plain run leaves all of it as it is."""

from dataclasses import dataclass
from typing import Literal

from dermimit.train.checked import Checked


@dataclass(frozen=True, kw_only=True)
class StudyOptions(Checked):
    """Fields of `TrainConfig` that serve one study each; they are written into a record only where they are set.

    Raises:
        ValueError: a value outside its range, naming the field.
    """

    lesion_map: str = ""
    """Select patches by lesion maps instead of attention: "mask" for the manifest's own (an oracle), or a folder of
    maps in data_root, with one <image stem>.png for each photograph; empty: by attention, or as the model is set."""
    train_share: float = 1.0
    """Share of the training patients that are used; the others are left out."""
    attribute_noise: float = 0.0
    """Share of the training photographs whose attributes are permuted among them: wrong labels."""
    attribute_missing: float = 0.0
    """Share of the training photographs whose attributes are made unknown: missing labels."""
    balance: Literal["sum", "uncertainty", "pcgrad"] = "sum"
    """How the losses of the tasks are combined: weighted sum, learned uncertainty weights, or PCGrad on the trunk."""
    disease_loss: Literal["cross_entropy", "class_balanced", "logit_adjusted", "focal"] = "cross_entropy"
    """Rare diseases, class weighting: class_balanced weights each disease by the inverse of its effective number of
    photographs; logit_adjusted and focal are other remedies, see `dermimit.train.long_tail`."""
    sampling: Literal["photographs", "diseases"] = "photographs"
    """Rare diseases, balanced sampling: every photograph equally often, or every disease."""
    train_only: Literal["all", "classifiers"] = "all"
    """Train all weights, or only the classifiers; with start_from and sampling=diseases this is decoupled training."""
    unseen: str = ""
    """Diseases to hold out of training and validation, separated by "; "; they stay classes, and stay in the test."""
    second_loss: bool = False
    """Control for the interaction: a single task gets a second classifier and its loss, with supervise=both."""
    watch_gradients: int = 0
    """Steps between two measurements of the cosine between the tasks' gradients on the trunk; 0 for none."""
    dark_share: float = -1.0
    """Share of skin types V and VI among the training and validation photographs, 0 to 0.5. The number of photographs
    is the same for every share; -1: as in the dataset."""
    even_skin: bool = False
    """Sample the training photographs so that skin types I-II, III-IV and V-VI are equally likely."""
    colour_jitter: float = 0.0
    """Augmentation: strength s of random colour in training: brightness, contrast and saturation vary by 0.8 s, hue by
    0.2 s; 0.5 is strong."""
    group_dro: float = 0.0
    """Step size of the weights of skin types I-II, III-IV and V-VI in group DRO; 0: all photographs count the same."""

    def check_study(self) -> None:
        """Raises ValueError for the first of these fields that is outside its range."""
        self.require_shares("attribute_noise", "attribute_missing", "colour_jitter")
        both = self.attribute_noise and self.attribute_missing
        told = "0 with attribute_noise: both take the same photographs, and what is missing is not wrong; take one"
        self.require("attribute_missing", not both, told)
        self.require("train_share", 0 < self.train_share <= 1, "above 0, at most 1")
        self.require("watch_gradients", self.watch_gradients >= 0, "at least 0")
        self.require("dark_share", self.dark_share == -1 or 0 <= self.dark_share <= 0.5, "-1, or between 0 and 0.5")
        self.require("group_dro", self.group_dro >= 0, "at least 0")
        self.require("even_skin", not self.even_skin or self.sampling == "photographs", "false with sampling=diseases")

    @property
    def reads_task_gradients(self) -> bool:
        """Whether each task's own gradient is asked for, so that the graph of a step is walked more than once."""
        return self.balance == "pcgrad" or self.watch_gradients > 0
