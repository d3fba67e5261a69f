"""Networks that outline the lesion: what selection by attention is compared with."""

from __future__ import annotations

import segmentation_models_pytorch as smp
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import mobilenet_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import AnchorGenerator

Images = Float[Tensor, "batch 3 height width"]
Masks = Bool[Tensor, "batch height width"]


class UNet(nn.Module):
    """A U-Net over MobileNetV2, from random weights.

    Source: segmentation_models_pytorch; Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015.
    """

    def __init__(self) -> None:
        super().__init__()
        self.net = smp.Unet("mobilenet_v2", encoder_weights=None, decoder_channels=(64, 64, 32, 16, 16), classes=1)
        self.dice = smp.losses.DiceLoss("binary")

    def loss(self, images: Images, masks: Masks) -> Tensor:
        """Cross-entropy over pixels, and Dice."""
        logits, truth = self.net(images), masks[:, None].float()
        return F.binary_cross_entropy_with_logits(logits, truth) + self.dice(logits, truth)

    @torch.no_grad()
    def probability(self, images: Images) -> Float[Tensor, "batch height width"]:
        """Probability of lesion in each pixel."""
        return self.net(images).sigmoid()[:, 0]


class LesionRCNN(nn.Module):
    """Torchvision's Mask R-CNN over MobileNetV3 with slim heads, from random weights; each part of a mask is a lesion.

    Args:
        least: sides of the photo as the network sees it, in pixels; smaller photos are enlarged.

    Source: He et al., "Mask R-CNN", ICCV 2017.
    """

    def __init__(self, least: int = 96) -> None:
        super().__init__()
        backbone = mobilenet_backbone(backbone_name="mobilenet_v3_large", weights=None, fpn=True, trainable_layers=6,
                                      norm_layer=nn.BatchNorm2d)  # fmt: skip
        width, slim = backbone.out_channels, 64
        anchors = AnchorGenerator(((8, 16, 32, 64, 128),) * 3, ((0.5, 1.0, 2.0),) * 3)
        self.net = MaskRCNN(
            backbone, num_classes=None, min_size=least, max_size=least, rpn_anchor_generator=anchors,
            image_mean=[0.0] * 3, image_std=[1.0] * 3,  # the photos are normalised already
            box_head=TwoMLPHead(width * 7**2, 128), box_predictor=FastRCNNPredictor(128, 2),
            mask_head=MaskRCNNHeads(width, (slim, slim), 1), mask_predictor=MaskRCNNPredictor(slim, slim, 2),
            rpn_pre_nms_top_n_train=300, rpn_post_nms_top_n_train=100, rpn_pre_nms_top_n_test=100,
            rpn_post_nms_top_n_test=30, box_batch_size_per_image=32, box_detections_per_img=20, box_score_thresh=0.3,
        )  # fmt: skip

    def loss(self, images: Images, masks: Masks) -> Tensor:
        """The sum of the network's own losses; photos without lesion pixels are left out."""
        there = masks.flatten(1).any(1).nonzero()[:, 0].tolist()
        if not there:
            return sum(p.sum() for p in self.parameters()) * 0.0
        return sum(self.net([images[i] for i in there], [lesions(masks[i]) for i in there]).values())

    @torch.no_grad()
    def probability(self, images: Images) -> Float[Tensor, "batch height width"]:
        """The largest over the lesions found of score times probability in the lesion's mask; 0 where none is."""
        found = self.net(list(images))
        empty = images.new_zeros(1, *images.shape[-2:])
        maps = [torch.cat([one["masks"][:, 0] * one["scores"][:, None, None], empty]).amax(0) for one in found]
        return torch.stack(maps)


def lesions(mask: Bool[Tensor, "height width"]) -> dict[str, Tensor]:
    """The connected parts of a mask, corners included, as boxes and masks for the detector."""
    parts, n = ndimage.label(mask.cpu().numpy(), [[1] * 3] * 3)
    masks = torch.stack([torch.from_numpy(parts == i) for i in range(1, n + 1)])
    boxes = [torch.tensor([m.any(0).nonzero().min(), m.any(1).nonzero().min(),
                           m.any(0).nonzero().max() + 1, m.any(1).nonzero().max() + 1]) for m in masks]  # fmt: skip
    found = {"boxes": torch.stack(boxes).float(), "labels": torch.ones(n, dtype=torch.long), "masks": masks.byte()}
    return {name: value.to(mask.device) for name, value in found.items()}


SEGMENTERS = {"unet": UNet, "mask_rcnn": LesionRCNN}
