"""The planned runs, the queue that trains them, and the verdicts on what they say."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from dermimit.data.synderm import datasheet, read_regime
from dermimit.evaluate.estimate import NOT_RUN
from dermimit.evaluate.runs import read_experiments
from dermimit.lock import LockedError, locked
from dermimit.records import read_json, write_json
from studies.protocol import (
    charts,
    contrasts,
    drawn,
    measure,
    measure_repeated,
    names,
    numbers,
    pretrained,
    records,
    runs,
    states,
    train_one,
    training,
    trainings,
)
from studies.protocol import tables as tables_of
from studies.protocol.contrasts import CANNOT_TELL, HELPS, LITTLE_HARM, LITTLE_HELP, NO_EFFECT, TOO_FEW, verdict
from studies.protocol.queue import Queue
from studies.protocol.runs import TABLES, Run, planned
from studies.shared.hours import spent
from studies.shared.paths import ROOT

PUBLISHED = ROOT / "results/published/protocol"
OF_PRETRAINED, PRETRAINED = ROOT / "results/published/pretrained", ROOT / "workflow/experiments/pretrained"
MODELS = (runs.TABLES / "models.csv").read_text().splitlines()
HEAD, D, RANDOM = MODELS[0], MODELS[1], MODELS[3]


@pytest.fixture
def tables(tmp_path):
    """Two models and a plan of three trainings, one of which two experiments want."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "models.csv").write_text("\n".join([HEAD, D, RANDOM]))
    shutil.copy(TABLES / "recipe.json", folder)
    (folder / "runs.csv").write_text(
        "experiment,rows,regimes,seeds,samples,priority\n"
        "selection,D D_random,plain,7,64,0\n"
        "tasks,D,noisy plain,7,64,1\n"
    )
    return folder


def test_a_training_of_two_experiments_is_planned_once(tables):
    plan = planned(tables)
    assert [run.name for run in plan] == ["D-plain-64-seed7", "D_random-plain-64-seed7", "D-noisy-64-seed7"]
    assert plan[0].experiments == ("selection", "tasks")


