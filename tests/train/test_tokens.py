"""Runs on a frozen trunk: the same views in every run, tokens computed once, the same numbers, a store that heals."""

import errno
import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from PIL import Image

from dermimit.data import PhotoDataset
from dermimit.data.transforms import train_transform
from dermimit.records import read_json
from dermimit.train import TrainConfig, engine, fit, tokens
from dermimit.train.checkpoint import load_tensors
from dermimit.train.order import InOrder
from dermimit.train.token_store import TokenStore
from dermimit.train.tokens import fingerprint, trunk_tokens
from dermimit.train.views import Views, check_views

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
USUAL = dict(image_size=16, model_kwargs=MODEL, samples=16, epochs=2, batch_size=4, lr=0.01, tracker="none")
FROZEN = dict(freeze="trunk", views=2, cutmix_probability=0.0)
SHAPE = (3, 2)


@pytest.fixture
def config(tiny_photos, tmp_path):
    def make(out="run", **changes):
        return TrainConfig(data_root=tiny_photos.root, out=tmp_path / out, **USUAL | FROZEN | changes)

    return make


@pytest.fixture
def computed(monkeypatch):
    """How many photographs the trunk has computed, in a list."""
    seen = []

    def counted(trunk, images):
        seen.append(len(images))
        return trunk_tokens(trunk, images)

    monkeypatch.setattr(tokens, "trunk_tokens", counted)
    return seen


def model(**changes):
    arguments = dict(num_classes={"body_part": 2, "attributes": 4, "disease": 3}, **MODEL) | changes
    return timm.create_model("dermimitformer_tiny_patch8_64", **arguments).eval()


def weights(run):
    return load_tensors(run / "model.safetensors")[0]


def assert_same_run(a, b):
    """But for the rounding of sums in another order."""
    metrics = [pd.json_normalize(read_json(run / "metrics.json")) for run in (a, b)]
    pd.testing.assert_frame_equal(*metrics, rtol=1e-4)
    pd.testing.assert_frame_equal(
        *[pd.read_parquet(r / "history.parquet").drop(columns="seconds") for r in (a, b)], rtol=1e-4
    )
    for name, value in weights(a).items():
        torch.testing.assert_close(value, weights(b)[name], rtol=0, atol=2e-5)


def test_the_model_answers_from_its_trunks_tokens_as_from_the_photograph():
    net, images = model(), torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        logits, out = net(images)
        again, _ = net(out["tokens"])
        rounded, _ = net(trunk_tokens(net.trunk, images))
    for task, values in logits.items():
        torch.testing.assert_close(again[task], values, rtol=0, atol=0)
        torch.testing.assert_close(rounded[task], values, rtol=0, atol=0.01)
    assert net.token_shape == tuple(out["tokens"].shape[1:])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lsm_score": "rollout"}, "reads every layer of the trunk"),
        ({"selection": "every_layer", "lsm_k": 9}, "reads every layer of the trunk"),
        ({"selection": "per_head"}, "reads every layer of the trunk"),
        ({"zoom": True}, "a second time"),
    ],
)
def test_a_model_that_needs_more_than_tokens_refuses_them(changes, reason):
    net = model(**changes)
    with pytest.raises(ValueError, match=reason):
        net(torch.zeros(1, *net.token_shape))


def test_tokens_with_each_patchs_share_on_the_lesion_answer_as_photographs_with_a_lesion_map_do():
    net, images = model(selection="given"), torch.randn(2, 3, 16, 16)
    lesion = torch.zeros(2, 1, 16, 16)
    lesion[0, :, :8, :12], lesion[1, :, 9:, 3:6] = 1, 1
    photographs = torch.cat([images, lesion], dim=1)
    with torch.no_grad():
        expected, seen = net(photographs)
        kept = trunk_tokens(net.trunk, photographs)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(trunk_tokens(net.trunk, photographs)[..., -1], kept[..., -1])
        logits, out = net(kept)
    assert tuple(kept.shape[1:]) == net.token_shape == (17, 25)
    assert kept[0, :, -1].tolist() == [0] + [1, 1, 1, 0] * 2 + [0] * 8
    assert torch.equal(kept[..., :-1], trunk_tokens(net.trunk, images))
    for task, values in logits.items():
        assert task == "body_part" or torch.equal(out[f"{task}/selected"], seen[f"{task}/selected"])
        torch.testing.assert_close(values, expected[task], rtol=0, atol=0.01)
    assert sorted(out["disease/selected"][0].tolist()) != sorted(out["disease/selected"][1].tolist())
    with pytest.raises(ValueError, match=r"tokens are \(17, 24\), the trunk's are \(17, 25\)"):
        net(kept[..., :-1])


