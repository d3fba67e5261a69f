"""Train one row of a table of experiments: the training of notebooks/03_train.ipynb, without its page.

Run: python workflow/scripts/experiment.py '{"row": "k4", ...}'   (the notebook's parameters; those left out keep their
defaults)
"""

import json
import sys

import nbformat

from dermimit.train import fit
from studies.shared.folders import find_root
from studies.shared.parameters import check_values, declared_parameters
from studies.shared.training import remove_stale_run, run_config


def defaults() -> tuple[dict[str, str], dict[str, object]]:
    """Types and default values of the parameters of notebooks/03_train.ipynb."""
    notebook = nbformat.read(find_root() / "notebooks/03_train.ipynb", as_version=4)
    source = next(cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    values: dict[str, object] = {}
    exec(source, {}, values)  # the project's own cell of literal assignments
    types = declared_parameters(source)
    return types, {name: values[name] for name in types}


def main() -> None:
    """Train what the first argument describes."""
    types, usual = defaults()
    given = json.loads(sys.argv[1])
    if unknown := sorted(given.keys() - types.keys()):
        raise SystemExit(f"unknown parameter {unknown[0]!r}; there are: {', '.join(types)}")
    parameters = usual | given
    check_values(types, parameters, {})
    config = run_config(parameters)
    if parameters["replace"]:
        remove_stale_run(config)
    print(fit(config))


if __name__ == "__main__":
    main()
