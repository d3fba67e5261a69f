"""DermImit: an open implementation of DermImitFormer. Importing it registers the models with timm."""

from dermimit import model
from dermimit.model import DermImitFormer, ModelConfig

__all__ = ["DermImitFormer", "ModelConfig", "model"]
__version__ = "0.1.0"