def test_tokens_of_another_trunk_are_refused_by_their_shape():
    with pytest.raises(ValueError, match=r"tokens are \(5, 24\), the trunk's are \(17, 24\)"):
        model()(torch.zeros(1, 5, 24))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model_kwargs": MODEL | {"lsm_score": "rollout"}}, "another selection, or views=0"),
        ({"model": "baseline", "lsm": False, "fusion": "none", "model_kwargs": {"backbone": "vit_tiny_patch16_224"}},
         "has no trunk whose tokens"),
    ],
)  # fmt: skip
def test_a_run_that_cannot_keep_tokens_says_so_before_it_reads_photographs(config, changes, reason):
    run = config(**changes)
    with pytest.raises(ValueError, match=reason):
        fit(run)
    assert not run.out.exists()


@pytest.mark.parametrize("changes", [{"watch_gradients": 1}, {"balance": "pcgrad"}])
def test_gradients_of_a_frozen_trunk_cannot_be_read(config, changes):
    with pytest.raises(ValueError, match="which is frozen"):
        config(views=0, **changes)


def photographs(tiny_photos, name):
    frame = tiny_photos.frame[tiny_photos.frame["image"] == name]
    return PhotoDataset(frame, tiny_photos.label_space, tiny_photos.root, train_transform(16))


def test_a_view_follows_from_the_photograph_and_its_number_alone(tiny_photos):
    all_of_them = PhotoDataset(tiny_photos.frame, tiny_photos.label_space, tiny_photos.root, train_transform(16))
    views = Views(all_of_them, 3)
    torch.manual_seed(1)
    first = [views.view(5, v)["image"] for v in range(3)]
    state = torch.get_rng_state()
    torch.manual_seed(2)
    alone = Views(photographs(tiny_photos, "images/05.png"), 3)
    for v in range(3):
        assert torch.equal(alone.view(0, v)["image"], first[v])
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[1], first[2])
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)  # a view leaves the run's own chance alone


def test_which_view_is_seen_follows_from_seed_epoch_and_place(tiny_photos):
    photos = Views(PhotoDataset(tiny_photos.frame, tiny_photos.label_space, tiny_photos.root, train_transform(16)), 3)
    possible = [photos.view(5, v)["image"] for v in range(3)]

    def seen(seed):
        items = [InOrder(photos, [5] * 12, seed)[place]["image"] for place in range(12)]
        return [next(v for v in range(3) if torch.equal(item, possible[v])) for item in items]

    assert seen(0) == seen(0)
    assert seen(0) != seen(1)
    assert set(seen(0)) == {0, 1, 2}


def test_photographs_of_an_epoch_are_augmented_each_by_chance_of_its_own(tiny_photos):
    items = InOrder(photographs(tiny_photos, "images/05.png"), [0] * 20, 1)
    first = [items[place]["image"] for place in range(20)]
    assert not any(torch.equal(first[i], first[j]) for i in range(20) for j in range(i))
    assert torch.equal(items[7]["image"], first[7])


@pytest.mark.parametrize("changes", [{}, {"in_memory": False, "accumulate": 2, "ema": 0.9, "freeze": "all-but-heads"}])
def test_kept_tokens_give_the_same_run(config, tmp_path, changes):
    plain = fit(config("plain", **changes))
    kept = fit(config("kept", tokens=str(tmp_path / "store"), **changes))
    assert_same_run(plain, kept)
    loaders = fit(config("workers", tokens=str(tmp_path / "store"), workers=2, **changes))
    assert read_json(loaders / "metrics.json") == read_json(kept / "metrics.json")
    assert all(torch.equal(value, weights(kept)[name]) for name, value in weights(loaders).items())


