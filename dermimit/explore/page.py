"""A widget in a static page: its data as JSON and its module within the page itself, so that nothing is asked for."""

import hashlib
import json
from typing import Any

from IPython.display import display

from dermimit.explore.bundle import module, without_export

SAME = "The figure and the tables of this page stand in its place."
HOLDER = """const el = document.getElementById(NAME), text = document.getElementById(`${NAME}-data`).textContent;
const values = { data: JSON.parse(text), shown: null }, set = (name, value) => { values[name] = value; };
el.model = { get: (name) => values[name], set, save_changes() {}, on() {}, send() {} };
el.replaceChildren();
render({ model: el.model, el });"""


def page_html(name: str, data: dict[str, Any], instead: str = "") -> str:
    """A widget as HTML that works without a kernel, without a server and without a network.

    Args:
        name: of the module in this package, such as `ablation`.
        data: what the module draws, ready for JSON.
        instead: HTML that stands in its place without JavaScript; by default a sentence that points to the tables.
    """
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    place = f"dermimit-{name}-{hashlib.sha256(packed.encode()).hexdigest()[:8]}"
    instead = instead or f"<p>This part needs JavaScript. {SAME}</p>"
    code = without_export(module(f"{name}.js")) + HOLDER
    return (
        f'<div class="dermimit-widget" id="{place}" data-widget="{name}">{instead}</div>\n'
        f'<p class="explorer-on-paper">The widget itself needs a screen. {SAME}</p>\n'
        f'<script type="application/json" id="{place}-data">{packed}</script>\n'
        f"<script>(() => {{\nconst NAME = {json.dumps(place)};\n{code}\n}})();</script>"
    )


def show_widget(name: str, data: dict[str, Any], instead: str = "") -> None:
    """Show a widget as a notebook's output that stays alive in a static page; see `page_html`."""
    display(
        {"text/html": page_html(name, data, instead), "text/plain": f"[the {name} widget needs a browser]"}, raw=True
    )
