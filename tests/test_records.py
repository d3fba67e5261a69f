"""Where a record says that it comes from."""

import subprocess

import pytest

from dermimit import records
from studies.shared import published


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small checkout with a package and a record, both committed."""
    for name in ("dermimit/code.py", "results/published/record.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("1\n")
    (tmp_path / "pyproject.toml").write_text('[tool.dermimit]\nrecords = ["results"]\n')
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)
    monkeypatch.setattr(records, "PACKAGE", tmp_path / "dermimit")
    return tmp_path


def test_a_replaced_record_is_no_change_of_the_code_and_a_changed_file_is(checkout):
    commit, dirty = records.git_state()
    assert len(commit) == 40 and not dirty
    (checkout / "results/published/record.json").write_text("2\n")
    assert records.git_state() == (commit, False)
    (checkout / "dermimit/code.py").write_text("2\n")
    assert records.git_state() == (commit, True)


def test_outside_a_checkout_the_commit_is_not_known(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "PACKAGE", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert records.git_state() == ("unknown", False)


def test_an_environment_within_another_project_is_not_that_project(checkout, monkeypatch):
    installed = checkout / ".venv/lib/dermimit"
    installed.mkdir(parents=True)
    (installed / "code.py").write_text("1\n")
    monkeypatch.setattr(records, "PACKAGE", installed)
    assert records.git_state() == ("unknown", False)


def test_the_processor_is_named():
    assert isinstance(records.processor(), str)


def test_a_record_says_where_it_or_each_of_its_runs_comes_from():
    facts = {"commit": "a", "seconds": 2}
    assert records.origins({"provenance": facts, "runs": [1]}) == [facts]
    assert records.origins({"runs": [facts, facts | {"seed": 1}]}) == [facts, facts | {"seed": 1}]
    assert records.origins({"runs": {"a": 1}}) == records.origins([1]) == records.origins({"rows": []}) == []


def test_what_was_made_from_a_modified_checkout_is_named(tmp_path):
    def write(name, **content):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        records.write_json(tmp_path / name, content)

    facts = {"commit": "c" * 40, "dirty": False, "started": "2030-01-02T03:04:05+00:00", "seconds": 90}
    write("skin/clean.json", provenance=facts)
    assert published.modified_text(tmp_path, "skin") == published.modified_text(tmp_path, "nothing") == ""
    write("skin/made.json", runs=[facts, facts | {"commit": "d" * 40, "dirty": True}])
    text = published.modified_text(tmp_path, "skin")
    assert "`made.json` (commit `dddddddddd`)" in text and "clean.json" not in text and "from clean commits: 1." in text
    table = published.measurements_table(tmp_path).set_index("measurement")
    assert table.loc["skin/made.json", "commit"] == "cccccccccc, dddddddddd (modified)"
    assert table.loc["skin/made.json", ["processes", "minutes"]].tolist() == [2, "3.0"]
