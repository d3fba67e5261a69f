"""The records of what was survived are complete, the page says what they say, and the trials can be made again."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from dermimit.records import read_json
from studies.survival import charts as survival_charts
from studies.survival import measure, tables
from studies.survival.probes import Probe, read_probes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "results/published/survival"
FOUND = tables.read_survival(ROOT)


def script(name):
    """A script of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["faults", "fuzz", "memory", "probes"])
def test_records_say_where_they_come_from(name):
    provenance = read_json(FOLDER / f"{name}.json")["provenance"]
    assert provenance["dirty"] is False and len(provenance["commit"]) == 40


def test_at_least_fifty_processes_were_killed_and_nothing_was_lost():
    kills = pd.DataFrame(FOUND.faults["kills"])
    assert len(kills) >= 50 and set(kills["activity"]) == {"training", "evaluation", "drawing", "workflow"}
    assert kills["survived"].all() and kills["done_twice"].max() <= 1
    assert kills["share_of_time"].min() < 0.2 and kills["share_of_time"].max() > 0.8
    assert {line["activity"]: line["tried"] for line in FOUND.faults["summary"]} == kills[
        "activity"
    ].value_counts().to_dict()


def test_every_probe_names_a_test_that_is_there_and_was_run_and_held():
    probes = read_probes()
    for probe in probes:
        path, name = probe.test.split("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), probe.test
    recorded = {row["test"]: row for row in FOUND.probes["probes"]}
    assert [row["test"] for row in FOUND.probes["probes"]] == [probe.test for probe in probes]
    assert all(row["trials"] == row["held"] > 0 == row["skipped"] for row in recorded.values())
    assert {probe.area for probe in probes} >= {"Reader study, served", "The explorer's servers", "Untrusted files"}


def test_a_file_of_tests_that_cannot_be_read_is_no_probe_that_was_not_run(tmp_path):
    broken = '<testcase classname="" name="tests.a.test_b"><error message="collection failure"/></testcase>'
    (tmp_path / "r.xml").write_text(f"<testsuites><testsuite>{broken}</testsuite></testsuites>")
    with pytest.raises(SystemExit, match=r"pytest could not collect tests\.a\.test_b"):
        measure.outcomes([], tmp_path / "r.xml")


def test_a_list_of_probes_with_a_gap_or_a_test_twice_is_refused(tmp_path):
    line = "  - {tried: a, expected: b, test: c}\n"
    (tmp_path / "probes.yaml").write_text(f"one:\n{line}{line}")
    with pytest.raises(ValueError, match="c stands twice"):
        read_probes(tmp_path / "probes.yaml")
    (tmp_path / "probes.yaml").write_text("one:\n  - {tried: a, expected: b}\n")
    with pytest.raises(ValueError, match="each line has `tried`, `expected` and `test`"):
        read_probes(tmp_path / "probes.yaml")


def test_outcomes_are_counted_by_test_over_its_variants(tmp_path):
    def case(name, inside=""):
        return f'<testcase classname="tests.a.test_b" name="{name}">{inside}</testcase>'

    cases = [case("test_x[1]"), case("test_x[2]", "<failure/>"), case("test_y", "<skipped/>"), case("test_z")]
    (tmp_path / "r.xml").write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    probes = [Probe("a", "b", "c", f"tests/a/test_b.py::test_{name}") for name in "xyzw"]
    rows = measure.outcomes(probes, tmp_path / "r.xml")
    assert [(row["trials"], row["held"], row["skipped"]) for row in rows] == [
        (2, 1, 0),
        (0, 0, 1),
        (1, 1, 0),
        (0, 0, 0),
    ]
    assert [tables.verdict(row["trials"], row["held"]) for row in rows] == ["no: 1 failed", "not run", "yes", "not run"]


def test_a_million_inputs_and_no_error_but_ours():
    total, readers = FOUND.fuzz["total"], FOUND.fuzz["readers"]
    assert total["inputs"] >= 1_000_000 and total["read"] + total["refused"] == total["inputs"]
    assert total["escaped"] == total["crashed"] == 0
    assert {row["reader"] for row in readers} >= {"photographs", "tables", "manifests, CSV", "manifests, Parquet"}
    assert min(row["read"] for row in readers) > 0 and min(row["refused"] for row in readers) > 0


def test_memory_holds_level_and_a_million_predictions_were_scored_in_parts():
    assert FOUND.memory["training"][-1]["cases"] >= 99_000
    course = [row["mb"] for row in FOUND.memory["training"]]
    assert max(course[len(course) // 5 :]) < 1.05 * course[len(course) // 5]
    rows = pd.DataFrame(FOUND.memory["scoring"])
    taken = (rows["peak_mb"] - rows["before_mb"]).groupby([rows["how"], rows["predictions"]]).max()
    assert (
        taken["in parts", 1_000_000] < 1.5 * taken["in parts", 10_000] < taken["at once", 300_000]
        and rows["largest_difference"].max() < 1e-9
    )


def test_the_one_table_holds_every_record():
    table = tables.held_table(FOUND)
    rows = len(FOUND.faults["summary"]) + len(FOUND.fuzz["readers"]) + 1 + len(FOUND.probes["probes"])
    assert len(table) == rows == tables.counts(FOUND)["rows"] and list(table)[4] == "held"
    assert set(table["held"]) == {"yes"} and tables.counts(FOUND)["rows_held"] == rows
    assert table["trials"].iloc[0] == "30" and sum(map(len, tables.areas(table).values())) == rows
    worse = replace(FOUND, faults={"summary": [{"activity": "training", "tried": 5, "survived": 3}]})
    assert tables.held_table(worse)["held"].iloc[0] == "no: 2 failed" and tables.counts(worse)["rows_failed"] == 1
    leaking = {"training": [{"cases": i, "mb": 100 + 10 * i} for i in range(10)]}
    assert tables.counts(replace(FOUND, memory=leaking))["rows_failed"] == 1
    assert "1,000,000" in set(tables.scoring_table(FOUND.memory)["predictions"])


def test_what_is_not_refuted_after_no_loss_is_three_in_n():
    assert tables.most_likely_lost(60, 0) == pytest.approx(1 - 0.05 ** (1 / 60))
    assert tables.most_likely_lost(300, 0) == pytest.approx(3 / 300, rel=0.01)
    assert tables.most_likely_lost(5, 5) == 1.0 and 0.05 < tables.most_likely_lost(60, 2) < 0.11


def test_the_age_of_the_lock_is_told_or_said_to_be_unknown(tmp_path):
    facts = tables.lock_facts(ROOT)
    assert facts["packages"] > 100 and facts["hashes"] > facts["packages"]
    (tmp_path / "requirements.lock").write_text("a==1 \\\n    --hash=sha256:0\n")
    unknown = tables.lock_facts(tmp_path)
    assert unknown == {"packages": 1, "hashes": 1, "date": None}
    assert "of unknown age" in tables.lock_text(unknown)
    assert "resolved on 2026-01-01" in tables.lock_text(unknown | {"date": "2026-01-01"})


def test_charts_show_losses_where_there_are_some():
    kills = [{"activity": "training", "survived": i > 1, "share_of_time": i / 5} for i in range(5)]
    figure = survival_charts.kill_moments(kills)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["survived: 3", "lost: 2"]
    course = survival_charts.memory_course(FOUND.memory)
    assert course.axes[0].get_ylim()[0] == 0 and course.axes[1].get_xscale() == "log"
    plt.close("all")


def test_mutated_files_are_read_or_refused():
    rows = script("fuzz").fuzz(600, seed=1)
    assert sum(row["inputs"] for row in rows) >= 600
    assert all(row["escaped"] == row["crashed"] == 0 for row in rows), [row["examples"] for row in rows]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_killed_processes_lose_nothing(tmp_path):
    survival = script("survival")
    survival.main(tmp_path / "new" / "faults.json", trainings=3, evaluations=1, drawings=2, workflows=0, seed=5)
    found = read_json(tmp_path / "new" / "faults.json")
    assert len(found["kills"]) == 6 and all(row["survived"] for row in found["kills"]), found["kills"]


@pytest.mark.slow
def test_memory_is_measured(tmp_path):
    memory = script("memory")
    memory.main(tmp_path / "new" / "memory.json", cases=256, every=64, counts=(300,), at_once=(300,))
    found = read_json(tmp_path / "new" / "memory.json")
    assert [row["cases"] for row in found["training"]] == [64, 128, 192, 256]
    assert {row["how"] for row in found["scoring"]} == {"in parts", "at once"}
