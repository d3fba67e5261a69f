"""How long a reader waits: the explorer in headless Chromium, opened from disk, on one thread.

Run it on an idle machine, after `make book`: `python benchmarks/explorer_speed.py`.
"""

import os
import platform
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import tyro
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from dermimit.records import write_json

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--host-resolver-rules=MAP * ~NOTFOUND")  # fmt: skip
WATCH = """
const timer = setInterval(() => {
  if (!document.querySelector('.dermimit-explorer')?.model?.get('answer')) return;
  globalThis.firstAnswer = performance.now();
  clearInterval(timer);
}, 2);
"""


def chromium() -> webdriver.Chrome:
    """A browser without a network that notes when the explorer first answers, in ms after the page was asked for."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
    return driver


def wait(driver: webdriver.Chrome, script: str, seconds: float = 120) -> Any:
    """The script's value as soon as there is one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (value := driver.execute_script(f"return {script}")) is not None:
            return value
        time.sleep(0.02)
    raise TimeoutError(f"no answer within {seconds:.0f} s: {script}")


def later(driver: webdriver.Chrome, count: int) -> list[float]:
    """Milliseconds from a move of the slider K to the answer, as the page itself measures them."""
    slider, times = driver.find_element(By.NAME, "k"), []
    answer = "document.querySelector('.dermimit-explorer').model.get('answer')"
    for i in range(count):
        before = driver.execute_script(f"return {answer}.k")
        slider.send_keys(Keys.ARROW_RIGHT if i < count // 2 else Keys.ARROW_LEFT)
        times.append(wait(driver, f"{answer}.k !== {before} ? {answer}.milliseconds : null"))
    return times


def summary(times: list[float]) -> dict[str, float]:
    """Median and range: on a busy machine the smallest is nearest to what an idle one would give."""
    return {"median": statistics.median(times), "smallest": min(times), "largest": max(times), "count": len(times)}


def main(page: Path = Path("results/static/explorer/index.html"), visits: int = 7, moves: int = 40,
         out: Path = Path("results/benchmarks/explorer_speed.json")) -> None:  # fmt: skip
    """Measure and write.

    Args:
        page: a page that shows the explorer.
        visits: of the page, each in a new browser, as for a reader who comes for the first time.
        moves: of the slider K, in the last visit.
        out: JSON file to write.
    """
    if not page.is_file():
        raise SystemExit(f"{page} is missing: run `make book` first")
    first, load = [], os.getloadavg()[0]  # of the other programs: 0 on an idle machine
    for visit in range(visits):
        driver = chromium()
        try:
            driver.get(page.resolve().as_uri())
            first.append(wait(driver, "globalThis.firstAnswer ?? null"))
            later_times = later(driver, moves) if visit == visits - 1 else []
            browser = f"Chromium {driver.capabilities['browserVersion'].split('.')[0]}"
        finally:
            driver.quit()
    machine = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                    if line.startswith("model name")), platform.machine())  # fmt: skip
    found = {"first_answer_ms": summary(first), "later_answers_ms": summary(later_times)}
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(
        out, found | {"browser": browser, "machine": machine, "page": page.name, "cores": os.cpu_count(), "load": load}
    )
    for name, v in found.items():
        print(f"{name}: median {v['median']:.0f}, {v['smallest']:.0f} to {v['largest']:.0f}, of {v['count']}")


if __name__ == "__main__":
    tyro.cli(main)
