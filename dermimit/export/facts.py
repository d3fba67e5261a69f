"""What a program must know to use an exported file: the .json beside it."""

from typing import Any

from dermimit.evaluate.temperatures import stored_temperatures, temperatures
from dermimit.export.graph import Explorable
from dermimit.export.plain import PlainGraph
from dermimit.train.run import Run

Graph = Explorable | PlainGraph
PREPARATION = ("photograph upright (EXIF), RGB with its colour profile brought to sRGB and transparent parts white, "
               "8 bits (where 16 hold 8 to 14 bits, at full range); central square; resized {} with antialiasing; "
               "(pixel / 255 - mean) / std; (batch, channels, height, width)")  # fmt: skip
CALIBRATED = ("divide logits by the temperature T: probabilities p of a task that is not multi-label become p**(1/T), "
              "divided by their sum; of one that is, p**(1/T) / (p**(1/T) + (1 - p)**(1/T))")  # fmt: skip
NAN = "NaN"  # JSON has no number for it; Python's float and numpy read the word


def describe(run: Run, graph: Graph) -> dict[str, Any]:
    """Name, classes, preparation of the photograph, inputs with the values of plain use, and outputs."""
    model, space, how = graph.model, run.label_space, run.preprocessing
    temperature = temperatures(stored_temperatures(run.path, run.predictions, run.label_space))
    facts = {
        "name": run.path.resolve().name,
        "model": run.config.model,
        "dataset": space.name,
        "graph": "explorable" if isinstance(graph, Explorable) else "plain",
        "tasks": list(graph.tasks),
        "classes": {task: list(space.classes(task)) for task in graph.tasks},
        "multi_label": {task: task in graph.several for task in graph.tasks},
        "image_size": list(model.image_size),
        "grid": list(model.grid_size),
        "k": graph.k,
        "num_patches": graph.num_patches,
        "normalisation": "(pixel / 255 - mean) / std, RGB, (batch, 3, height, width), after the central square",
        "preparation": PREPARATION.format(how.interpolation),
        "crop": "central square",
        "interpolation": how.interpolation,
        "antialias": True,
        "scale": 1 / 255,
        "mean": list(how.mean),
        "std": list(how.std),
        "inputs": inputs(graph),
        "outputs": outputs(graph, space.num_classes),
        "notice": "Research tool, not a medical device.",
    }
    return facts | ({"temperature": temperature, "calibrated": CALIBRATED} if temperature else {})


def inputs(graph: Graph) -> list[dict[str, Any]]:
    """For each input its name, shape (`batch` where it is free), type, value in plain use, and meaning."""
    size = list(graph.model.image_size)
    if isinstance(graph, PlainGraph):
        colours, given = graph.model.in_chans, graph.channels > graph.model.in_chans
        text = f"photograph; channel {colours + 1} is the lesion map, 1 on the lesion, 0 elsewhere" if given else ""
        return [_part("image", ["batch", graph.channels, *size], "float32", text or "photograph", value=None)]
    parts, attributes = graph.model.num_classes["body_part"], graph.model.num_classes["attributes"]
    by_hand = "probability of each class as set by hand, NaN where it is not"
    return [
        _part("image", ["batch", graph.model.in_chans, *size], "float32", "photograph", value=None),
        _part("k", [], "int64", f"number of patches read, 1 to {graph.num_patches}", value=graph.k),
        _part("lsm_on", [], "bool", "false: all patches are read", value=True),
        _part("cim_on", [], "bool", "false: the answer before the interaction of the tasks", value=True),
        _part("override_attributes", ["batch", attributes], "float32", by_hand, value=NAN),
        _part("override_body_part", ["batch", parts], "float32", by_hand, value=NAN),
        _part(
            "override_scores",
            ["batch", graph.num_patches],
            "float32",
            "score of each patch as set by hand, row-major, NaN: the attention's",
            value=NAN,
        ),
    ]


def outputs(graph: Graph, num_classes: dict[str, int]) -> list[dict[str, Any]]:
    """For each output its name, shape, type and meaning."""
    found = []
    for name in graph.output_names:
        task = name.removesuffix("_before")
        if task in graph.tasks:
            which = " before the interaction of the tasks" if name != task else ""
            found.append(_part(name, ["batch", num_classes[task]], "float32", f"probabilities{which}"))
        elif name.endswith("_scores"):
            text = "score of each patch, row-major"
            found.append(_part(name, ["batch", graph.num_patches], "float32", text))
        elif name.endswith("_ranked"):
            found.append(_part(name, ["batch", graph.num_patches], "int64", "patches, best first"))
        elif name == "box":
            text = "x0, y0, x1, y1 of the enlarged detail, as shares of the sides from the upper left corner"
            found.append(_part(name, ["batch", 4], "float32", text))
        else:
            where = " of the enlarged detail" if name.endswith("_zoomed") else ""
            found.append(_part(name, ["batch", graph.k], "int64", f"patches{where} that the task read"))
    return found


def _part(name: str, shape: list[Any], kind: str, meaning: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "type": kind, "meaning": meaning, **more}
