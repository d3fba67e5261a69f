"""Where a record says that it comes from."""

import subprocess

import pytest

from dermimit import records


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small checkout with a package and a record, both committed."""
    for name in ("dermimit/code.py", "results/published/record.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("1\n")
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


def test_the_processor_is_named():
    assert isinstance(records.processor(), str)
