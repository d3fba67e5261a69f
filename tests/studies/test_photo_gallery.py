"""Photographs of a page: each with its caption as text, its pixels, and an outline that leaves the lesion as it is."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from studies.shared import photo_gallery
from studies.shared.photo_gallery import SIDE, data_uri, outlined, show_photos
from studies.synderm_checks.gallery import coloured, key_to_causes


@pytest.fixture
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr(photo_gallery, "display", lambda data, raw: seen.append(data))
    return seen


def pixels(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1]))))


def photo(seed=0, side=40):
    return np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)


def test_every_photograph_has_its_caption_as_text_and_for_readers_of_screens(shown):
    show_photos([photo(i) for i in range(5)], [f"case {i}\nback" for i in range(5)], columns=4)
    html = shown[0]["text/html"]
    assert re.findall(r'alt="([^"]*)"', html) == [f"case {i} · back" for i in range(5)]
    assert html.count("<li>") == html.count("<img ") == 5 and "case 3<br>back</span>" in html
    assert "--columns:4" in html and "--narrow:2" in html
    assert shown[0]["text/plain"].splitlines()[4] == "case 4 · back"


def test_a_caption_from_data_is_no_markup(shown):
    show_photos([photo()], ['<script>x</script> "quoted"'], columns=7)
    assert "<script>" not in shown[0]["text/html"] and "&lt;script&gt;" in shown[0]["text/html"]
    assert 'alt="&lt;script&gt;x&lt;/script&gt; &quot;quoted&quot;"' in shown[0]["text/html"]
    assert "--narrow:3" in shown[0]["text/html"]


def test_a_photograph_without_a_caption_is_an_error():
    with pytest.raises(ValueError, match="shorter"):
        show_photos([photo(), photo()], ["one"])


def test_colours_of_a_key_are_kept_exactly(shown):
    numbers = np.arange(36).reshape(6, 6) % 8
    show_photos([coloured(numbers)], ["causes"], key=key_to_causes())
    html = shown[0]["text/html"]
    assert np.array_equal(pixels(re.search(r'src="([^"]*)"', html)[1]), coloured(numbers))
    names = list(key_to_causes())
    assert all(f"rgb{(r, g, b)}".replace(" ", "") in html for r, g, b in key_to_causes().values())
    assert [html.index(f"</span> {name}") for name in names] == sorted(html.index(f"</span> {name}") for name in names)


def test_a_large_photograph_is_made_smaller_and_keeps_its_shape():
    assert pixels(data_uri(np.zeros((600, 1200, 3), dtype=np.uint8))).shape == (SIDE // 2, SIDE, 3)
    smooth = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    assert np.abs(pixels(data_uri(smooth)).astype(int) - smooth).max() < 8


def test_an_outline_lies_around_the_lesion_and_nowhere_else():
    mask = np.zeros((40, 40), dtype=bool)
    mask[10:20, 10:20] = True
    large = outlined(photo(), mask)
    times = len(large) // 40
    plain, inside = (np.repeat(np.repeat(x, times, axis=0), times, axis=1) for x in (photo(), mask))
    changed = (large != plain).any(axis=2)
    assert len(large) >= SIDE and not (changed & inside).any()
    rows = np.flatnonzero(changed.any(axis=1))
    assert 10 * times - 6 <= rows.min() < 10 * times and 20 * times <= rows.max() < 20 * times + 6
    assert set(np.unique(large[changed])) == {0, 255}