def test_seeds_come_in_turn(tables):
    lines = "experiment,rows,regimes,seeds,samples,priority\na,D,plain,0 1 2,64,0\nb,D_random,small,0 1,64,1\n"
    (tables / "runs.csv").write_text(lines)
    assert [(run.row, run.seed) for run in planned(tables)] == [
        ("D", 0), ("D", 1), ("D_random", 0), ("D", 2), ("D_random", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [("a,E,plain,0,64,0", "line 2: 'E'"), ("a,D,smal,0,64,0", "did you mean 'small'"), ("a,D,plain,x,64,0", "line 2")],
)
def test_a_wrong_plan_names_its_line(tables, line, message):
    (tables / "runs.csv").write_text(f"experiment,rows,regimes,seeds,samples,priority\n{line}\n")
    with pytest.raises(ValueError, match=message):
        planned(tables)


@pytest.mark.parametrize("folder", [TABLES, PRETRAINED])
def test_the_plans_of_the_book_can_be_built(tmp_path, folder):
    plan, table = planned(folder), contrasts.read_contrasts(folder)
    rows = {(run.row, run.regime, str(run.samples)) for run in plan}
    for run in {run.row: run for run in plan}.values():
        config = training.config_of(run, tmp_path / "data/one", tmp_path, folder)
        assert config.tokens == (str(tmp_path / "tokens" / run.regime) if folder == PRETRAINED else "")
    for line in table.to_dict("records"):
        assert set(contrasts.cells_of(line)) <= rows, line["id"]
    assert table["id"].is_unique


@pytest.mark.parametrize("folder", [TABLES, PRETRAINED])
def test_the_two_models_of_a_contrast_are_trained_differently(tmp_path, folder):
    for line in contrasts.read_contrasts(folder).to_dict("records"):
        cells = contrasts.cells_of(line)[:2]
        (one, at), (other, there) = (
            (training.config_of(Run(row, regime, int(n), 0), tmp_path / "data/one", tmp_path, folder), regime)
            for row, regime, n in cells
        )
        assert one != other, line["id"]
        assert at == there or read_regime(at).interaction == read_regime(there).interaction, line["id"]


def experiments():
    """All tables of models."""
    folder = ROOT / "workflow/experiments"
    return [path for path in sorted(folder.rglob("*.csv")) if "settings" in path.read_text().splitlines()[0].split(",")]


@pytest.mark.parametrize("path", experiments(), ids=lambda path: path.stem)
def test_no_two_rows_of_a_table_are_the_same_model(path):
    table = read_experiments(path)
    twice = table[table.duplicated(["tasks", "lsm", "fusion", "settings"])]
    repeats = ["D_long"] if path.parent == TABLES else []  # called so in book/protocol.md, Deviations
    assert twice["row"].tolist() == repeats


def git(*words):
    found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


@pytest.mark.parametrize(
    ("folder", "plan"),
    [(PUBLISHED, "book/protocol.md"), (OF_PRETRAINED, "workflow/experiments/pretrained/contrasts.csv")],
)
def test_the_protocol_was_committed_before_every_run(folder, plan):
    first = git("log", "--diff-filter=A", "--format=%H %cI", "--", plan)
    if not first or git("rev-parse", "--is-shallow-repository") == "true":
        pytest.skip("no history here")
    commit, date = first.split()
    known = records.read_runs(folder)
    assert len(known) and not known["dirty"].any() and known["code_fingerprint"].nunique() == 1
    assert pd.to_datetime(known["started"], utc=True).min() > pd.Timestamp(date)
    for used in set(known["commit"]):
        ancestor = subprocess.run(["git", "merge-base", "--is-ancestor", commit, used], cwd=ROOT, check=False)
        assert ancestor.returncode == 0, f"{used} does not hold the plan"


def test_the_words_of_the_pretrained_network_were_committed_with_its_plan():
    commit = git("log", "--diff-filter=A", "--format=%H", "--", "workflow/experiments/pretrained/contrasts.csv")
    if not commit or git("rev-parse", "--is-shallow-repository") == "true":
        pytest.skip("no history here")
    assert "## A pretrained network" in git("show", f"{commit}:book/protocol.md")
    assert (
        git("show", f"{commit}:workflow/experiments/pretrained/contrasts.csv")
        == (PRETRAINED / "contrasts.csv").read_text(encoding="utf-8").strip()
    )


@pytest.mark.parametrize(("folder", "plan"), [(PUBLISHED, TABLES), (OF_PRETRAINED, PRETRAINED)])
def test_published_runs_are_planned_and_verdicts_follow_from_them(folder, plan):
    known, told = records.read_runs(folder), read_json(folder / "verdicts.json")["contrasts"]
    assert set(known["name"]) <= {run.name for run in planned(plan)}
    assert [line["id"] for line in told] == list(contrasts.read_contrasts(plan)["id"])
    for line in told:
        numbers = {k: np.nan if line[k] is None else line[k] for k in ("effect", "low", "high", "p_holm")}
        assert line["verdict"] == verdict(**numbers, seeds=line["seeds"]), line["id"]
        cells = [known[(known["row"] == a) & (known["regime"] == b) & (known["samples"] == int(c))].set_index("seed")
                 for a, b, c in contrasts.cells_of(line)]  # fmt: skip
        shared = sorted(set.intersection(*(set(cell.index) for cell in cells)))
        assert line["seeds"] == len(shared), (
            "verdicts.json is of other runs: python -m studies.protocol.measure --minutes 0"
        )
        if shared:
            means = [cell.loc[shared, "macro_f1"].mean() for cell in cells]
            expected = sum(s * m for s, m in zip((1, -1, -1, 1), means, strict=False))
            assert line["effect"] == pytest.approx(expected, abs=2e-3)


def test_a_pretrained_network_says_nothing_before_it_has_run_and_then_gives_its_numbers(tmp_path):
    told = pretrained.read_verdicts(tmp_path)
    assert told["id"].tolist() == ["E1", "E2", "E3", "E4"] and not told["seeds"].any()
    assert pretrained.text(told) == "What a pretrained network says is not tested yet"
    ends = {"effect": 0.03, "low": 0.01, "high": 0.05, "p": 0.001, "p_holm": 0.004, "verdict": HELPS, "seeds": 5}
    assert pretrained.text(told.assign(**ends)) == (
        "Against patches at random, on small lesions, patches of the true outline changed macro-F1 by "
        "+3.0 (+1.0 to +5.0) points, patches chosen by attention by +3.0 (+1.0 to +5.0). Cross-attention instead of a "
        "concatenation of the same size, where findings interact, raised macro-F1 by 3.0 points (1.0 to 5.0)"
    )
    unproven = told.assign(**ends | {"verdict": CANNOT_TELL, "p_holm": 0.4})
    said = pretrained.text(unproven)
    assert "+5.0). Where a perfect choice has no proven gain, attention cannot be judged. Cross" in said


def test_every_disease_has_enough_test_cases_in_the_answers():
    for path in PUBLISHED.glob("answers_*.parquet"):
        truth = pd.read_parquet(path, columns=[records.TRUTH])[records.TRUTH]
        assert len(truth) == 20_000 and truth.value_counts().min() >= 100, path.name


def test_no_contrast_is_a_sum_of_two_others():
    for (_, family, _), group in contrasts.read_contrasts().groupby(["regime", "family", "samples"]):
        group = group[group["minus_regime"] == ""]
        pairs = {(line.row, line.reference) for line in group.itertuples() if line.row != line.reference}
        for row, middle in pairs:
            for other, reference in pairs:
                assert not (middle == other and (row, reference) in pairs), (family, row, middle, reference)


def test_trainings_of_the_plan_are_drawn_trained_and_published(tables, tmp_path, monkeypatch):
    monkeypatch.setattr(datasheet, "SIMULATED", 500)
    recipe = training.read_recipe()
    brief = {"photographs": {"train": 70, "val": 20, "test": 60}}
    brief["training"] = recipe["training"] | {"epochs": 1, "precision": "no"}
    write_json(tables / "recipe.json", recipe | brief)
    work, out = tmp_path / "work", tmp_path / "out"
    plan = planned(tables)
    for run in plan:
        train_one.main(run.name, work, tables)
    linked = work / "data/noisy-seed7/images/train-000003.png"
    assert linked.stat().st_nlink == 2, "noise changes no picture"
    assert records.publish(out, work / "runs", plan[:2]) == 2
    assert records.publish(out, work / "runs", plan) == 3
    table = records.read_runs(out)
    assert list(table["name"]) == [run.name for run in plan] and table["macro_f1"].between(0, 1).all()
    answers = records.read_answers(out, table[table["name"] == plan[1].name])
    assert answers.macro_f1()[0] == pytest.approx(table["macro_f1"].iloc[1])
    lines = (
        contrasts.read_contrasts()
        .iloc[:1]
        .assign(row="D_random", reference="D", regime="plain", minus_regime="", samples="64")
    )
    told = contrasts.judged(lines, table, out, 20).iloc[0]
    assert told["verdict"] == TOO_FEW and told["effect"] == pytest.approx(table["macro_f1"][1] - table["macro_f1"][0])
    monkeypatch.setattr(records, "of_run", lambda run, folder: ({"name": run.name, "code_fingerprint": "other"}, 0, 0))
    other = Run("D", "plain", 64, 8)
    (work / "runs" / other.name).mkdir()
    (work / "runs" / other.name / "metrics.json").write_text("{}")
    with pytest.raises(ValueError, match="2 code fingerprints"):
        records.publish(out, work / "runs", [*plan, other])


def test_each_plan_has_folders_of_its_own(monkeypatch):
    used = []
    monkeypatch.setattr(measure, "publish", lambda out, runs, _: used.append((out, runs)))
    monkeypatch.setattr(measure, "judge", lambda *_: None)
    measure.main(minutes=0)
    measure.main(minutes=0, tables=PRETRAINED)
    assert used == [
        (ROOT / "results/published/protocol", ROOT / "results/evidence/runs"),
        (ROOT / "results/published/pretrained", ROOT / "results/evidence_pretrained/runs"),
    ]


def test_a_second_process_waits_for_the_photographs(tmp_path, monkeypatch):
    calls = []

    def write(out, *_, **facts):
        calls.append(facts["beside"])
        if len(calls) == 1:
            raise LockedError(out, 1)
        return out

    monkeypatch.setattr(drawn, "write", write)
    monkeypatch.setattr(drawn.time, "sleep", lambda _: None)
    for name in ("plain-seed1", "plain-seed2", "small-seed2"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "croissant.json").write_text("{}")
    assert drawn.draw(tmp_path, "noisy", 2, 64, {"train": 5}) == tmp_path / "data/noisy-seed2"
    assert [path.name for path in calls] == ["plain-seed2"] * 2


class Stub(Queue):
    """A queue whose trainings write a number, or stay for long."""

    def start(self, run):
        folder = self.work / "runs" / run.name
        folder.mkdir(parents=True, exist_ok=True)
        seconds = 0 if run.seed < 5 else 60
        code = f"import sys, time; time.sleep({seconds}); open({str(folder / 'metrics.json')!r}, 'w').write('1')"
        return subprocess.Popen([sys.executable, "-c", code if run.seed != 3 else "raise SystemExit(2)"])


def test_the_queue_finishes_stops_in_time_and_names_failures(tmp_path, capsys):
    plan = [Run("D", "plain", 64, seed) for seed in (0, 3, 1, 8)]
    for seed in range(9):
        (tmp_path / f"data/plain-seed{seed}").mkdir(parents=True)
        (tmp_path / f"data/plain-seed{seed}/croissant.json").write_text("{}")
    queue, done, begun = Stub(tmp_path, tmp_path, tmp_path), [], time.monotonic()
    failed = queue.work_off(plan, begun + 3, lambda run: done.append(run.seed))
    assert sorted(done) == [0, 1] and [run.seed for run in failed] == [3]
    assert time.monotonic() - begun < 30 and not queue.is_done(plan[3])
    assert "D-plain-64-seed3: failed (2)" in capsys.readouterr().out


def test_an_unknown_experiment_is_refused_and_relative_folders_are_those_of_the_caller(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="unknown experiment 'selction'; did you mean 'selection'"):
        measure.main(minutes=0, only=("selction",), out=tmp_path / "out", work=tmp_path / "work")
    monkeypatch.chdir(tmp_path)
    given = []
    monkeypatch.setattr(measure, "tree_of", lambda out, work: ROOT)
    monkeypatch.setattr(measure, "publish", lambda *_: None)

    class Seen(Stub):
        def __init__(self, tree, work, tables, jobs):
            given.extend([work, tables])
            super().__init__(tmp_path, tmp_path, tmp_path)

        def work_off(self, *_):
            return []

    monkeypatch.setattr(measure, "Queue", Seen)
    shutil.copytree(TABLES, tmp_path / "plan")
    measure.main(minutes=0.01, out=Path("out"), work=Path("work"), tables=Path("plan"))
    assert given == [tmp_path / "work", tmp_path / "plan"]


@pytest.mark.skipif(not Path("/proc/self/autogroup").is_file(), reason="this kernel does not group by session")
def test_a_training_gives_way_to_other_sessions_too(tmp_path):
    """Where Linux shares the processor out by sessions, a nice process in one of its own is given half of it."""
    code = "from studies.protocol.queue import give_way; give_way(); print(open('/proc/self/autogroup').read())"
    told = subprocess.run(
        [sys.executable, "-c", code], start_new_session=True, capture_output=True, text=True, cwd=ROOT
    )
    assert told.stdout.split()[-2:] == ["nice", "15"]


def test_a_run_that_another_process_trains_is_passed_over(tmp_path):
    run = Run("D", "plain", 64, 0)
    (tmp_path / "data/plain-seed0").mkdir(parents=True)
    (tmp_path / "data/plain-seed0/croissant.json").write_text("{}")
    (tmp_path / "runs" / run.name).mkdir(parents=True)
    with locked(tmp_path / "runs" / run.name):
        assert Stub(tmp_path, tmp_path, tmp_path).work_off([run], time.monotonic() + 5, lambda _: None) == []
    assert not Stub(tmp_path, tmp_path, tmp_path).is_done(run)


def test_runs_that_are_bound_to_a_commit_that_git_has_not_got_are_refused_in_a_line(tmp_path, capfd):
    columns = records.read_runs(tmp_path).columns
    pd.DataFrame([dict.fromkeys(columns, "") | {"commit": "0" * 40}]).to_parquet(tmp_path / records.RUNS)
    with pytest.raises(SystemExit, match="use a whole clone"):
        measure.tree_of(tmp_path, tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_what_is_left_is_estimated_from_what_has_run(tables):
    plan = planned(tables)
    known = pd.DataFrame(
        {"name": [plan[0].name], "row": ["D"], "samples": [64], "seconds": [7200.0], "train_seconds": 7000.0}
    )
    text = measure.left(known, plan, jobs=2)
    assert "1 of 3 trainings are published" in text and "about 2.0 h with 2 at a time" in text
    assert "tasks: 1 left, 1.0 h" in text


def test_what_the_limit_has_no_room_for_is_planned_and_counted_apart(tables):
    lines = "experiment,rows,regimes,seeds,samples,priority\na,D,plain,0 1,64,99\na,D,small,0,64,0\n"
    (tables / "runs.csv").write_text(lines)
    plan = planned(tables)
    assert [(run.regime, run.seed, run.beyond) for run in plan] == [
        ("small", 0, False), ("plain", 0, False), ("plain", 1, True),
    ]  # fmt: skip
    known = pd.DataFrame(
        {"name": [plan[0].name], "row": ["D"], "samples": [64], "seconds": [7200.0], "train_seconds": 7000.0}
    )
    text = measure.left(known, plan, jobs=1)
    assert "a: 1 left, 2.0 h" in text and "within the limit: about 2.0 h" in text and "beyond: about 2.0 h" in text
    assert numbers.progress(known, plan) == (
        "1 of 2 planned trainings have run; 1 more lie beyond the limit of processor time"
    )
    table = tables_of.hours_table(known, plan).iloc[0]
    assert table["trained"] == "1 of 2" and table["hours beyond the limit, about"] == "2.0"


@pytest.mark.parametrize(
    ("effect", "low", "high", "p", "seeds", "told"),
    [
        (0.05, 0.03, 0.07, 0.001, 5, HELPS),
        (0.01, 0.005, 0.015, 0.001, 5, LITTLE_HELP),
        (-0.01, -0.015, -0.005, 0.001, 5, LITTLE_HARM),
        (0.001, -0.01, 0.012, 0.9, 5, NO_EFFECT),
        (0.01, -0.01, 0.03, 0.3, 5, CANNOT_TELL),
        (0.05, 0.03, 0.07, 0.06, 5, CANNOT_TELL),
        (0.05, np.nan, np.nan, np.nan, 2, TOO_FEW),
        (np.nan, np.nan, np.nan, np.nan, 0, NOT_RUN),
    ],
)
def test_every_outcome_has_its_words(effect, low, high, p, seeds, told):
    assert verdict(effect, low, high, p, seeds) == told


def test_a_known_difference_is_found_with_its_interval(tmp_path):
    rng, cases = np.random.default_rng(0), 4000
    truth = rng.integers(0, 49, cases).astype(np.uint8)
    frame, lines = pd.DataFrame({records.TRUTH: truth}), []
    for row, right in (("D", 0.50), ("D_random", 0.58)):
        for seed in range(5):
            wrong = rng.random(cases) > right
            name = Run(row, "plain", 64, seed).name
            frame[name] = np.where(wrong, rng.integers(0, 49, cases), truth).astype(np.uint8)
            lines.append({"name": name, "row": row, "regime": "plain", "samples": 64, "seed": seed})
    frame.to_parquet(tmp_path / "answers_plain.parquet")
    plan = pd.DataFrame(
        [
            dict(zip(contrasts.COLUMNS, ("a", "f", "claim", row, "D", "plain", "", "64"), strict=True))
            for row in ("D_random", "D")
        ]
    )
    told = contrasts.judged(plan, pd.DataFrame(lines), tmp_path, 200)
    assert told["low"][0] < 0.08 < told["high"][0] and told["verdict"][0] == HELPS and told["seeds"][0] == 5
    assert told["p_holm"][0] == pytest.approx(min(1, 2 * told["p"][0])), "corrected for the one that says nothing too"
    assert (told["effect"][1], told["low"][1], told["high"][1]) == (0, 0, 0), "a row minus itself"
    assert told["verdict"][1] == NO_EFFECT


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seeds", [0, 5])
def test_pictures_tables_and_sentences_before_and_after_the_runs(seeds):
    models, plan, table = runs.read_models(), planned(), contrasts.read_contrasts()
    told = table.assign(seeds=seeds, effect=0.03, low=0.01, high=0.05, p=0.001, p_holm=0.004, verdict=HELPS)
    if not seeds:
        told = told.assign(effect=np.nan, low=np.nan, high=np.nan, p=np.nan, p_holm=np.nan, verdict=NOT_RUN)
    known = records.read_runs(PUBLISHED).head(1)
    curves = pd.read_parquet(PUBLISHED / records.CURVES)
    for figure in (charts.claims(told), charts.learning(curves, known, models, "small", ["D"]),
                   charts.learning(curves, known, models, "plain", ["D"])):  # fmt: skip
        matplotlib.pyplot.close(figure)
    shown, full = states.contrasts_tables(told, models, ("tasks",))
    assert full["claim"].tolist() == shown["claim"].tolist()
    shown = shown.assign(compared=full["compared"].to_numpy()).set_index("claim")
    assert shown.loc["Learning the body part helps with labels of a reader"].tolist() == [
        "supported" if seeds else "not tested",
        "+3.0 (+1.0\xa0to\xa0+5.0)" if seeds else "–",
        f"{seeds} of 5",
        "Disease + body part against Disease only (large lesions); labels of an imperfect reader",
    ]
    said = numbers.takeaways(told, known, plan)
    expected = "raised macro-F1 by 3.0 points (1.0 to 5.0)" if seeds else "is not tested yet: 0 of 5 seeds have run"
    assert said["selection"] == f"Choosing patches by attention instead of at random, on small lesions, {expected}"
    named = tables_of.scores(known, models, "small", 128_000)
    assert named[["model", "seeds"]].values.tolist() == [["Disease only", 1]]
    assert tables_of.hours_table(known, plan)["trained"].iloc[0] == "1 of 80"


def test_contrasts_have_the_books_verdicts_once_they_have_three_seeds():
    table = contrasts.read_contrasts().head(6)
    told = table.assign(seeds=[5, 5, 3, 5, 2, 0], p=0.01, p_holm=[0.01, 0.01, 0.4, 0.4, None, None])
    told["effect"] = [0.05, -0.05, 0.01, 0.0, 0.05, None]
    told["low"], told["high"] = [0.03, -0.07, -0.02, -0.01, None, None], [0.07, -0.03, 0.04, 0.01, None, None]
    found = states.states(told.astype({"p_holm": object}), ("possible", "selection"))
    words = ["supported", "contradicted", "inconclusive", "no meaningful difference", "not tested", "not tested"]
    assert found["verdict"].tolist() == words and found["label"].tolist() == table["claim"].tolist()
    shown = states.states_table(found)
    seeds = ["5 of 5", "5 of 5", "3 of 5, preliminary", "5 of 5", "2 of 5", "0 of 5"]
    assert shown["seeds"].tolist() == seeds, "a verdict of few seeds says so, and no verdict does not"
    assert shown["points (95 % CI)"].tolist()[4:] == ["–", "–"], "two seeds have no interval"
    assert states.state_text(found) == "Four of the six contrasts have a verdict so far, one of them preliminary"
    early = found.assign(seeds=3, verdict="supported")
    assert states.state_text(early.head(2)).endswith("two contrasts have a verdict so far; all of them are preliminary")
    assert states.state_text(early.head(1)).endswith("; it is preliminary")
    assert states.state_text(found.tail(2)) == "None of the two contrasts has the 3 seeds that a verdict needs yet"


def test_a_model_with_published_runs_must_stay_what_it_was(tables, tmp_path):
    now = tmp_path / "now"
    shutil.copytree(tables, now)
    known = pd.DataFrame({"row": ["D_random", "D_random"]})
    measure.refuse_changed_models(known, now, tables)
    path = now / "models.csv"
    path.write_text(path.read_text().replace("selection=random", "selection=centre"))
    with pytest.raises(SystemExit, match="D_random has published runs"):
        measure.refuse_changed_models(known, now, tables)
    measure.refuse_changed_models(known.iloc[:0], now, tables)


def test_a_run_that_was_stopped_took_as_long_as_its_epochs():
    runs_of = pd.DataFrame({"seconds": [170.0, 900.0], "train_seconds": [800.0, 850.0]})
    assert spent(runs_of).tolist() == [800.0, 900.0]


@pytest.mark.parametrize(
    ("chosen", "possible", "seeds", "told"),
    [
        (
            "no meaningful difference",
            "supported",
            5,
            "mean: it is worth knowing where small lesions lie, and attention",
        ),
        ("supported", "supported", 5, "mean: attention finds small lesions better than chance"),
        ("no meaningful difference", "inconclusive", 5, "mean: nothing can be said of selection"),
        ("inconclusive", "supported", 4, "mean so far: it cannot be told"),
        ("not tested", "supported", 5, "is not tested yet"),
    ],
)
def test_what_the_primary_outcomes_mean_is_what_the_protocol_said_before(chosen, possible, seeds, told):
    lines = pd.DataFrame({"id": ["S1", "P1"], "verdict": [chosen, possible], "seeds": seeds}).set_index("id")
    assert told in numbers.meaning(lines)


def test_the_published_contrasts_can_be_told():
    verdicts = pd.DataFrame(read_json(PUBLISHED / "verdicts.json")["contrasts"])
    for families in (("tasks", "interaction"), ("selection", "possible")):
        found = states.states(verdicts, families)
        assert list(dict.fromkeys(found["family"])) == list(families) and len(states.states_table(found)) == len(found)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("D_random_k1", "Disease only + random patches, 1 patch"),
        ("D_oracle_k24", "Disease only + patches of the true outline, 24 patches"),
        ("wide", "Full model, concatenated with a hidden layer"),
        ("resnet50_tasks_lr05", "ResNet-50, three tasks, learning rate 0.0005"),
        ("transfg_lr10", "TransFG-style, learning rate 0.001"),
        ("D_B_A_lr20", "Disease + body part + attributes, learning rate 0.002"),
        ("c_half_cutmix", "Full model, CutMix: half of the batches"),
    ],
)
def test_models_have_names_without_codes(row, name):
    assert names.model_name(runs.read_models().loc[row]) == name


