"""The explorer: its files, and the page in a real browser, opened from disk with no network."""

import base64
import gzip
import hashlib
import html
import inspect
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from test_book import browser, hosts_asked, needs_browser, severe_messages  # noqa: F401

from dermimit.data.preprocessing import FILE, INTERPOLATIONS, Preprocessing
from dermimit.data.synderm import LABEL_SPACE, SynDerm, posterior
from dermimit.data.transforms import CentralView, eval_transform
from dermimit.explore import runtime
from dermimit.explore.bundle import FILES, STILL, build, classic, module, source
from dermimit.explore.cases import LOOKED_AT, SEED, START, chosen, curated, far_type
from dermimit.explore.cases import picture as pixels
from dermimit.explore.runtime import MEMBERS, RuntimeFilesError, locked, runtime_files
from dermimit.export.signature import INPUTS
from dermimit.records import write_json

VENDOR = Path(__file__).resolve().parents[2] / "results" / "vendor"
SIZE = 16
IMAGENET = Preprocessing(SIZE, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic")


def test_the_lock_names_no_host_and_every_package_has_a_hash():
    text = source("package-lock.json")
    assert "http" not in text
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    wanted = json.loads(source("package.json"))["dependencies"]
    assert wanted == {"onnxruntime-web": locked()[0]}


def archive(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A small archive in place of the real one, with a lock that fits it."""
    import tarfile

    folder.mkdir(parents=True)
    path, contents = folder / "onnxruntime-web-9.9.9.tgz", {name: f"it is {name}".encode() for name in MEMBERS}
    with tarfile.open(path, "w:gz") as tar:
        for name, member in MEMBERS.items():
            info = tarfile.TarInfo(member)
            info.size = len(contents[name])
            tar.addfile(info, io.BytesIO(contents[name]))
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    monkeypatch.setattr(runtime, "locked", lambda: ("9.9.9", integrity))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return contents


def test_the_runtime_comes_from_the_cache_without_a_network(tmp_path, monkeypatch):
    contents = archive(tmp_path / "cache", monkeypatch)
    assert runtime_files(tmp_path / "cache") == contents


@pytest.mark.parametrize(("given", "folder"), [("{tmp}/mine", "mine"), ("", ".cache"), ("relative", ".cache")])
def test_without_a_cache_it_is_kept_in_the_reader_s_own(tmp_path, monkeypatch, given, folder):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", given.format(tmp=tmp_path))
    contents = archive(tmp_path / folder / "dermimit", monkeypatch)
    assert runtime_files() == contents


def test_a_runtime_that_is_absent_or_another_is_explained(tmp_path, monkeypatch):
    archive(tmp_path / "cache", monkeypatch)
    with pytest.raises(RuntimeFilesError, match=r"npm is not installed: .* `npm pack onnxruntime-web@9\.9\.9`"):
        runtime_files(tmp_path / "none")
    with (tmp_path / "cache" / "onnxruntime-web-9.9.9.tgz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(RuntimeFilesError, match=r"is not the file of package-lock\.json"):
        runtime_files(tmp_path / "cache")


def test_cases_are_varied():
    dataset = SynDerm(LOOKED_AT, SEED, SIZE)
    labels = [dataset.labels(i) for i in chosen(dataset, 24)]
    assert len({x.disease for x in labels}) == 24
    assert {x.body_part for x in labels} == {*LABEL_SPACE.body_parts}
    skin = [x.fitzpatrick for x in labels]
    assert all(3 <= skin.count(t) <= 5 for t in range(1, 7))


def test_cases_hold_the_truth_and_the_same_case_with_other_skin():
    first, second = curated(n=2, counterfactual=1, image_size=SIZE)
    assert list(first["photos"]) == [*"123456"] and set(second["photos"]) == {
        *map(str, (second["truth"]["fitzpatrick"], far_type(second["truth"]["fitzpatrick"])))
    }
    dataset = SynDerm(LOOKED_AT, SEED, SIZE)
    drawn = dataset[first["index"]]
    assert (pixels(first["photos"][str(drawn.fitzpatrick)]) == drawn.image).all()
    assert pixels(first["photos"]["1"]).mean() > pixels(first["photos"]["6"]).mean()
    mask = np.unpackbits(np.frombuffer(base64.b64decode(first["lesion"]), np.uint8))
    assert (mask.reshape(SIZE, SIZE) == drawn.mask).all()
    assert pixels(first["large"]["1"]).shape == (256, 256, 3) and first["large"].keys() == first["photos"].keys()
    labels = drawn.labels
    best = posterior(
        labels.body_part, labels.attributes, (labels.number, labels.size, labels.arrangement), dataset.prior
    )
    assert first["bayes"][0] == [max(best, key=best.get), pytest.approx(max(best.values()), abs=1e-4)]
    assert first["truth"]["attributes"] == list(drawn.attributes) and first["truth"]["disease"] == drawn.disease


def unpacked(script: str) -> dict[str, bytes]:
    """The files in a script that `write_script` wrote."""
    found = re.findall(r'^globalThis\.dermimitAssets\["([^"]+)"\] = "([^"]+)";$', script, re.M)
    return {name: gzip.decompress(base64.b64decode(text)) for name, text in found}


def test_bundle_holds_everything_and_names_no_host(tmp_path, monkeypatch):
    contents = archive(tmp_path / "cache", monkeypatch)
    onnx = tmp_path / "model.onnx"
    with pytest.raises(FileNotFoundError, match="dermimit export"):
        build(onnx, tmp_path / "out", tmp_path / "cache", cases=[])
    onnx.write_bytes(b"weights")
    onnx.with_suffix(".json").write_text(json.dumps({"image_size": [SIZE, SIZE], "inputs": [*INPUTS[:-1]]}))
    with pytest.raises(ValueError, match="has no input override_scores, which the explorer sets: export the run again"):
        build(onnx, tmp_path / "out", tmp_path / "cache", cases=[])
    onnx.with_suffix(".json").write_text(json.dumps({"image_size": [SIZE, SIZE], "inputs": [*INPUTS]}))
    cases = curated(n=1, counterfactual=0, image_size=SIZE)
    sizes = build(onnx, tmp_path / "out", tmp_path / "cache", cases)
    assert {*sizes} == {*FILES} == {path.name for path in (tmp_path / "out").iterdir()}
    read = {name: (tmp_path / "out" / name).read_text() for name in FILES if name != STILL}
    assert unpacked(read["runtime.js"]) == contents
    assert unpacked(read["model.js"])["model.onnx"] == b"weights"
    assert json.loads(unpacked(read["cases.js"])["cases.json"]) == {"cases": cases, "start": 0, "few": [0]}
    for name in ("explorer.js", "page.js", "tabs.js", "index.html", "ablation.js", "failures.js", "dataset.js"):
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", read[name])


def test_the_module_becomes_a_plain_script():
    text = classic(module("explorer.js"))
    assert "globalThis.dermimitExplorer = { render };" in text and "\nexport" not in text
    with pytest.raises(ValueError, match="import nothing"):
        classic('import x from "y";\nexport default { render };')


def test_the_kernel_sends_files_and_says_what_is_missing(tmp_path, monkeypatch):
    pytest.importorskip("anywidget")
    from dermimit.explore.widget import Explorer

    contents = archive(tmp_path / "cache", monkeypatch)
    onnx = tmp_path / "model.onnx"
    onnx.write_bytes(b"weights")
    widget = Explorer(onnx, case=3, cache=tmp_path / "cache")
    sent = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: sent.append((content, buffers)))
    for name in ("runtime.wasm", "model.onnx", "facts.json"):
        widget._send_asset(widget, {"asset": name}, [])
    assert gzip.decompress(sent[0][1][0]) == contents["runtime.wasm"]
    assert gzip.decompress(sent[1][1][0]) == b"weights"
    assert "model.json" in sent[2][0]["error"]
    assert Explorer(onnx).case == START
    assert {"assets_url": "", "case": 3, "answer": None}.items() <= widget.get_state().items()


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_the_page_resizes_as_torchvision_to_a_grey_level(interpolation, tmp_path):
    text = module("explorer.js")
    shrink = text[text.index("const FILTERS") : text.index("async function pictureOf")]
    grain = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    for side, size in ((90, 16), (20, 32), (16, 16)):
        photo = np.array(Image.fromarray(grain).resize((side, side), Image.Resampling.NEAREST))
        rgba = np.concatenate([photo, np.full((side, side, 1), 255, np.uint8)], axis=2).ravel().tolist()
        call = f"shrink(Uint8ClampedArray.from({rgba}), {side}, {size}, FILTERS.{interpolation})"
        (tmp_path / "shrink.mjs").write_text(f"{shrink}\nconsole.log(Array.from({call}).join());\n", encoding="utf-8")
        words = ["node", str(tmp_path / "shrink.mjs")]
        printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        found = np.array(printed.split(","), int).reshape(size, size, 4)[..., :3]
        wanted = CentralView(size, interpolation)(torch.from_numpy(photo).permute(2, 0, 1)).permute(1, 2, 0).numpy()
        assert np.abs(found - wanted.astype(int)).max() <= 1


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """The torch graph of a small run on SynDerm, the cases, and the folder of its page."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    from dermimit.data import synderm
    from dermimit.export.graph import Explorable
    from dermimit.export.onnx import export_run
    from dermimit.train import TrainConfig, fit
    from dermimit.train.run import load_run

    try:
        runtime_files(VENDOR)
    except RuntimeFilesError as error:
        pytest.skip(str(error))
    root = tmp_path_factory.mktemp("explored")
    synderm.write(root / "data", 20, image_size=SIZE)
    kwargs = {"img_size": SIZE, "patch_size": 4, "embed_dim": 24, "num_heads": 3, "lsm_k": 4}
    config = TrainConfig(data_root=root / "data", out=root / "run", image_size=SIZE, model_kwargs=kwargs, samples=400,
                         epochs=1, batch_size=4, optimizer="adamw", lr=0.01)  # fmt: skip
    out = fit(config)
    write_json(out / FILE, IMAGENET.to_dict())  # as if the backbone had asked for it
    run = load_run(out)
    export_run(run, root / "model.onnx", torch.randn(2, 3, SIZE, SIZE))
    cases = curated(n=3, counterfactual=1, image_size=SIZE)
    build(root / "model.onnx", root / "page", VENDOR, cases)
    return Explorable(run.model).eval(), cases, root / "page"


@torch.inference_mode()
def in_torch(explorable, photo: np.ndarray | torch.Tensor, k=None, cim=True, lsm=True, body_part=None, attribute=None):
    """Disease probabilities for a uint8 photograph, as the page should show them."""
    image = photo if isinstance(photo, torch.Tensor) else IMAGENET.normalise(torch.from_numpy(photo).permute(2, 0, 1))
    inputs = list(explorable.usual(image[None]))
    inputs[1:4] = [torch.tensor(k or explorable.k), torch.tensor(lsm), torch.tensor(cim)]
    if attribute is not None:
        inputs[4][0, LABEL_SPACE.attributes.index(attribute)] = 1.0
    if body_part is not None:
        inputs[5][0, LABEL_SPACE.body_parts.index(body_part)] = 1.0
    found = explorable(*inputs)
    return found["disease"][0].numpy(), found["disease_ranked"][0].tolist()


ANSWER = "return document.querySelector('.dermimit-explorer').model?.get('answer')"


def shown(driver, until=lambda answer: True) -> tuple[np.ndarray, dict]:
    """The page's answer as soon as it fits, and its disease probabilities in the order of the classes."""
    found = WebDriverWait(driver, 120).until(lambda d: (a := d.execute_script(ANSWER)) and until(a) and a)
    return np.array([found["disease"][name] for name in LABEL_SPACE.diseases]), found


def element(driver, name: str):
    return driver.find_element(By.NAME, name)


def choose(driver, name: str, value: object) -> None:
    """Choose one of several radio buttons, by their name without its number."""
    button = driver.find_element(By.CSS_SELECTOR, f"input[name^='{name}-'][value='{value}']")
    driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", button)
    button.click()


def pick(driver, name: str, value: str) -> None:
    """Choose an option as a user would."""
    driver.find_element(By.CSS_SELECTOR, f"select[name='{name}'] option[value='{value}']").click()


@pytest.mark.browser
@pytest.mark.slow
@needs_browser
def test_page_from_disk_answers_as_torch_does(browser, explored, tmp_path):  # noqa: F811
    explorable, cases, page = explored
    severe_messages(browser), hosts_asked(browser)
    browser.get(f"{page.as_uri()}/index.html")
    truth = cases[0]["truth"]
    photo = pixels(cases[0]["photos"][str(truth["fitzpatrick"])])

    def same(until, wanted, tolerance=1e-3):
        p, answer = shown(browser, until)
        np.testing.assert_allclose(p, wanted[0], atol=tolerance)
        assert answer["selected"] == wanted[1][: len(answer["selected"])] or tolerance > 1e-3
        return p

    usual = same(lambda a: True, in_torch(explorable, photo))
    slider = element(browser, "k")
    slider.send_keys(Keys.HOME)
    one = same(lambda a: a["k"] == 1, in_torch(explorable, photo, k=1))
    assert np.abs(one - usual).max() > 1e-4, "the slider changed nothing"
    slider.send_keys(Keys.END)
    same(lambda a: a["k"] == 16, in_torch(explorable, photo, k=16))
    outlined = browser.find_elements(By.CSS_SELECTOR, "svg rect.patch")
    assert len(outlined) == 2 * 16
    browser.find_element(By.CSS_SELECTOR, "details > summary").click()
    element(browser, "cim").send_keys(Keys.SPACE)
    same(lambda a: not a["cim"], in_torch(explorable, photo, k=16, cim=False))
    element(browser, "reset").click()
    same(lambda a: a["cim"] and a["k"] == 4, in_torch(explorable, photo))
    choose(browser, "patches", "all")
    same(lambda a: not a["lsm"], in_torch(explorable, photo, lsm=False))
    assert not slider.is_enabled()
    element(browser, "reset").click()

    pick(browser, "body_part", "face")
    wanted = in_torch(explorable, photo, body_part="face")
    close = lambda a: abs(a["disease"][LABEL_SPACE.diseases[0]] - wanted[0][0]) < 1e-5  # noqa: E731
    same(close, wanted)
    pick(browser, "attribute-scale", "1")
    wanted = in_torch(explorable, photo, body_part="face", attribute="scale")
    same(lambda a: abs(a["disease"][LABEL_SPACE.diseases[0]] - wanted[0][0]) < 1e-5, wanted)
    WebDriverWait(browser, 10).until(
        lambda d: "told by you" in d.find_element(By.CSS_SELECTOR, "[aria-label='Body part']").text
    )
    element(browser, "reset").click()

    covered, mean = photo.copy(), photo.reshape(-1, 3).mean(axis=0)
    frame = browser.find_element(By.CSS_SELECTOR, ".photo")
    frame.send_keys(Keys.ENTER)
    frame.send_keys(Keys.ARROW_RIGHT)
    covered[5:10, 6:11] = np.round(mean)
    same(lambda a: a["rectangle"] and a["rectangle"]["x"] == 6, in_torch(explorable, covered), 2e-2)
    frame.send_keys(Keys.DELETE)
    same(lambda a: not a["rectangle"], in_torch(explorable, photo))
    side = frame.size["width"]
    drag = ActionChains(browser).move_to_element_with_offset(frame, -side // 4, -side // 4).click_and_hold()
    drag.move_by_offset(side // 2, side // 4).release().perform()
    covered = photo.copy()
    covered[4:8, 4:12] = np.round(mean)
    same(lambda a: a["rectangle"] == {"x": 4, "y": 4, "w": 8, "h": 4}, in_torch(explorable, covered), 2e-2)
    element(browser, "clear").click()
    same(lambda a: not a["rectangle"], in_torch(explorable, photo))

    other = str(truth["fitzpatrick"] % 6 + 1)
    pick(browser, "skin", other)
    same(lambda a: not a["photo"].endswith(f"type {roman(truth['fitzpatrick'])}"),
         in_torch(explorable, pixels(cases[0]["photos"][other])))  # fmt: skip
    WebDriverWait(browser, 10).until(
        lambda d: f"★ True: {truth['disease']}" in d.find_element(By.CSS_SELECTOR, ".story").text
    )

    path, wide = tmp_path / "own.png", np.random.default_rng(0).integers(0, 255, (9, 11, 3), np.uint8)
    large = Image.fromarray(wide).resize((110, 90), Image.Resampling.BICUBIC)
    large.save(path)
    element(browser, "photo").send_keys(str(path))
    image = eval_transform(IMAGENET)(torch.from_numpy(np.array(large)).permute(2, 0, 1))
    same(lambda a: "own.png" in a["photo"], in_torch(explorable, image), 2e-2)
    assert not element(browser, "guess").is_displayed() and not element(browser, "skin").is_displayed()

    assert severe_messages(browser) == []
    assert hosts_asked(browser) == set()


@pytest.mark.browser
@pytest.mark.slow
@needs_browser
def test_the_same_module_works_with_files_from_a_kernel(browser, explored):  # noqa: F811
    explorable, cases, page = explored
    severe_messages(browser)
    browser.get(f"{page.as_uri()}/index.html")
    shown(browser)
    browser.execute_script(
        """const old = document.querySelector('.dermimit-explorer'), el = document.createElement('div'), heard = [];
        const values = { assets_url: '', case: 1 }, bytes = (name) =>
          new DataView(Uint8Array.from(atob(dermimitAssets[name]), (c) => c.charCodeAt(0)).buffer);
        el.className = 'dermimit-explorer';
        old.replaceWith(el);
        el.model = { get: (n) => values[n], set: (n, v) => { values[n] = v; }, save_changes() {},
          on: (_, f) => heard.push(f),
          send: ({ asset }) => setTimeout(() => heard.forEach((f) => f({ asset }, [bytes(asset)]))) };
        dermimitExplorer.render({ model: el.model, el });"""
    )
    p, answer = shown(browser)
    assert answer["photo"].startswith("Case 2")
    wanted, _ = in_torch(explorable, pixels(cases[1]["photos"][str(cases[1]["truth"]["fitzpatrick"])]))
    np.testing.assert_allclose(p, wanted, atol=1e-3)
    assert severe_messages(browser) == []


def roman(fitzpatrick: int) -> str:
    return ["I", "II", "III", "IV", "V", "VI"][fitzpatrick - 1]


@pytest.mark.browser
@pytest.mark.slow
@needs_browser
def test_page_is_labelled_and_fits_a_telephone_in_the_dark(browser, explored):  # noqa: F811
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        for scheme, dark in (("light", False), ("dark", True)):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            browser.get(f"{explored[2].as_uri()}/index.html")
            shown(browser)
            ground, ink = (
                browser.execute_script(
                    "const s = getComputedStyle(document.querySelector('.dermimit'))[arguments[0]];"
                    "return s.match(/[0-9.]+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3", style,
                ) for style in ("backgroundColor", "color")
            )  # fmt: skip
            assert (ground < 80 < 170 < ink) if dark else (ink < 80 < 170 < ground)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
        browser.execute_script("document.documentElement.dataset.theme = 'light'")
        assert "255" in browser.execute_script(
            "return getComputedStyle(document.querySelector('.dermimit')).backgroundColor"
        )
        nameless = browser.execute_script(
            """return [...document.querySelectorAll('.dermimit :is(input, select, button, [tabindex])')]
                 .filter((e) => !e.ariaLabel && !e.labels?.length && !(e.tagName === 'BUTTON' && e.textContent.trim()))
                 .map((e) => e.outerHTML.slice(0, 80));"""
        )
        assert nameless == []
        WebDriverWait(browser, 10).until(lambda d: d.find_element(By.CSS_SELECTOR, "[aria-live=polite]").text)
        assert "not a medical device" in browser.find_element(By.CSS_SELECTOR, ".dermimit").text
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_links_of_the_text_name_states_that_the_explorer_can_set():
    """Sentences link to what they describe; `steer.js` passes over what it does not know without a word."""
    root = Path(__file__).parents[2]
    texts = [path.read_text(encoding="utf-8") for path in (*root.glob("notebooks/*.ipynb"), *root.glob("book/*.md"))]
    links = [html.unescape(found) for text in texts for found in re.findall(r"#try\?([^\"\\\s]+)", text)]
    assert len(links) > 8
    steer = source("steer.js")
    for link in links:
        state = dict(part.split("=") for part in link.split("&"))
        assert 1 <= int(state.pop("case")) <= inspect.signature(curated).parameters["n"].default, link
        for name, value in state.items():
            assert f'"{name}"' in steer, link
            assert name != "patches" or f"{value}:" in steer, link
