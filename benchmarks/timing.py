"""What the benchmarks share: calls timed in turn, summaries, and where a record comes from."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from dermimit.records import provenance, write_json

Clocks = dict[str, dict[str, list[float]]]


def interleaved(
    works: Mapping[str, Callable[[], Any]], repeats: int, wait: Callable[[], None] = lambda: None, warm_up: int = 1
) -> Clocks:
    """CPU seconds of this process and wall seconds of each call, by name, after rounds that are not counted.

    All in turn, so that what else the machine does falls on all alike.

    Args:
        works: what is timed.
        repeats: rounds that count.
        wait: called before a clock is read: a GPU works on after the call.
        warm_up: rounds that do not count: compiled code is made in the first, a CUDA graph recorded in the second.
    """
    found: Clocks = {name: {"cpu": [], "wall": []} for name in works}
    for repeat in range(-warm_up, repeats):
        for name, work in works.items():
            wait()
            started = time.process_time(), time.perf_counter()
            work()
            wait()
            spent = {"cpu": time.process_time() - started[0], "wall": time.perf_counter() - started[1]}
            for clock, seconds in spent.items():
                found[name][clock] += [seconds] if repeat >= 0 else []
    return found


def summary(values: list[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratio(seconds: list[float], reference: list[float]) -> dict[str, float]:
    """Summary of the ratios round by round."""
    return summary([s / r for s, r in zip(seconds, reference, strict=True)])


def processor() -> str:
    """The processor's name, as far as the system tells."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    named = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def device_name(device: str) -> str:
    """What does the work."""
    return torch.cuda.get_device_name() if device == "cuda" else processor()


def where_from(started: float, load: float, device: str = "cpu") -> dict[str, Any]:
    """Provenance of a measurement.

    Args:
        started: seconds since the epoch.
        load: `os.getloadavg()[0]` at that time: what other programs did before this one.
        device: cpu or cuda.
    """
    extra = {"device": device_name(device), "cores": os.cpu_count(), "threads": torch.get_num_threads(), "load": load}
    found = provenance(pd.DataFrame(), started, extra | {"load_after": os.getloadavg()[0]})
    return {name: value for name, value in found.items() if name != "data_fingerprint"}


def finish(found: dict[str, Any], out: Path, table: Callable[[dict[str, Any]], str]) -> None:
    """Write the record and print it.

    Args:
        found: what was measured, with its provenance.
        out: the file.
        table: the record as text.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, found)
    print(f"{table(found)}\n\n{out}")