def test_no_model_of_the_plan_shows_a_code():
    models = runs.read_models()
    shown = [names.model_name(line) for _, line in models.iterrows()]
    assert len(set(shown)) == len(models)
    assert not [name for name in shown if re.search(r"\bD\b|\bfull\b|LSM", name)]


def test_a_verdict_from_three_seeds_is_called_preliminary():
    line = pd.Series({"seeds": 3, "difference": 0.01, "low": -0.02, "high": 0.04, "verdict": "inconclusive"})
    said = numbers.sentence(line, "One instead of the other,")
    assert said == (
        "One instead of the other: inconclusive, between −2.0 and +4.0 points; this is preliminary, with 3 of 5 seeds"
    )


def test_contrasts_that_the_limit_has_no_room_for_say_so():
    verdicts = pd.DataFrame(read_json(PUBLISHED / "verdicts.json")["contrasts"])
    assert not states.states(verdicts, states.FAMILIES, planned())["beyond"].any()
    less = [run for run in planned() if run.row != "full_random"]
    told = states.states(verdicts, states.FAMILIES, less).set_index("id")
    assert list(told.index[told["beyond"]]) == ["S3", "S4"]
    shown = states.states_table(told.reset_index())
    assert shown.loc[told["beyond"].to_numpy(), "seeds"].str.endswith(", beyond the limit").all()
    assert not states.states(verdicts, states.FAMILIES)["beyond"].any()
    plan = [Run(row, "plain", 128_000, 0) for row in ("full", "wide")]
    line = {"row": "full", "reference": "wide", "regime": "plain", "minus_regime": "", "samples": "128000"}
    assert not states.beyond(line, plan) and states.beyond(line | {"samples": "320000"}, plan)
    assert states.beyond(line | {"minus_regime": "small"}, plan)


