"""How photographs become what a model takes: the side of the central square, how it is resized, and normalisation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dermimit.records import read_json

FILE = "preprocessing.json"
"""In the folder of a run; runs trained before there was one have 0.5, 0.5 and bilinear."""
HALF = (0.5, 0.5, 0.5)
INTERPOLATIONS = ("bilinear", "bicubic")


@dataclass(frozen=True)
class Preprocessing:
    """What the model of a run expects of its photographs; always the whole central square, resized with antialiasing.

    Args:
        size: side of the square in pixels, at least 1.
        mean, std: of each colour channel of pixels in [0, 1], std above 0.
        interpolation: one of `INTERPOLATIONS`.

    Raises:
        ValueError: a value out of range, by name.
    """

    size: int
    mean: tuple[float, ...] = HALF
    std: tuple[float, ...] = HALF
    interpolation: str = "bilinear"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"preprocessing: size {self.size}: give the side in pixels, at least 1")
        if len(self.mean) != len(self.std) or not self.mean:
            raise ValueError(f"preprocessing: {len(self.mean)} means and {len(self.std)} deviations: give both for "
                             "each colour channel")  # fmt: skip
        if not all(map(math.isfinite, self.mean)) or not all(math.isfinite(s) and s > 0 for s in self.std):
            raise ValueError(f"preprocessing: mean {self.mean}, std {self.std}: give finite numbers, and deviations "
                             "above 0")  # fmt: skip
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"preprocessing: interpolation {self.interpolation!r}: photographs are resized "
                             f"{' or '.join(INTERPOLATIONS)}")  # fmt: skip

    @classmethod
    def of(cls, model: Any, size: int | None = None) -> "Preprocessing":
        """What a model says of itself in `pretrained_cfg`, as timm's do; 0.5, 0.5 and bilinear where it says nothing.

        Args:
            model: of timm or of this package.
            size: side of the photographs where the model was built for another than its `input_size`.

        Raises:
            ValueError: no size, or photographs that are no squares.
        """
        said = getattr(model, "pretrained_cfg", None) or {}
        if size is None:
            sides = set(said.get("input_size", ())[1:])
            if len(sides) != 1:
                raise ValueError(f"{type(model).__name__}: pretrained_cfg has input_size "
                                 f"{said.get('input_size')}, not (channels, side, side): give the size")  # fmt: skip
            size = sides.pop()
        return cls.from_dict({k: said[k] for k in ("mean", "std", "interpolation") if said.get(k)} | {"size": size})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of `to_dict`; what is absent is as usual, but for the size.

        Raises:
            ValueError: another entry, none for the size, or a value out of range.
        """
        try:
            numbers = {name: _numbers(values[name]) for name in ("mean", "std") if name in values}
            return cls(**{**values, **numbers, "size": int(values["size"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"preprocessing: {dict(values)} is not size, mean, std and interpolation") from error

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}

    def for_timm(self) -> dict[str, Any]:
        """The entries of a model's `pretrained_cfg` that say the same, but for the size."""
        return {"mean": self.mean, "std": self.std, "interpolation": self.interpolation}

    def normalise(self, photos: Any) -> Any:
        """Pixels as the model takes them: pixel / 255, less the mean, over the deviation.

        Args:
            photos: uint8 tensor (..., channels, H, W).

        Returns:
            float32 tensor of the same shape.

        Raises:
            TypeError: the photos are not uint8.
        """
        from dermimit.data.transforms import LightAndNormalise

        return LightAndNormalise(0.0, self.mean, self.std)(photos)

    def denormalise(self, images: Any) -> Any:
        """The pixels of normalised photographs, the inverse of `normalise`, for pictures of them.

        Args:
            images: float tensor (..., channels, H, W).

        Returns:
            uint8 tensor of the same shape; what is out of range becomes 0 or 255.
        """
        import torch

        mean, std = (torch.tensor(values, device=images.device).view(-1, 1, 1) for values in (self.mean, self.std))
        return ((images.float() * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)

    def in_words(self) -> str:
        """In a few words for readers, without the size."""
        mean, std = (", ".join(f"{v:g}" for v in _once(values)) for values in (self.mean, self.std))
        return f"resized {self.interpolation}, normalised with mean {mean} and standard deviation {std}"


def stored(folder: Path, size: int) -> Preprocessing:
    """What the folder of a run says.

    Args:
        folder: of the run.
        size: side of the run's photographs in pixels.

    Returns:
        mean and deviation 0.5 and bilinear where there is no file.

    Raises:
        ValueError: the file is damaged, or of photographs of another size.
    """
    path = folder / FILE
    if not path.exists():
        return Preprocessing(size)
    try:
        found = Preprocessing.from_dict(read_json(path))
    except ValueError as error:
        raise ValueError(f"{path}: {str(error).removeprefix(f'{path} ')}; put the run's own back") from error
    if found.size != size:
        raise ValueError(f"{path} is for {found.size} pixels, the run's photographs have {size}: put its own back")
    return found


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _once(values: Sequence[float]) -> Sequence[float]:
    """One number where all channels have the same."""
    return values[:1] if len(set(values)) == 1 else values
