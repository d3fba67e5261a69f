"""Fitzpatrick17k, SkinCon and DDI: miniatures in the official columns, the real tables where at hand, broken ones."""

import os
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermimit.benchmark import Given, benchmark, report
from dermimit.benchmark.held_out import SOURCES
from dermimit.benchmark.scoring import truth_of
from dermimit.benchmark.tasks import truth_of_task
from dermimit.benchmark.text import as_text
from dermimit.data import ManifestError, check_leakage, ddi, fitzpatrick17k, load
from dermimit.data.fitzpatrick17k import CONCEPTS, FLAG, FREQUENT
from dermimit.data.targets import encode_targets

SHARED = Path(os.environ.get("DERMIMIT_SHARED_ROOT", Path(__file__).parents[2] / "../shared/data"))
TABLE = SHARED / "fitzpatrick17k" / "fitzpatrick17k.csv"
SKINCON = SHARED / "skincon_concepts_partial.csv"
COLUMNS = ["md5hash", "fitzpatrick_scale", "fitzpatrick_centaur", "label", "nine_partition_label"]
COLUMNS += ["three_partition_label", "qc", "url", "url_alphanum"]
CLASSES = [("acne", "inflammatory", "non-neoplastic"), ("melanoma", "malignant melanoma", "malignant")]
CLASSES += [("seborrheic keratosis", "benign epidermal", "benign")]
QUIET = pytest.mark.filterwarnings("ignore:near-duplicates are not kept together", "ignore:.*no patient_id")


def photo(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), (value, 0, 0)).save(path)


def atlas(root: Path) -> pd.DataFrame:
    """Thirty-six rows of three conditions, photos under images/; the table as written."""
    rows = []
    for i in range(36):
        row = dict.fromkeys(COLUMNS, "") | {
            "md5hash": f"{i:032x}",
            "fitzpatrick_scale": str((-1, 1, 2, 3, 4, 5, 6)[i % 7]),
        }
        row |= dict(zip(COLUMNS[3:6], CLASSES[i % 3], strict=True)) | {"qc": "3 Wrongly labelled" if i == 5 else ""}
        rows.append(row)
        photo(root / "images" / f"{row['md5hash']}.jpg", i % 12 * 20)
    table = pd.DataFrame(rows)
    table.to_csv(root / "fitzpatrick17k.csv", index=False)
    return table


def skincon(path: Path, photos: list[str]) -> pd.DataFrame:
    """Annotations of some photos in the official columns: photo i shows concepts i and i + 1, the last is flagged."""
    cells = np.zeros((len(photos), 49), int)
    for i in range(len(photos)):
        cells[i, [i, i + 1]] = 1
    cells[-1, -1] = 1
    table = pd.DataFrame(cells, columns=[*CONCEPTS, FLAG])
    table.insert(0, "ImageID", photos)
    table.to_csv(path)
    return table


def diverse(root: Path, old: bool = False) -> pd.DataFrame:
    """Twelve rows of DDI; `old`: the older spelling of a column."""
    rows = []
    for i in range(12):
        bad = int(i % 4 == 0)
        rows.append({"DDI_ID": i + 1, "DDI_file": f"{i + 1:06d}.png", "skin_tone": (12, 34, 56)[i % 3]})
        rows[-1] |= {"malignancy(malig=1)": bad} if old else {"malignant": bool(bad)}
        rows[-1]["disease"] = "melanoma" if bad else f"naevus {i % 2}"
        photo(root / "images" / rows[-1]["DDI_file"])
    table = pd.DataFrame(rows)
    table.to_csv(root / "ddi_metadata.csv")
    return table


@QUIET
@pytest.mark.parametrize(
    ("level", "column"), [(114, "label"), (9, "nine_partition_label"), (3, "three_partition_label")]
)
def test_the_levels_and_the_skin_types(tmp_path, level, column):
    table = atlas(tmp_path)
    frame, space = fitzpatrick17k.load(tmp_path, level=level)
    assert frame["disease"].tolist() == table[column].tolist()
    assert len(space.diseases) == {114: 3, 9: 9, 3: 3}[level] and not space.attributes and not space.body_parts
    assert frame["fitzpatrick"].isna().tolist() == (table["fitzpatrick_scale"] == "-1").tolist()
    assert frame["image"].iloc[1] == f"images/{1:032x}.jpg"
    assert len(fitzpatrick17k.load(tmp_path, drop_wrongly_labelled=True)[0]) == 35