def test_repeated_trainings_stand_beside_the_published_ones(tmp_path):
    out, work = tmp_path / "out", tmp_path / "work"
    out.mkdir()
    line = {"name": "a-seed3", "seed": 3, "macro_f1": 0.17, "accuracy": 0.28, "data_fingerprint": "f"}
    pd.DataFrame([line, line | {"name": "b-seed1", "macro_f1": 0.2, "data_fingerprint": "g"}]).to_parquet(
        out / "runs.parquet"
    )
    for name in ("a-seed3", "b-seed1"):
        folder = work / "runs" / name
        folder.mkdir(parents=True)
        write_json(folder / "provenance.json", {"commit": "c", "data_fingerprint": "f", "python": "3"})
        write_json(folder / "metrics.json", {"test": {"disease/macro_f1": 0.168, "disease/accuracy": 0.29}})
    measure_repeated.main(("a-seed3",), work, out)
    (run,) = read_json(out / "repeated.json")["runs"]
    assert run["macro_f1"] == {"published": 0.17, "repeated": 0.168} and run["provenance"]["commit"] == "c"
    assert trainings.repeated([run, run]) == (
        "Two of them, repeated with the mended loss, changed by −0.2 and −0.2 points of macro-F1"
    )
    for name, message in (("b-seed1", "trained on other data"), ("c", "no such run is published")):
        with pytest.raises(ValueError, match=message):
            measure_repeated.main((name,), work, out)


