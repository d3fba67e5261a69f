"""Train one row of a table of experiments: the training of notebooks/03_train.ipynb, without its page.

Run: python workflow/scripts/experiment.py '{"row": "k4", "data_root": ..., "out": ..., ...}'

The notebook's parameters; data_root and out are needed, and the others have the notebook's defaults.
"""

import json
import sys

from dermimit.train import fit
from studies.shared.training import remove_stale_run, run_of_row


def main() -> None:
    """Train what the first argument describes."""
    parameters = json.loads(sys.argv[1])
    config = run_of_row(parameters)
    if parameters.get("replace", False):
        remove_stale_run(config)
    print(fit(config))


if __name__ == "__main__":
    main()
