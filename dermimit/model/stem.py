"""A residual convolutional patch embedding for the tiny model, in timm's `embed_layer` interface."""

from itertools import pairwise

from jaxtyping import Float
from timm.models.resnet import BasicBlock
from torch import Tensor, nn


class ConvStem(nn.Module):
    """Photo to tokens through residual convolutions, each stage halving the resolution.

    A plain patch projection learns slowly from few images; convolutions know about neighbourhoods from the start
    (Xiao et al., "Early convolutions help transformers see better", 2021). Token i still stands for patch i.

    Args:
        img_size: pixels, or height and width.
        patch_size: pixels; a power of two, at least 4.
        in_chans: channels of the photograph.
        embed_dim: channels of a token.

    Raises:
        ValueError: another patch size, or one that does not divide the image; images of another size.

    Differs from the paper: DermImitFormer uses ViT-B/16's linear patch projection, as our larger builders do.
    """

    def __init__(
        self,
        img_size: int | tuple[int, int],
        patch_size: int | tuple[int, int],
        in_chans: int,
        embed_dim: int,
        **_: object,
    ) -> None:
        super().__init__()
        height, width = img_size if isinstance(img_size, tuple) else (img_size, img_size)
        if not isinstance(patch_size, int) or patch_size < 4 or patch_size & (patch_size - 1):
            raise ValueError(f"ConvStem: patch_size={patch_size} must be a power of two from 4")
        if height % patch_size or width % patch_size:
            raise ValueError(f"ConvStem: patch_size={patch_size} does not divide {height} x {width} pixels")
        self.img_size, self.patch_size = (height, width), (patch_size, patch_size)
        self.grid_size = (height // patch_size, width // patch_size)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        stages = patch_size.bit_length() - 2  # after the first convolution
        widths = [max(embed_dim >> (stages - i), 16) for i in range(stages + 1)]
        self.conv = nn.Conv2d(in_chans, widths[0], 3, stride=2, padding=1, bias=False)
        self.norm, self.act = nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        self.stages = nn.Sequential(*(halving_block(a, b) for a, b in pairwise(widths)))

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch patches dim"]:
        """Tokens in row-major patch order."""
        if tuple(x.shape[-2:]) != self.img_size:
            raise ValueError(f"images are {tuple(x.shape[-2:])}, the stem expects {self.img_size}: resize them")
        return self.stages(self.act(self.norm(self.conv(x)))).flatten(2).transpose(1, 2)

    def dynamic_feat_size(self, img_size: tuple[int, int]) -> tuple[int, int]:
        """Patches down and across of an image, in timm's interface."""
        return img_size[0] // self.patch_size[0], img_size[1] // self.patch_size[1]


def halving_block(inplanes: int, planes: int) -> BasicBlock:
    """A ResNet basic block that halves height and width."""
    shortcut = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride=2, bias=False), nn.BatchNorm2d(planes))
    return BasicBlock(inplanes, planes, stride=2, downsample=shortcut)