def test_a_run_that_selects_by_lesion_maps_keeps_them_with_its_tokens(config, tiny_photos, tmp_path, computed):
    (tiny_photos.root / "maps").mkdir()
    for i in range(12):
        Image.fromarray(np.eye(32, 40, k=i, dtype=np.uint8)).save(tiny_photos.root / "maps" / f"{i:02d}.png")
    store = str(tmp_path / "store")
    plain = fit(config("plain", lesion_map="maps"))
    computed.clear()
    kept = fit(config("kept", lesion_map="maps", tokens=store))
    assert_same_run(plain, kept)
    assert sum(computed) == 6 * 2 + 3 + 3
    fit(config("again", lesion_map="maps", tokens=store, samples=8))
    fit(config("without", tokens=store))
    assert sum(computed) == 2 * 18  # of a width of their own
    Image.fromarray(np.ones((32, 40), np.uint8)).save(tiny_photos.root / "maps" / "00.png")
    fit(config("changed", lesion_map="maps", tokens=store))
    assert sum(computed) == 2 * 18 + 2  # two views of the photograph whose map has changed


def test_the_trunk_is_computed_once_for_runs_of_other_seeds_heads_and_splits(config, tmp_path, computed, capsys):
    store = str(tmp_path / "store")
    first = fit(config("first", tokens=store, start_from=""))
    assert sum(computed) == 6 * 2 + 3 + 3  # two views of each training photograph, the others as they are
    assert f"{store}: tokens of 18 views, 17 x 24 in 16 bits each: 0.0 MB to write" in capsys.readouterr().out
    computed.clear()
    other = MODEL | {"lsm_k": 2}
    fit(config("second", tokens=store, start_from=first.as_posix(), seed=1, tasks=("disease",), lsm=False))
    fit(config("third", tokens=store, start_from=first.as_posix(), samples=8, model_kwargs=other))
    assert not computed
    assert "to write" not in capsys.readouterr().out
    fit(config("fourth", tokens=store, start_from=first.as_posix(), views=3))
    assert sum(computed) == 6  # one more view of each
    computed.clear()
    fit(config("rotated", tokens=store, start_from=first.as_posix(), rotation=90.0))
    assert sum(computed) == 6 * 2  # of the new views; those without augmentation are there


def test_a_trunk_of_other_weights_or_settings_has_tokens_of_its_own():
    one, other = model(), model()
    other.load_state_dict(one.state_dict())
    assert fingerprint(one.trunk) == fingerprint(other.trunk)
    assert fingerprint(one.trunk) == fingerprint(one.trunk.train())
    other.trunk.blocks[0].attn.scale *= 2
    assert fingerprint(one.trunk) != fingerprint(other.trunk)
    with torch.no_grad():
        one.trunk.pos_embed[0, 0, 0] += 1e-6
    assert fingerprint(one.trunk) != fingerprint(model().trunk)


def test_tokens_that_16_bits_cannot_hold_are_an_error():
    trunk = torch.nn.Module()
    trunk.in_chans = 3
    trunk.forward_features = lambda images: torch.full((1, 2, 3), 70_000.0)
    with pytest.raises(ValueError, match="too large for 16 bits"):
        trunk_tokens(trunk, torch.zeros(1, 3, 4, 4))


