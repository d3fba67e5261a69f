"""PAD-UFES-20: the official layout in miniature, and the real rows where they are at hand."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermimit.data import load, pad_ufes_20
from dermimit.data.photos import NO_MASK
from dermimit.data.problems import ManifestError
from dermimit.data.splits import check_leakage
from dermimit.data.targets import encode_targets
from dermimit.evaluate.folder import evaluate
from dermimit.reader_study.evidence import check_run
from dermimit.records import read_json
from dermimit.train import TrainConfig, fit, load_run

REAL = Path(os.environ.get("DERMIMIT_PAD_ROOT", Path(__file__).parents[2] / "../shared/data/pad-ufes-20"))
PERSON = ["smoke", "drink", "background_father", "background_mother", "age", "pesticide", "gender"]
PERSON += ["skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system"]
SIZES = ["diameter_1", "diameter_2"]
COLUMNS = ["patient_id", "lesion_id", *PERSON, "fitspatrick", "region", *SIZES, "diagnostic"]
COLUMNS += [*pad_ufes_20.SYMPTOMS, "img_id", "biopsed"]


def miniature(root: Path) -> pd.DataFrame:
    """Twenty-four rows of 12 patients in the official layout, photos in three folders; returns the table as written."""
    root.mkdir(exist_ok=True)
    diseases, regions = list(pad_ufes_20.DISEASE_NAMES), pad_ufes_20.REGIONS
    rows = []
    for i in range(24):
        row = dict.fromkeys(COLUMNS, "")
        row |= {
            "patient_id": f"PAT_{i // 2}",
            "lesion_id": str(100 + i),
            "age": "60",
            "gender": "FEMALE",
            "biopsed": "True",
        }
        row |= {"fitspatrick": "" if i % 3 else "2.0", "region": regions[i % 14], "diagnostic": diseases[i % 6]}
        row |= {symptom: ("True", "False", "UNK")[(i + j) % 3] for j, symptom in enumerate(pad_ufes_20.SYMPTOMS)}
        rows.append(row | {"img_id": f"PAT_{i // 2}_{100 + i}_{i}.png"})
        folder = root / f"imgs_part_{i % 3 + 1}" / f"imgs_part_{i % 3 + 1}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (24, 18), (i, 0, 0)).save(folder / rows[-1]["img_id"])
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.to_csv(root / "metadata.csv", index=False)
    return table


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_photographs_of_the_training_are_known_in_another_fold_and_refused_where_they_cannot_be(tmp_path, capsys):
    miniature(tmp_path / "data")
    model = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
    shape = dict(image_size=16, model_kwargs=model, samples=8, epochs=1, batch_size=4, data_options={"final": True})
    run = fit(TrainConfig(dataset="pad_ufes_20", data_root=tmp_path / "data", out=tmp_path / "run", **shape))
    (run / "photographs.parquet").unlink()  # as in a published model
    copy = shutil.copytree(tmp_path / "data", tmp_path / "copy")
    evaluate(run, "pad_ufes_20", copy, tmp_path / "out", split="test", options={})
    assert read_json(tmp_path / "out/provenance.json")["saw_in_training"] is True
    assert "those that the run was trained on" in capsys.readouterr().err
    found = load("pad_ufes_20", copy, 16)
    test = found.frame.loc[found.frame["split"] == "test", "image"].tolist()
    with pytest.raises(ValueError, match="not in the run's test split"):
        check_run(load_run(run), found, test)
    table = pd.read_csv(copy / "metadata.csv").iloc[:-2]
    table.to_csv(copy / "metadata.csv", index=False)  # other data of the same name: nobody knows
    with pytest.raises(ValueError, match="was trained on pad_ufes_20 too, and its record does not tell"):
        check_run(load_run(run), load("pad_ufes_20", copy, 16), test[:1])


def test_the_official_layout_is_read(tmp_path):
    table = miniature(tmp_path)
    frame, space = pad_ufes_20.load(tmp_path)
    assert space.num_classes == {"body_part": 14, "attributes": 6, "disease": 6}
    assert frame["image"].iloc[4] == "imgs_part_2/imgs_part_2/PAT_2_104_4.png"
    assert frame["disease"].tolist() == table["diagnostic"].tolist()
    assert frame["body_part"].tolist() == table["region"].tolist()
    assert frame["lesion_id"].tolist() == table["lesion_id"].tolist()
    assert frame["fitzpatrick"].isna().sum() == 16 and frame["fitzpatrick"].iloc[0] == 2
    assert frame["mask"].isna().all()


def test_an_answer_of_unknown_is_masked_and_false_is_zero(tmp_path):
    table = miniature(tmp_path)
    frame, space = pad_ufes_20.load(tmp_path)
    wanted = table[list(space.attributes)].replace({"True": 1.0, "False": 0.0, "UNK": np.nan}).to_numpy(float)
    np.testing.assert_array_equal(encode_targets(frame, space)["attributes"], wanted)


def test_nothing_about_the_person_is_loaded(tmp_path):
    miniature(tmp_path)
    frame, _ = pad_ufes_20.load(tmp_path)
    assert not set(frame) & {*PERSON, *SIZES, "biopsed"}


def big_miniature(root):
    """The miniature with five times the patients, enough for folds."""
    table = miniature(root)
    parts = [table]
    for k in range(1, 5):
        more = table.assign(
            patient_id=table["patient_id"] + f"_{k}",
            img_id=[f"{Path(n).stem}_{k}.png" for n in table["img_id"]],
        )
        for name in more["img_id"]:
            Image.new("RGB", (24, 18), (k, 0, 0)).save(root / "imgs_part_1/imgs_part_1" / name)
        parts.append(more)
    pd.concat(parts).to_csv(root / "metadata.csv", index=False)


def test_folds_by_patient_share_nobody_and_folds_by_image_say_what_they_are(tmp_path):
    big_miniature(tmp_path)
    by_patient = load("pad_ufes_20", tmp_path, 16, fold=1).frame
    assert by_patient.groupby("patient_id")["split"].nunique().max() == 1
    by_image = load("pad_ufes_20", tmp_path, 16, fold=1, folds_by="image").frame
    assert by_image["patient_id"].isna().all()
    patient = by_image["image"].map(by_patient.set_index("image")["patient_id"])
    assert by_image.groupby(patient)["split"].nunique().max() > 1
    with pytest.raises(ManifestError, match="folds_by 'photo': give 'patient', or 'image'"):
        load("pad_ufes_20", tmp_path, 16, fold=1, folds_by="photo")


def test_a_final_model_is_trained_on_all_but_a_tenth_and_tested_on_nothing(tmp_path):
    big_miniature(tmp_path)
    frame = load("pad_ufes_20", tmp_path, 16, final=True).frame
    shares = frame["split"].value_counts(normalize=True)
    assert set(shares.index) == {"train", "val"} and 0.05 <= shares["val"] <= 0.15
    assert frame.groupby("patient_id")["split"].nunique().max() == 1
    assert set(frame.loc[frame["split"] == "val", "disease"]) == set(frame["disease"])
    with pytest.raises(ManifestError, match="final with fold 0: a final model is tested on nothing"):
        load("pad_ufes_20", tmp_path, 16, final=True, fold=0)


def test_a_run_names_its_fold_and_is_scored_on_it(tmp_path):
    big_miniature(tmp_path / "pad")
    small = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
    run = fit(
        TrainConfig(
            data_root=tmp_path / "pad", out=tmp_path / "run", dataset="pad_ufes_20", data_options={"fold": 2},
            image_size=16, model_kwargs=small, samples=16, epochs=2, batch_size=8,
        )
    )  # fmt: skip
    wanted = load("pad_ufes_20", tmp_path / "pad", 16, fold=2).frame
    answers = load_run(run).predictions
    assert set(answers.loc[answers["split"] == "test", "image"]) == set(wanted.loc[wanted["split"] == "test", "image"])
    again = evaluate(run, "pad_ufes_20", tmp_path / "pad", tmp_path / "again", "test")
    assert again["test"] == pytest.approx(load_run(run).metrics["test"], nan_ok=True)


def test_the_other_layout_with_jpegs_and_masks_gives_the_same_rows(tmp_path):
    miniature(tmp_path)
    official, _ = pad_ufes_20.load(tmp_path)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for path in sorted(tmp_path.glob("imgs_part_*/*/*.png")):
        path.rename(tmp_path / "images" / f"{path.stem}.jpg")
        Image.new("L", (24, 18)).save(tmp_path / "masks" / path.name)
    frame, _ = pad_ufes_20.load(tmp_path)
    paths = ["image", "mask"]
    pd.testing.assert_frame_equal(frame.drop(columns=paths), official.drop(columns=paths))
    assert (frame["mask"] == "masks/" + official["image"].str.split("/").str[-1]).all()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("diagnostic", "MELANOMA", ["row 7", "diagnostic", "'MELANOMA'", "ACK, BCC, MEL"]),
        ("region", "FOREARMS", ["row 7", "region", "did you mean 'FOREARM'"]),
        ("bleed", "MAYBE", ["row 7", "bleed", "'MAYBE'", "TRUE, FALSE, UNK"]),
        ("fitspatrick", "7.0", ["row 7", "fitspatrick", "'7.0'", "1 to 6"]),
        ("img_id", "", ["row 7", "img_id", "name the photo"]),
        ("img_id", "PAT_9_9_9.png", ["row 7", "img_id", "'PAT_9_9_9.png'", "no photo of this name", "imgs_part_1"]),
    ],
)
def test_a_wrong_value_is_reported_as_a_spreadsheet_counts(tmp_path, column, value, said):
    table = miniature(tmp_path)
    table.loc[5, column] = value
    table.to_csv(tmp_path / "metadata.csv", index=False)
    with pytest.raises(ManifestError) as caught:
        pad_ufes_20.load(tmp_path)
    for part in ["metadata.csv", *said]:
        assert part in str(caught.value)


def test_blank_lines_are_skipped_and_still_counted(tmp_path):
    miniature(tmp_path)
    lines = (tmp_path / "metadata.csv").read_text().splitlines()
    lines.insert(3, "")
    (tmp_path / "metadata.csv").write_text("\n".join(lines).replace("NECK", "NCEK") + "\n\n")
    row = 1 + next(i for i, line in enumerate(lines) if "NECK" in line)
    with pytest.raises(ManifestError, match=f"row {row}, column region: 'NCEK'.*did you mean 'NECK'"):
        pad_ufes_20.load(tmp_path)
    (tmp_path / "metadata.csv").write_text("\n".join(lines) + "\n\n")
    assert len(pad_ufes_20.load(tmp_path)[0]) == 24


def test_a_missing_column_file_or_second_photo_is_reported(tmp_path):
    table = miniature(tmp_path)
    Image.new("RGB", (4, 4)).save(tmp_path / f"{Path(table['img_id'][0]).stem}.jpg")
    with pytest.raises(ManifestError, match=r"row 2, column img_id.*keep one"):
        pad_ufes_20.load(tmp_path)
    table.rename(columns={"fitspatrick": "fitzpatrick"}).to_csv(tmp_path / "metadata.csv", index=False)
    with pytest.raises(ManifestError, match=r"no column 'fitspatrick'.*did you mean 'fitzpatrick'"):
        pad_ufes_20.load(tmp_path)
    with pytest.raises(ManifestError, match="no such file; root must be the folder"):
        pad_ufes_20.load(tmp_path / "imgs_part_1")


def test_loading_by_name_splits_by_patient_and_follows_the_seed(tmp_path):
    miniature(tmp_path)
    frame = load("pad_ufes_20", tmp_path, 16).frame
    check_leakage(frame)
    assert (pd.crosstab(frame["disease"], frame["split"]).to_numpy() > 0).all()
    pd.testing.assert_frame_equal(frame, load("pad_ufes_20", tmp_path, 16).frame)
    assert any((frame["split"] != load("pad_ufes_20", tmp_path, 16, seed=s).frame["split"]).any() for s in (1, 2))


@pytest.mark.skipif(not (REAL / "metadata.csv").is_file(), reason="PAD-UFES-20 is not here; set DERMIMIT_PAD_ROOT")
def test_the_real_rows_are_read_and_split():
    photos = load("pad_ufes_20", REAL, 32)
    frame, table = photos.frame, pd.read_csv(REAL / "metadata.csv", dtype=str, keep_default_na=False)
    assert len(frame) == len(table)
    assert frame["disease"].value_counts().to_dict() == table["diagnostic"].value_counts().to_dict()
    unknown = np.isnan(encode_targets(frame, photos.label_space)["attributes"]).sum(0)
    assert unknown.tolist() == [(table[s] == "UNK").sum() for s in pad_ufes_20.SYMPTOMS]
    assert frame["fitzpatrick"].notna().sum() == (table["fitspatrick"] != "").sum()
    shares = pd.crosstab(frame["disease"], frame["split"], normalize="index")[["train", "val", "test"]]
    np.testing.assert_allclose(shares, np.tile([0.7, 0.15, 0.15], (6, 1)), atol=0.02)
    rows = photos.photos("val", with_mask=True)
    for index in range(0, len(rows), 20):
        item = rows[index]
        assert item["image"].shape == (3, 32, 32) and item["image"].std() > 0.05
        known = rows.frame["mask"].iloc[index] is not None
        assert (0 < item["mask"].float().mean() < 1) if known else (item["mask"] == NO_MASK).all()


def test_rows_without_a_photograph_are_left_out_when_asked(tmp_path):
    miniature(tmp_path)
    for path in list(tmp_path.rglob("*.png"))[:5]:
        path.unlink()
    with pytest.raises(ManifestError, match=r"5 problem(?s:.*)unpack all of imgs_part.*missing='leave out'"):
        load("pad_ufes_20", tmp_path, 16)
    with pytest.warns(UserWarning, match="5 of 24 rows left out, their photos are not there"):
        photos = load("pad_ufes_20", tmp_path, 16, missing="leave out")
    assert len(photos.frame) == 19 and len(photos.photos("train")) > 5
