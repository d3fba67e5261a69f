"""The explorer's script: its sentences and addresses in node, and its page in a browser with a kernel that is played."""

import json
import shutil
import subprocess

import pytest

from dermimit.explore.bundle import source

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def in_node(expression, folder):
    """The value of an expression over what the explorer says and how it names a state in the page's address."""
    script = "\n".join(source(name) for name in ("common.js", "steer.js", "tell.js"))
    (folder / "said.mjs").write_text(f"{script}\nconsole.log(JSON.stringify({expression}));\n", encoding="utf-8")
    words = ["node", str(folder / "said.mjs")]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@needs_node
def test_the_two_most_probable_diseases_are_named_or_the_only_one(tmp_path):
    said = in_node('[predictionOf([1], ["acne"]), predictionOf([0.1, 0.6, 0.3], ["acne", "eczema", "lichen_planus"])]',
                   tmp_path)  # fmt: skip
    assert said == ["Predicted disease: acne 100.0\xa0%.",
                    "Predicted disease: eczema 60.0\xa0%, then lichen planus 30.0\xa0%."]  # fmt: skip