def test_repeats_are_told_by_kind_of_processor():
    line = {"regime": "plain", "samples": trainings.REPEATED}
    first = [line | {"row": "D", "seed": s, "macro_f1": 0.17, "processor": "a"} for s in range(3)]
    second = [line | {"row": "D_long", "seed": s, "macro_f1": f, "processor": p}
              for s, f, p in ((0, 0.17, "a"), (1, 0.171, "a"), (2, 0.16, "b"))]  # fmt: skip
    told = "Of two repeats on the same kind of processor one gave the same score"
    assert trainings.again(pd.DataFrame(first + second)) == f"{told}; one on another kind changed by −1.0 points"
    assert trainings.again(pd.DataFrame(first + second[:2])) == told


def test_a_longer_training_is_told_beside_that_of_all_tasks():
    def run(row, samples, score, regime="plain"):
        return {"row": row, "samples": samples, "macro_f1": score, "regime": regime}

    longer = [run("D", 184_320, 0.2), run("D", 184_320, 0.22), run("D", 184_320, 0.9, "small")]
    tasks = [run("D_B_A", 128_000, 0.25), run("D_B_A", 16_000, 0.1), run("D", 128_000, 0.17)]
    told = "It then scored 21.0 %. With both kinds of labels the usual training scored 25.0 %"
    assert trainings.beside_longer(pd.DataFrame(longer + tasks)).startswith(told)
    assert trainings.beside_longer(pd.DataFrame(longer)) == trainings.beside_longer(pd.DataFrame(tasks)) == ""


