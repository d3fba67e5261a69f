"""The regime `noisy`, the fresh test set, and the names of regimes."""

import numpy as np
import pytest

from dermimit.data import load
from dermimit.data.stored import load_dataset
from dermimit.data.synderm import LABEL_SPACE, TEST_SEED, SynDerm, datasheet, noise, write
from dermimit.data.synderm.describe import RECORD
from dermimit.data.synderm.knowledge import knowledge
from dermimit.data.synderm.noise import Reader
from dermimit.data.synderm.regimes import Regime, read_regime
from dermimit.data.synderm.splits import TEST_CASES, split_seed, split_sizes
from dermimit.records import read_json, write_json

CASES = 4000


@pytest.fixture(scope="module", autouse=True)
def few_simulated():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasheet, "SIMULATED", 500)
        yield


@pytest.fixture(scope="module")
def truth():
    """Body part (n,) int and attributes (n, 27) bool of n cases, all diseases as common as the tables say."""
    facts, rng = knowledge(), np.random.default_rng(5)
    body, present, _ = facts.draw(rng.choice(49, CASES, p=facts.prior), rng)
    return body, present


def read(truth, seed):
    """A reader of those cases: body part (n,) with -1 where missing, attributes (n, 27) with NaN where missing."""
    facts = knowledge()
    reader, rng = Reader(facts, facts.prior), np.random.default_rng(seed)
    places, signs = [], []
    for b, row in zip(*truth, strict=True):
        found = reader.read(facts.body_parts[b], tuple(np.array(facts.attributes)[row]), rng)
        places.append(-1 if found.body_part is None else facts.body_parts.index(found.body_part))
        there = [float(name in found.attributes) for name in facts.attributes]
        signs.append([np.nan if n in found.unknown else v for n, v in zip(facts.attributes, there, strict=True)])
    return np.array(places), np.array(signs)


@pytest.fixture(scope="module")
def readers(truth):
    return read(truth, 1), read(truth, 2)


def cohen(a, b):
    both = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[both], b[both]
    chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    return ((a == b).mean() - chance) / (1 - chance)


def test_two_readers_agree_as_the_table_says(readers):
    (_, one), (_, two) = readers
    for j, name in enumerate(LABEL_SPACE.attributes):
        wanted = noise.table()["attributes"][name]["kappa"]
        common = np.nanmean(one[:, j])
        error = 1.5 / np.sqrt(CASES * common * (1 - common))
        assert cohen(one[:, j], two[:, j]) == pytest.approx(wanted, abs=3 * error), name


def test_labels_are_missing_as_often_as_the_table_says(truth, readers):
    places, signs = readers[0]
    for j, name in enumerate(LABEL_SPACE.attributes):
        rate = noise.table()["attributes"][name]["missing"]
        assert np.isnan(signs[:, j]).mean() == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / CASES)), name
    for b, name in enumerate(LABEL_SPACE.body_parts):
        rate, here = noise.table()["body_part"][name]["missing"], truth[0] == b
        assert (places[here] < 0).mean() == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / here.sum())), name


def test_an_attribute_stays_as_common_as_it_was(truth, readers):
    usual = knowledge().prior @ knowledge().marginal
    seen = np.nanmean(readers[0][1], axis=0)
    assert np.abs(seen - usual).max() < 4 * np.sqrt(0.25 / CASES)


def test_a_wrong_body_part_is_rarer_where_the_table_says_so(truth, readers):
    true, (places, _) = truth[0], readers[0]
    usual = knowledge().prior @ knowledge().body_part
    for name in ("hand", "forearm"):
        b = LABEL_SPACE.body_parts.index(name)
        given = (true == b) & (places >= 0)
        rate = (1 - np.sqrt(noise.table()["body_part"][name]["kappa"])) * (1 - usual[b])
        assert (places[given] != b).mean() == pytest.approx(rate, abs=4 * np.sqrt(rate / given.sum())), name


def test_every_class_has_a_rate_and_every_rate_a_source():
    table = noise.table()
    assert tuple(table["body_part"]) == LABEL_SPACE.body_parts
    assert tuple(table["attributes"]) == LABEL_SPACE.attributes
    for row in (*table["body_part"].values(), *table["attributes"].values()):
        assert 0 < row["kappa"] < 1
        assert 0 <= row["missing"] < 1
        assert row["from"]
        assert set(row["from"]) <= {"ours", *table["sources"]}
    assert set(table["sources"]) <= {key for task in ("body_part", "attributes") for row in table[task].values()
                                     for key in row["from"]}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "noisy"
    return write(root, {"train": 60, "val": 4, "test": 8}, seed=4, image_size=16, regime="noisy")


