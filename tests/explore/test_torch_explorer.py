"""The explorer over torch: answers, maps, photographs of any dataset, and the page in a real browser with a kernel."""

import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait
from test_book import browser, hosts_asked, needs_browser, severe_messages  # noqa: F401

from dermimit.data.problems import ManifestError
from dermimit.explain.attributions import attribution
from dermimit.explore import explore, kernel
from dermimit.explore.cases import picture
from dermimit.explore.kernel import cases_of
from dermimit.explore.launch import command, write_notebook
from dermimit.explore.torch_model import TorchModel
from dermimit.train import TrainConfig, fit
from dermimit.train.run import load_run

ROOT = Path(__file__).parents[2]
MODEL = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}


def trained(tiny_photos, out, **settings):
    usual = dict(image_size=16, samples=8, epochs=1, batch_size=4, model_kwargs=MODEL)
    config = TrainConfig(data_root=tiny_photos.root, out=out, **usual | settings)
    return load_run(fit(config))


@pytest.fixture
def run(tiny_photos, tmp_path):
    return trained(tiny_photos, tmp_path / "full")


def first_photo(widget) -> np.ndarray:
    return picture(next(iter(widget._cases[0]["photos"].values())))


def test_the_answer_is_that_of_the_run_and_controls_change_it(run, tiny_photos):
    model, test, case = TorchModel(run), tiny_photos.photos("test"), cases_of(tiny_photos)[0]
    photo = picture(next(iter(case["photos"].values())))
    image = test[list(test.frame["image"]).index(case["name"])]["image"]
    torch.testing.assert_close(model.tensor(photo)[0], image, atol=1 / 127, rtol=0)
    found = model(photo)
    with torch.no_grad():
        logits, out = run.model(model.tensor(photo))
    np.testing.assert_allclose(found["disease"], logits["disease"].softmax(1)[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(found["attributes"], logits["attributes"].sigmoid()[0].numpy(), atol=1e-6)
    assert found["disease_ranked"][:4] == out["disease/selected"][0].tolist()
    for choice in ({"k": 1}, {"lsm": False}, {"cim": False}, {"body_part": {"leg": 1}}, {"attributes": {"scale": 1}},
                   {"scores": [float(i) for i in range(16)]}):  # fmt: skip
        assert np.abs(np.subtract(model(photo, choice)["disease"], found["disease"])).max() > 1e-7, choice


def test_a_run_of_one_task_answers_without_controls(tiny_photos, tmp_path):
    run = trained(tiny_photos, tmp_path / "D", tasks=("disease",), fusion="none", lsm=False)
    widget = explore(run, n=2)
    assert not widget.model.facts["controls"] and widget.model.facts["selecting"] == []
    assert (
        set(widget.model(first_photo(widget))) == {"disease"}
        and "lsm_score" not in widget.model.facts["methods"]["disease"]
    )
    assert "data:image/png" in widget._repr_mimebundle_()[0]["text/html"]


def test_lesion_selection_without_interaction_ranks_the_selected_patches_first(tiny_photos, tmp_path):
    run = trained(tiny_photos, tmp_path / "D_LSM", tasks=("disease",), fusion="none")
    model = TorchModel(run)
    photo = picture(next(iter(cases_of(tiny_photos)[0]["photos"].values())))
    with torch.no_grad():
        _, out = run.model(model.tensor(photo))
    found = model(photo)
    assert found["disease_ranked"][:4] == out["disease/selected"][0].tolist()
    assert sorted(found["disease_ranked"]) == list(range(16))


@pytest.mark.parametrize("name", ["lsm", "cim", "k", "attributes", "body_part", "scores"])
def test_a_choice_that_is_none_is_as_trained(run, tiny_photos, name):
    model, photo = TorchModel(run), picture(next(iter(cases_of(tiny_photos)[0]["photos"].values())))
    told, usual = model(photo, {name: None}), model(photo)
    assert told.keys() == usual.keys()
    assert all(np.array_equal(told[key], usual[key]) for key in usual)


def test_maps_are_those_of_the_package(run, tiny_photos):
    model = TorchModel(run)
    photo = picture(next(iter(cases_of(tiny_photos)[0]["photos"].values())))
    values, delta = model.map(photo, "disease", "psoriasis", "integrated_gradients")
    wanted = attribution(run, model.tensor(photo), "disease", torch.tensor([2]), "integrated_gradients", progress=False)
    np.testing.assert_array_equal(values, wanted.map[0].numpy())
    assert delta == pytest.approx(float(wanted.delta[0]))
    with pytest.raises(ValueError, match="did you mean 'psoriasis'"):
        model.map(photo, "disease", "psoriassis", "occlusion")
    with pytest.raises(ValueError, match="expected uint8"):
        model(photo[:8])


def test_cases_name_what_is_recorded_and_differ_in_disease(tiny_photos):
    cases = cases_of(tiny_photos, n=3)
    assert len({case["truth"].get("disease") for case in cases}) == 3
    frame = tiny_photos.frame.set_index("image")
    for case in cases:
        row = frame.loc[case["name"]]
        assert case["truth"].get("disease") == row["disease"] or "disease" not in case["truth"]
        assert case["truth"]["fitzpatrick"] == row["fitzpatrick"]
    json.dumps(cases)


def test_the_kernel_answers_and_reports_errors(run, monkeypatch):
    widget, sent = explore(run, n=2), []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: sent.append((content, buffers)))
    photo = first_photo(widget)
    rgba = np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)]).tobytes()
    widget._reply(widget, {"asset": "facts.json"}, [])
    assert json.loads(gzip.decompress(sent[0][1][0]))["k"] == 4
    widget._reply(widget, {"ask": 1, "choice": {}}, [memoryview(rgba)])
    assert sent[1][0] == {"reply": 1, "found": widget.model(photo)}
    widget._reply(widget, {"ask": 2, "map": {"task": "disease", "class": "", "method": "class_attention"}}, [rgba])
    assert picture(sent[2][0]["found"]["picture"]).shape == (16, 16, 3) and sent[2][0]["found"]["delta"] is None
    widget._reply(widget, {"ask": 3, "map": {"task": "disease", "class": "", "method": "magic"}}, [rgba])
    assert "unknown method 'magic'" in sent[3][0]["error"]


