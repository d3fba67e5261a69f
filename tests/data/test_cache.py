"""The cache of reduced photographs: the same numbers with and without it, whatever happens to its files."""

import errno
import os
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dermimit.cli import main
from dermimit.data.cache import HEADER, LEFTOVER, CacheError, PhotoCache, load
from dermimit.data.photos import PhotoDataset, PhotoError, read_photo
from dermimit.evaluate.folder import evaluate
from dermimit.records import publish, read_json
from dermimit.train import TrainConfig, fit

MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def entries(folder):
    return sorted(p for p in Path(folder).rglob("*") if p.is_file())


@pytest.fixture
def photo(tmp_path):
    """A textured JPEG file of 400 x 300 pixels."""
    path = tmp_path / "photo.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (38, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((400, 300), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


@pytest.mark.parametrize("least", [None, 50, 120])
def test_a_photo_from_the_cache_is_the_same_bit_for_bit_and_laid_out_alike(photo, tmp_path, least):
    cache, plain = PhotoCache(tmp_path / "cache"), read_photo(photo, least)
    first, again = read_photo(photo, least, cache), read_photo(photo, least, cache)
    assert torch.equal(plain, first) and torch.equal(plain, again) and plain.stride() == again.stride()
    again += 1  # one's own copy: the entry stays as it is
    assert torch.equal(plain, read_photo(photo, least, cache))
    assert len(entries(tmp_path / "cache")) == 1


def test_the_second_reading_decodes_nothing(photo, tmp_path, monkeypatch):
    cache = PhotoCache(tmp_path / "cache")
    first = read_photo(photo, 50, cache)
    monkeypatch.setattr("dermimit.data.photos.open_photo", lambda *a: pytest.fail("decoded again"))
    assert torch.equal(first, read_photo(photo, 50, cache))


