"""Where things lie in this repository: the only place that knows."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PUBLISHED = Path("results/published")
"""Records that the book quotes, from the repository's top."""
EXPERIMENTS = Path("workflow/experiments")
"""Tables of experiments, from the repository's top."""
WORK = Path("results/checks")
"""What measurements keep for a second start, from the repository's top."""
