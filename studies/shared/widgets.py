"""The explorers of records in the book's pages, where they stay alive without a kernel."""

from typing import Any

from IPython.display import display

from dermimit.explore.page import page_html

FILES = "../../_static/explorer/"  # from a notebook's page to what `dermimit.explore.bundle.build` wrote


def show_widget(name: str, data: dict[str, Any]) -> None:
    """Show a widget as the output of a notebook whose page says what it is not for; see `page_html`."""
    html = page_html(name, data, assets=FILES, notice=False)
    display({"text/html": html, "text/plain": f"[the {name} widget needs a browser]"}, raw=True)
