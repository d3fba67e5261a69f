"""What making the book costs, stage by stage, and how it fared on a cluster, as tables and sentences."""

from collections import Counter
from typing import Any

import pandas as pd


def stages_table(record: dict[str, Any]) -> pd.DataFrame:
    """Stages of a book: jobs, time of all of them, and the longest."""
    rows = [{"stage": r["stage"], "jobs": r["jobs"], "all jobs (s)": round(r["seconds"]),
             "longest (s)": round(r["longest_seconds"]), "which": r["longest"] or "–"}
            for r in record["stages"]]  # fmt: skip
    return pd.DataFrame(rows)


def stages_text(record: dict[str, Any]) -> str:
    """How long the book took and which stage most of the time went to."""
    total = sum(row["seconds"] for row in record["stages"])
    first, second = record["stages"][:2]
    pages = next(row for row in record["stages"] if row["stage"] == "page")
    shares = [f"{100 * row['seconds'] / total:.0f} % went to the stage *{row['stage']}*" for row in (first, second)]
    return (
        f"The profile `{record['profile']}` took **{record['total_seconds'] / 60:.1f} minutes** from the first job to "
        f"the last. Of the time of all jobs, {' and '.join(shares)}. Each of the {pages['jobs']} pages runs in a "
        f"process of its own, in {pages['seconds'] / pages['jobs']:.0f} s on average; importing what a page of tables "
        f"needs takes {record['import_seconds']:.1f} s of processor time in each. The load of the machine was "
        f"{record['provenance']['load']:.1f} when this was read: {record['provenance']['cores']} cores of "
        f"{record['provenance']['device']}."
    )


def slowest_text(record: dict[str, Any]) -> str:
    """How near the training step of the book's small model comes to what a core can do, in float32 and in bf16."""
    gain, rate = record["gain"], record["images_per_second"]
    best = "bf16" if gain["median"] > 1 else "float32"
    reached, possible = record["tflops"][best]["median"], record["product_tflops"][best]["median"]
    taken = (
        "The profile `quick` therefore takes bf16 on such a processor"
        if best == "bf16"
        else "That processor has no instructions for bf16, so the profile `quick` takes float32 on it"
    )
    return (
        f"The step of the small network was timed by itself. One core of {record['provenance']['device']} trains on "
        f"{rate['float32']['median']:.0f} images a second in float32 and on {rate['bf16']['median']:.0f} in bf16, "
        f"{gain['median']:.2f} times as many "
        f"({gain['min']:.2f}–{gain['max']:.2f}). {taken}. In {best} the core then does {1000 * reached:.0f} billion "
        f"operations a second; in one product of large matrices it does {1000 * possible:.0f} billion. With the same "
        f"operations and at that rate, training would be at most about {possible / reached:.1f} times as fast; beyond "
        "that, only fewer images or a smaller model would help."
    )


def slurm_text(record: dict[str, Any]) -> str:
    """How many jobs Slurm ran and lost, and whether the numbers came out as without it."""
    rules = Counter(record["kills"])
    killed = ", ".join(f"{n} of *{rule}*" for rule, n in sorted(rules.items()))
    equal, runs = record["equal_runs"], record["runs"]
    verdict = "are all equal to" if equal == runs else f"differ in {runs - equal} from"
    return (
        f"Through Debian's Slurm on {record['nodes']} node of one machine, the whole book of the profile `smoke` took "
        f"{record['total_seconds'] / 60:.1f} minutes and {record['submitted']} submitted jobs. "
        f"{len(record['kills'])} were killed while they ran ({killed}) and were submitted again; "
        f"the records of its {runs} trainings {verdict} those made without Slurm."
    )