def test_the_longest_trainings_are_told_beside_the_usual_ones_of_the_same_seeds():
    def run(row, samples, seed, score, regime="plain"):
        return {"row": row, "samples": samples, "seed": seed, "macro_f1": score, "regime": regime}

    usual = [run("D", 128_000, 0, 0.16), run("D", 128_000, 1, 0.9), run("D_B_A", 128_000, 0, 0.2)]
    longest = [run("D", 320_000, 0, 0.3), run("full", 320_000, 0, 0.4), run("D", 320_000, 0, 0.1, "small")]
    assert trainings.longest(pd.DataFrame(usual)) == ""
    assert trainings.longest(pd.DataFrame(usual + longest)).endswith(
        "with the same seeds): disease only 30.0 % (16.0 %) and full model 40.0 %; seeds so far: one of three."
    )
    more = pd.DataFrame([*usual, *longest, run("D", 320_000, 1, 0.5)])
    told = "disease only 40.0 % (53.0 %) and full model 40.0 %; seeds so far: one to two of three."
    assert trainings.longest(more).endswith(told)


@pytest.mark.parametrize(("best", "order"), [(0.4, "the same as"), (0.2, "not that")])
def test_all_longest_trainings_say_whether_the_order_stays(best, order):
    scores = {"D": (0.1, 0.3), "D_LSM": (0.11, 0.31), "D_B_A": (0.2, 0.32), "full": (0.25, best)}
    runs = [{"row": row, "samples": samples, "seed": seed, "macro_f1": score, "regime": "plain"}
            for row, pair in scores.items() for samples, score in zip((128_000, 320_000), pair, strict=True)
            for seed in range(3)]  # fmt: skip
    told = f"; three seeds. The order of the four is {order} after 128,000."
    assert trainings.longest(pd.DataFrame(runs)).endswith(told)
    assert trainings.longest(pd.DataFrame(runs[:-1])).endswith("seeds so far: two to three of three.")