def test_the_truth_stands_beside_the_label(written):
    frame, _ = load_dataset(written)
    cases = SynDerm(60, split_seed(4, "train"), 16, regime="noisy")
    train = frame[frame["split"] == "train"]
    for i in (0, 7, 59):
        assert train["true_body_part"].iloc[i] == cases.labels(i).body_part
        assert tuple(train["true_attributes"].iloc[i]) == cases.labels(i).attributes
        assert train["disease"].iloc[i] == cases.labels(i).disease
    assert 0 < train["body_part"].isna().sum() < 30
    assert (train["body_part"].dropna() != train["true_body_part"][train["body_part"].notna()]).any()
    assert train["attributes_unknown"].map(len).mean() == pytest.approx(27 * 0.16, abs=1.5)


def test_the_labels_of_the_test_split_are_true(written):
    test = load_dataset(written)[0].query("split == 'test'")
    assert (test["body_part"] == test["true_body_part"]).all()
    assert test["attributes"].map(list).tolist() == test["true_attributes"].map(list).tolist()
    assert not test["attributes_unknown"].map(len).any()


def test_missing_labels_are_missing_for_training(written):
    photos = load("synderm", written, 16).photos("train")
    body = np.stack([photos[i]["targets"]["body_part"].numpy() for i in range(len(photos))])
    assert 0 < np.isnan(body).all(axis=1).sum() < 30


def test_noise_changes_no_picture(written):
    plain, noisy = SynDerm(5, 9, 16, regime="plain"), SynDerm(5, 9, 16, regime="noisy")
    for i in range(5):
        assert (plain[i].image == noisy[i].image).all()
        assert plain.labels(i) == noisy.labels(i)
        assert plain.reading(i, plain.labels(i)).body_part == plain.labels(i).body_part


def test_a_reader_errs_as_much_more_often_as_asked(truth):
    facts = knowledge()
    for strength in (0.0, 2.0, 4.0):
        body, signs = (
            noise.rates(t, c, strength) for t, c in (("body_part", facts.body_parts), ("attributes", facts.attributes))
        )
        usual = noise.rates("attributes", facts.attributes)
        assert np.allclose(signs.anew, np.minimum(strength * usual.anew, 1)) and (body.missing <= 1).all()
    careful, rng = Reader(facts, facts.prior, 0.0), np.random.default_rng(3)
    for b, row in zip(truth[0][:50], truth[1][:50], strict=True):
        shown = facts.body_parts[b], tuple(np.array(facts.attributes)[row])
        found = careful.read(*shown, rng)
        assert (found.body_part, found.attributes, found.unknown) == (*shown, ())


def test_a_datasheet_says_how_often_the_reader_errs():
    assert "2 times as often" in datasheet._regime(read_regime("noisy=2"))["regimes"]
    assert "times as often" not in datasheet._regime(read_regime("noisy"))["regimes"]


def test_a_folder_says_its_regime(written):
    record = read_json(written / RECORD)
    assert (record["regime"], record["renderer"]) == ("noisy", 4)
    with pytest.raises(FileExistsError, match="regime"):
        write(written, {"train": 60, "val": 4, "test": 8}, seed=4, image_size=16, regime="plain")


def test_the_fresh_test_set_is_the_same_beside_every_training_set(tmp_path):
    sets = [write(tmp_path / str(s), {"train": 3, "test": 4}, s, 16, regime="plain", fresh_test=True) for s in (1, 2)]
    one, two = (sorted((root / "images").glob("test*")) for root in sets)
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    first = SynDerm(TEST_CASES, split_seed(TEST_SEED, "test"), 16, regime="plain").labels(3)
    assert load_dataset(sets[0])[0].query("split == 'test'")["disease"].iloc[3] == first.disease
    assert (sets[0] / "images/train-000000.png").read_bytes() != (sets[1] / "images/train-000000.png").read_bytes()
    assert read_json(sets[0] / RECORD)["fresh_test"]


