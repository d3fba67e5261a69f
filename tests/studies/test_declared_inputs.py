"""What pages read is declared in the workflow: a record that changes makes the pages anew that quote it."""

import json
import os
import re
import subprocess
import sys

import pytest

from studies.shared.paths import ROOT

READS = """
import json, os, sys
root, seen = os.getcwd(), set()
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, os.PathLike)):
        path = os.path.relpath(os.path.abspath(os.fspath(arguments[0])), root)
        if path.startswith(("results/published", "workflow/experiments")):
            seen.add(path)
sys.addaudithook(hook)
from functools import partial
from pathlib import Path
from studies.evidence import verdicts
from studies.overview.read import read_claims, read_levels
verdicts.patient_draws = partial(verdicts.patient_draws, resamples=20)  # which files are read does not depend on it
from studies.real_photographs.numbers import sensitivity
read_claims(Path(".")), read_levels(Path(".")), sensitivity(Path("."))
print(json.dumps(sorted(seen)))
"""


def declared(page):
    """The files that the rule of a page names, as the workflow's own code makes them."""
    pytest.importorskip("snakemake")
    text = (ROOT / "workflow/Snakefile").read_text(encoding="utf-8")
    start, end = text.index("PUBLISHED_METRICS ="), text.index("FACTS = [")
    body = re.sub(r"^(RECORDS|SHOWN) = .*$", r"\1 = []", text[start:end], flags=re.M)
    known = {"PUBLISHED": "results/published/synderm", "EXPLORER": "results/published/explorer"}
    exec("from pathlib import Path\n" + body.split("PAGES =")[0], known)
    return set(map(str, known["NEEDED"][page]))


def test_the_results_declare_every_record_that_they_read():
    done = subprocess.run([sys.executable, "-c", READS], cwd=ROOT, capture_output=True, text=True, check=True)
    read, named = json.loads(done.stdout), declared("10_results")
    runs = {os.path.dirname(path) for path in named if path.endswith("metrics.json")}  # a run's files come together
    assert len(read) > 20
    assert [path for path in read if path not in named and os.path.dirname(path) not in runs] == []
