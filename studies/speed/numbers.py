"""The numbers of the chapter's prose, from its records, to be glued."""

from dermimit.evaluate.estimate import NOT_RUN
from studies.speed.tables import OURS, Speed


def of_speed(records: Speed) -> dict[str, str]:
    """All that the page's prose quotes, written out; "not run yet" where a record is missing."""
    names = ("step", "operations", "share", "reading", "side", "patches", "epoch", "book", "wanted", "wanted_side")
    numbers = dict.fromkeys(names, NOT_RUN) | {"gpu": "has been measured" if records.model_overhead_gpu else NOT_RUN}
    if records.model_overhead:
        cases = records.model_overhead["cases"]
        (row,) = [r for r in cases[0]["models"] if (r["model"], r["work"]) == (OURS, "training")]
        numbers |= {"step": f"{row['ratio']['median']:.2f}", "operations": f"{row['flop_ratio']:.2f}"}
        if shares := [case["shares"]["together"]["median"] for case in cases if case.get("shares")]:
            numbers["share"] = f"{100 * max(shares):.1f} %"
    if records.input_speed:
        ways = {way["way"]: way["ratio_cpu"]["median"] for way in records.input_speed["sizes"][-1]["ways"]}
        numbers["reading"] = f"{ways['reduced']:.1f}"
    if records.growth:
        powers = {part["axis"]: part["time"]["exponent"] for part in records.growth["axes"]}
        numbers |= {"side": f"{powers['image size']:.2f}", "patches": f"{powers['patches']:.2f}"}
    if records.extrapolation:
        numbers["wanted"] = f"{records.extrapolation['images_per_second_wanted']:,.0f}"
        numbers["wanted_side"] = str(records.extrapolation["input_size"])
        numbers["epoch"] = f"{24 * records.extrapolation['cpu'][0]['days']:.0f} hours"
    if records.book_stages:
        numbers["book"] = f"{records.book_stages['total_seconds'] / 60:.0f} minutes"
    return numbers