def test_wrong_datasets_and_cases_are_refused(run, tmp_path):
    from dermimit.data import synderm

    with pytest.raises(ValueError, match="case=5: there are 3 cases"):
        explore(run, case=5, n=3)
    with pytest.raises(ManifestError, match="are not the run's"):
        explore(run, root=synderm.write(tmp_path / "other", 10, image_size=16))


def test_a_notebook_is_written_once(run, tmp_path):
    path, fresh = write_notebook(run.path, tmp_path, split="val", dataset=None)
    assert fresh and path.name == "explore-full.ipynb"
    code = nbformat.read(path, 4).cells[1].source
    assert "split='val'" in code and "dataset" not in code
    path.write_text("edited")
    assert write_notebook(run.path, tmp_path) == (path, False) and path.read_text() == "edited"
    path.unlink()
    write_notebook(run.path, tmp_path)
    assert write_notebook(run.path, tmp_path) == (path, False)
    namesake = shutil.copytree(run.path, tmp_path / "second" / run.path.name)
    with pytest.raises(ValueError, match="opens another run"):
        write_notebook(namesake, tmp_path)
    quoted = [shutil.copytree(run.path, tmp_path / f"o'brien {n}" / run.path.name) for n in (1, 2)]
    path.unlink()
    write_notebook(quoted[0], tmp_path)
    assert write_notebook(quoted[0], tmp_path) == (path, False)
    with pytest.raises(ValueError, match=r"opens another run, .*o'brien 1"):
        write_notebook(quoted[1], tmp_path)
    words = command("lab", path, 9999, False)
    assert words[1:4] == ["-m", "jupyterlab", str(path)] and words[-2:] == ["--port=9999", "--no-browser"]
    with pytest.raises(FileNotFoundError, match="is not a finished run"):
        write_notebook(tmp_path / "nothing", tmp_path)


