"""SynDerm-49: procedural clinical photographs with a known generating process."""

from dermimit.data.synderm.case import Case
from dermimit.data.synderm.ceiling import Ceiling, ceiling, posterior
from dermimit.data.synderm.dataset import LABEL_SPACE, SynDerm
from dermimit.data.synderm.write import write

__all__ = ["LABEL_SPACE", "Case", "Ceiling", "SynDerm", "ceiling", "posterior", "write"]
