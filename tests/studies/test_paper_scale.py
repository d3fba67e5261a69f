"""The rows at the paper's scale: the command runs, resumes and publishes; without runs their table says so."""

import importlib.util
from pathlib import Path

import pytest

from dermimit.evaluate.estimate import NOT_RUN
from dermimit.evaluate.runs import read_experiments, read_records
from studies.shared.evidence import paper_scale_table

ROOT = Path(__file__).parents[2]
SMALL = "model=dermimitformer_tiny_patch8_64 image_size=64 samples=32 epochs=1 batch_size=16 precision=no compile=no"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("paper_scale", ROOT / "studies/evidence/measure_paper_scale.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def folders(tmp_path):
    return {name: tmp_path / name for name in ("work", "data", "out")}


def test_every_row_is_a_run_of_the_papers_backbone(script, tmp_path):
    for _, row in read_experiments(script.TABLE).iterrows():
        config = script.configuration(row, tmp_path, tmp_path, 0, True, 0, "")
        assert (config.model, config.image_size) == ("dermimitformer_base_patch16_224", 224)
        how = (config.optimizer, config.precision, config.compile, config.pretrained)
        assert how == ("sgd", "bf16", "default", True)


def test_without_a_gpu_it_refuses_and_says_what_to_do(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="--more"):
        script.main(**folders(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_rows_are_trained_published_and_not_begun_after_the_time(script, tmp_path, capsys):
    there = folders(tmp_path) | {"more": SMALL, "sizes": (32, 16, 16)}
    script.main(minutes=-1, **there)
    assert capsys.readouterr().out.count("same command again") == 3
    script.main(**there)
    records = read_records(tmp_path / "out")
    assert set(records["row"]) == {"synderm_D", "synderm_full", "synderm_concat"}
    before = (tmp_path / "work/synderm_D-seed0/metrics.json").stat().st_mtime_ns
    script.main(**there)
    assert (tmp_path / "work/synderm_D-seed0/metrics.json").stat().st_mtime_ns == before
    (tmp_path / "work").rename(tmp_path / "elsewhere")
    script.main(unpublished=True, only=("synderm_D", "synderm_full"), **there)
    assert not (tmp_path / "work").exists()


def test_a_row_that_is_not_in_the_table_is_refused(script, tmp_path):
    with pytest.raises(SystemExit, match="no row pad_E; it has synderm_D"):
        script.main(only=("pad_E",), more=SMALL, **folders(tmp_path))


def test_a_row_without_a_run_has_no_number(tmp_path):
    table = paper_scale_table(
        read_experiments(ROOT / "workflow/experiments/gpu/paper_scale.csv"), read_records(tmp_path)
    )
    assert (table["macro-F1"] == NOT_RUN).all()
    assert len(table) == 5