@pytest.mark.parametrize(
    ("interaction", "size", "said"),
    [("no meaningful difference", "supported", True), ("supported", "supported", False),
     ("no meaningful difference", "inconclusive", False), ("inconclusive", "supported", False),
     ("no meaningful difference", "not tested", False)],
)  # fmt: skip
def test_a_gain_of_size_alone_is_told_where_interaction_adds_none(interaction, size, said):
    lines = pd.DataFrame({"verdict": [interaction, size]}, index=["I1", "I5"])
    assert bool(numbers.size_alone(lines)) == said


def test_scores_are_told_by_how_often_labels_are_wrong():
    scores = {("D", "plain"): 0.16, ("D_B", "plain"): 0.2, ("D_B", "noisy"): 0.19, ("D_B", "noisy=3"): 0.17,
              ("D_B_A", "plain"): 0.22, ("D_B_A", "noisy"): 0.21, ("D_B_A", "noisy=3"): 0.18}  # fmt: skip
    line = {"samples": 128_000, "seed": 0}
    runs = [line | {"row": row, "regime": regime, "macro_f1": f1} for (row, regime), f1 in scores.items()]
    more = [*runs, runs[0] | {"seed": 1, "macro_f1": 0.9}, runs[0] | {"samples": 320_000, "macro_f1": 0.9}]
    told = trainings.worse_labels(pd.DataFrame(more))
    assert (
        "the body part leads to 20.0 %, 19.0 % and 17.0 %; with attributes too it is 22.0 %, 21.0 % and 18.0 %" in told
    )
    assert told.endswith("without further labels 16.0 % (one seed).")
    assert trainings.worse_labels(pd.DataFrame(runs[1:])) == ""