def test_rows_without_a_photo_are_an_error_or_left_out(tmp_path):
    table = atlas(tmp_path)
    for name in table["md5hash"][:4]:
        (tmp_path / "images" / f"{name}.jpg").unlink()
    with pytest.raises(ManifestError, match=r"4 problem(?s:.*)row 2, column md5hash.*missing='leave out'"):
        fitzpatrick17k.load(tmp_path)
    with pytest.warns(UserWarning, match="4 of 36 rows left out"):
        frame, _ = fitzpatrick17k.load(tmp_path, missing="leave out")
    assert len(frame) == 32
    for photo in (tmp_path / "images").iterdir():
        photo.rename(photo.with_name(photo.stem.upper() + ".JPG"))
    with pytest.warns(UserWarning, match="4 of 36 rows left out"):
        frame, _ = fitzpatrick17k.load(tmp_path, missing="leave out")
    assert len(frame) == 32 and frame["image"].str.endswith(".JPG").all()
    for photo in (tmp_path / "images").iterdir():
        photo.unlink()
    with pytest.raises(ManifestError, match=r"none of its 36 photos is under .*; name the folder of both"):
        fitzpatrick17k.load(tmp_path, missing="leave out")
    with pytest.raises(ManifestError, match="missing 'leaveout': give 'error' or 'leave out'"):
        fitzpatrick17k.load(tmp_path, missing="leaveout")


def test_near_duplicates_stay_together(tmp_path):
    table = atlas(tmp_path)
    groups = pd.DataFrame({"md5hash": table["md5hash"][:30], "group": np.arange(30) // 3})
    path = tmp_path / "near.csv"
    groups.to_csv(path, index=False)
    frame = load("fitzpatrick17k", tmp_path, 16, duplicates=path).frame
    assert frame["patient_id"].nunique() == 10 + 6 and frame["patient_id"].notna().all()
    check_leakage(frame)
    assert frame.groupby("patient_id")["split"].nunique().max() == 1
    groups.assign(md5hash="f" * 32).to_csv(path, index=False)
    with pytest.raises(ManifestError, match=r"near.csv(?s:.*)row 2, column md5hash.*mend or remove"):
        fitzpatrick17k.load(tmp_path, duplicates=path)


def test_photos_of_one_perceptual_hash_are_a_group(tmp_path, monkeypatch):
    atlas(tmp_path)
    library = types.ModuleType("imagehash")
    library.__spec__ = types.SimpleNamespace(name="imagehash")
    library.phash = lambda image: f"{np.asarray(image)[0, 0, 0]:02x}"
    monkeypatch.setitem(sys.modules, "imagehash", library)
    frame, _ = fitzpatrick17k.load(tmp_path)
    assert frame["patient_id"].nunique() == 12 and (frame["patient_id"].value_counts() == 3).all()


def test_without_a_way_to_tell_duplicates_there_is_a_warning(tmp_path, monkeypatch):
    atlas(tmp_path)
    monkeypatch.setattr(fitzpatrick17k.importlib.util, "find_spec", lambda name: None)
    with pytest.warns(UserWarning, match="near-duplicates are not kept together"):
        frame, _ = fitzpatrick17k.load(tmp_path)
    assert frame["patient_id"].isna().all()


@QUIET
def test_skincon_concepts_are_attributes_and_flagged_photos_go(tmp_path):
    table = atlas(tmp_path)
    skincon(tmp_path / "annotations_fitzpatrick17k.csv", [f"{m}.jpg" for m in table["md5hash"][:6]])
    with pytest.warns(UserWarning, match="1 photos left out, flagged"):
        frame, space = fitzpatrick17k.load(tmp_path)
    assert space.attributes == CONCEPTS and len(frame) == 35
    assert frame["attributes"].iloc[0] == ["Vesicle", "Papule"] and frame["attributes"].iloc[5] is None
    targets = encode_targets(frame, space)["attributes"]
    assert np.isnan(targets).any(1).sum() == 30 and np.nansum(targets) == 10
    with pytest.warns(UserWarning, match="flagged"):
        frame, space = fitzpatrick17k.load(tmp_path, concepts=22)
    assert space.attributes == FREQUENT and len(FREQUENT) == 22 and len(CONCEPTS) == 48
    assert frame["attributes"].iloc[0] == ["Papule"]


@QUIET
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda t: t.rename(columns={"fitzpatrick_scale": "fitzpatrick"}),
            ["no column 'fitzpatrick_scale'", "did you"],
        ),
        (lambda t: t.assign(fitzpatrick_scale="7"), ["row 2, column fitzpatrick_scale", "'7'", "-1 for unknown"]),
        (
            lambda t: t.assign(nine_partition_label="inflamatory"),
            ["row 2, column disease", "did you mean 'inflammatory'"],
        ),
        (lambda t: pd.concat([t, t[:1]]), ["row 38, column md5hash", "given twice"]),
        (lambda t: t.assign(md5hash=["", *t["md5hash"][1:]]), ["row 2, column md5hash", "name the photo"]),
        (lambda t: t.assign(md5hash=["../x", *t["md5hash"][1:]]), ["row 2, column md5hash", "leaves the dataset's"]),
    ],
)
def test_a_wrong_table_is_reported(tmp_path, change, said):
    change(atlas(tmp_path)).to_csv(tmp_path / "fitzpatrick17k.csv", index=False)
    with pytest.raises(ManifestError) as caught:
        fitzpatrick17k.load(tmp_path, level=9)
    for part in ["fitzpatrick17k.csv", *said]:
        assert part in str(caught.value)


