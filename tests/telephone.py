"""A page of the built book on a telephone, in either theme."""

from collections.abc import Callable

from test_book import brightness, too_wide


def on_a_telephone(browser, book, page: str, theme: str, shown: Callable) -> None:
    """The page fits 390 pixels, and its widget has the theme's colours.

    Args:
        shown: waits until the widget shows something.
    """
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.get((book / page).as_uri())
    browser.execute_script("localStorage.setItem('mode', arguments[0])", theme)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        browser.get((book / page).as_uri())
        shown(browser)
        assert browser.execute_script("return document.documentElement.dataset.theme") == theme
        ground, ink = brightness(browser, ".dermimit", "backgroundColor"), brightness(browser, ".dermimit", "color")
        assert (ground < 80 < 170 < ink) if theme == "dark" else (ink < 80 < 170 < ground)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390, too_wide(browser)
        assert too_wide(browser) == []
    finally:
        browser.execute_script("localStorage.setItem('mode', 'light')")
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
