"""Augmentation and normalisation (torchvision v2: masks follow the photo), and CutMix for all tasks at once."""

import math
import random
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from dermimit.data.preprocessing import HALF, Preprocessing

SMALLEST_CROP = 0.6  # of the photo's area: the lesion, usually central, stays in view
WIDEST_CROP = 4 / 3  # width to height, or height to width
LIGHT = 0.1  # brightness and contrast vary by this share


class CentralView(v2.Transform):
    """The central square of the photo, resized.

    A mask takes the pixel nearest to each centre (torchvision's own way with masks shifts them by half a pixel).

    Bicubic resizing overshoots at edges; what leaves [0, 255] is cut off.

    Args:
        image_size: side of the result in pixels.
        interpolation: of the photo, "bilinear" or "bicubic", with antialiasing.
    """

    def __init__(self, image_size: int, interpolation: str = "bilinear") -> None:
        super().__init__()
        self.image_size, self.interpolation = image_size, F.InterpolationMode(interpolation)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The rectangle to cut, as (top, left, height, width), and whether to mirror."""
        height, width = flat_inputs[0].shape[-2:]
        side = min(height, width)
        return {"box": ((height - side) // 2, (width - side) // 2, side, side), "mirror": False}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Cut, resize and mirror a photo or a mask."""
        is_mask = isinstance(inpt, tv_tensors.Mask)
        how = F.InterpolationMode.NEAREST_EXACT if is_mask else self.interpolation
        pixels = inpt.as_subclass(torch.Tensor)
        out = F.resized_crop(pixels, *params["box"], [self.image_size, self.image_size], how, antialias=not is_mask)
        out = (F.horizontal_flip(out) if params["mirror"] else out).contiguous()
        return tv_tensors.wrap(out, like=inpt) if isinstance(inpt, tv_tensors.TVTensor) else out