@QUIET
def test_further_columns_windows_lines_and_a_case_without_label_are_read(tmp_path):
    table = atlas(tmp_path).assign(note="x")
    table.loc[0, "label"] = ""
    table.to_csv(tmp_path / "fitzpatrick17k.csv", index=False, lineterminator="\r\n")
    frame, _ = fitzpatrick17k.load(tmp_path)
    assert len(frame) == 36 and frame["disease"].iloc[0] is None
    (tmp_path / "fitzpatrick17k.csv").write_bytes("md5hash\né\n".encode("latin-1"))
    with pytest.raises(ManifestError, match="not UTF-8"):
        fitzpatrick17k.load(tmp_path)
    (tmp_path / "fitzpatrick17k.csv").write_text("\n")
    with pytest.raises(ManifestError, match="empty"):
        fitzpatrick17k.load(tmp_path)


@QUIET
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns=FLAG), "no column 'Do not consider this image'"),
        (lambda t: t.assign(Papule=2), "row 2, column Papule: '2': give 0 or 1"),
        (lambda t: t.assign(ImageID=t["ImageID"].iloc[0]), "row 3, column ImageID.*given twice"),
        (lambda t: t.assign(ImageID=[f"{i}.png" for i in range(6)]), "no row names a photo of this dataset"),
    ],
)
def test_a_wrong_skincon_table_is_reported(tmp_path, change, said):
    table = atlas(tmp_path)
    path = tmp_path / "annotations_fitzpatrick17k.csv"
    change(skincon(path, [f"{m}.jpg" for m in table["md5hash"][:6]])).to_csv(path)
    with pytest.raises(ManifestError, match=said):
        fitzpatrick17k.load(tmp_path)


@pytest.mark.parametrize("option", [{"level": 8}, {"concepts": 47}, {"missing": "skip"}])
def test_an_unknown_value_of_an_option_is_reported(tmp_path, option):
    with pytest.raises(ManifestError, match=f"{next(iter(option))}.*give"):
        fitzpatrick17k.load(tmp_path, **option)


@QUIET
@pytest.mark.skipif(not TABLE.is_file(), reason="the Fitzpatrick17k table is not here; set DERMIMIT_SHARED_ROOT")
def test_the_real_table_has_the_official_counts(tmp_path):
    table = pd.read_csv(TABLE, dtype=str)
    (tmp_path / "fitzpatrick17k.csv").write_bytes(TABLE.read_bytes())
    for name in table["md5hash"][::200]:
        photo(tmp_path / "images" / f"{name}.jpg")
    with pytest.warns(UserWarning, match=f"{16577 - 83} of 16577 rows left out"):
        frame, space = fitzpatrick17k.load(tmp_path, missing="leave out")
    assert len(space.diseases) == 114 and len(frame) == 83
    with pytest.warns(UserWarning, match="left out"):
        frame, space = fitzpatrick17k.load(tmp_path, level=3, missing="leave out")
    assert set(frame["disease"]) <= set(space.diseases) == set(table["three_partition_label"])
    assert set(table["nine_partition_label"]) == set(fitzpatrick17k.NINE)
    assert (table["fitzpatrick_scale"] == "-1").sum() == 565 and len(table) == fitzpatrick17k.OFFICIAL["images"]


