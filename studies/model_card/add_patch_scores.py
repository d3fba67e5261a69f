"""Give a file that was exported without the input `override_scores` this input; nothing else of it changes.

The published model was exported before its patches could be chosen by given scores, and its checkpoint is not kept. In
its graph each selecting task ranks its patches by one TopK over their scores; the given scores are put before it, as
`dermimit.export.graph.Explorable` has it. The weights stay as they are, to the bit, and so do the answers without given
scores.

Run: python -m studies.model_card.add_patch_scores results/published/explorer/model.onnx
"""

from functools import partial
from pathlib import Path

import onnx
import tyro
from onnx import TensorProto, helper

from dermimit.records import read_json, write_atomically, write_json
from dermimit.tasks import SELECTING_TASKS

NAME = "override_scores"


def with_scores(program: onnx.ModelProto, patches: int) -> onnx.ModelProto:
    """The program with the input, (batch, patches), NaN where the attention's score holds.

    Raises:
        ValueError: it has the input, or does not rank patches by one TopK for each selecting task.
    """
    graph = program.graph
    if NAME in {value.name for value in graph.input}:
        raise ValueError(f"the file has the input {NAME} already: there is nothing to add")
    tops = {node.input[0]: place for place, node in enumerate(graph.node) if node.op_type == "TopK"}
    wanted = [f"{task}_scores" for task in SELECTING_TASKS]
    if sorted(tops) != sorted(wanted):
        raise ValueError(f"TopK over {', '.join(sorted(tops)) or 'nothing'}, expected over {', '.join(wanted)}")
    graph.input.append(helper.make_tensor_value_info(NAME, TensorProto.FLOAT, ["batch", patches]))
    for scores, place in sorted(tops.items(), key=lambda item: -item[1]):
        graph.node[place].input[0] = f"{scores}_or_given"
        choose = [f"{NAME}_absent", scores, NAME]
        graph.node.insert(place, helper.make_node("Where", choose, [f"{scores}_or_given"], name=f"{scores}_chosen"))
    graph.node.insert(0, helper.make_node("IsNaN", [NAME], [f"{NAME}_absent"], name=f"{NAME}_is_absent"))
    onnx.checker.check_model(program)
    return program


def main(path: tyro.conf.Positional[Path]) -> None:
    """Change the file, name the input in the .json beside it, and its size in accuracy.json."""
    facts_path = path.with_suffix(".json")
    facts, accuracy = read_json(facts_path), read_json(path.with_name("accuracy.json"))
    program = with_scores(onnx.load(path), facts["num_patches"])
    write_atomically(path, partial(Path.write_bytes, data=program.SerializeToString()))
    write_json(facts_path, facts | {"inputs": [*facts["inputs"], NAME]})
    write_json(path.with_name("accuracy.json"), accuracy | {"megabytes": path.stat().st_size / 1e6})


if __name__ == "__main__":
    tyro.cli(main)
