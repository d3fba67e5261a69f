"""Everything a static page needs to run the model, in one folder that also works by double click."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from dermimit.explore.cases import case_file, starting_picture
from dermimit.explore.runtime import RuntimeFilesError, runtime_files, write_script
from dermimit.records import write_atomically

PARTS = {"explorer.js": ("engine.js", "steer.js", "tell.js")}
"""Module -> files whose text comes between what all widgets share and its own."""

WIDGETS = ("ablation", "failures", "dataset")
"""Explorers of records, whose data stand in the page itself."""

STILL = "case.webp"
"""The picture that stands in a small explorer's place until it has started, or where it cannot start."""

FILES: tuple[str, ...] = ("explorer.js", "runtime.js", "model.js", "cases.js", "page.js", "tabs.js", "index.html")
FILES += ("NOTICE.txt", STILL)
FILES += tuple(f"{name}.js" for name in WIDGETS)
IN_PAGE = """for (const el of document.querySelectorAll('.dermimit-widget[data-widget="NAME"]')) {
  if (el.model) continue; // a page with two of them has this script twice
  const panel = el.closest("[role=tabpanel]"), show = () => {
  const values = { data: JSON.parse(document.getElementById(`${el.id}-data`).textContent), shown: null };
  if (el.dataset.notice) values.notice = el.dataset.notice !== "no";
  const set = (name, value) => { values[name] = value; };
  el.model = { get: (name) => values[name], set, save_changes() {}, on() {}, send() {} };
  el.replaceChildren();
  render({ model: el.model, el });
  };
  if (panel?.hidden) panel.addEventListener("dermimit-shown", show, { once: true }); else show();
}"""
STUB = """globalThis.dermimitExplorer = { render({ el }) {
  if (el.dataset.mini !== "true") el.textContent = SAID; // a small one keeps the picture that stands in its place
} };
"""
END = "export default { render };"
WITHOUT = "without-runtime.txt"


def build(
    onnx: Path, out: Path, cache: Path | None = None, cases: Sequence[dict[str, Any]] | None = None
) -> dict[str, int]:
    """Write the folder `out`: scripts, and index.html that shows the explorer alone.

    A page of a book shows it with
    `<div class="dermimit-explorer" data-assets="FOLDER/"></div>` and the scripts FOLDER/explorer.js and FOLDER/page.js.

    Args:
        onnx: what `dermimit export` wrote; its .json lies beside it.
        out: folder; files of the same names are replaced.
        cache: folder that keeps the fetched runtime, see `runtime_files`; with it no network is needed.
        cases: as `curated` gives them, the first one first; its own choice by default.

    Returns:
        bytes of each file written.

    Raises:
        FileNotFoundError: the model or its .json is missing.
        ValueError: the file is a plain graph.
        RuntimeFilesError: the runtime cannot be had.
    """
    facts_path = onnx.with_suffix(".json")
    for path in (onnx, facts_path):
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: write it with `dermimit export RUN --onnx {onnx}`")
    facts = json.loads(facts_path.read_text(encoding="utf-8"))
    check_knobs(onnx, facts)
    runtime = runtime_files(cache)
    shown = case_file(cases, facts["image_size"][0])
    out.mkdir(parents=True, exist_ok=True)
    write_script(out / "runtime.js", runtime)
    write_script(out / "model.js", {"facts.json": facts_path.read_bytes(), "model.onnx": onnx.read_bytes()})
    write_script(out / "cases.js", {"cases.json": json.dumps(shown).encode()})
    texts = {name: source(name) for name in ("page.js", "tabs.js", "index.html", "NOTICE.txt")}
    texts |= {"explorer.js": classic(module("explorer.js"))} | widget_files()
    write_texts(out, texts)
    write_atomically(out / STILL, partial(Path.write_bytes, data=starting_picture()))
    return {name: (out / name).stat().st_size for name in FILES}


def check_knobs(onnx: Path, facts: Mapping[str, Any]) -> None:
    """Raises ValueError for an exported file without the inputs that the explorer's controls set."""
    from dermimit.export.signature import INPUTS

    if facts.get("graph") == "plain":
        raise ValueError(f"{onnx} is a plain graph, without the explorer's knobs: export a run with all three tasks, "
                         "lesion selection and fusion cim, without --plain")  # fmt: skip
    named = {part["name"] if isinstance(part, Mapping) else part for part in facts["inputs"]}
    if missing := sorted(set(INPUTS) - named):
        raise ValueError(f"{onnx} has no input {', '.join(missing)}, which the explorer sets: export the run again")


def build_or_say_why(onnx: Path, out: Path, cache: Path | None = None) -> str:
    """As `build`; but where the runtime cannot be had, the page says so in the explorer's place.

    Returns:
        why there is no explorer, also in the file `WITHOUT` of the folder; empty where there is one.
    """
    try:
        build(onnx, out, cache)
    except RuntimeFilesError as error:
        out.mkdir(parents=True, exist_ok=True)
        said = f"This copy of the book was built without the program that runs the model in a browser: {error}."
        write_texts(out, {"explorer.js": STUB.replace("SAID", json.dumps(said)), WITHOUT: said + "\n"} | widget_files())
        write_texts(out, {name: source(name) for name in ("page.js", "tabs.js")})
        write_atomically(out / STILL, partial(Path.write_bytes, data=starting_picture()))
        return said
    (out / WITHOUT).unlink(missing_ok=True)
    return ""


def write_texts(out: Path, texts: Mapping[str, str]) -> None:
    """Files of a folder by name, each written whole or not at all."""
    for name, text in texts.items():
        write_atomically(out / name, partial(Path.write_text, data=text, encoding="utf-8"))


def widget_files() -> dict[str, str]:
    """File name -> script that shows an explorer of records in every place for it on a page, see `page.page_html`."""
    return {f"{name}.js": widget_script(name) for name in WIDGETS}


def widget_script(name: str) -> str:
    """Such a script."""
    return f"(() => {{\n{without_export(module(f'{name}.js'))}{IN_PAGE.replace('NAME', name)}\n}})();\n"


def source(name: str) -> str:
    """A file of this package."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def module(name: str) -> str:
    """A widget's ES module, the same for Jupyter and for pages: what all share, its parts, then its own file."""
    return "\n".join(source(part) for part in ("common.js", *PARTS.get(name, ()), name))


def classic(text: str) -> str:
    """The ES module as a plain script that sets `globalThis.dermimitExplorer`: browsers load no module from disk."""
    return f"(() => {{\n{without_export(text)}globalThis.dermimitExplorer = {{ render }};\n}})();\n"


def without_export(text: str) -> str:
    """A module's text without its only export, which may stand in a function.

    Raises:
        ValueError: the module imports something, or does not end with `END`.
    """
    body = text.rstrip()
    imports, exports = (sum(line.startswith(word) for line in body.splitlines()) for word in ("import ", "export "))
    if not body.endswith(END) or imports or exports != 1:
        raise ValueError(f"a widget's module must import nothing and end with `{END}`, its only export")
    return body.removesuffix(END)
