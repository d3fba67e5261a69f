"""SynDerm as a map-style dataset that draws its pictures on demand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from dermimit.data.label_space import LabelSpace
from dermimit.data.synderm.case import READER, Case, Knobs, Labels, draw_labels, stream
from dermimit.data.synderm.colour import SKIN_TYPES, skin_weights
from dermimit.data.synderm.confounders import Spec, probabilities
from dermimit.data.synderm.course import after
from dermimit.data.synderm.drawing import DRAWINGS
from dermimit.data.synderm.knowledge import ARRANGEMENTS, NUMBERS, SIZES, Array, knowledge
from dermimit.data.synderm.noise import Reader, Reading
from dermimit.data.synderm.picture import make_case
from dermimit.data.synderm.posterior import normalised_prior
from dermimit.data.synderm.regimes import process, read_regime

LABEL_SPACE = LabelSpace("synderm", knowledge().diseases, knowledge().body_parts, knowledge().attributes)


class SynDerm:
    """Procedural clinical photographs with Derm-49's label shape: 49 diseases, 15 body parts, 27 attributes.

    Case i of seed s is the same to the bit whatever the number of workers, the order or the batch.

    Args:
        n: number of cases, 1 and up.
        seed: 0 and up; different seeds share no case.
        image_size: side of the square picture in pixels, 16 and up. Labels and layout do not depend on it.
        fitzpatrick: the skin types to draw evenly, some of 1..6; or a mapping from type to weight; all six evenly
            when None.
        prior: (49,) weights of the diseases, in the order of LABEL_SPACE; the shipped long-tailed prior when None.
        confounders: True for the usual ones, False for none, or a mapping such as
            `{"ink": {"melanoma": 0.8, "default": 0.05}}`; see `confounders.probabilities`.
        zoom: of the framing, 1 (overview) to 3; drawn by chance when None.
        camera: fields of `camera.Shot` to fix, such as `{"exposure": 1.0, "noise": 0.0, "quality": 95}`.
        regime: "plain", "interaction", "interaction=0.5", "small", "noisy", "noisy=2", or several joined by +; see
            `read_regime`.
            None is the third version, which the first edition's records were made with.

    Raises:
        ValueError: an argument is out of range.
        IndexError: a case outside 0..n-1 is asked for.
    """

    def __init__(
        self,
        n: int,
        seed: int = 0,
        image_size: int = 64,
        fitzpatrick: int | Sequence[int] | Mapping[int, float] | None = None,
        prior: Sequence[float] | Array | None = None,
        confounders: Spec = True,
        zoom: float | None = None,
        camera: Mapping[str, Any] | None = None,
        regime: str | None = None,
    ) -> None:
        for name, value, least in (("n", n, 1), ("seed", seed, 0), ("image_size", image_size, 16)):
            if value < least:
                raise ValueError(f"{name}: must be {least} or more, found {value}")
        if zoom is not None and not 1 <= zoom <= 3:
            raise ValueError(f"zoom: must lie in 1..3, found {zoom}")
        self.n, self.seed, self.image_size = n, seed, image_size
        self.regime = read_regime(regime)
        known = DRAWINGS[self.regime.version].camera.__dataclass_fields__
        unknown = sorted(set(camera or {}) - set(known))
        if unknown:
            raise ValueError(f"camera: unknown {unknown}; known are {', '.join(known)}")
        self.skin_types = skin_weights(fitzpatrick)
        self.prior = normalised_prior(prior, process(self.regime))
        self.confounders = self._probabilities(confounders)
        self.knobs = Knobs(zoom, dict(camera or {}))

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Case:
        return self._draw(range(self.n)[index], self.labels(index))

    def labels(self, index: int) -> Labels:
        """The labels of a case, without drawing its picture."""
        return draw_labels(self.seed, range(self.n)[index], self.prior, self.skin_types, self.regime)

    def reading(self, index: int, labels: Labels, visit: int = 0) -> Reading:
        """What a reader wrote down of a photograph of the case: the truth, unless the regime is noisy.

        Args:
            index: the case.
            labels: what the photograph shows.
            visit: number of the photograph; each is read anew.
        """
        if not self.regime.noisy:
            return Reading(labels.body_part, labels.attributes, ())
        return self.reader.read(labels.body_part, labels.attributes, stream(self.seed, index, READER, visit))

    @cached_property
    def reader(self) -> Reader:
        """The reader of a noisy dataset."""
        return Reader(process(self.regime), self.prior, self.regime.noisy)

    def counterfactual(
        self, index: int, add: Sequence[str] = (), remove: Sequence[str] = (), confounders: Spec | None = None,
        **changes: Any,
    ) -> Case:  # fmt: skip
        """The same case with something changed, and every other cause of a pixel as it was.

        Args:
            index: the case.
            add, remove: attributes to switch on and off.
            confounders: as in the constructor; `{"ink": 1.0}` draws ink for certain. As in the dataset when None.
            changes: fields of `Labels`, such as `fitzpatrick=6` or `body_part="face"`.

        Raises:
            ValueError: an unknown attribute, confounder, field or value.
        """
        space, labels = LABEL_SPACE, self.labels(index)
        unknown = sorted(({*add, *remove} - {*space.attributes}) | ({*changes} - {*vars(labels)}))
        if unknown:
            raise ValueError(f"counterfactual: unknown {unknown}; known are attributes and {', '.join(vars(labels))}")
        present = ({*labels.attributes} | {*add}) - {*remove}
        known = {"disease": space.diseases, "body_part": space.body_parts, "fitzpatrick": SKIN_TYPES}
        known |= {"number": NUMBERS, "size": SIZES, "arrangement": ARRANGEMENTS}
        for name, value in changes.items():
            if name in known and value not in known[name]:
                raise ValueError(f"counterfactual: {name}: {value!r} is not one of {', '.join(map(str, known[name]))}")
        ordered = tuple(a for a in space.attributes if a in present)
        table = self.confounders if confounders is None else self._probabilities(confounders)
        return self._draw(range(self.n)[index], replace(labels, **({"attributes": ordered} | changes)), table, labels)

    def visits(self, index: int, days: Sequence[float]) -> list[Case]:
        """The same case photographed again: lesions grow, spread, crust or heal as the disease's course says.

        Framing and person stay, so the series is registered; light and camera differ from visit to visit.

        Args:
            index: the case.
            days: 0 and up, since the photograph of the dataset.
        """
        labels, facts = self.labels(index), knowledge()
        course = facts.courses[facts.diseases.index(labels.disease)]
        cases = []
        for visit, day in enumerate(days):
            shown, stage = after(labels, course, float(day))
            cases.append(
                make_case(self.seed, range(self.n)[index], self.image_size, shown, self.confounders, stage, self.knobs,
                          visit, self.regime, labels)
            )  # fmt: skip
        return cases

    def _probabilities(self, spec: Spec) -> dict[str, Array]:
        return probabilities(spec, LABEL_SPACE.diseases, DRAWINGS[self.regime.version].usual)

    def _draw(
        self, index: int, labels: Labels, confounders: Mapping[str, Array] | None = None, first: Labels | None = None
    ) -> Case:
        table = self.confounders if confounders is None else confounders
        return make_case(
            self.seed, index, self.image_size, labels, table, knobs=self.knobs, regime=self.regime, first=first
        )