def test_changed_content_and_another_size_get_new_entries_a_copy_none(photo, tmp_path):
    cache = PhotoCache(tmp_path / "cache")
    before, stamp = read_photo(photo, 50, cache), photo.stat()
    (tmp_path / "copy.jpg").write_bytes(photo.read_bytes())
    read_photo(tmp_path / "copy.jpg", 50, cache)
    assert len(entries(cache.folder)) == 1
    read_photo(photo, 120, cache)
    assert len(entries(cache.folder)) == 2
    with Image.open(photo) as image:
        image.transpose(Image.Transpose.ROTATE_180).save(photo, quality=90)
    os.utime(photo, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # the same date
    after = read_photo(photo, 50, cache)
    assert not torch.equal(before, after) and torch.equal(after, read_photo(photo, 50))
    assert len(entries(cache.folder)) == 3


DAMAGE = {
    "empty": lambda data: b"",
    "cut in the header": lambda data: data[:7],
    "cut short": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "a pixel": lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],
    "turned on its side": lambda data: data[:4] + data[8:12] + data[4:8] + data[12:],
    "other file": lambda data: b"\x89PNG" + data[4:],
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_entry_is_made_again(photo, tmp_path, how):
    cache = PhotoCache(tmp_path / "cache")
    plain = read_photo(photo, 50, cache)
    (entry,) = entries(cache.folder)
    whole = entry.read_bytes()
    assert len(whole) == HEADER.size + plain.numel()
    entry.write_bytes(DAMAGE[how](whole))
    assert load(entry) is None
    assert torch.equal(read_photo(photo, 50, cache), plain) and entry.read_bytes() == whole


def test_what_a_killed_process_left_is_never_read_and_is_removed_in_time(photo, tmp_path):
    cache = PhotoCache(tmp_path / "cache")
    old, new = cache.unfinished / "old", cache.unfinished / "new"
    for path in (old, new):
        path.write_bytes(b"half of a photo")
    os.utime(old, (0, old.stat().st_mtime - 2 * LEFTOVER))
    assert torch.equal(read_photo(photo, 50, PhotoCache(cache.folder)), read_photo(photo, 50))
    assert not old.exists() and new.exists()  # another process may be writing it


def read_again_and_again(folder, path):
    """What a process does beside another; its exit status is not 0 where a reading differs."""
    cache = PhotoCache(folder)
    for _ in range(8):
        photo = read_photo(path, 50, cache)
        cache.entry(path.read_bytes(), 50).unlink(missing_ok=True)
        assert torch.equal(photo, read_photo(path, 50))


def test_two_processes_at_once_write_the_same_entries(photo, tmp_path):
    folder = tmp_path / "cache"
    both = [get_context("fork").Process(target=read_again_and_again, args=(folder, photo)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    assert torch.equal(read_photo(photo, 50, PhotoCache(folder)), read_photo(photo, 50))
    assert len(entries(folder)) == 1  # nothing unfinished is left


def test_threads_and_workers_share_a_cache(tiny_photos, tmp_path):
    cached = replace(tiny_photos, cache=tmp_path / "cache")
    plain = tiny_photos.photos("train")
    memory = cached.photos("train", in_memory=True)
    loader = torch.utils.data.DataLoader(cached.photos("train"), batch_size=None, num_workers=2)
    for index, item in enumerate(loader):
        assert torch.equal(item["image"], plain[index]["image"]) and torch.equal(item["image"], memory[index]["image"])
    assert len(entries(tmp_path / "cache")) == len(plain)


@pytest.mark.parametrize(
    ("code", "said"), [(errno.ENOSPC, "no space left.*make room"), (errno.EROFS, "cannot be writ")]
)
def test_a_full_or_closed_disk_is_named_with_the_remedy(photo, tmp_path, monkeypatch, code, said):
    cache = PhotoCache(tmp_path / "cache")

    def fill(path, data):
        with path.open("wb") as file:
            file.write(data[:100])
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(CacheError, match=said) as caught:
        read_photo(photo, 50, cache)
    for part in (str(tmp_path / "cache"), "another folder", "the numbers are the same"):
        assert part in str(caught.value)
    assert not entries(cache.folder)
    monkeypatch.undo()
    assert torch.equal(read_photo(photo, 50, cache), read_photo(photo, 50))


def test_a_file_in_place_of_the_folder_is_refused_at_once(tiny_photos, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="file: the cache of photographs cannot be written"):
        PhotoDataset(tiny_photos.frame, tiny_photos.label_space, tiny_photos.root, cache=tmp_path / "file")


@pytest.mark.parametrize("wrong", ["gone", "broken"])
def test_a_photo_that_cannot_be_read_is_named_as_without_a_cache_and_leaves_no_entry(tiny_photos, tmp_path, wrong):
    file = tiny_photos.root / tiny_photos.frame["image"].iloc[0]
    file.unlink() if wrong == "gone" else file.write_bytes(file.read_bytes()[:200])
    messages = []
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(PhotoError, match=r"row 2 of the manifest") as caught:
            replace(tiny_photos, cache=cache).photos("train")[0]
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and not entries(tmp_path / "cache")


def test_another_decoder_or_format_reads_no_old_entry(photo, tmp_path, monkeypatch):
    read_photo(photo, 50, PhotoCache(tmp_path / "cache"))
    monkeypatch.setattr("PIL.__version__", "0.1")
    read_photo(photo, 50, PhotoCache(tmp_path / "cache"))
    monkeypatch.setattr("dermimit.data.cache.FORMAT", 0)
    read_photo(photo, 50, PhotoCache(tmp_path / "cache"))
    assert len(entries(tmp_path / "cache")) == 3


def enlarge(photos):
    """Make each photo a JPEG file of 400 x 320 pixels; its name stays."""
    for path in (photos.root / "images").iterdir():
        with Image.open(path) as image:
            image.resize((400, 320), Image.Resampling.BICUBIC).save(path, "JPEG")


def config(photos, out, **changes):
    shape = {"image_size": 16, "samples": 16, "epochs": 2, "batch_size": 4, "model_kwargs": MODEL}
    return TrainConfig(data_root=photos.root, out=out, **shape | {"in_memory": False} | changes)


def test_a_run_and_an_evaluation_give_the_same_numbers_with_a_cache(tiny_photos, tmp_path):
    enlarge(tiny_photos)
    runs = [fit(config(tiny_photos, tmp_path / name, cache=cache)) for name, cache in
            (("plain", ""), ("cold", str(tmp_path / "cache")), ("warm", str(tmp_path / "cache")))]  # fmt: skip
    for name in ("model.safetensors", "predictions.parquet", "metrics.json"):
        assert len({(run / name).read_bytes() for run in runs}) == 1
    scores = [evaluate(runs[0], "synderm", tiny_photos.root, tmp_path / f"e{i}", cache=cache)
              for i, cache in enumerate((None, tmp_path / "other", tmp_path / "other"))]  # fmt: skip
    assert repr(scores[0]) == repr(scores[1]) == repr(scores[2])
    assert len(entries(tmp_path / "other")) == len(entries(tmp_path / "cache")) == 12


def test_the_configuration_names_the_cache_only_where_it_is_set(tiny_photos, tmp_path):
    plain, cached = (config(tiny_photos, tmp_path / "run", cache=cache) for cache in ("", "c"))
    assert "cache" not in plain.to_dict() and cached.to_dict()["cache"] == "c"
    for each in (plain, cached):
        assert TrainConfig.from_dict(each.to_dict()) == each


def test_a_run_may_go_on_with_another_cache_or_none_and_is_published_without_its_place(tiny_photos, tmp_path):
    run = fit(config(tiny_photos, tmp_path / "run", cache=str(tmp_path / "far" / "cache")))
    assert fit(config(tiny_photos, run)) == run
    with pytest.raises(ValueError, match="another run"):
        fit(config(tiny_photos, run, seed=1))
    publish(run, tmp_path / "published")
    assert read_json(tmp_path / "published" / "config.json")["cache"] == "cache"


def test_the_commands_take_a_cache(tiny_photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--data-root", str(tiny_photos.root), "--out", "run", "--image-size", "16", "--samples", "8"]
    words += ["--epochs", "1", "--batch-size", "4", "--no-in-memory", "--cache", "kept"]
    words += ["--model-kwargs", *(str(part) for pair in MODEL.items() for part in pair)]
    assert main(["train", *words]) == 0
    assert len(entries("kept")) == 12 and read_json(tmp_path / "run" / "config.json")["cache"] == "kept"
    words = ["evaluate", "run", "--dataset", "synderm", "--root", str(tiny_photos.root), "--split", "test"]
    assert main([*words, "--cache", "again"]) == 0
    assert len(entries("again")) == 3
    (tmp_path / "file").write_text("")
    assert main([*words, "--cache", "file"]) == 2
    assert "file: the cache of photographs cannot be written" in capsys.readouterr().err