def test_pictures_of_a_folder_beside_are_linked_and_not_drawn_again(tmp_path, monkeypatch):
    sizes = {"train": 3, "val": 1, "test": 4}
    first = write(tmp_path / "1", sizes, 1, 16, regime="plain", fresh_test=True)
    alone = write(tmp_path / "alone", sizes, 2, 16, regime="plain", fresh_test=True)
    drawn = []
    real = SynDerm.visits
    monkeypatch.setattr(SynDerm, "visits", lambda self, index, days: drawn.append(index) or real(self, index, days))
    second = write(tmp_path / "2", sizes, 2, 16, regime="plain", fresh_test=True, beside=first)
    assert drawn == [0, 1, 2, 0]
    noisy = write(tmp_path / "noisy", sizes, 1, 16, regime="noisy", fresh_test=True, beside=first)
    assert len(drawn) == 4
    for folder, same in ((second, alone), (noisy, first)):
        for path in sorted((same / "images").iterdir()):
            assert (folder / "images" / path.name).read_bytes() == path.read_bytes()
    for other, message in ((tmp_path, "no synderm.json"), (first, "image_size differs")):
        with pytest.raises(ValueError, match=message):
            write(tmp_path / "3", sizes, 2, 20, regime="plain", beside=other)
    facts = read_json(first / RECORD)
    write_json(first / RECORD, facts | {"fingerprint": "0" * 64})  # as after a change of knowledge.yaml
    with pytest.raises(ValueError, match="drawn from other tables of diseases"):
        write(tmp_path / "5", sizes, 2, 16, regime="plain", fresh_test=True, beside=first)
    write_json(first / RECORD, facts)
    with pytest.raises(ValueError, match="regime is plain, here small"):
        write(tmp_path / "4", sizes, 2, 16, regime="small", beside=first)


def test_sizes_beside_the_fresh_test_set():
    assert split_sizes(1000, fresh_test=True) == {"train": 900, "val": 100, "test": TEST_CASES}
    assert split_sizes({"train": 5, "test": 7}, fresh_test=True) == {"train": 5, "test": 7}
    assert split_sizes({"train": 5}, fresh_test=True) == {"train": 5, "test": TEST_CASES}


@pytest.mark.parametrize(
    ("text", "regime", "again"),
    [
        ("plain", Regime(), "plain"),
        ("interaction", Regime(interaction=1.0), "interaction=1"),
        ("noisy+interaction=0.25+small", Regime(0.25, True, 1.0), "interaction=0.25+small+noisy"),
        ("noisy=2.5", Regime(noisy=2.5), "noisy=2.5"),
        ("noisy=0", Regime(), "plain"),
        (None, Regime(version=3), "version-3"),
        ("version-3", Regime(version=3), "version-3"),
    ],
)
def test_regimes_have_names(text, regime, again):
    assert read_regime(text) == regime
    assert str(regime) == again
    assert read_regime(again) == regime


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smal", "did you mean 'small'"),
        ("small=2", "unknown part"),
        ("interaction=2", "from 0 to 1"),
        ("interaction=much", "from 0 to 1"),
        ("noisy=5", "from 0 to 4"),
        ("plain+small", "cannot be combined"),
        ("small+small", "cannot be combined"),
        ("", "unknown part"),
    ],
)
def test_wrong_regimes_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        read_regime(text)


def test_the_datasheet_speaks_of_its_regime(written, tmp_path):
    text = (written / "DATASHEET.md").read_text(encoding="utf-8")
    assert "| regime | noisy |" in text and "`true_body_part` and `true_attributes` stand beside" in text
    assert "none is missing" not in text and "at least 0.68% of the shipped prior" in text
    assert "$" not in text.replace("`$", "")
    pairs = write(tmp_path / "pairs", {"test": 2}, image_size=16, regime="interaction+small")
    text = (pairs / "DATASHEET.md").read_text(encoding="utf-8")
    assert "| regime | interaction=1+small |" in text and "exclusive or with the site" in text
    assert "among moles" in text and "as trained by maximum likelihood" in text and "none is missing" in text


def test_croissant_describes_the_columns_of_a_noisy_folder(written):
    metadata = read_json(written / "croissant.json")
    fields = {field["name"]: field for field in metadata["recordSet"][0]["field"]}
    assert {"true_body_part", "true_attributes", "attributes_unknown"} <= fields.keys()
    assert fields["true_attributes"]["repeated"]
    assert "Regime noisy." in metadata["description"]