def test_a_run_may_go_on_without_its_tokens(config, tmp_path, monkeypatch):
    whole = fit(config("whole", tokens=str(tmp_path / "store")))
    part = config("part", tokens=str(tmp_path / "store"))
    real, calls = engine.train_one_epoch, []

    def killed(*arguments, **named):
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        return real(*arguments, **named)

    monkeypatch.setattr(engine, "train_one_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(part)
    monkeypatch.setattr(engine, "train_one_epoch", real)
    assert_same_run(whole, fit(replace(part, tokens="")))


def test_without_room_nothing_is_written(config, tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "free_bytes", lambda folder: 1000)
    folder = tmp_path / "store"
    with pytest.raises(OSError, match=r"store: tokens of 18 views.*need 0\.0 MB and 0\.0 MB are free: make room") as e:
        fit(config(tokens=str(folder)))
    assert e.value.errno == errno.ENOSPC
    assert not folder.exists()


def entries(count, start=0):
    return [f"e{start + i}" for i in range(count)], np.arange(6 * count, dtype=np.float16).reshape(
        count, *SHAPE
    ) + start


def filled(folder, count=5, segment=2 * 12):
    store = TokenStore(folder, SHAPE, {"trunk": "x"})
    names, values = entries(count)
    with pytest.MonkeyPatch.context() as patched, store.writing():
        patched.setattr("dermimit.train.token_store.SEGMENT", segment)
        store.add(names, [values[:3], values[3:]])
    return store, names, values


def test_a_store_gives_back_what_was_put_in_whatever_the_batches(tmp_path):
    store, names, values = filled(tmp_path / "s")
    assert store.missing([*names, "other", "other"]) == ["other"]
    assert len(list((tmp_path / "s").glob("*.npy"))) == 3  # segments of two entries
    again = pickle.loads(pickle.dumps(TokenStore(tmp_path / "s", SHAPE, {})))
    assert not again.missing(names)
    for name, value in zip(names, values, strict=True):
        assert np.array_equal(again.read(name), value)
    assert isinstance(again.read("e0").base, np.memmap)
    assert read_json(tmp_path / "s/about.json") == {"trunk": "x"}


def test_an_entry_counts_once_its_bytes_are_on_disk(tmp_path):
    store = TokenStore(tmp_path / "s", SHAPE, {})
    names, values = entries(4)

    def batches():
        yield values[:2]
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt), store.writing():
        patched.setattr("dermimit.train.token_store.SEGMENT", 2 * 12)
        store.add(names, batches())
    assert TokenStore(tmp_path / "s", SHAPE, {}).missing(names) == ["e2", "e3"]


@pytest.mark.parametrize("harm", ["cut", "flip", "gone", "index"])
def test_a_damaged_segment_is_made_again(tmp_path, harm, recwarn):
    folder = tmp_path / "s"
    _, names, _ = filled(folder)
    index = next(path for path in folder.glob("*.json") if "e0" in path.read_text(encoding="utf-8"))
    array = index.with_suffix(".npy")
    if harm == "index":
        index.write_text("{", encoding="utf-8")
    elif harm == "gone":
        array.unlink()
    else:
        data = bytearray(array.read_bytes())
        data[-20] ^= 1
        array.write_bytes(data[:-4] if harm == "cut" else data)
    store = TokenStore(folder, SHAPE, {})
    missing = store.missing(names)
    assert missing == ["e0", "e1"]
    assert [str(w.message).startswith(str(array)) for w in recwarn] == ([] if harm == "index" else [True])
    _, values = entries(5)
    with store.writing():
        store.add(missing, [values[:2]])
    assert not store.missing(names)
    assert np.array_equal(store.read("e0"), values[0])
    stems = {path.stem for path in folder.glob("*.json")} - {"about"}
    assert stems == {path.stem for path in folder.glob("*.npy")}  # nothing is left of the damaged one


def test_a_second_writer_waits_and_finds_what_the_first_has_written(tmp_path, capsys):
    from threading import Thread

    first, second = (TokenStore(tmp_path / "s", SHAPE, {}) for _ in range(2))
    names, values = entries(2)
    found = []

    def write():
        with second.writing():
            found.extend(second.missing(names))

    with first.writing():
        thread = Thread(target=write)
        thread.start()
        thread.join(1.3)
        assert thread.is_alive()
        first.add(names, [values])
    thread.join(10)
    assert found == []
    assert json.loads((tmp_path / "s/about.json").read_text(encoding="utf-8")) == {}
    assert "another process computes tokens here" in capsys.readouterr().err


def test_a_trunk_that_is_not_frozen_has_no_views(config):
    with pytest.raises(ValueError, match="freeze=trunk"):
        config(freeze="")
    with pytest.raises(ValueError, match="views"):
        config(views=0, tokens="store")
    check_views(config(views=0, freeze="trunk"), torch.nn.Identity())  # nothing to check
