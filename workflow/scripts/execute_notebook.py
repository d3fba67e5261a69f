"""Execute a notebook with papermill, the channels to its kernel encrypted: execute_notebook.py NOTEBOOK OUT PARAMETERS.

As `papermill NOTEBOOK OUT -k python3 --no-progress-bar -y PARAMETERS`, whose command has no option for encryption.
"""

import json
import sys

import papermill
from traitlets.config import Config

ENCRYPTED = Config({"KernelManager": {"transport_encryption": "auto"}})

if __name__ == "__main__":
    notebook, out, parameters = sys.argv[1:]
    papermill.execute_notebook(
        notebook, out, json.loads(parameters), kernel_name="python3", progress_bar=False, config=ENCRYPTED
    )
