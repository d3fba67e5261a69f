"""What the three explorers of records have in common: a telephone, paper, no JavaScript."""

import pytest
from selenium.webdriver.common.by import By
from telephone import on_a_telephone
from test_ablation_explorer import shown
from test_book import browser  # noqa: F401
from test_try import book, in_browser  # noqa: F401

NAMES = ("21_ablation_explorer", "22_failure_browser", "23_dataset_browser")
each_page = pytest.mark.parametrize("page", [f"results/pages/{name}.html" for name in NAMES], ids=NAMES)


@in_browser
@each_page
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_fits_a_telephone_in_either_theme(browser, book, page, theme):  # noqa: F811
    on_a_telephone(browser, book, page, theme, shown)


@in_browser
@each_page
def test_figure_and_tables_stand_in_its_place(browser, book, page):  # noqa: F811
    browser.get((book / page).as_uri())
    shown(browser)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not browser.find_element(By.CSS_SELECTOR, ".dermimit-widget").is_displayed()
        assert "needs a screen" in browser.find_element(By.CSS_SELECTOR, ".explorer-on-paper").text
        assert browser.find_element(By.CSS_SELECTOR, "article figure.align-default img").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get((book / page).as_uri())
        assert "needs JavaScript" in browser.find_element(By.CSS_SELECTOR, ".dermimit-widget").text
        assert len(browser.find_element(By.CSS_SELECTOR, "article figure.align-default img").get_attribute("alt")) > 40
        assert len(browser.find_elements(By.CSS_SELECTOR, "article .cell_output tbody tr")) > 8
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