@QUIET
@pytest.mark.skipif(not (TABLE.is_file() and SKINCON.is_file()), reason="SkinCon is not here; set DERMIMIT_SHARED_ROOT")
def test_real_concepts_are_joined_to_real_rows(tmp_path):
    concepts = pd.read_csv(SKINCON, dtype=str).dropna(subset=["ImageID"])
    (tmp_path / "fitzpatrick17k.csv").write_bytes(TABLE.read_bytes())
    (tmp_path / "annotations_fitzpatrick17k.csv").write_bytes(SKINCON.read_bytes())
    chosen = concepts[::20]
    for name in chosen["ImageID"]:
        photo(tmp_path / name)
    with pytest.warns(UserWarning) as warned:
        frame, _ = fitzpatrick17k.load(tmp_path, missing="leave out")
    flagged = (concepts[FLAG].astype(float) == 1).sum()
    assert any(f"{flagged} photos left out, flagged" in str(w.message) for w in warned)
    kept = chosen[chosen[FLAG].astype(float) == 0].set_index("ImageID")
    assert set(frame["image"]) == set(kept.index)
    for name, present in zip(frame["image"], frame["attributes"], strict=True):
        assert present == [c for c in CONCEPTS if float(kept.loc[name, c]) == 1]


@pytest.mark.parametrize("old", [False, True])
def test_ddi_is_for_testing_only(tmp_path, old):
    table = diverse(tmp_path, old)
    photos = load("ddi", tmp_path, 16)
    frame = photos.frame
    assert (frame["split"] == "test").all() and frame["fitzpatrick"].isna().all()
    assert frame["skin_tone"].tolist() == table["skin_tone"].tolist()
    assert photos.label_space.diseases == ("melanoma", "naevus 0", "naevus 1")
    assert len(photos.photos("test")) == 12
    with pytest.raises(ManifestError, match="'train' has no rows"):
        photos.photos("train")
    frame, space = ddi.load(tmp_path, target="malignant")
    assert space.diseases == ("benign", "malignant") and (frame["disease"] == "malignant").sum() == 3


def test_ddi_takes_its_skincon_table(tmp_path):
    table = diverse(tmp_path)
    skincon(tmp_path / "annotations_ddi.csv", table["DDI_file"][:6].tolist())
    with pytest.warns(UserWarning, match="1 photos left out"):
        frame, space = ddi.load(tmp_path)
    assert len(frame) == 11 and space.attributes == CONCEPTS
    assert frame["attributes"].iloc[1] == ["Papule", "Macule"] and frame["attributes"].iloc[-1] is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="malignant"), ["no column 'malignant'"]),
        (lambda t: t.assign(skin_tone=3), ["row 2, column skin_tone", "12, 34 or 56"]),
        (lambda t: t.assign(malignant="maybe"), ["row 2, column malignant", "'maybe'"]),
        (lambda t: t.assign(DDI_ID=1), ["row 3, column DDI_ID", "given twice"]),
        (
            lambda t: t.assign(DDI_file=["000099.png", *t["DDI_file"][1:]]),
            ["row 2, column DDI_file", "no photo of this name"],
        ),
        (lambda t: t.assign(DDI_file=""), ["row 2, column DDI_file", "name the photo"]),
    ],
)
def test_a_wrong_table_of_ddi_is_reported(tmp_path, change, said):
    change(diverse(tmp_path)).to_csv(tmp_path / "ddi_metadata.csv")
    with pytest.raises(ManifestError) as caught:
        ddi.load(tmp_path)
    for part in ["ddi_metadata.csv", *said]:
        assert part in str(caught.value)


@QUIET
def test_a_benchmark_is_made_from_a_copy_that_lacks_photographs(tmp_path):
    table, rng = atlas(tmp_path), np.random.default_rng(0)
    for path in sorted((tmp_path / "images").iterdir()):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)  # no two look alike
    whole = benchmark("fitzpatrick17k", tmp_path)
    assert len(whole.frame) == 36 and set(whole.frame["fold"]) == set(range(5)) and len(whole.diseases) == 3
    (tmp_path / "images" / f"{table['md5hash'][3]}.jpg").unlink()
    with pytest.warns(UserWarning, match="1 of 36 rows left out"):
        fewer = benchmark.__wrapped__("fitzpatrick17k", tmp_path)
    assert len(fewer.frame) == 35 and fewer.sha256 != whole.sha256, "the hash tells copies apart"


