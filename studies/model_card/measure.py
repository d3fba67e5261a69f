"""Estimate the power of this machine while it trains, by CodeCarbon, once, for the book's table of costs.

Run: python -m studies.model_card.measure
"""

import time
from pathlib import Path

import pandas as pd
import timm
import torch
import tyro
from codecarbon import OfflineEmissionsTracker
from codecarbon.input import DataSource

import dermimit.model  # noqa: F401  (registers the builders with timm)
from dermimit.records import provenance, write_json
from studies.shared.paths import PUBLISHED, ROOT

COUNTRIES = ("NOR", "FRA", "USA", "CHN", "IND")  # from a clean grid to a carbon-rich one


def main(seconds: float = 60.0, out: Path = ROOT / PUBLISHED / "energy") -> None:
    """Train the small model with every core for a while, and write what CodeCarbon makes of it.

    Args:
        seconds: of training.
        out: folder of the record.
    """
    started, cores = time.time(), torch.get_num_threads()
    out.mkdir(parents=True, exist_ok=True)
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA", measure_power_secs=5, save_to_file=False, log_level="error", tracking_mode="machine"
    )
    tracker.start()
    images = train(seconds)
    tracker.stop()
    found, mix = tracker.final_emissions_data, DataSource().get_global_energy_mix_data()
    hours = found.duration / 3600
    record = {
        "watts": 1000 * found.energy_consumed / hours,
        "cpu_watts": 1000 * found.cpu_energy / hours,
        "memory_watts": 1000 * found.ram_energy / hours,
        "cores": cores,
        "images_per_second": images / found.duration,
        "codecarbon": found.codecarbon_version,
        "grams_per_kwh": {mix[c]["country_name"]: mix[c]["carbon_intensity"] for c in COUNTRIES},
        "year_of_grids": int(mix["FRA"]["year"]),
    }
    frame = pd.DataFrame({"image": ["none"]})
    write_json(out / "record.json", record | {"provenance": provenance(frame, started, {"device": "cpu"})})
    print(record)


def train(seconds: float) -> int:
    """Steps of the small model on noise; how many images it saw."""
    counts = {"body_part": 15, "attributes": 27, "disease": 49}
    model = timm.create_model("dermimitformer_tiny_patch8_64", num_classes=counts).train()
    optimizer, images, until = torch.optim.AdamW(model.parameters()), 0, time.time() + seconds
    while time.time() < until:
        logits, _ = model(torch.randn(64, 3, 64, 64))
        sum(z.square().mean() for z in logits.values()).backward()
        optimizer.step()
        optimizer.zero_grad()
        images += 64
    return images


if __name__ == "__main__":
    tyro.cli(main)
