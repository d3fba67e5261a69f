"""SynDerm-49: its label shape and the folder it writes."""

import errno
import hashlib
import itertools
import json
import os

import numpy as np
import pytest
from PIL import Image

from dermimit.data import load
from dermimit.data.stored import load_dataset
from dermimit.data.synderm import LABEL_SPACE, SynDerm, datasheet, write
from dermimit.data.synderm import files as files_module
from dermimit.data.synderm.confounders import USUAL
from dermimit.data.synderm.files import read_maps
from dermimit.data.synderm.splits import split_seed, split_sizes
from dermimit.lock import LockedError

SIZES = {"train": 5, "val": 3, "test": 2}
INK = {"ink": {"melanoma": 0.8, "default": 0.5}, "hair": 1.0}
TWO = [float(disease in ("urticaria", "melanoma")) for disease in LABEL_SPACE.diseases]
KNOBS = {"prior": TWO, "fitzpatrick": (5, 6), "confounders": INK, "zoom": 2, "camera": {"noise": 0.0}}
write_module = __import__("sys").modules[write.__module__]


@pytest.fixture(scope="module", autouse=True)
def few_simulated():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasheet, "SIMULATED", 500)
        yield


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "synderm", SIZES, seed=4, image_size=32)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Three visits of eight cases with maps and knobs."""
    root = tmp_path_factory.mktemp("data") / "series"
    return write(root, {"train": 7, "test": 1}, image_size=32, visits=(0, 30, 400), maps=True, **KNOBS)


def files(root):
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*.png"))}


def test_label_shape_is_that_of_derm_49():
    assert LABEL_SPACE.num_classes == {"body_part": 15, "attributes": 27, "disease": 49}


def test_written_folder_is_a_dataset(written):
    frame, space = load_dataset(written)
    assert space == LABEL_SPACE
    assert frame["split"].value_counts().to_dict() == SIZES
    assert frame["patient_id"].is_unique
    row = frame.iloc[6]
    case = SynDerm(3, split_seed(4, "val"), 32)[1]
    labels = {name: row[name] for name in vars(case.labels)} | {"attributes": tuple(row["attributes"])}
    assert labels == vars(case.labels)
    with Image.open(written / row["image"]) as image, Image.open(written / row["mask"]) as mask:
        assert (np.asarray(image) == case.image).all()
        assert (np.asarray(mask) == case.mask * 255).all()


@pytest.mark.parametrize(("n", "sizes"), [(20_000, (14_000, 2_000, 4_000)), (17, (13, 1, 3)), (1, (1,))])
def test_a_whole_number_is_split_70_10_20(n, sizes):
    assert tuple(split_sizes(n).values()) == sizes
    assert sum(sizes) == n


def test_no_two_splits_share_a_case(written):
    images = [content for name, content in files(written).items() if name.startswith("images/")]
    assert len(set(images)) == sum(SIZES.values())
    assert len({split_seed(s, k) for s in range(50) for k in ("train", "val", "test")}) == 150


def test_workers_do_not_change_the_files(written, tmp_path):
    two = write(tmp_path / "two", SIZES, seed=4, image_size=32, workers=2)
    assert files(two) == files(written)
    assert (two / "manifest.parquet").read_bytes() == (written / "manifest.parquet").read_bytes()


def test_visits_are_rows_of_one_patient(series):
    frame = load("synderm", series, 32).frame  # also checks for leaks
    assert len(frame) == 24 and set(frame.groupby("patient_id").size()) == {3}
    assert (frame["lesion_id"] == frame["patient_id"]).all()
    assert (frame.groupby("patient_id")["split"].nunique() == 1).all()
    dataset = SynDerm(7, split_seed(0, "train"), 32, **KNOBS)
    first = dataset[3]
    for visit, case in enumerate(dataset.visits(3, (0, 30, 400))):
        row = frame[(frame["patient_id"] == "train-000003") & (frame["visit"] == visit)].iloc[0]
        assert row["day"] == (0, 30, 400)[visit]
        assert tuple(row["attributes"]) == case.attributes
        assert {c: row[f"confounder_{c}"] for c in USUAL} == {c: case.parameters["nuisance"][c] for c in USUAL}
        with Image.open(series / row["image"]) as image:
            assert (np.asarray(image) == (case if visit else first).image).all()
    assert set(frame["disease"]) == {"urticaria", "melanoma"}
    healed = (frame["disease"] == "urticaria") & (frame["day"] == 400)
    assert healed.any() and set(frame["attributes"][healed].map(len)) == {0}


def test_maps_are_those_of_the_case(series):
    case = SynDerm(1, split_seed(0, "test"), 32, **KNOBS)[0]
    maps = read_maps(series / "maps" / "test-000000-v0.npz")
    for name, found in maps.items():
        assert found.dtype == getattr(case, name).dtype
        assert (found == getattr(case, name)).all()
    assert maps.keys() == {"attribute_map", "lesion_map", "cause"}


def test_knobs_are_recorded(series):
    record = json.loads((series / "synderm.json").read_text("utf-8"))
    assert record["fitzpatrick"] == {"5": 0.5, "6": 0.5}
    assert record["confounders"]["ink"] == {"default": 0.5, "melanoma": 0.8}
    assert record["confounders"]["ruler"] == {"default": 0.0}
    assert (record["zoom"], record["camera"], record["visits"]) == (2, {"noise": 0}, [0, 30, 400])
    assert record["maps"] and record["prior"]["melanoma"] == 0.5 and len(record["fingerprint"]) == 64
    frame, _ = load_dataset(series)
    assert set(frame["fitzpatrick"]) == {5, 6} and frame["confounder_hair"].all()


def test_croissant_describes_every_column(series):
    frame, _ = load_dataset(series)
    croissant = json.loads((series / "croissant.json").read_text("utf-8"))
    assert croissant["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    (rows,) = (r for r in croissant["recordSet"] if r["@id"] == "photographs")
    fields = {f["name"]: f for f in rows["field"]}
    assert {f["source"]["extract"]["column"] for f in fields.values()} == set(frame.columns)
    assert fields["day"]["dataType"] == "sc:Float" and fields["attributes"]["repeated"]
    assert fields["mask"]["references"] == {"field": {"@id": "masks/file"}}
    manifest, _, *sets = croissant["distribution"]
    assert manifest["sha256"] == hashlib.sha256((series / "manifest.parquet").read_bytes()).hexdigest()
    for files_of in sets:
        assert len(list(series.glob(files_of["includes"]))) == 24


def test_datasheet_names_the_numbers_in_force(written, series):
    plain, special = ((root / "DATASHEET.md").read_text("utf-8") for root in (written, series))
    record = json.loads((series / "synderm.json").read_text("utf-8"))
    for words in ("24, of 8 cases (train 7, test 1)", "| ink | 50.0%; melanoma 80.0% |", "5: 50.0%, 6: 50.0%",
                  "0, 30, 400", "zoom 2; camera: noise = 0.0", record["fingerprint"], "unpackbits"):  # fmt: skip
        assert words in special
    assert "ink depend on the disease" in special and "speaks of photographs on day 0" in special
    assert "bounds every classifier" in plain and "has no maps" in plain and "| seed | 4 |" in plain
    assert "$" not in plain + special


def test_a_killed_write_is_completed(tmp_path, monkeypatch):
    root = tmp_path / "killed"
    whole, calls = write_module.write_case, []

    def dies_after_four(*arguments):
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append(arguments)
        return whole(*arguments)

    monkeypatch.setattr(write_module, "write_case", dies_after_four)
    with pytest.raises(KeyboardInterrupt):
        write(root, SIZES, seed=4, image_size=32)
    kept = {p: p.stat().st_mtime_ns for p in root.rglob("*.png")}
    (root / "images" / ".train-000004.png.123").write_bytes(b"half")
    monkeypatch.setattr(write_module, "write_case", whole)
    drawn, visits = [], SynDerm.visits
    monkeypatch.setattr(SynDerm, "visits", lambda self, i, days: drawn.append(i) or visits(self, i, days))
    write(root, SIZES, seed=4, image_size=32)
    assert len(kept) == 8 and all(p.stat().st_mtime_ns == t for p, t in kept.items())
    assert len(drawn) == 6
    assert len(load_dataset(root)[0]) == 10 and not list(root.rglob(".*"))


def dies_after(left, change):
    """The change, until nothing is left; then the end of the process."""
    return lambda *names, **options: os._exit(9) if next(left, None) is None else change(*names, **options)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_kill_at_any_step_is_mended_by_the_next_call(tmp_path, monkeypatch):
    def there(root):
        return files(root), sorted(p.relative_to(root).as_posix() for p in root.rglob("*"))

    expected = there(write(tmp_path / "whole", {"train": 1}, image_size=16))
    for step in itertools.count():
        root = tmp_path / str(step)
        child = os.fork()
        if not child:
            left = iter(range(step))  # files that are still put in place or removed before the kill
            for change in ("replace", "unlink"):
                monkeypatch.setattr(os, change, dies_after(left, getattr(os, change)))
            write(root, {"train": 1}, image_size=16)
            os._exit(0)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        write(root, {"train": 1}, image_size=16)
        assert there(root) == expected and len(load_dataset(root)[0]) == 1, f"killed at step {step}"
        if died == 0:
            break
    assert step > 6  # two pictures, four files that describe them, the lock


def test_two_at_once_the_second_is_refused_and_the_first_is_whole(tmp_path, monkeypatch):
    expected, whole, said = files(write(tmp_path / "whole", SIZES, image_size=32)), write_module.write_case, []

    def meanwhile(*arguments):
        with pytest.raises(LockedError, match="this process"):
            write(tmp_path / "same", SIZES, image_size=32)
        said.append(1)
        return whole(*arguments)

    monkeypatch.setattr(write_module, "write_case", meanwhile)
    assert files(write(tmp_path / "same", SIZES, image_size=32)) == expected and said


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    root, whole = tmp_path / "full", files_module.write_atomically

    def full(path, save, **more):
        def half(draft):
            draft.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

        whole(path, half if path.name == "train-000001.png" else save, **more)

    monkeypatch.setattr(files_module, "write_atomically", full)
    with pytest.raises(OSError, match="disk is full: free some space and write again"):
        write(root, SIZES, image_size=16)
    assert sorted(files(root)) == ["images/train-000000.png", "masks/train-000000.png"]
    assert not list(root.rglob(".*")) and not (root / "manifest.parquet").exists()


def test_another_dataset_is_not_overwritten(written, tmp_path):
    before = json.loads((written / "synderm.json").read_text("utf-8"))
    with pytest.raises(FileExistsError, match=r"another SynDerm dataset \(fingerprint, seed differ\)"):
        write(written, SIZES, seed=5, image_size=32)
    with pytest.raises(FileExistsError, match=r"\(fingerprint, fitzpatrick, zoom differ\)"):
        write(written, SIZES, seed=4, image_size=32, fitzpatrick=6, zoom=1)
    assert json.loads((written / "synderm.json").read_text("utf-8")) == before
    same = dict(fitzpatrick=(1, 2, 3, 4, 5, 6), prior=SynDerm(1).prior * 3, confounders=USUAL, visits=(0.0,))
    assert write(written, SIZES, seed=4, image_size=32, **same) == written
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match="is not empty"):
        write(tmp_path, SIZES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": {"training": 3}}, "unknown split"),
        ({"n": {}}, "at least one case"),
        ({"n": 0}, "at least one case"),
        ({"n": {"train": 2, "val": -1}}, "no negative number"),
        ({"n": 1, "image_size": 8}, "image_size: must be 16"),
        ({"n": 1, "workers": 0}, "workers: must be 1"),
        ({"n": 1, "seed": -1}, "seed: must be 0"),
        ({"n": 1, "fitzpatrick": 7}, "fitzpatrick: must be some of 1..6"),
        ({"n": 1, "prior": [1.0]}, "prior: must be 49 weights"),
        ({"n": 1, "confounders": {"inc": 1.0}}, "confounders: unknown"),
        ({"n": 1, "zoom": 4}, "zoom: must lie in 1..3"),
        ({"n": 1, "camera": {"lens": 1}}, "camera: unknown"),
        ({"n": 1, "camera": {"noise": "much"}}, "camera: noise: must be a number"),
        ({"n": 1, "visits": ()}, "visits: must be days"),
        ({"n": 1, "visits": (0, 0)}, "visits: must be days"),
        ({"n": 1, "visits": (-1,)}, "visits: must be days"),
    ],
)
def test_write_refuses_wrong_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "x", **arguments)
    assert not (tmp_path / "x").exists()