APPS = {
    "voila": ([], "/"),
    "lab": (["--allow-root"], "/lab/tree/explore-full.ipynb"),
    "notebook": (["--allow-root"], "/notebooks/explore-full.ipynb"),
}


@pytest.fixture(params=[*APPS])
def app(run, tmp_path, request):
    """The address of the explorer in an app, with a kernel of its own."""
    path, _ = write_notebook(run.path, tmp_path, n=3)
    add_browsers(path, run)
    flags, place = APPS[request.param]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = command(request.param, path, port, False) + flags
    homes = {
        name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR")
    }
    with (tmp_path / "app.log").open("w") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, cwd=tmp_path, env=os.environ | homes)
    try:
        deadline = time.monotonic() + 90
        while not (told := re.search(rf":{port}/\S*\?(token=\w+)", (tmp_path / "app.log").read_text())):
            assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "app.log").read_text()
            time.sleep(0.5)
        yield request.param, f"http://127.0.0.1:{port}{place}?{told[1]}"
    finally:
        server.terminate()
        server.wait(30)


def add_browsers(path: Path, run) -> None:
    """Cells with the two explorers of records that the notebook of a run has not got."""
    made = nbformat.read(path, 4)
    scores = ROOT / "results/published/ablation_explorer/scores.parquet"
    sources = (
        f"from dermimit.explore import dataset_browser\n\ndataset_browser({str(run.config.data_root)!r}, 'synderm')",
        "import pandas as pd\n\nfrom dermimit.explore import ablation_explorer\n\n"
        f"ablation_explorer(pd.read_parquet({str(scores)!r}), {str(ROOT / 'workflow/experiments/ablation.csv')!r})",
    )
    made.cells += [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(made, path)


def run_all_cells(driver) -> None:
    """As a user of JupyterLab or Notebook 7 does: menu Run, Run All Cells."""
    wait = WebDriverWait(driver, 120, ignored_exceptions=[StaleElementReferenceException])
    wait.until(lambda d: d.find_elements(By.CSS_SELECTOR, ".jp-Notebook-ExecutionIndicator[data-status=idle]"))
    for menu, label in ((".lm-MenuBar-itemLabel", "Run"), (".lm-Menu-itemLabel", "Run All Cells")):
        items = lambda d, m=menu, t=label: [x for x in d.find_elements(By.CSS_SELECTOR, m) if x.text == t]  # noqa: E731
        wait.until(items)[0].click()


@pytest.mark.browser
@pytest.mark.slow
@needs_browser
@pytest.mark.skipif(sys.platform != "linux", reason="starts a server and a kernel")
def test_a_run_is_explored_in_a_browser_with_a_kernel(run, app, browser):  # noqa: F811
    name, address = app
    severe_messages(browser), hosts_asked(browser)
    browser.get(address)
    wait = WebDriverWait(browser, 120, ignored_exceptions=[NoSuchElementException, StaleElementReferenceException])
    if name != "voila":
        run_all_cells(browser)
    text = wait.until(lambda d: (s := d.find_elements(By.CSS_SELECTOR, ".dermimit [role=status]")) and
                      next((x.text for x in s if x.text.startswith("Predicted disease")), None))  # fmt: skip
    widget = explore(run, n=3)
    names, photo = run.label_space.diseases, first_photo(widget)

    def first(choice) -> str:
        p = widget.model(photo, choice)["disease"]
        return f"{names[int(np.argmax(p))]} {100 * max(p):.1f} %"

    assert first({}) in text
    browser.find_element(By.CSS_SELECTOR, ".dermimit details > summary").click()
    browser.find_element(By.NAME, "k").send_keys(Keys.HOME)
    wait.until(lambda d: first({"k": 1}) in d.find_element(By.CSS_SELECTOR, ".dermimit").text)
    Select(browser.find_element(By.NAME, "map-method")).select_by_value("integrated_gradients")
    browser.find_element(By.NAME, "map").click()
    wait.until(lambda d: "Missing from completeness" in d.find_element(By.CSS_SELECTOR, ".dermimit").text)
    drawn = browser.find_element(By.CSS_SELECTOR, ".photo img.map")
    assert drawn.is_displayed() and int(drawn.get_property("naturalWidth")) == 16
    for wanted in ("misclassified images shown", "12 of 12 images", "disease macro-F1 in %: 9 intervals"):
        wait.until(lambda d, text=wanted: any(text in x.text for x in d.find_elements(By.CSS_SELECTOR, ".dermimit")))
    own_to_the_app = ("fontawesome", "/lab/api/", "favicon", "notebook_core")  # icons that Voilà wants from a network
    assert [m for m in severe_messages(browser) if not any(part in m for part in own_to_the_app)] == []
    browser.get("about:blank")  # before the app ends, which the page would miss


@pytest.fixture(scope="module")
def small_lesions(tmp_path_factory):
    """A run on SynDerm in the regime `small`."""
    from dermimit.data import synderm

    root = tmp_path_factory.mktemp("regime")
    synderm.write(root / "data", 20, image_size=16, regime="small")
    return load_run(fit(TrainConfig(data_root=root / "data", out=root / "run", image_size=16, samples=8, epochs=1,
                                    batch_size=4, model_kwargs=MODEL, tracker="none")))  # fmt: skip


def test_a_run_on_synderm_is_shown_cases_of_its_own_regime(small_lesions):
    from dermimit.data.synderm import SynDerm
    from dermimit.explore.cases import LOOKED_AT, SEED

    (case,) = explore(small_lesions, n=1)._cases
    drawn = SynDerm(LOOKED_AT, SEED, 16, regime="small").counterfactual(case["index"], fitzpatrick=6).image
    np.testing.assert_array_equal(picture(case["photos"]["6"]), drawn)
    for asked in ({"split": "val"}, {"dataset": "folder"}):
        with pytest.raises(ValueError, match="cases drawn anew, which are of no split"):
            explore(small_lesions, **asked)
    root = small_lesions.config.data_root
    assert {c["name"] for c in explore(small_lesions, root=root, split="val")._cases} <= {
        *load_run(small_lesions.path).predictions.query("split == 'val'")["image"]
    }


def test_any_number_of_cases_is_offered_or_refused(small_lesions, tmp_path, monkeypatch):
    asked, (case,) = [], explore(small_lesions, n=1)._cases
    monkeypatch.setattr(kernel, "curated", lambda n, **options: asked.append(n) or [case] * n)
    assert len(explore(small_lesions, n=60)._cases) == 49 == asked[0]  # as many as there are diseases
    for n in (0, -3):
        with pytest.raises(ValueError, match=f"n={n}: offer at least one photograph"):
            explore(small_lesions, n=n)
        with pytest.raises(ValueError, match=f"n={n}: offer at least one photograph"):
            write_notebook(small_lesions.path, tmp_path, n=n)
    assert not list(tmp_path.iterdir())


def test_a_run_without_the_disease_is_explored_and_has_no_wrong_diseases(tiny_photos, tmp_path):
    from dermimit.explore import failure_browser

    run = trained(tiny_photos, tmp_path / "B_A", tasks=("body_part", "attributes"), fusion="none")
    assert "leg" in explore(run, n=2)._repr_mimebundle_()[0]["text/html"]
    with pytest.raises(ValueError, match="predicts no disease"):
        failure_browser(run, tiny_photos)
    path, _ = write_notebook(run.path, tmp_path / "out")
    assert "failure_browser" not in path.read_text()


def test_the_patches_shown_as_selected_are_those_that_were(tiny_photos, tmp_path):
    run = trained(tiny_photos, tmp_path / "heads", model_kwargs=MODEL | {"selection": "per_head", "lsm_k": 12})
    model, photo = TorchModel(run), picture(next(iter(cases_of(tiny_photos)[0]["photos"].values())))
    with torch.no_grad():
        _, out = run.model(model.tensor(photo))
    selected = out["disease/selected"][0].tolist()
    assert model(photo)["disease_ranked"][: model.facts["k"]] == selected
