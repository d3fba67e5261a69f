"""What one GPU is asked in a few minutes, each step with a share of them: times of the models, planned trainings of the
protocol, and fine-tuning on real photographs.

A step publishes what it has finished, also when its time is over or it is killed, and the same command goes on there.
The trainings of the protocol run with the code of the commit that they are bound to, as on a processor. That code takes
no option that would keep photographs in the GPU's memory (they are decoded once, into the machine's) or compile the
step beside the recipe of its runs, and a compiled step would be another recipe than that of the runs that are
published; so they run as they do elsewhere, several at a time.

Run: python -m studies.speed.gpu [--minutes 10] [--pad FOLDER] [--pretrained]
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
import tyro

from studies.shared.paths import ROOT
from studies.speed.gpu_steps import Step, real, rehearsed

TOLD = 0.8
"""Share of its time after which a step begins nothing new; in the rest it ends and publishes."""
PATIENCE = 60.0
"""Seconds that a step has to end after it was asked to."""


def main(
    minutes: float = 10.0,
    pad: Path | None = None,
    pretrained: bool = False,
    again: bool = False,
    rehearse: Path | None = None,
) -> None:
    """Run the steps.

    Args:
        minutes: of all steps together; a step that needs less leaves the rest to those after it.
        pad: folder of PAD-UFES-20; without it nothing is trained on real photographs.
        pretrained: train ViT-B/16 too, from timm's ImageNet-21k weights, which are fetched from its hub unless they are
            in its cache.
        again: measure anew, and train rows too that have a record but no run in this checkout; not of the protocol.
        rehearse: try all steps on the processor, with tiny models, and write everything into this folder.
    """
    if not rehearse and not torch.cuda.is_available():
        raise SystemExit(
            "no GPU here that torch can use: run this where one is, or try its steps with --rehearse FOLDER"
        )
    if pad and not (pad / "metadata.csv").is_file():
        raise SystemExit(f"{pad}: metadata.csv is missing; --pad is the folder that holds it, that of PAD-UFES-20")
    for sign in (signal.SIGTERM, signal.SIGHUP):  # so that the step is stopped too
        if signal.getsignal(sign) != signal.SIG_IGN:  # as nohup has it
            signal.signal(sign, lambda *_: sys.exit(143))
    pad = pad.resolve() if pad else None
    steps = rehearsed(rehearse.resolve(), pad) if rehearse else real(pad, pretrained)
    if again:
        steps = [replace(step, words=tuple(w for w in step.words if w != "--unpublished")) for step in steps]
        steps[0] = replace(steps[0], words=(*steps[0].words, "--again"))
    if failed := work_off(steps, minutes):
        raise SystemExit(f"failed: {', '.join(failed)}; what they say is above, and the other steps have run")


def work_off(steps: Sequence[Step], minutes: float) -> list[str]:
    """Run the steps in turn, each for its share of the time that is left; returns the names of those that failed."""
    until, failed = time.monotonic() + 60 * minutes, []
    for place, step in enumerate(steps):
        if step.why:
            print(f"{step.name}: left out; {step.why}", flush=True)
            continue
        after = [other for other in steps[place:] if not other.why]
        seconds = share_of((until - time.monotonic()), [other.share for other in after])
        if seconds <= 0:
            print(f"{step.name}: not begun, the time is over; give the same command again", flush=True)
        elif said := ended(step, seconds):
            failed += [step.name] if said.startswith("failed") else []
            print(f"{step.name}: {said}", flush=True)
    return failed


def share_of(seconds: float, shares: Sequence[float]) -> float:
    """The first step's part of the time that is left.

    Args:
        seconds: that are left.
        shares: of the steps that are left, this one's first.
    """
    return seconds * shares[0] / sum(shares)


def ended(step: Step, seconds: float) -> str:
    """Run a step for at most so many seconds; how it ended."""
    began = time.monotonic()
    words = [sys.executable, *step.words, *(["--minutes", f"{TOLD * seconds / 60:.3f}"] if step.timed else [])]
    print(f"{step.name}: {seconds / 60:.1f} minutes", flush=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, cwd=ROOT, env=environment, start_new_session=True)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return "stopped, its time is over; what it finished is kept, and the same command goes on there"
    finally:
        stop(process)
    spent = f"after {(time.monotonic() - began) / 60:.1f} minutes"
    return f"ended {spent}" if code == 0 else f"failed ({code}) {spent}"


def stop(process: subprocess.Popen) -> None:
    """End a step and what it started, if it has not ended."""
    with suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    tyro.cli(main)
