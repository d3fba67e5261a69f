"""What the Snakefile needs beside rules: checked settings, the code a step depends on, pages for the book."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml
from backbones import Choice, best_available
from needs import NEEDS, USUAL
from snakemake.exceptions import WorkflowError

SIZES = {"n_train": int, "n_val": int, "n_test": int}  # of a dataset that is drawn; a real one has its own
TRAINING = {"image_size": int, "model": str, "samples": int, "epochs": int, "batch_size": int, "lr": float}
RECIPE = {  # may be left out, see studies.shared.training.run_of_row; evidence_samples: of tables beside the ablation
    "optimizer": str, "momentum": float, "weight_decay": float, "warmup": float, "cutmix_probability": float,
    "weight_attributes": float, "ema": float, "precision": str, "pretrained": bool, "in_memory": bool,
    "workers": int, "evidence_samples": int, **dict.fromkeys(NEEDS, int),
}  # fmt: skip
FILES = {  # the table that changes whenever the dataset does: the first of these names that is there
    "synderm": ("manifest.parquet",), "pad_ufes_20": ("metadata.csv",),
    "dermacon_in": ("METADATA/train_split.csv", "train_split.csv"), "sd198": ("8_2_split/train_0.txt",),
    "fitzpatrick17k": ("fitzpatrick17k.csv",), "scin": ("dataset/scin_labels.csv", "scin_labels.csv"),
    "folder": ("manifest.csv", "manifest.parquet", "."),
}  # fmt: skip
# as in dermimit.records
SCORING = tuple(
    f"evaluate/{name}.py" for name in ("calibration", "metrics", "predictions", "ranking", "ranks", "temperatures")
)
RESULT_CODE = ("data", "model", "train", "weights", *SCORING)
MANIFEST_CODE = tuple(
    f"data/{name}.py" for name in ("cells", "columns", "label_space", "problems", "rules", "schema", "stored")
)
BACKBONES = ("best",)  # what `backbone` of a section may be: see backbones.py
HELD: list[Any] = []
BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # flags of processors that multiply in it, x86 and Arm
OPTIONS = ("profile", "dataset", "data_root", "data_options")
ENVIRONMENT = "DERMIMIT_"  # and the option in capitals: what a Makefile hands over without a shell reading it


@dataclass(frozen=True)
class Settings:
    """One profile on one dataset, read from `workflow/config/<profile>.yaml`."""

    profile: str
    dataset: str
    data_root: str
    data_options: str
    sizes: dict[str, int]
    training: dict[str, Any]
    evidence_samples: int
    needs: dict[str, int]
    seeds: list[int]
    backbone: Choice
    choices: str = ""
    rows: tuple[str, ...] = ()

    @property
    def data_files(self) -> list[str]:
        """The small file that changes whenever the dataset does; none for a folder of folders."""
        names = FILES[self.dataset]
        name = next((name for name in names if Path(self.data_root, name).exists()), names[0])
        return [] if name == "." else [f"{self.data_root}/{name}"]


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The options that the environment gives, as they stand."""
    given = {name: environment.get(f"{ENVIRONMENT}{name.upper()}", "") for name in OPTIONS}
    return {name: value for name, value in given.items() if value}


def read_settings(config: Mapping[str, Any], folder: Path) -> Settings:
    """Check `--config` and read the profile's sizes; every error says which key of which file.

    Args:
        config: Snakemake's, or from the environment, with keys `profile`, `dataset`, `data_root` and `data_options`
            (the loader's, name=value).
        folder: `workflow/`.
    """
    _only(config, OPTIONS, "--config")
    for name, value in config.items():
        if isinstance(value, dict | list):  # Snakemake reads YAML
            key = f"{ENVIRONMENT}{name.upper()}"
            raise WorkflowError(f"--config {name}: read as {value!r}: give it in the environment, {key}=..., as it is.")
    profile, dataset = str(config.get("profile", "quick")), str(config.get("dataset", "synderm"))
    profiles = sorted(path.stem for path in (folder / "config").glob("*.yaml"))
    _one_of(profile, profiles, "profile")
    _one_of(dataset, FILES, "dataset")
    path = folder / "config" / f"{profile}.yaml"
    sections = yaml.safe_load(path.read_text()) or {}
    section = sections.get(dataset, sections.get("real") if dataset != "synderm" else None)
    if not isinstance(section, dict):
        raise WorkflowError(f"{path.name} has no section {dataset!r}: add one, as in quick.yaml.")
    section = paper_recipe(folder.parent / "book/paper_facts.yaml") | section if profile == "paper" else section
    wanted = TRAINING | (SIZES if dataset == "synderm" else {})
    where = f"{path.name}, {dataset}"
    _only(section, [*wanted, *RECIPE, "seeds", "rows", "backbone"], where)
    wanted |= {key: kind for key, kind in RECIPE.items() if key in section}
    training = {key: _value(section, key, kind, where) for key, kind in wanted.items() if key not in SIZES}
    if "backbone" in section:
        _one_of(section["backbone"], BACKBONES, "backbone")
    return Settings(
        profile=profile,
        dataset=dataset,
        data_root=_data_root(str(config.get("data_root") or ""), profile, dataset),
        data_options=str(config.get("data_options") or ""),
        sizes={key: _value(section, key, kind, where) for key, kind in wanted.items() if key in SIZES},
        evidence_samples=training.pop("evidence_samples", training["samples"]),
        needs={name: training.pop(name, usual) for name, usual in USUAL.items()},
        training=training | ({"precision": fastest_precision()} if training.get("precision") == "auto" else {}),
        seeds=_seeds(section, where),
        backbone=best_available(dataset, folder.parent / "results/published")
        if "backbone" in section
        else Choice("", ""),
        rows=_rows(section, where),
        choices=paper_choices(folder.parent / "book/paper_facts.yaml") if profile == "paper" else "",
    )