def test_the_limits_say_that_the_order_stays_while_it_does():
    runs = records.read_runs(ROOT / "results/published/protocol")
    text = " ".join((ROOT / "book/limits.md").read_text(encoding="utf-8").split())
    times = trainings.LONGEST_SAMPLES / trainings.REPEATED
    said = f"The order of four models stayed the same when they were trained {times:g} times as long."
    assert (said in text) == ("The order of the four is the same as" in trainings.longest(runs))


def test_choices_of_the_full_model_are_told_for_seeds_that_all_have():
    def run(row, regime, seed, score, samples=128_000):
        return {"row": row, "samples": samples, "seed": seed, "macro_f1": score, "regime": regime}

    rows = ("full_oracle", "full", "full_random")
    runs = [
        run(row, "small", seed, score) for seed in (0, 1) for row, score in zip(rows, (0.13, 0.1, 0.09), strict=True)
    ]
    runs += [run("full", "small", 2, 0.9), run("full", "plain", 0, 0.2), run("full", "plain", 0, 0.4, 320_000)]
    told = "With three tasks, the full model scores on small lesions 13.0 % with patches of the true outline, "
    assert trainings.three_tasks(pd.DataFrame(runs)) == f"{told}10.0 % by attention and 9.0 % at random (two seeds)."
    assert trainings.three_tasks(pd.DataFrame([run("full", "small", 0, 0.1), run("D", "plain", 0, 0.1)])) == ""


def test_a_contrast_of_two_lengths_of_training_names_both(tmp_path):
    line = contrasts.read_contrasts().set_index("id").loc["T5"]
    assert contrasts.cells_of(line) == [("D", "plain", "184320"), ("D", "plain", "128000")]
    assert names.compared(line, runs.read_models()) == (
        "Disease only, 184,320 images, against Disease only, 128,000 images; large lesions"
    )


def test_the_claim_gives_both_contrasts_in_points():
    ends = {"verdict": "supported", "seeds": 5, "p_holm": 0.01}
    lines = pd.DataFrame(
        {
            "P1": ends | {"difference": 0.02, "low": 0.014, "high": 0.025},
            "S1": ends | {"difference": 0.001, "low": -0.002, "high": 0.004},
        }
    ).T
    assert numbers.small_lesions(lines) == (
        "Against patches at random, on small lesions, patches of the true outline changed macro-F1 by "
        "+2.0 (+1.4 to +2.5) points, patches chosen by attention by +0.1 (−0.2 to +0.4)"
    )
    assert numbers.small_lesions(lines.assign(seeds=3)).endswith("+0.4) (preliminary)")
