"""What `dermimit data check` finds in a folder, and what a quarantine leaves out."""

import json
import shutil
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from dermimit.cli import main
from dermimit.data import duplicates, load, pad_ufes_20, sd198
from dermimit.data.check import check
from dermimit.data.duplicates import Look, look_at, near_pairs
from dermimit.data.label_space import LabelSpace
from dermimit.data.official import count_lesions
from dermimit.data.problems import ManifestError
from dermimit.data.quarantine import leave_out, write_quarantine
from dermimit.data.stored import save_dataset
from dermimit.records import read_json
from dermimit.train import TrainConfig, fit, load_run

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
SPACE = LabelSpace("scenes", ("x", "y"))


def scene(seed: int, size: int = 96) -> Image.Image:
    """A smooth picture of its own, unlike that of any other seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC)


@pytest.fixture
def scenes(tmp_path):
    """Twelve scenes of twelve patients as a dataset; returns its root."""
    root = tmp_path / "scenes"
    (root / "images").mkdir(parents=True)
    for i in range(12):
        scene(i).save(root / "images" / f"{i:02d}.png")
    write(root)
    return root


def write(root, **columns):
    names = sorted(path.relative_to(root).as_posix() for path in (root / "images").iterdir())
    frame = pd.DataFrame({"image": names, "disease": ["xy"[i % 2] for i in range(len(names))]})
    frame["patient_id"] = [f"P{i}" for i in range(len(names))]
    frame["split"] = [("train", "train", "val", "test")[i % 4] for i in range(len(names))]
    save_dataset(root, frame.assign(**columns), SPACE)


def run_cli(capsys, root, *words, dataset="synderm"):
    code = main(["data", "check", str(root), "--dataset", dataset, *words])
    return code, capsys.readouterr()


def test_a_sound_folder_has_no_fault(scenes, capsys):
    code, said = run_cli(capsys, scenes)
    assert code == 0 and "faults: none" in said.out
    report = check("synderm", scenes, workers=1)
    assert report.counts["images"] == report.counts["patients"] == 12
    assert report.splits == {"train": 6, "val": 3, "test": 3} and report.classes == {"disease": {"x": 6, "y": 6}}
    assert not any(report.findings().values())
    assert report.to_dict() == check("synderm", scenes, workers=4).to_dict()


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BREAK = {
    "cut short": (truncate, "cannot be read"),
    "zero bytes": (lambda path: path.write_bytes(b""), "zero bytes"),
    "a web page": (lambda path: path.write_text("<html>404</html>"), "cannot be read"),
    "another format, cut short": (lambda p: (scene(1).save(p, "JPEG", quality=95), truncate(p)), "cannot be read"),
}


@pytest.mark.parametrize("how", BREAK)
def test_a_broken_file_is_a_fault_and_says_why(scenes, capsys, how):
    spoil, why = BREAK[how]
    spoil(scenes / "images" / "03.png")
    code, said = run_cli(capsys, scenes, "--json")
    found = json.loads(said.out)
    assert code == 1 and found["faults"] == ["unreadable images"]
    assert list(found["unreadable"]) == ["images/03.png"] and why in found["unreadable"]["images/03.png"]
    assert str(scenes) not in found["unreadable"]["images/03.png"]


@pytest.mark.parametrize("limit", [9000, 4000])  # the scenes have 9216 pixels; Pillow itself refuses twice the limit
def test_a_decompression_bomb_is_refused(scenes, monkeypatch, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    report = check("synderm", scenes)
    assert len(report.unreadable) == 12 and "make it smaller" in report.unreadable["images/00.png"]


def sideways(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(7).transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


FINE = {
    "png named jpg": ("odd.jpg", lambda path: scene(7).save(path, "PNG")),
    "CMYK": ("odd.jpg", lambda path: scene(7).convert("CMYK").save(path)),
    "turned by EXIF": ("odd.png", sideways),
    "16 bit": ("odd.png", lambda p: Image.fromarray(np.array(scene(7).convert("L")).astype(np.uint16) * 257).save(p)),
    "palette": ("odd.png", lambda path: scene(7).quantize(200).save(path)),
}


@pytest.mark.parametrize("kind", FINE)
def test_unusual_files_read_fine_and_look_like_the_usual_one(tmp_path, kind):
    name, save = FINE[kind]
    save(tmp_path / name)
    scene(7).save(tmp_path / "usual.png")
    odd, usual = look_at(tmp_path / name), look_at(tmp_path / "usual.png")
    assert odd.reason is None and (kind == "png named jpg") == (odd.digest == usual.digest)
    assert (odd.phash ^ usual.phash).bit_count() <= duplicates.NEAR_PHASH
    assert (odd.dhash ^ usual.dhash).bit_count() <= duplicates.NEAR_DHASH


VARIANTS = {
    "half the size": lambda image: image.resize((48, 48)),
    "twice the size": lambda image: image.resize((192, 192)),
    "saved badly": lambda image: image,
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "brighter": lambda image: image.point(lambda v: min(255, int(v * 1.1))),
}


@pytest.mark.parametrize("how", VARIANTS)
def test_a_near_duplicate_is_found_and_nothing_else(scenes, how, capsys):
    VARIANTS[how](scene(0)).save(scenes / "images" / "zz.jpg", quality=50)
    write(scenes, split=["train"] * 10 + ["val", "test", "test"])
    report = check("synderm", scenes)
    assert [g.images for g in report.near_duplicates] == [["images/00.png", "images/zz.jpg"]]
    assert report.near_duplicates[0].splits == ["test", "train"] and not report.duplicates
    assert report.near_duplicates[0].patients == ["P0", "P12"]
    assert run_cli(capsys, scenes)[0] == 0
    assert run_cli(capsys, scenes, "--strict")[0] == 1


@pytest.mark.parametrize(("splits", "code"), [(["train", "train"], 0), (["train", "test"], 1)])
def test_equal_bytes_are_a_fault_only_across_splits(scenes, capsys, splits, code):
    shutil.copy(scenes / "images" / "00.png", scenes / "images" / "zz.png")
    write(scenes, split=[splits[0], *["train"] * 9, "val", "test", splits[1]])
    got, said = run_cli(capsys, scenes, "--json")
    found = json.loads(said.out)
    assert got == code and found["faults"] == (["duplicates across splits"] if code else [])
    assert [g["images"] for g in found["duplicates"]] == [["images/00.png", "images/zz.png"]]
    assert found["near_duplicates"] == []


def test_absent_and_unlisted_files_are_told_apart(scenes, capsys):
    scene(40).save(scenes / "images" / "new.png")
    (scenes / "images" / "05.png").unlink()
    code, said = run_cli(capsys, scenes, "--json")
    found = json.loads(said.out)
    assert code == 1 and found["faults"] == ["images listed but absent"]
    assert found["absent"] == ["images/05.png"] and found["unlisted"] == ["images/new.png"]


def test_masks_must_be_there_and_are_not_photographs(tiny_photos, capsys):
    (tiny_photos.root / "masks" / "03.png").unlink()
    (tiny_photos.root / "masks" / "extra.png").write_bytes(b"")
    report = check("synderm", tiny_photos.root)
    assert report.absent_masks == ["masks/03.png"] and report.faults() == ["masks listed but absent"]
    assert not report.unlisted and not report.unreadable


def test_a_patient_in_two_splits_is_a_fault(scenes, capsys):
    write(scenes, patient_id=["P"] * 4 + [f"P{i}" for i in range(8)])
    code, said = run_cli(capsys, scenes)
    assert code == 1 and "P: train, val, test" in said.out and "faults: patients in two splits" in said.out


def test_every_problem_of_the_table_is_reported_beside_the_images(tmp_path):
    from test_pad_ufes_20 import miniature

    table = miniature(tmp_path)
    table.loc[3, "region"], table.loc[9, "diagnostic"] = "NCEK", "MELA"
    table.to_csv(tmp_path / "metadata.csv", index=False)
    next(tmp_path.rglob("PAT_2_104_4.png")).unlink()
    report = check("pad_ufes_20", tmp_path)
    for said in ("row 5, column region: 'NCEK'", "row 11, column diagnostic: 'MELA'"):
        assert any(said in problem for problem in report.problems)
    assert report.absent == ["PAT_2_104_4.png"] and report.counts["images"] == 24
    assert "images: 24 here, 2,298 officially" in report.differences()
    assert "2298" in report.table()
    (tmp_path / "metadata.csv").unlink()
    report = check("pad_ufes_20", tmp_path)
    assert "no such file" in report.problems[0] and report.counts["images"] == 23 and report.faults()


def test_lesions_of_two_patients_are_two_though_their_ids_are_one(tmp_path):
    from test_pad_ufes_20 import miniature

    table = miniature(tmp_path)
    table.assign(lesion_id=[str(i % 2) for i in range(24)]).to_csv(tmp_path / "metadata.csv", index=False)
    assert check("pad_ufes_20", tmp_path).counts["lesions"] == 24
    table.assign(lesion_id="1").to_csv(tmp_path / "metadata.csv", index=False)
    report = check("pad_ufes_20", tmp_path)
    assert report.counts["lesions"] == 12 and "lesions: 12 here, 1,641 officially" in report.differences()


def test_lesions_are_counted_where_a_patient_or_a_lesion_is_unknown():
    pairs = [("a", "1"), ("a", "1"), ("b", "1"), (None, "1"), (None, "1"), ("c", None), ("d", float("nan"))]
    assert count_lesions(pd.DataFrame(pairs, columns=["patient_id", "lesion_id"])) == 3


@pytest.mark.parametrize(
    ("photos", "words", "diseases"),
    [
        (24, [], 198),
        (28, [], 128),
        (24, ["--options", "classes", "128"], 128),
        (28, ["--options", "fold", "None"], 128),
    ],
)
def test_a_copy_of_sd128_is_compared_with_the_figures_of_sd128(tmp_path, capsys, photos, words, diseases):
    from test_loaders_official_splits import sd

    sd(tmp_path, photos=photos)  # four classes, one of them with four photographs less
    found = json.loads(run_cli(capsys, tmp_path, "--json", *words, dataset="sd198")[1].out)
    assert found["official"]["diseases"] == diseases and found["problems"] == []
    assert any("of SD-128, not of SD-198" in note for note in found["notes"]) == (diseases == 128)


def test_sd128_is_told_from_sd198_by_its_classes():
    def official(classes, photos):
        return sd198.official_of([f"images/{c}/{i}.jpg" for c in range(classes) for i in range(photos)])[0]

    assert official(198, 10) == official(127, 20) == official(0, 0) == sd198.OFFICIAL
    assert official(128, 10) == official(127, 21) == sd198.OFFICIAL_128


def test_the_official_figures_add_up():
    assert sum(pad_ufes_20.OFFICIAL["disease"].values()) == pad_ufes_20.OFFICIAL["images"]


def test_a_wrong_name_or_folder_is_an_error_of_use(scenes, capsys):
    assert run_cli(capsys, scenes, dataset="sinderm")[0] == 2
    assert run_cli(capsys, scenes / "none")[0] == 2
    assert "no such folder" in run_cli(capsys, scenes / "none")[1].err


@pytest.mark.parametrize("distance", [0, 1, 4, 6, 11])
def test_the_search_finds_what_brute_force_finds(distance):
    rng = np.random.default_rng(distance)
    hashes = rng.integers(0, 2**64, 150, dtype=np.uint64)
    flips = [sum(1 << int(b) for b in rng.choice(64, rng.integers(0, 9), replace=False)) for _ in range(150)]
    hashes = np.concatenate([hashes, hashes ^ np.array(flips, np.uint64), hashes[:5]])
    wanted = [(i, j) for i, j in combinations(range(len(hashes)), 2)
              if (int(hashes[i]) ^ int(hashes[j])).bit_count() <= distance]  # fmt: skip
    assert near_pairs(hashes, distance).tolist() == [list(pair) for pair in wanted] and wanted


def test_the_search_is_fast_enough_for_sixty_thousand_and_copes_with_none():
    hashes = np.random.default_rng(0).integers(0, 2**64, 60_000, dtype=np.uint64)
    hashes[1::1000] = hashes[::1000] ^ np.uint64(7)
    assert len(near_pairs(hashes, 4)) == 60
    assert near_pairs(np.array([], np.uint64), 6).shape == (0, 2)


def test_images_are_looked_at_in_batches_and_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(duplicates, "look_at", lambda path: Look(None, path.name))
    names = [f"{i}.png" for i in range(3 * duplicates.BATCH + 5)]
    assert [look.digest for look in duplicates.look_at_all(tmp_path, names)] == names


def test_a_quarantine_leaves_out_exactly_the_broken_rows(scenes, tmp_path, capsys):
    for name in ("03.png", "04.png"):
        truncate(scenes / "images" / name)
    file = tmp_path / "broken.txt"
    assert run_cli(capsys, scenes, "--skip-broken", str(file))[0] == 1
    lines = file.read_text().splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == ["images/03.png", "images/04.png"] and lines[0][0] == "#"
    frame = load("synderm", scenes, 16).frame
    kept = leave_out(frame, file)
    assert "2 of 12 photographs left out" in capsys.readouterr().err
    pd.testing.assert_frame_equal(kept, frame[~frame["image"].isin(["images/03.png", "images/04.png"])])


def test_a_quarantine_of_a_windows_editor_is_read(scenes, tmp_path):
    (tmp_path / "broken.txt").write_bytes("\ufeffimages/03.png\tgone\r\n".encode())
    assert leave_out(load("synderm", scenes, 16).frame, tmp_path / "broken.txt")["image"].tolist() == [
        f"images/{i:02d}.png" for i in range(12) if i != 3
    ]


def test_a_quarantine_without_lines_leaves_nothing_out(scenes, tmp_path, capsys):
    assert write_quarantine(check("synderm", scenes).unreadable, tmp_path / "none.txt") == 0
    frame = load("synderm", scenes, 16).frame
    pd.testing.assert_frame_equal(leave_out(frame, tmp_path / "none.txt"), frame)
    assert "0 of 12" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file; write it with"),
        ("# c\nimages/99.png\tgone\n", r"row 2, column path: 'images/99.png': not in the manifest"),
        ("".join(f"images/{i:02d}.png\n" for i in range(12)), "nothing is left"),
    ],
)
def test_a_wrong_quarantine_is_explained(scenes, tmp_path, text, said):
    file = tmp_path / "q.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ManifestError, match=rf"(?s)q\.txt.*{said}"):
        leave_out(load("synderm", scenes, 16).frame, file)


def test_training_leaves_the_quarantine_out_and_records_it(scenes, tmp_path, capsys):
    truncate(scenes / "images" / "04.png")
    file = tmp_path / "broken.txt"
    write_quarantine(check("synderm", scenes).unreadable, file)
    options = dict(data_root=scenes, out=tmp_path / "run", image_size=16, model_kwargs=MODEL, samples=4, epochs=1)
    options |= {"batch_size": 4, "fusion": "none"}
    with pytest.raises(ValueError, match=r"row 6 of the manifest.*04\.png"):
        fit(TrainConfig(**options | {"out": tmp_path / "without"}))
    run = load_run(fit(TrainConfig(**options, quarantine=str(file))))
    assert "1 of 12 photographs left out" in capsys.readouterr().err
    assert run.config.quarantine == str(file) and run.provenance["photographs_used"] == 11
    assert read_json(run.path / "config.json")["quarantine"] == str(file)


def test_a_configuration_without_quarantine_is_written_as_before(scenes, tmp_path):
    config = TrainConfig(data_root=scenes, out=tmp_path / "run")
    assert "quarantine" not in config.to_dict() and TrainConfig.from_dict(config.to_dict()) == config
    other = TrainConfig(data_root=scenes, out=tmp_path / "run", quarantine="q.txt")
    assert TrainConfig.from_dict(other.to_dict()) == other
