"""NOTICE: what of others' work comes with this project, whose it is and under which licence.

It is made from the files that already say so: the lock of the browser's packages, the list of benchmarks, the cards of
published models. Run: python .ci/notice.py, which writes the file anew; a test says where it is not current.
"""

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
HEAD = """DermImit
Copyright 2026 the DermImit authors

Licensed under the Apache License, Version 2.0; see LICENSE. This file is made by `python .ci/notice.py`.
"""


def browser() -> list[str]:
    """Packages that a built explorer has in its runtime.js; none of them is in the source."""
    packages = json.loads((ROOT / "dermimit/explore/package-lock.json").read_text(encoding="utf-8"))["packages"]
    named = {name.removeprefix("node_modules/"): about for name, about in packages.items() if name}
    return [f"{name} {about['version']}: {about['license']}" for name, about in sorted(named.items())]


def tables() -> list[str]:
    """Labels of public datasets that come as tables of a benchmark."""
    listed = yaml.safe_load((ROOT / "dermimit/benchmark/splits/benchmarks.yaml").read_text(encoding="utf-8"))
    by_file: dict[str, str] = {}
    for about in listed.values():
        if about.get("table") and (ROOT / "dermimit/benchmark/splits" / about["table"]).is_file():
            by_file.setdefault(about["table"], f"{about['source']}: {about['licence']}")
    return [f"dermimit/benchmark/splits/{name}: {said}" for name, said in sorted(by_file.items())]


def models() -> list[str]:
    """Weights that come with the package, and what they were trained from."""
    lines = []
    for path in sorted((ROOT / "dermimit/zoo").glob("*/card.json")):
        card, trunk = (json.loads((path.parent / name).read_text("utf-8")) for name in ("card.json", "manifest.json"))
        data = card["data"]
        lines.append(f"{path.parent.relative_to(ROOT).as_posix()}: {card['licence']}; trained on {data['title']} "
                     f"({data['citation']}; {data['source']}), {data['licence']}; its trunk, which does not come with "
                     f"it, is {trunk['trunk']['weights']} of the package {trunk['trunk']['package']}")  # fmt: skip
    return lines


def notice() -> str:
    """The whole text."""
    parts = {
        "Labels of photographs, as tables (the photographs do not come with this project)": tables(),
        "Weights of published models": models(),
        "In a built explorer (runtime.js), fetched when it is built; the text of its licence is in "
        "dermimit/explore/NOTICE.txt": browser(),
    }
    sections = ["\n".join([f"\n{title}:", *(f"- {line}" for line in lines)]) for title, lines in parts.items()]
    return "\n".join([HEAD.rstrip(), *sections]) + "\n"


if __name__ == "__main__":
    (ROOT / "NOTICE").write_text(notice(), encoding="utf-8")
