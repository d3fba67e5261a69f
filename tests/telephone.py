"""A page of the built book on a telephone, in either theme."""

from collections.abc import Callable
from itertools import count

from test_book import brightness, too_wide

VISIBLE = "[role=tabpanel]:not([hidden]) .dermimit"  # the widget of the tab that is open
LOADS = count()


def anew(address: str) -> str:
    """The address with a query of its own, so that the page is loaded even where only the fragment differs.

    A detour through about:blank was seen to hang for minutes: chromedriver may go on before the blank page is there.
    """
    page, _, fragment = address.partition("#")
    return f"{page}?{next(LOADS)}#{fragment}"


def on_a_telephone(browser, book, page: str, theme: str, shown: Callable) -> None:
    """The page fits 390 pixels, and its widget has the theme's colours.

    Args:
        shown: waits until the widget shows something.
    """
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    file, _, tab = page.partition("#")
    address = f"{(book / file).as_uri()}#{tab}"
    browser.get(address)
    browser.execute_script("localStorage.setItem('mode', arguments[0])", theme)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        browser.get(anew(address))
        shown(browser)
        assert browser.execute_script("return document.documentElement.dataset.theme") == theme
        ground, ink = (brightness(browser, VISIBLE, style) for style in ("backgroundColor", "color"))
        assert (ground < 80 < 170 < ink) if theme == "dark" else (ink < 80 < 170 < ground)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390, too_wide(browser)
        assert too_wide(browser) == []
    finally:
        browser.execute_script("localStorage.setItem('mode', 'light')")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
