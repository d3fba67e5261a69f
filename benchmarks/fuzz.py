"""Feeds mutated files to the readers of manifests and photographs: each is read, or refused by one of our errors.

A seeded mutator flips bits, cuts, doubles, splices and inserts words that parsers trip over. Readers run in child
processes, so that a crash of a decoder in C would be counted, and not end the count.

    python benchmarks/fuzz.py                 # a million inputs, about half an hour of one core
"""

import io
import json
import os
import random
import resource
import signal
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from PIL import Image

from dermimit.data import ManifestError, folder
from dermimit.data.photos import PhotoError, open_photo, read_mask
from dermimit.data.stored import load_dataset, save_dataset
from dermimit.data.tables import columns_of, read_table
from dermimit.records import provenance, write_json

ROOT = Path(__file__).parents[1]
TABLE = (
    "image,disease,body_part,attributes,mask,patient_id,fitzpatrick,split,disease_weights\n"
    'a.png,acne,face,papule;scale,,P1,2,train,"{""acne"": 0.7, ""eczema"": 0.3}"\n'
    "b.png,eczema,,;,a.png,P2,,val,\nc.png,acne,arm,scale,,P3,6,test,\n"
)
SPACE = {
    "name": "tiny",
    "diseases": ["acne", "eczema"],
    "body_parts": ["arm", "face"],
    "attributes": ["papule", "scale"],
}
WORDS = [
    b"\0", b"\xff", b'"', b",", b"\n", b"\r\n", b"..", b"/", b"\\", b"nan", b"inf", b"-1", b"1e999", b"9" * 20, b"{}",
    b"[]", b"null", b"../../etc/passwd", b"C:\\x.png", b"<script>", b"\xef\xbb\xbf", "é".encode(), b"\xf0\x9f\x98\x80",
    b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"IDAT", b"IHDR", b"\xff\xd8", b"\xff\xda", b"\xff\xd9", b"Exif\0\0",
    b"PAR1",
]  # fmt: skip
CHUNK = 5000
FORMATS = {"PNG": {}, "JPEG": {"quality": 80}, "BMP": {}, "TIFF": {}, "WEBP": {}, "GIF": {}}
Reader = Callable[[bytes], None]


def mutate(content: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """The content after one to four mutations."""
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4))):
        at, size = draw.randrange(len(data) + 1), draw.choice((1, 2, 4, 16, 64))
        kind = draw.randrange(7)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at : at + size] = b""
        elif kind == 2:
            data[at:at] = data[at : at + size]
        elif kind == 3:
            data[at:at] = draw.choice(WORDS)
        elif kind == 4:
            word = draw.choice(WORDS)
            data[at : at + len(word)] = word
        elif kind == 5:
            other = draw.choice(others)
            data[at:] = other[draw.randrange(len(other) + 1) :]
        else:
            data[at : at + size] = draw.randbytes(size)
    return bytes(data[:1_000_000])


def photo_files() -> list[bytes]:
    """Small photographs in several formats and modes, one turned by its EXIF."""
    pixels = np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8)
    files, exif = [], Image.Exif()
    exif[0x0112] = 6
    for kind, options in FORMATS.items():
        for mode in ("RGB", "L", "P") if kind != "JPEG" else ("RGB", "L", "CMYK"):
            if (kind, mode) != ("WEBP", "P"):
                file = io.BytesIO()
                more = {"exif": exif} if kind in ("JPEG", "PNG", "TIFF", "WEBP") else {}
                Image.fromarray(pixels).convert(mode).save(file, format=kind, **options, **more)
                files.append(file.getvalue())
    return files


def readers(scratch: Path) -> dict[str, tuple[list[bytes], Reader]]:
    """What is fuzzed: the files that mutations start from, and what reads them."""
    own, stored = scratch / "folder", scratch / "stored"
    for root in (own, stored):
        root.mkdir()
        for name in "abc":
            Image.new("RGB", (8, 8)).save(root / f"{name}.png")
    (own / "manifest.csv").write_text(TABLE)
    frame, space = folder.load(own)
    save_dataset(stored, frame, space)
    mask, table, spaces = scratch / "mask.png", scratch / "table.csv", scratch / "spaces"
    spaces.mkdir()
    Image.new("RGB", (8, 8)).save(spaces / "a.png")
    (spaces / "manifest.csv").write_text("image,disease\na.png,acne\n")

    def written(path: Path, read: Callable[[], object]) -> Reader:
        def reader(content: bytes) -> None:
            path.write_bytes(content)
            read()

        return reader

    photos, tables = photo_files(), [TABLE.encode(), TABLE.replace(",", ";").encode()]
    return {
        "photographs": (photos, lambda content: open_photo(Path("photo"), None, content)),
        "photographs, reduced": (photos, lambda content: open_photo(Path("photo"), 8, content)),
        "masks": (photos, written(mask, lambda: read_mask(mask))),
        "tables": (tables, written(table, lambda: (read_table(table, ("image",), "it"), columns_of(table)))),
        "label spaces": (
            [json.dumps(SPACE).encode()],
            written(spaces / "label_space.json", lambda: folder.load(spaces)),
        ),
        "manifests, CSV": (tables[:1], written(own / "manifest.csv", lambda: folder.load(own))),
        "manifests, Parquet": (
            [(stored / "manifest.parquet").read_bytes()],
            written(stored / "manifest.parquet", lambda: load_dataset(stored)),
        ),
    }


