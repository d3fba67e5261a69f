"""What the chapter on speed says follows from its records, and says so where nothing has run."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dermimit.evaluate.estimate import NONE, NOT_RUN
from studies.speed import book_speed, costs, numbers, recipes
from studies.speed import charts as speed_charts
from studies.speed import tables as speed

ROOT = Path(__file__).parents[2]
FOUND = speed.read_speed(ROOT)


def shares(value):
    return {"together": {"median": value, "min": value, "max": value}}


def overhead(share, **more):
    rows = [
        {"model": model, "work": work, "seconds": {"median": 2.0, "min": 1, "max": 3}, "flops": 1e12, "flop_ratio": 1.2,
         "ratio": {"median": ratio, "min": ratio, "max": ratio}, "memory_mb": 3000.0, **more}
        for model, ratio in (("ViT", 1.0), ("DermImitFormer", 1.25))
        for work in ("training", "inference")
    ]  # fmt: skip
    cases = [{"size": 224, "batch": 1, "models": rows, "shares": shares(share)}]
    return {"cases": cases, "provenance": {"device": "a card"}}


@pytest.mark.parametrize(("share", "told"), [(0.04, "under"), (0.06, "over")])
def test_the_shares_stand_beside_the_target(share, told):
    table = speed.shares_table(overhead(share)).set_index("part")
    assert table.loc["together", "target: 5 %"] == told and set(table["target: 5 %"]) <= {told, "–"}
    assert table.loc["together", "share of a step (%)"].startswith(f"{100 * share:.2f} (")


def on_gpu():
    record = overhead(0.01, images_per_second=812.4, mfu=0.41, compile="reduce-overhead")
    case = record["cases"][0] | {"left_out": [], "provenance": record["provenance"]}
    return record | {"cases": [case]}


def test_without_a_gpu_record_the_rows_say_so():
    table = speed.gpu_table(None)
    assert list(table["pixels"]) == [224] * 6 + [384] * 6 and list(table["model"]) == [*speed.MODELS] * 2
    assert (table.drop(columns=["pixels", "model"]) == NOT_RUN).all(axis=None)


def test_a_gpu_record_has_rates_and_what_it_lacks_has_not_run():
    table = speed.gpu_table(on_gpu()).set_index(["pixels", "model"])
    assert len(table) == 12 and (table["run as"] == NOT_RUN).sum() == 10
    ours = table.loc[(224, speed.OURS)]
    assert ours["training, images a second"] == "812 (MFU 41 %)" and ours["run as"] == "CUDA graphs"
    assert speed.gpu_text(on_gpu()) == "Measured on a card, in batches of 1 photographs of 224 pixels."


def test_a_model_that_could_not_be_captured_is_named_with_the_reason():
    record = on_gpu()
    for row in record["cases"][0]["models"][2:]:
        row |= {"compile": "no", "why": "reduce-overhead: Unsupported: a hook"}
    record["cases"][0]["left_out"] = [{"model": "ViT, matrices kept", "why": "no: out of memory"}]
    table = speed.gpu_table(record).set_index(["pixels", "model"])
    assert table.loc[(224, speed.OURS), "run as"] == "not compiled"
    assert set(table.loc[(224, "ViT, matrices kept")]) == {"–"}
    text = speed.gpu_text(record)
    assert "*DermImitFormer* at 224 pixels was run as *not compiled*: `reduce-overhead: Unsupported: a hook`." in text
    assert "*ViT, matrices kept* at 224 pixels did not run: `no: out of memory`." in text


def test_a_checkout_without_records_has_none(tmp_path):
    found = speed.read_speed(tmp_path)
    assert found.growth is None and found.provenance == {}


@pytest.mark.parametrize("name", [name for name in speed.NAMES if getattr(FOUND, name)])
def test_records_say_where_they_come_from_and_how_busy_the_machine_was(name):
    facts = getattr(FOUND, name)["provenance"]
    assert facts["load"] >= 0 and facts["load_after"] >= 0 and facts["device"] and len(facts["commit"]) == 40
    assert not facts["dirty"]


@pytest.mark.skipif(not FOUND.model_overhead, reason="model_overhead has no record")
def test_the_overhead_is_of_both_sizes_and_its_ratios_are_to_the_vit():
    record = FOUND.model_overhead
    assert [case["size"] for case in record["cases"]] == [224, 384] and record["cases"][1]["batch"] == 1
    for case in record["cases"]:
        assert all(r["ratio"]["median"] == 1 for r in case["models"] if r["model"] == speed.REFERENCE)
        parts = [share["median"] for name, share in case["shares"].items() if name != "together"]
        assert case["shares"]["together"]["median"] == pytest.approx(sum(parts), rel=0.1)
    assert len(speed.overhead_table(record)) == 12  # six models at both sizes
    assert len(speed_charts.overhead_bars(record).axes) == 2
    plt.close("all")


@pytest.mark.skipif(not FOUND.growth, reason="growth has no record")
def test_operations_grow_about_with_the_patches_and_so_with_the_square_of_the_side():
    fits = {part["axis"]: part for part in FOUND.growth["axes"]}
    assert set(fits) == set(speed.AXES)
    patches, side = (fits[axis]["operations"]["exponent"] for axis in ("patches", "image size"))
    assert 0.9 < patches < 1.3 and side == pytest.approx(2 * patches, rel=0.1)
    assert abs(fits["classes"]["operations"]["exponent"]) < 0.1 > fits["K"]["operations"]["exponent"]
    assert len(speed.growth_table(FOUND.growth)) == 5 and len(speed_charts.growth_curves(FOUND.growth).axes) == 6
    plt.close("all")


@pytest.mark.skipif(not FOUND.extrapolation, reason="extrapolation has no record")
def test_the_extrapolation_rests_on_the_overheads_record_and_names_what_is_assumed():
    record = FOUND.extrapolation
    (row,) = [
        r for r in FOUND.model_overhead["cases"][1]["models"] if (r["model"], r["work"]) == (speed.OURS, "training")
    ]
    assert record["flops_an_image"] == row["flops"] and record["cpu"][1]["seconds_an_image"] == row["seconds"]["median"]
    basis = {line["name"]: line["basis"] for line in record["assumptions"]}
    assert basis["share of that rate in training"] == ("measured" if FOUND.model_overhead_gpu else "assumed")
    assert len(speed.epochs_table(record)) == 4 and len(speed.waiting_table(record)) == 5
    assert len(speed.assumptions_table(record)) == len(basis)


@pytest.mark.skipif(not FOUND.book_stages, reason="book_stages has no record")
def test_the_stages_of_a_book_are_those_of_the_workflow():
    rows = {row["stage"]: row for row in FOUND.book_stages["stages"]}
    assert {"train", "page", "pages", "book"} <= set(rows)
    assert FOUND.book_stages["stages"][0]["stage"] in book_speed.stages_text(FOUND.book_stages)
    assert len(book_speed.stages_table(FOUND.book_stages)) == len(rows)


def test_the_small_models_step_says_which_precision_pays():
    rates = {"float32": {"median": 100.0}, "bf16": {"median": 150.0}}
    both = {"float32": {"median": 0.05}, "bf16": {"median": 0.08}}
    most = {"float32": {"median": 0.1}, "bf16": {"median": 0.2}}
    record = {"images_per_second": rates, "tflops": both, "product_tflops": most, "provenance": {"device": "X"}}
    text = book_speed.slowest_text(record | {"gain": {"median": 1.5, "min": 1.4, "max": 1.6}})
    assert "takes bf16 on such a processor" in text and "80 billion" in text and "about 2.5 times" in text
    text = book_speed.slowest_text(record | {"gain": {"median": 0.1, "min": 0.1, "max": 0.2}})
    assert "takes float32 on it" in text and "50 billion" in text and "at most about 2.0 times" in text


def test_what_things_cost_stands_beside_what_a_reader_would_use():
    table = costs.costs_table(FOUND)
    assert list(table.columns) == list(costs.COLUMNS) and table["what"].is_unique
    step = table.set_index("what").loc["training step, DermImitFormer, 224 px"]
    assert (
        step["beside"] == "a plain ViT of timm" and step["ratio"].startswith("1.16 (") and "s an image" in step["costs"]
    )
    assert "the same on a GPU" in set(table["what"]) or FOUND.model_overhead_gpu
    measured = table[table["costs"] != NOT_RUN]
    assert (measured["ratio"].str.contains("×") | (measured["beside"] == NONE)).all()


def test_what_was_not_measured_says_so():
    nothing = speed.Speed(**dict.fromkeys(speed.NAMES))
    table = costs.costs_table(nothing)
    assert len(table) == 4 and (table["costs"] == NOT_RUN).all()
    gpu = costs.costs_table(speed.Speed(**dict.fromkeys(speed.NAMES) | {"model_overhead_gpu": on_gpu()}))
    line = gpu.set_index("what").loc["training on a GPU, DermImitFormer, 224 px"]
    assert line["costs"] == "812 images a second" and line["ratio"] == "1.25 (1.25–1.25) × the time"


def test_recipes_are_compared_by_the_time_to_the_usual_score():
    lines = [("usual", 100.0, None), ("slow", 90.0, {"median": 0.9, "min": 0.8, "max": 1.0}),
             ("quick", 60.0, {"median": 1.5, "min": 1.4, "max": 1.6})]  # fmt: skip
    recipes = [{"recipe": name, "seconds": seconds, "times_faster": faster} for name, seconds, faster in lines]
    curve = [{"seconds": 5.0, "score": 0.1, "stage": 0}]
    record = {"goal": 0.1, "recipes": recipes, "runs": [{"recipe": "usual", "seed": 0, "curve": curve}]}
    (row,) = costs.trainings(speed.Speed(**dict.fromkeys(speed.NAMES) | {"time_to_score": record}))
    assert "quick" in row[0] and row[3] == "1.50 (1.40–1.60) × as fast"
    assert list(costs.recipes_table(record)["seconds"]) == [5.0]


def test_curves_of_the_recipes_stand_beside_the_usual_one():
    record = FOUND.time_to_score
    figure = recipes.curves(record)
    shown = [axis for axis in figure.axes if axis.axison]
    assert len(shown) == len(record["recipes"]) - 1
    seeds = record["recipes"][0]["seeds"]
    assert all(len(axis.lines) == 2 * (seeds + 1) for axis in shown)
    usual = [run["curve"] for run in record["runs"] if run["recipe"] == record["recipes"][0]["recipe"]]
    last = np.mean([curve[-1]["score"] for curve in usual])
    assert shown[0].lines[seeds].get_ydata()[-1] == pytest.approx(last) == pytest.approx(record["goal"])


@pytest.mark.parametrize(("median", "end"), [(1.29, "none reaches that."), (1.3, "this one is enough.")])
def test_a_recipe_must_be_fast_enough_to_be_taken_over(median, end):
    line = {"recipe": "quick", "reached": 2, "seeds": 3, "times_faster": {"median": median, "min": 1.0, "max": 1.5}}
    never = {"recipe": "stuck", "reached": 0, "seeds": 3, "times_faster": None}
    said = recipes.said({"worth": 1.3, "recipes": [{"recipe": "usual"}, never, line]})
    assert said.endswith(end) and "*quick*" in said and "2 of 3 seeds" in said
    assert "No other" in recipes.said({"worth": 1.3, "recipes": [{"recipe": "usual"}, never]})


@pytest.mark.parametrize(("equal", "verdict"), [(9, "trainings are all equal to"), (8, "differ in 1 from")])
def test_the_book_on_slurm_says_whether_its_numbers_are_equal(equal, verdict):
    record = {"kills": ["train", "page", "train"], "nodes": 1, "submitted": 43, "total_seconds": 510.0}
    text = book_speed.slurm_text(record | {"runs": 9, "equal_runs": equal})
    assert "8.5 minutes and 43 submitted jobs" in text and "2 of *train*" in text and verdict in text


@pytest.mark.skipif(not FOUND.book_on_slurm, reason="book_on_slurm has no record")
def test_the_book_on_slurm_lost_nothing():
    record = FOUND.book_on_slurm
    assert record["book"] and record["kills"] and record["runs"] == record["equal_runs"]
    rows = {row["stage"]: row["jobs"] for row in record["stages"]}
    assert rows["train"] == record["runs"] and record["submitted"] >= record["jobs"] - rows.get("dataset", 0)


def test_the_first_lines_are_those_of_the_records():
    first = numbers.of_speed(FOUND)
    table = speed.overhead_table(FOUND.model_overhead)
    assert table.loc[table["model"] == speed.OURS, "training, × ViT"].iloc[0].startswith(f"{first['step']} (")
    assert first["gpu"] == ("has been measured" if FOUND.model_overhead_gpu else NOT_RUN)
    assert set(numbers.of_speed(speed.Speed(*[None] * len(speed.NAMES))).values()) == {NOT_RUN}


def test_the_book_says_whether_a_gpu_has_been_used():
    text = " ".join((ROOT / "book/reproduce.md").read_text(encoding="utf-8").split())
    assert ("On a GPU the command has not been run yet" in text) == (FOUND.model_overhead_gpu is None)
