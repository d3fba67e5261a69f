"""A widget in a static page: its data as JSON within the page, its module beside it or within it too."""

import hashlib
import json
from typing import Any

from dermimit.explore.bundle import widget_script

SAME = "A figure or a table of this page stands in its place."


def page_html(name: str, data: dict[str, Any], instead: str = "", assets: str = "", notice: bool = True) -> str:
    """A widget as HTML that works without a kernel, without a server and without a network.

    Args:
        name: one of `bundle.WIDGETS`.
        data: what the module draws, ready for JSON.
        instead: HTML that stands in its place without JavaScript; by default a sentence that points to the tables.
        assets: folder with the module's script, as the page sees it: a book whose content policy forbids scripts within
            its text. Empty: the script stands in the page.
        notice: whether the widget says what it is not for; a page of several says it itself.
    """
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    place = f"dermimit-{name}-{hashlib.sha256(packed.encode()).hexdigest()[:8]}"
    instead = instead or f"<p>This part needs JavaScript. {SAME}</p>"
    script = f'<script src="{assets}{name}.js" defer></script>' if assets else f"<script>{widget_script(name)}</script>"
    silent = "" if notice else ' data-notice="no"'
    return (
        f'<div class="dermimit-widget" id="{place}" data-widget="{name}"{silent}>{instead}</div>\n'
        f'<p class="explorer-on-paper">The widget itself needs a screen. {SAME}</p>\n'
        f'<script type="application/json" id="{place}-data">{packed}</script>\n{script}'
    )