SHARES = {  # of the inputs; a whole manifest takes a hundred times as long as a small photograph
    "photographs": 0.34, "photographs, reduced": 0.2, "masks": 0.14, "tables": 0.27, "label spaces": 0.01,
    "manifests, CSV": 0.02, "manifests, Parquet": 0.02,
}  # fmt: skip


def chunk(files: list[bytes], read: Reader, count: int, seed: str) -> dict[str, Any]:
    """Feed `count` inputs; how many were read and refused, the slowest, and what escaped."""
    draw, ends, escaped, slowest = random.Random(seed), Counter(), [], 0.0
    for number in range(count):
        content = mutate(draw.choice(files), files, draw)
        begun = time.perf_counter()
        try:
            read(content)
            ends["read"] += 1
        except (ManifestError, PhotoError):
            ends["refused"] += 1
        except Exception as error:
            ends["escaped"] += 1
            escaped += [f"{type(error).__name__}: {error} (seed {seed}, input {number})"[:300]]
        slowest = max(slowest, time.perf_counter() - begun)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**ends, "slowest_seconds": slowest, "peak_memory_mb": memory, "examples": escaped[:5]}


def in_child(files: list[bytes], read: Reader, count: int, seed: str) -> dict[str, Any]:
    """`chunk` in a forked process; {"crashed": signal} if it was killed."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ours)
        warnings.simplefilter("ignore")
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)  # libtiff talks
        with os.fdopen(theirs, "w") as pipe:
            pipe.write(json.dumps(chunk(files, read, count, seed)))
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        text = pipe.read()
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status) or not text:
        name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "exit"
        return {"crashed": 1, "examples": [f"{name} within seed {seed}"]}
    return json.loads(text)


def fuzz(count: int, seed: int) -> list[dict[str, Any]]:
    """About `count` inputs over all readers; a row each."""
    rows = []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as name:
        for reader, (files, read) in readers(Path(name)).items():
            inputs = max(1, round(SHARES[reader] * count))
            row: dict[str, Any] = {
                "reader": reader,
                "inputs": inputs,
                "read": 0,
                "refused": 0,
                "escaped": 0,
                "crashed": 0,
            }
            row |= {"slowest_seconds": 0.0, "peak_memory_mb": 0.0, "examples": []}
            begun = time.perf_counter()
            for start in range(0, inputs, CHUNK):
                found = in_child(files, read, min(CHUNK, inputs - start), f"{seed} {reader} {start}")
                for key in ("read", "refused", "escaped", "crashed", "examples"):
                    row[key] += found.get(key, [] if key == "examples" else 0)
                for key in ("slowest_seconds", "peak_memory_mb"):
                    row[key] = round(max(row[key], found.get(key, 0)), 2)
            rows.append(row | {"examples": row["examples"][:5], "seconds": round(time.perf_counter() - begun, 1)})
            print({k: v for k, v in rows[-1].items() if k != "examples"}, *rows[-1]["examples"], sep="\n  ", flush=True)
    return rows


def main(out: Path = ROOT / "results/published/survival/fuzz.json", count: int = 1_010_000, seed: int = 0) -> None:
    """Fuzz every reader and write the record.

    Args:
        out: file to write.
        count: inputs in all.
        seed: of the mutations.
    """
    started = time.time()
    rows = fuzz(count, seed)
    facts = provenance(pd.DataFrame({"reader": list(SHARES)}), started, {"device": "cpu", "seed": seed})
    total = {
        key: sum(row[key] for row in rows) for key in ("inputs", "read", "refused", "escaped", "crashed", "seconds")
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, {"total": total, "readers": rows, "provenance": facts})
    print(total)


if __name__ == "__main__":
    tyro.cli(main)