def of_two_atlases(root: Path) -> pd.DataFrame:
    """`atlas`, of which the first 24 rows are DermaAmin's, and a condition that one atlas alone has."""
    table = atlas(root)
    table["url_alphanum"] = [f"httpwww{'dermaamin' if i < 24 else 'atlasdermatologico'}com{i}jpg" for i in range(36)]
    table.loc[:1, "label"] = "rare thing"
    table.to_csv(root / "fitzpatrick17k.csv", index=False)
    return table


def grouped(monkeypatch, groups: dict[str, str]) -> None:
    """No photographs look alike but those with a group."""
    monkeypatch.setattr(
        fitzpatrick17k,
        "_hash_groups",
        lambda root, images: pd.Series([groups.get(Path(i).stem, i) for i in images], images.index),
    )


@QUIET
def test_a_benchmark_by_source_holds_an_atlas_out(tmp_path, monkeypatch):
    table = of_two_atlases(tmp_path)
    grouped(monkeypatch, {f"{i:032x}": "both" for i in (5, 30)})  # a near-duplicate in the other atlas
    to = benchmark.__wrapped__("fitzpatrick17k_source", tmp_path)
    assert len(to.frame) == 36 - 2 - 2 and "rare thing" not in to.classes
    amin = set(table["md5hash"][2:24]) - {f"{5:032x}"}
    assert set(to.frame.loc[to.frame["fold"] == 0, "image"]) == amin
    assert list(to.counts.columns) == ["DermaAmin", "Atlas Dermatologico", "all", "patients"]
    assert "2 photographs with a near-duplicate in another fold are left out" in to.not_checked
    assert "2 photographs of a disease that no other fold has are left out" in to.not_checked
    perfect = np.eye(len(to.diseases))[truth_of(to)]
    found = report(to, Given(perfect), 20)
    assert found["folds"]["Atlas Dermatologico"]["macro_f1"] == 1 and "tested on DermaAmin" in as_text(found)
    table.assign(url_alphanum="httpelsewhere").to_csv(tmp_path / "fitzpatrick17k.csv", index=False)
    with pytest.raises(ManifestError, match=r"row 2, column url_alphanum.*use the official table"):
        benchmark.__wrapped__("fitzpatrick17k_source", tmp_path)


@QUIET
def test_a_benchmark_by_skin_type_holds_types_out_and_drops_unknown_ones(tmp_path, monkeypatch):
    table = atlas(tmp_path)
    grouped(monkeypatch, {})
    to = benchmark.__wrapped__("fitzpatrick17k_skin_type", tmp_path)
    known = table[table["fitzpatrick_scale"] != "-1"]
    assert sorted(to.frame["image"]) == sorted(known["md5hash"])
    assert to.frame.groupby("fold")["fitzpatrick"].agg(set).to_list() == [{1, 2}, {3, 4}, {5, 6}]
    assert "of unknown skin type are left out" in to.not_checked


@QUIET
@pytest.mark.skipif(not TABLE.is_file(), reason="the Fitzpatrick17k table is not here; set DERMIMIT_SHARED_ROOT")
def test_the_real_addresses_name_one_of_two_atlases():
    words = pd.read_csv(TABLE, dtype=str)["url_alphanum"]
    counts = {word: words.str.contains(word).sum() for word in SOURCES}
    assert sum(counts.values()) == len(words) == 16577


@QUIET
def test_labels_that_nobody_gave_are_unknown_and_not_absent(tmp_path, monkeypatch):
    table = atlas(tmp_path)
    grouped(monkeypatch, {})
    skincon(tmp_path / "annotations_fitzpatrick17k.csv", [f"{m}.jpg" for m in table["md5hash"][:6]])
    with pytest.warns(UserWarning, match="flagged"):
        to = benchmark.__wrapped__("fitzpatrick17k", tmp_path)
    known, target = truth_of_task(to, "attributes")
    assert len(known) == 5 and not np.isnan(target).any()
    unsure = Given(np.full((35, 3), 1 / 3), attributes=np.full((35, 48), 0.5))
    assert report(to, unsure, 20)["attributes"]["photographs"] == 5


def test_rows_of_ddi_without_a_photo_are_left_out_when_asked(tmp_path):
    table = diverse(tmp_path)
    next(tmp_path.rglob(table["DDI_file"].iloc[0])).unlink()
    with pytest.raises(
        ManifestError, match=r"unpack all images of the release, or give the option missing='leave out'"
    ):
        ddi.load(tmp_path)
    with pytest.warns(UserWarning, match=f"1 of {len(table)} rows left out, their photos are not there"):
        frame, _ = ddi.load(tmp_path, missing="leave out")
    assert len(frame) == len(table) - 1