def paper_recipe(path: Path) -> dict[str, Any]:
    """The training of the profile `paper`, as far as it is known or chosen in book/paper_facts.yaml."""
    from studies.shared.paper_facts import read_facts, values

    return values(read_facts(path), "recipe")


def paper_choices(path: Path) -> str:
    """The model's choices of the profile `paper`, as settings of an experiment."""
    from studies.shared.paper_facts import model_settings, read_facts

    return model_settings(read_facts(path))


def fastest_precision(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """What `precision: auto` stands for: bf16 where this machine's processor has instructions for it, else no."""
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    flags = {flag for line in text.splitlines() if line.startswith(("flags", "Features")) for flag in line.split()}
    return "bf16" if flags & BF16 else "no"


def _only(given: Iterable[str], known: Iterable[str], where: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise WorkflowError(f"{where}: unknown key {', '.join(unknown)}; known: {', '.join(known)}.")


def _one_of(value: str, known: Iterable[str], name: str) -> None:
    if value not in known:
        raise WorkflowError(f"Unknown {name} {value!r}: choose one of {', '.join(known)}, as in --config {name}=...")


def _value(section: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = section.get(key)
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise WorkflowError(f"{where}, {key}: expected {kind.__name__}, got {value!r} (write 1.0e-4, not 1e-4).")
    if key not in RECIPE and kind is not str and value <= 0:
        raise WorkflowError(f"{where}, {key}: must be positive, got {value!r}.")
    return value


def _seeds(section: Mapping[str, Any], where: str) -> list[int]:
    seeds = section.get("seeds")
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise WorkflowError(f"{where}, seeds: expected a list of whole numbers such as [0, 1, 2], got {seeds!r}.")
    return seeds


def _rows(section: Mapping[str, Any], where: str) -> tuple[str, ...]:
    rows = section.get("rows", [])
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise WorkflowError(f"{where}, rows: expected a list of rows such as [D, full], got {rows!r}.")
    return tuple(rows)


def chosen_rows(experiments: Mapping[str, Any], rows: Sequence[str]) -> dict[str, Any]:
    """The experiments that a profile trains: those that it names, or all.

    Raises:
        WorkflowError: a name that no experiment has.
    """
    if unknown := [row for row in rows if row not in experiments]:
        raise WorkflowError(f"rows: no experiment {', '.join(unknown)}; known: {', '.join(experiments)}.")
    return {row: experiments[row] for row in rows or experiments}


def _data_root(given: str, profile: str, dataset: str) -> str:
    if dataset == "synderm":
        if given:
            raise WorkflowError("SynDerm is drawn by the workflow: leave out data_root, or name a real dataset.")
        return f"results/data/synderm-{profile}"
    if not given:
        raise WorkflowError(f"{dataset} is a real dataset: say where it is, --config data_root=/path/to/{dataset}.")
    if set(given) & set("{}\n"):
        raise WorkflowError(f"data_root={given!r}: Snakemake takes what stands in braces for a wildcard, and the end "
                            "of a line for that of a name: make a link to the folder, and name the link.")  # fmt: skip
    if not Path(given).is_dir():
        raise WorkflowError(f"data_root={given}: no such folder.")
    if not any((Path(given) / name).exists() for name in FILES[dataset]):
        wanted = " or ".join(FILES[dataset])
        raise WorkflowError(f"data_root={given}: {wanted} not found there; is it the dataset's top folder?")
    return given.rstrip("/")


def read_experiments(path: Path) -> dict[str, dict[str, Any]]:
    """Read the rows to train, by name, as parameters of notebooks/03_train.ipynb: tasks, fusion, lsm, more.

    `dermimit.evaluate.runs` reads the same table; here without the package, whose import takes seconds.
    """
    rows: dict[str, dict[str, Any]] = {}
    with path.open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            name, lsm = row.get("row") or "", (row.get("lsm") or "").lower()
            if not name.replace("_", "").isalnum() or name in rows:
                raise WorkflowError(
                    f"{path.name}, line {line}: row {name!r} must be letters, digits and _, and unique."
                )
            if lsm not in ("true", "false") or not row.get("tasks") or not row.get("fusion"):
                raise WorkflowError(f"{path.name}, line {line}: needs tasks, fusion, and lsm as true or false.")
            rows[name] = {"tasks": row["tasks"], "lsm": lsm == "true", "fusion": row["fusion"]}
            rows[name]["more"] = row.get("settings") or ""
    return rows


def started_from(row: Mapping[str, Any], evidence: str, seed: int) -> list[str]:
    """The finished run that a row's training starts from (`start_from={evidence}/TABLE/ROW-seed{seed}`), as an input.

    Args:
        row: from `read_experiments`.
        evidence: folder of the runs of the tables beside the ablation.
        seed: of the training.
    """
    words = [word.removeprefix("start_from=") for word in completed(row, evidence, seed)["more"].split()]
    return [f"{word}/metrics.json" for word in words if word.startswith(f"{evidence}/")]


def completed(row: Mapping[str, Any], evidence: str, seed: int) -> dict[str, Any]:
    """A row with `{evidence}` and `{seed}` filled in."""
    return {**row, "more": row["more"].replace("{evidence}", evidence).replace("{seed}", str(seed))}


def files_under(folder: str) -> list[str]:
    """List the files of a folder but for Python's bytecode, which comes and goes by itself and is no source."""
    return sorted(str(p) for p in Path(folder).rglob("*") if p.is_file() and p.suffix != ".pyc")


def code(*parts: str) -> list[str]:
    """List the source files of parts of the package, such as `model` or `records.py`."""
    found = []
    for part in parts:
        path = Path("dermimit") / part
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [str(file) for file in files if file.is_file() and file.suffix in (".py", ".js", ".yaml", ".json")]
    return found


def training_cells(notebook: str) -> str:
    """Hash the cells tagged `training`: the rest of that notebook is prose and figures, which never retrain."""
    cells = [
        cell for cell in nbformat.read(notebook, as_version=4).cells if "training" in cell.metadata.get("tags", [])
    ]
    return hashlib.sha256("\0".join(cell.source for cell in cells).encode()).hexdigest()[:16]


def lock(path: Path) -> None:
    """Refuse a second run in this folder; unlike Snakemake's lock, it vanishes with the process, however that ends."""
    path.parent.mkdir(exist_ok=True)
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise WorkflowError("Another run is at work in this folder: wait for it, or use a second checkout.") from error
    HELD.append(file)  # open until the process ends


def draw_synderm(settings: Settings, sources: Iterable[str], workers: int) -> None:
    """Draw SynDerm; a folder that was begun by the same code with the same sizes is completed, another is replaced."""
    from dermimit.data.synderm import write

    root, n = Path(settings.data_root), {name.removeprefix("n_"): count for name, count in settings.sizes.items()}
    record = root / "synderm.json"
    if root.exists() and not (record.is_file() and record.stat().st_mtime > max(map(os.path.getmtime, sources))):
        shutil.rmtree(root)
    size = settings.training["image_size"]
    try:
        write(root, n, seed=0, image_size=size, workers=workers)
    except FileExistsError:  # other sizes
        shutil.rmtree(root)
        write(root, n, seed=0, image_size=size, workers=workers)


def stage_tables(made: Path, shown: Path) -> None:
    """Put the full tables of the pages beside the book, and nothing else."""
    shutil.rmtree(shown, ignore_errors=True)
    if made.is_dir():
        shutil.copytree(made, shown)


def stage(executed: Path, page: Path) -> None:
    """Copy an executed notebook for the book: parameters folded away, papermill's machine paths removed.

    Raises:
        WorkflowError: the executed notebook is gone, although its results are there.
    """
    if not executed.is_file():
        raise WorkflowError(f"{executed} is gone: run snakemake again with --forcerun page to execute it again.")
    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags:  # the defaults; the values in force are in the next cell
            cell.metadata["tags"] = [*tags, "remove-input"]
        if "injected-parameters" in tags:
            cell.metadata["tags"] = [*tags, "remove-input"]
    page.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, page)