class RandomView(CentralView):
    """A random rectangle of the photo, resized to a square and mirrored at random.

    The rectangle has a uniform share of the area, in [`smallest`, 1], and a log-uniform aspect ratio in [3/4, 4/3]; a
    side longer than the photo's is cut to it. One step where torchvision takes three and twice the time.

    Args:
        image_size: side of the result in pixels.
        smallest: smallest share of the area, above 0, at most 1.
        interpolation: as `CentralView`.
    """

    def __init__(self, image_size: int, smallest: float = SMALLEST_CROP, interpolation: str = "bilinear") -> None:
        super().__init__(image_size, interpolation)
        self.smallest = smallest

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the rectangle and the mirroring."""
        height, width = flat_inputs[0].shape[-2:]
        share, ratio, down, right, mirror = torch.rand(5).tolist()
        side = ((self.smallest + (1 - self.smallest) * share) * height * width) ** 0.5
        stretch = WIDEST_CROP ** (ratio - 0.5)
        high, wide = (max(1, min(n, round(m))) for n, m in ((height, side / stretch), (width, side * stretch)))
        box = (int(down * (height - high + 1)), int(right * (width - wide + 1)), high, wide)
        return {"box": box, "mirror": mirror < 0.5}


class RandomRotation(v2.Transform):
    """A photo turned about its centre by a random angle, at the same size and scale; its corners hold its reflection.

    torchvision's own rotation can fill the corners with one colour only, which a model can learn.

    Args:
        degrees: largest angle; angles are uniform in [-`degrees`, `degrees`].
    """

    def __init__(self, degrees: float) -> None:
        super().__init__()
        self.degrees = degrees

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the angle in degrees, anticlockwise as one looks at the photo."""
        return {"angle": self.degrees * (2 * float(torch.rand(1)) - 1)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Turn a photo, between its pixels, or a mask, by its nearest ones."""
        height, width = inpt.shape[-2:]
        sine, cosine = (f(math.radians(params["angle"])) for f in (math.sin, math.cos))
        turn = torch.tensor([[[cosine, -sine * height / width, 0], [sine * width / height, cosine, 0]]])
        grid = affine_grid(turn, [1, 1, height, width], align_corners=False)
        mode = "nearest" if isinstance(inpt, tv_tensors.Mask) else "bilinear"
        pixels = inpt.as_subclass(torch.Tensor)[None].float()
        turned = grid_sample(pixels, grid, mode, padding_mode="reflection", align_corners=False)[0]
        out = turned.round_().clamp_(0, 255).to(torch.uint8)
        return tv_tensors.wrap(out, like=inpt) if isinstance(inpt, tv_tensors.TVTensor) else out


class LightAndNormalise(v2.Transform):
    """Vary brightness and contrast, then normalise pixels from [0, 255] as a model expects them.

    y = g (x - x̄) + b x̄, with x̄ the photo's mean, then (y / 255 - `mean`) / `std`, by colour channel. g and b are
    uniform in [1 - `light`, 1 + `light`]. One multiplication and one addition, where torchvision's ColorJitter takes
    longer than the rest of the pipeline.

    Args:
        light: 0 to 1; 0 only normalises.
        mean, std: of each channel, for pixels in [0, 1].

    Raises:
        TypeError: the photo is not uint8.
    """

    def __init__(self, light: float = 0.0, mean: tuple[float, ...] = HALF, std: tuple[float, ...] = HALF) -> None:
        super().__init__()
        self.light, self.mean, self.std = light, mean, std

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw contrast g and brightness b."""
        if not self.light:
            return {"contrast": 1.0, "brightness": 1.0}
        contrast, brightness = (1 - self.light + 2 * self.light * torch.rand(2)).tolist()
        return {"contrast": contrast, "brightness": brightness}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Change a photo; leave a mask alone."""
        if isinstance(inpt, tv_tensors.Mask):
            return inpt
        if inpt.dtype != torch.uint8:
            raise TypeError(f"pixels are {inpt.dtype}: give uint8, 0 to 255, before normalisation")
        photo = inpt.as_subclass(torch.Tensor).float()
        contrast, brightness = params["contrast"], params["brightness"]
        offset = (brightness - contrast) * float(photo.mean()) if self.light else 0.0
        scale = [contrast / (255 * s) for s in self.std]
        shift = [offset / (255 * s) - m / s for m, s in zip(self.mean, self.std, strict=True)]
        by_channel = torch.tensor([scale, shift], device=photo.device).view(2, -1, 1, 1)
        return photo.mul_(by_channel[0]).add_(by_channel[1])


def train_transform(
    preprocessing: Preprocessing | int, vertical_flip: bool = False, rotation: float = 0.0
) -> v2.Compose:
    """Random crop, mirroring, light, normalisation: uint8 (3, h, w) to float32 (3, size, size).

    Called with a photo, or a photo and its `tv_tensors.Mask`. Draws from torch's global random state, and no more of it
    than is asked for.

    Args:
        preprocessing: of the model; a number is the side in pixels, with mean and deviation 0.5 and bilinear.
        vertical_flip: whether half of the photos are also turned upside down.
        rotation: largest angle, in degrees, by which photos are turned before they are cut; 0 for none.
    """
    turn = [RandomRotation(rotation)] if rotation else []
    flip = [v2.RandomVerticalFlip()] if vertical_flip else []
    p = prepared(preprocessing)
    view, light = RandomView(p.size, interpolation=p.interpolation), LightAndNormalise(LIGHT, p.mean, p.std)
    return v2.Compose([*turn, view, *flip, light])


def eval_transform(preprocessing: Preprocessing | int) -> v2.Compose:
    """Central square, normalisation: uint8 (3, h, w) to float32 (3, size, size).

    Args:
        preprocessing: as `train_transform`.
    """
    p = prepared(preprocessing)
    return v2.Compose([CentralView(p.size, p.interpolation), LightAndNormalise(0.0, p.mean, p.std)])


def prepared(preprocessing: Preprocessing | int) -> Preprocessing:
    """A side in pixels as a preprocessing, with mean and deviation 0.5 and bilinear; else what is given."""
    return preprocessing if isinstance(preprocessing, Preprocessing) else Preprocessing(int(preprocessing))


def least_side(image_size: int) -> int:
    """Shortest side, in pixels, from which no transform of `image_size` has to enlarge: 1.49 `image_size`, rounded up.

    A cut of share s of the area and aspect ratio r has no side shorter than √(s H W / r) ≥ √(s / r) min(H, W), and the
    smallest that `RandomView` draws, s = 0.6 and r = 4/3, leaves 0.67 of the photo's shortest side. The evaluation's
    central square would do with `image_size`, and takes the same, so that both see photos reduced in the same way.
    `RandomRotation` keeps the photo's size and scale.
    """
    return math.ceil(image_size / math.sqrt(SMALLEST_CROP / WIDEST_CROP))


class CutMix:
    """Paste a box of another photo into each photo, and mix the targets of every task by the area really pasted.

    λ ~ Beta(α, α); the box has sides √(1-λ) of the photo's and a uniform centre, and is clipped at the edges; then λ is
    set to 1 - (pasted area) / (photo's area), and t ← λ t + (1 - λ) t_partner for every task, with one permutation of
    the batch. A target that is unknown (NaN) in either photo is unknown in the mixture.

    Args:
        alpha: α > 0.
        probability: share of batches that are mixed, 0 to 1.
        generator: a CPU generator, the only source of randomness; None: torch's global one.

    Raises:
        ValueError: alpha or probability is out of range.

    Source: Yun et al., "CutMix", ICCV 2019, section 3. The DermImitFormer paper says that CutMix is used and not with
    which values: α = 0.3 and probability 0.5 are our declared choice.
    """

    def __init__(self, alpha: float = 0.3, probability: float = 0.5, generator: torch.Generator | None = None) -> None:
        if not alpha > 0 or not 0 <= probability <= 1:
            raise ValueError(f"CutMix: alpha {alpha} must be positive and probability {probability} in 0 to 1")
        self.alpha, self.probability, self.generator = alpha, probability, generator

    def __call__(
        self, images: Float[Tensor, "b c h w"], targets: Mapping[str, Float[Tensor, "b _"]]
    ) -> tuple[Float[Tensor, "b c h w"], dict[str, Float[Tensor, "b _"]]]:
        """Mixed images (B, C, H, W) and targets ((B, classes) for each task); the arguments are left unchanged."""
        draw = random.Random(int(torch.randint(2**62, (), generator=self.generator)))
        if draw.random() >= self.probability:
            return images, dict(targets)
        top, left, bottom, right = self._box(draw, *images.shape[-2:])
        pasted = (bottom - top) * (right - left) / (images.shape[-2] * images.shape[-1])
        if not pasted:
            return images, dict(targets)
        partner = torch.randperm(len(images), generator=self.generator).to(images.device)
        mixed = images.clone()
        mixed[..., top:bottom, left:right] = images[partner, :, top:bottom, left:right]
        return mixed, {task: (1 - pasted) * t + pasted * t[partner.to(t.device)] for task, t in targets.items()}

    def _box(self, draw: random.Random, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, bottom, right of the clipped box, in pixels."""
        side = (1 - draw.betavariate(self.alpha, self.alpha)) ** 0.5
        high, wide = int(height * side), int(width * side)
        top, left = draw.randrange(height) - high // 2, draw.randrange(width) - wide // 2
        return max(top, 0), max(left, 0), min(top + high, height), min(left + wide, width)
