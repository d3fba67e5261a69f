"""The reader study kit: choice and blinding of cases, crossover, answers that survive a crash, the server's secrets."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from reading import Clock, asked, given, offered, posted

from dermimit.cli import main
from dermimit.data.photos import read_photo
from dermimit.reader_study.answers import AnswerError, append_answer, read_answers
from dermimit.reader_study.cases import balance_table, select_cases
from dermimit.reader_study.design import FIRST, REVISED, STEPS, WITH, WITHOUT, first_with, new_codes, randomise
from dermimit.reader_study.evidence import blend, overlay
from dermimit.reader_study.export import attribute_f1, export_study, missing_answers, records_of
from dermimit.reader_study.kept import answers_of
from dermimit.reader_study.requests import HEADERS
from dermimit.reader_study.server import only_one
from dermimit.reader_study.session import ConflictError, Sessions, UnknownReaderError
from dermimit.reader_study.simulation import Assumptions, readers_of
from dermimit.reader_study.study import Settings, load_study, prepare
from dermimit.records import read_json

pytest_plugins = ["prepared"]
ROOT = Path(__file__).parents[2]

# ---------------------------------------------------------------- cases


def manifest(n=400, seed=0):
    """Diseases a (half), b and c; skin types at random, one in ten unknown; two photographs a patient."""
    rng = np.random.default_rng(seed)
    skin = pd.array(np.where(rng.random(n) < 0.1, None, rng.integers(1, 7, n)), dtype="Int64")
    disease = rng.choice(["a", "a", "b", "c"], n).astype(object)
    disease[:5] = None
    return pd.DataFrame({"image": [f"{i}.png" for i in range(n)], "disease": disease, "fitzpatrick": skin,
                         "patient_id": [f"p{i // 2}" for i in range(n)]})  # fmt: skip


def test_cases_are_shared_out_evenly_and_one_a_patient():
    cases = select_cases(manifest(), 30, seed=1)
    assert cases["disease"].value_counts().to_dict() == {"a": 10, "b": 10, "c": 10}
    assert cases["patient_id"].is_unique and cases["case"].to_list() == [f"C{i:03d}" for i in range(1, 31)]
    by_skin = cases.groupby(["disease", "skin_group"]).size()
    assert by_skin.min() >= 2 and by_skin.max() <= 3  # four groups, ten cases of a disease
    halves = pd.crosstab(cases["disease"], cases["half"])
    assert halves.sum().to_list() == [15, 15] and (halves["A"] - halves["B"]).abs().max() <= 1
    table = balance_table(cases)
    assert table[["cases, half A", "half B"]].to_numpy().sum() == 30
    assert (table["cases, half A"] - table["half B"]).abs().max() <= 2


def test_the_seed_decides_and_codes_tell_nothing():
    one, same, other = (select_cases(manifest(), 30, seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert one["image"].to_list() != other["image"].to_list()
    assert one["disease"].to_list() != sorted(one["disease"])


def test_as_found_keeps_the_shares_of_the_clinic():
    frame = manifest()
    cases = select_cases(frame, 40, seed=0, shares="as_found")
    wanted = frame.drop_duplicates("patient_id")["disease"].value_counts(normalize=True) * 40
    assert (cases["disease"].value_counts() - wanted).abs().max() <= 3
    assert len(select_cases(frame, 2, seed=0, shares="as_found")) == 2


def test_impossible_numbers_of_cases_are_refused():
    with pytest.raises(ValueError, match="31 cases: give an even number"):
        select_cases(manifest(), 31, seed=0)
    with pytest.raises(ValueError, match=r"only 19[78] patients have a disease"):
        select_cases(manifest(), 300, seed=0)


def test_a_disease_with_few_photographs_gives_what_it_has():
    frame = manifest().drop_duplicates("patient_id")
    few = pd.concat([frame[frame["disease"] == "a"], frame[frame["disease"] == "b"].head(3)])
    assert select_cases(few, 20, seed=0)["disease"].value_counts().to_dict() == {"a": 17, "b": 3}


# ---------------------------------------------------------------- the crossover


def test_every_reader_reads_every_case_once_with_and_once_without():
    halves = {f"C{i}": "AB"[i % 2] for i in range(10)}
    codes = new_codes(7)
    plans = randomise(halves, codes, seed=3)
    assert sorted([p.sequence for p in plans.values()].count(s) for s in ("A first", "B first")) == [3, 4]
    for plan in plans.values():
        one, two = (dict(period) for period in plan.periods)
        assert one.keys() == two.keys() == halves.keys()
        assert all({one[case], two[case]} == {WITH, WITHOUT} for case in halves)
        assert {halves[case] for case in one if one[case] == WITH} == {plan.sequence[0]}
    orders = {plan.periods[0] for plan in plans.values()} | {plan.periods[1] for plan in plans.values()}
    assert len(orders) == 14
    assert randomise(halves, codes, 3) == plans and randomise(halves, codes, 4) != plans and list(plans) == codes
    matrix = first_with(pd.DataFrame({"half": list(halves.values())}), plans)
    assert matrix.shape == (7, 10) and (matrix.sum(1) == 5).all()


def test_a_study_needs_readers():
    with pytest.raises(ValueError, match="0 readers"):
        new_codes(0)


# ---------------------------------------------------------------- preparing


def test_what_a_reader_can_see_holds_no_name_label_or_metadata(photos, run, tmp_path):
    path = photos.root / photos.photos("test").frame["image"].iloc[1]
    exif = Image.Exif()
    exif[0x010E] = "melanoma, Mrs Smith"
    with Image.open(path) as image:
        image.save(path, exif=exif)
    study = prepare(photos, run, tmp_path / "study", Settings(cases=8, readers=1))
    for line in study.key.itertuples():
        original = read_photo(photos.root / line.image).permute(1, 2, 0).numpy()
        with Image.open(study.photo(line.case)) as shown:
            assert not shown.getexif() and not shown.info
            np.testing.assert_array_equal(np.asarray(shown), original)
        assert b"Smith" not in study.photo(line.case).read_bytes()
    assert set(study.key["disease"]) <= set(photos.label_space.diseases)


def test_a_study_is_written_whole_or_not_at_all(photos, run, tmp_path):
    broken = photos.photos("test").frame["image"].iloc[-1]
    for image in photos.photos("test").frame["image"]:
        (photos.root / image).write_bytes(b"no photograph")
    with pytest.raises(ValueError, match="cannot be read"):
        prepare(photos, run, tmp_path / "study", Settings(cases=2))
    assert broken and not [p for p in tmp_path.iterdir() if "study" in p.name]


def test_a_study_is_never_overwritten_and_other_folders_are_refused(study, photos, run, tmp_path):
    with pytest.raises(ValueError, match="exists already"):
        prepare(photos, run, study.folder, Settings(cases=2))
    with pytest.raises(ValueError, match=r"is not a reader study: study\.json is missing"):
        load_study(tmp_path)


def test_photographs_that_the_model_was_trained_on_are_refused(trained, run, tmp_path):
    with pytest.raises(ValueError, match="not in the run's test split"):
        prepare(trained[1], run, tmp_path / "study", Settings(cases=2, split="train"))
    elsewhere = shutil.copytree(trained[1].root, tmp_path / "copy")
    with pytest.raises(ValueError, match="not in the run's test split"):
        prepare(replace(trained[1], root=elsewhere), run, tmp_path / "study", Settings(cases=2, split="train"))
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("wrong", [{"washout_days": -5}, {"washout_days": float("nan")}, {"seed": -1}])
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=r"give 0 (to 3650|or more)"):
        Settings(**wrong)


def test_the_table_of_answers_is_never_written_into_the_study(study, capsys):
    key = (study.folder / "key.parquet").read_bytes()
    assert main(["reader-study", "export", str(study.folder), "--out", str(study.folder / "key.parquet")]) == 2
    assert "key.parquet is what is read: name another file" in capsys.readouterr().err
    assert (study.folder / "key.parquet").read_bytes() == key


def test_evidence_is_what_the_run_says(study, run, photos):
    from dermimit.predict import predict_photo

    line = study.key.iloc[0]
    answers = predict_photo(run, photos.root / line["image"]).answers
    said = study.evidence(line["case"])
    assert [name for name, _ in said["disease"]] == list(answers["disease"].index)
    assert said["disease"][0][1] == pytest.approx(float(answers["disease"].iloc[0]), abs=1e-4)
    assert line["model_disease"] == said["disease"][0][0] and set(said) == {"disease", "body_part", "attributes"}
    with Image.open(study.map(line["case"])) as drawn, Image.open(study.photo(line["case"])) as shown:
        assert drawn.size == shown.size


def test_the_map_lies_over_the_square_that_the_model_saw():
    photo = Image.fromarray(np.full((20, 40, 3), 100, np.uint8))
    values = np.zeros((2, 2), np.float32)
    values[0, 1] = 1
    drawn = np.asarray(overlay(photo, values)).astype(int)
    assert (drawn[:, :10] == 35).all() and (drawn[:, 30:] == 35).all()
    assert (drawn[:10, 20:30] == drawn[0, 20]).all() and (drawn[10:, 10:30] == drawn[19, 10]).all()
    assert tuple(drawn[0, 20]) != tuple(drawn[19, 10])
    yellow = 0.4 * 100 + 0.6 * 255 * np.array([0.993248, 0.906157, 0.143936])
    np.testing.assert_allclose(blend(np.full((1, 1, 3), 100.0), np.ones((1, 1))), yellow[None, None], atol=0.1)


# ---------------------------------------------------------------- answers on disk


def test_a_torn_last_line_is_cut_and_a_damaged_one_is_named(tmp_path):
    path = tmp_path / "R.jsonl"
    assert read_answers(path).records == []
    append_answer(path, {"case": "C001"}, read_answers(path))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"case": "C0')  # killed while writing
    assert read_answers(path).records == [{"case": "C001"}]
    append_answer(path, {"case": "C002"}, read_answers(path))
    assert [r["case"] for r in read_answers(path).records] == ["C001", "C002"] and path.read_bytes().startswith(whole)
    path.write_bytes(b"{broken}\n" + whole)
    with pytest.raises(ValueError, match=r"R\.jsonl, row 1: not an answer"):
        read_answers(path)


def played(study, sessions, reader, readers, steps=None):
    """Answer as the simulated reader would, up to a number of steps; return what is due then."""
    due = sessions.next_step(reader)
    while due["state"] == "answer" and steps != 0:
        arm = dict(study.plans[reader].periods[due["period"] - 1])[due["case"]]
        answer = readers.answer(reader, due["period"], due["case"], arm, due["step"], offered(study))
        due = sessions.save({"reader": reader, **{k: due[k] for k in ("period", "case", "step")}, **answer})
        steps = None if steps is None else steps - 1
    return due


@pytest.fixture
def readers(study):
    return readers_of(study.key, study.plans, Assumptions(), 0.5, seed=0)


def test_a_reader_goes_through_both_periods_with_the_washout_between(study, readers):
    clock = Clock()
    sessions, reader = Sessions(study, clock.of(study)), next(iter(study.plans))
    due = played(study, sessions, reader, readers)
    assert due == {"state": "washout", "until": "2026-01-02T00:00+00:00"}
    clock.passes(days=1)
    assert Sessions(study, clock.of(study)).next_step(reader)["period"] == 2
    assert played(study, sessions, reader, readers) == {"state": "done"}
    records = answers_of(study, reader).records
    assert [(r["period"], r["case"], r["arm"], r["step"]) for r in records] == [
        (period, case, arm, step)
        for period, order in enumerate(study.plans[reader].periods, 1)
        for case, arm in order
        for step in STEPS
    ]


def test_the_arm_is_told_only_after_the_first_answer(study, readers):
    sessions = Sessions(study, Clock().of(study))
    for reader in study.plans:
        due = sessions.next_step(reader)
        while due["state"] == "answer":
            arm = dict(study.plans[reader].periods[0])[due["case"]]
            if due["step"] == FIRST:
                assert set(due) == {"state", "period", "position", "of", "case", "step"}
            else:
                assert due["arm"] == arm and ("evidence" in due) == (arm == WITH)
                assert due["was"]["differential"] == answers_of(study, reader).records[-1]["differential"]
            due = played(study, sessions, reader, readers, steps=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"differential": ["flu"]}, "differential: 'flu': not of the list"),
        ({"differential": []}, "give 1 to 5"),
        ({"differential": ["plaque psoriasis", "plaque psoriasis"]}, "given twice"),
        ({"differential": "psoriasis"}, "give a list"),
        ({"attributes": ["scale", 3]}, "attributes: 3: not of the list"),
        ({"body_part": "nose"}, "body_part: 'nose'"),
        ({"confidence": 55}, "confidence: 55"),
        ({"confidence": True}, "confidence"),
        ({"confidence": None}, "confidence"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"interruptions": 0.5}, "interruptions"),
    ],
)
def test_wrong_answers_are_refused_and_nothing_is_kept(study, changes, message):
    sessions, reader = Sessions(study, Clock().of(study)), next(iter(study.plans))
    with pytest.raises(AnswerError, match=message):
        sessions.save(given(study, reader, sessions.next_step(reader), **changes))
    assert not study.answers(reader).exists()


def test_a_page_that_stayed_open_over_a_weekend_is_answered_all_the_same(study):
    sessions, reader = Sessions(study, Clock().of(study)), next(iter(study.plans))
    sessions.save(given(study, reader, sessions.next_step(reader), seconds=250_000.5))
    assert answers_of(study, reader).records[0]["seconds"] == 86_400


def test_a_large_photograph_is_shown_at_the_size_of_the_protocol(photos, run, tmp_path):
    for path in (photos.root / "images").rglob("*.png"):
        with Image.open(path) as small:
            small.resize((1760, 1320)).save(path, compress_level=1)
    made = prepare(photos, run, tmp_path / "large", Settings(cases=2, readers=1))
    for case in made.key["case"]:
        with Image.open(made.photo(case)) as shown:
            assert shown.size == (1600, 1200)


def test_an_answer_sent_twice_is_kept_once_and_another_one_is_refused(study):
    sessions, reader = Sessions(study, Clock().of(study)), next(iter(study.plans))
    answer = given(study, reader, sessions.next_step(reader))
    due = sessions.save(answer)
    assert sessions.save(answer | {"seconds": 9.0}) == due and len(answers_of(study, reader).records) == 1
    with pytest.raises(ConflictError, match="answered already"):
        sessions.save(answer | {"confidence": 90})
    with pytest.raises(ConflictError):
        sessions.save(answer | {"case": "C099"})
    with pytest.raises(UnknownReaderError):
        sessions.save(answer | {"reader": "../../key"})
    assert len(answers_of(study, reader).records) == 1


# ---------------------------------------------------------------- export


def test_the_export_is_tidy_scored_and_without_names(study, readers, tmp_path):
    clock = Clock()
    sessions, (one, two) = Sessions(study, clock.of(study)), study.plans
    with pytest.raises(ValueError, match="no answers yet"):
        export_study(study, tmp_path / "none.parquet")
    played(study, sessions, one, readers)
    clock.passes(days=2)
    played(study, sessions, one, readers)
    played(study, sessions, two, readers, steps=3)
    assert export_study(study, tmp_path / "a.parquet") == 16 + 3 == len(records_of(study))
    assert missing_answers(study) == {two: 13}
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert not {"image", "patient_id"} & set(frame)
    truth = study.key.set_index("case")["disease"]
    for row in frame.itertuples():
        assert row.right == (row.differential[0] == truth[row.case])
        assert row.top3 == (truth[row.case] in row.differential[:3])
        assert row.model_right == (row.model_disease == truth[row.case])
        index = list(study.plans).index(row.reader), study.key["case"].to_list().index(row.case)
        settled = {(WITHOUT, FIRST): "without", (WITHOUT, REVISED): "without", (WITH, FIRST): "before",
                   (WITH, REVISED): "after"}[row.arm, row.step]  # fmt: skip
        assert row.right == getattr(readers.outcome, settled)[index]


@pytest.mark.parametrize(("said", "true", "f1"), [("ab", "bc", 0.5), ("", "", 1), ("a", "", 0), ("ab", "ab", 1)])
def test_attribute_f1(said, true, f1):
    assert attribute_f1(list(said), list(true)) == f1
    assert np.isnan(attribute_f1(list(said), None))
    assert attribute_f1([*said, "new"], list(true), ["new"]) == f1  # nobody knows of this one


# ---------------------------------------------------------------- the server


def test_only_loopback_only_this_page_and_nothing_from_elsewhere(served, study):
    assert served.server_address[0] == "127.0.0.1"
    response, content = asked(served, "GET", "/")
    assert b"not a medical device" in content and b"http" not in content.replace(b"http-equiv", b"")
    assert all(response.headers[name] == value for name, value in HEADERS.items())
    assert response.headers["Server"].strip() == "dermimit"
    assert asked(served, "GET", "/", Host="evil.example")[0].status == 403
    reader = next(iter(study.plans))
    answer = given(study, reader, Sessions(study).next_step(reader))
    assert posted(served, answer, Origin="http://evil.example")[0] == 403
    assert posted(served, answer, Content_Type="text/plain")[0] == 400
    assert posted(served, [answer])[0] == 400
    assert posted(served, {"x": "y" * 30_000})[0] == 400
    assert not study.answers(reader).exists()
    port = served.server_address[1]
    assert posted(served, answer, Origin=f"http://127.0.0.1:{port}")[0] == 200


def test_a_reader_gets_the_case_at_hand_and_the_model_only_when_it_is_due(served, study):
    reader = next(iter(study.plans))
    order = study.plans[reader].periods[0]
    get = lambda path: asked(served, "GET", f"{path}?reader={reader}")[0].status  # noqa: E731
    for case, arm in order:
        other = next(c for c, _ in order if c != case)
        assert (get(f"/photo/{case}"), get(f"/photo/{other}"), get(f"/map/{case}")) == (200, 404, 404)
        due = Sessions(study).next_step(reader)
        assert posted(served, given(study, reader, due))[0] == 200
        assert get(f"/map/{case}") == (200 if arm == WITH else 404)
        assert posted(served, given(study, reader, Sessions(study).next_step(reader)))[0] == 200
    for path in ("/key.parquet", "/study.json", "/../study.json", "/photo/../../key", "/evidence/C001.json", "/photo/"):
        assert get(path) == 404
    assert asked(served, "GET", "/api/next?reader=NOBODY")[0].status == 404
    assert set(json.loads(asked(served, "GET", "/api/study")[1])) == {
        "name", "title", "disclaimer", "diseases", "body_parts", "attributes",
    }  # fmt: skip


def test_errors_tell_the_reader_that_nothing_was_kept(served, study, capsys):
    reader = next(iter(study.plans))
    due = Sessions(study).next_step(reader)
    status, said = posted(served, given(study, reader, due, confidence=7))
    assert status == 400 and "confidence: 7" in said["error"]
    study.answers(reader).write_text("{broken}\n")
    status, said = posted(served, given(study, reader, due))
    assert status == 500 and "nothing was kept" in said["error"] and "jsonl" not in said["error"]
    assert f"{reader}.jsonl, row 1: not an answer" in capsys.readouterr().err


def test_a_study_is_served_by_one_program_only(study):
    with only_one(study.folder), pytest.raises(ValueError, match="served by another program"), only_one(study.folder):
        pass


# ---------------------------------------------------------------- the command


def test_prepare_and_export_from_the_command_line(photos, run, tmp_path, capsys):
    words = ["reader-study", "prepare", str(run.path), "--dataset", "synderm", "--root", str(photos.root)]
    out = tmp_path / "by-command"
    assert main([*words, "--out", str(out), "--cases", "2", "--readers", "3"]) == 0
    text = capsys.readouterr().out
    study = load_study(out)
    assert all(code in text for code in study.plans) and "first" not in text
    assert main(["reader-study", "export", str(out), "--out", str(tmp_path / "x.parquet")]) == 2
    assert "no answers yet" in capsys.readouterr().err
    reader = next(iter(study.plans))
    sessions = Sessions(study)
    sessions.save(given(study, reader, sessions.next_step(reader)))
    assert main(["reader-study", "export", str(out), "--out", str(tmp_path / "x.parquet")]) == 0
    assert f"reader {reader}: 7 answers missing" in capsys.readouterr().out
    assert len(pd.read_parquet(tmp_path / "x.parquet")) == 1


@pytest.mark.slow
def test_the_chapter_runs_with_other_numbers(tmp_path):
    words = [sys.executable, "-m", "papermill", "notebooks/17_reader_study.ipynb", str(tmp_path / "out.ipynb")]
    words += ["-p", "cases", "20", "-p", "readers", "4", "-p", "report", str(tmp_path / "report.json")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = read_json(tmp_path / "report.json")
    assert found["low"] < found["gain"] < found["high"]
    assert "no human result is shown" in (tmp_path / "out.ipynb").read_text()
