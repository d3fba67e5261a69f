"""The page Explore: its tabs, and what all of them have in common: a phone, paper, no JavaScript."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from telephone import on_a_telephone
from test_ablation_explorer import shown
from test_book import browser, severe_messages  # noqa: F401
from test_try import PAGE, book, in_browser, opened, shipped  # noqa: F401

TABS = {"compare": "ablation", "failures": "failures", "images": "dataset"}
each_tab = pytest.mark.parametrize("tab", [*TABS])


def selected(driver) -> list[str]:
    """The tabs that are selected, as the page tells assistive software."""
    return [e.text for e in driver.find_elements(By.CSS_SELECTOR, "[role=tab][aria-selected=true]")]


def visible(driver) -> list[str]:
    """The headings' ids of the sections in sight."""
    panels = driver.find_elements(By.CSS_SELECTOR, "section[role=tabpanel]")
    return [panel.get_attribute("aria-labelledby").removeprefix("tab-") for panel in panels if panel.is_displayed()]


@in_browser
def test_tabs_open_by_address_click_and_arrow_keys_and_widgets_start_when_opened(browser, book):  # noqa: F811
    severe_messages(browser)
    opened(browser, book, "failures")
    shown(browser, widget="failures")
    assert selected(browser) == ["Failures"] and visible(browser) == ["failures"]
    places = "return [...document.querySelectorAll('.dermimit-widget, .dermimit-explorer')]"
    assert sum(browser.execute_script(f"{places}.map(e => Boolean(e.model?.get('shown')))")) == 1
    browser.find_element(By.ID, "tab-images").click()
    shown(browser, widget="dataset")
    assert selected(browser) == ["Images"] and browser.current_url.endswith("#images")
    ActionChains(browser).send_keys(Keys.ARROW_RIGHT).send_keys(Keys.ARROW_RIGHT).perform()
    shown(browser, widget="ablation")
    assert selected(browser) == ["Compare models"] and visible(browser) == ["compare"]
    assert browser.switch_to.active_element.get_attribute("id") == "tab-compare"
    browser.execute_script("location.hash = '#fig-explorer-failures'")
    assert visible(browser) == ["failures"]
    controlled = "document.getElementById(e.getAttribute('aria-controls'))?.getAttribute('role')"
    tabs = "return [...document.querySelectorAll('[role=tab]')]"
    assert browser.execute_script(f"{tabs}.map(e => {controlled})") == ["tabpanel"] * 4
    assert browser.execute_script(f"{tabs}.map(e => e.tabIndex)").count(0) == 1
    assert browser.find_element(By.CSS_SELECTOR, "p.page-footer").is_displayed()
    assert severe_messages(browser) == []


@in_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
@each_tab
def test_a_tab_fits_a_phone_in_either_theme(browser, book, tab, theme):  # noqa: F811
    on_a_telephone(browser, book, f"{PAGE}#{tab}", theme, lambda driver: shown(driver, widget=TABS[tab]))


@in_browser
def test_the_page_says_once_that_it_is_no_medical_device(browser, book):  # noqa: F811
    opened(browser, book, "compare")
    shown(browser, widget="ablation")
    article = browser.find_element(By.TAG_NAME, "article").get_attribute("textContent").lower()
    assert article.count("not a medical device") == 1


@in_browser
def test_on_paper_every_section_has_a_figure_or_a_table(browser, book):  # noqa: F811
    opened(browser, book, "try")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert visible(browser) == ["try", "compare", "failures", "images"]
        assert not browser.find_element(By.CSS_SELECTOR, ".dermimit-widget").is_displayed()
        for panel in browser.find_elements(By.CSS_SELECTOR, "section[role=tabpanel]"):
            assert "needs a screen" in panel.find_element(By.CSS_SELECTOR, ".explorer-on-paper").text
            assert panel.find_element(By.CSS_SELECTOR, ".tag_on-paper :is(img, table)").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@in_browser
def test_without_javascript_the_sections_stand_below_each_other(browser, book):  # noqa: F811
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get((book / PAGE).as_uri())
        for name, heading in zip(("try", *TABS), ("Try it", "Compare models", "Failures", "Images"), strict=True):
            section = browser.find_element(By.ID, name).find_element(By.XPATH, "ancestor-or-self::section[1]")
            assert section.is_displayed() and heading in section.find_element(By.TAG_NAME, "h2").text
            assert "needs JavaScript" in section.text
            assert section.find_element(By.CSS_SELECTOR, ".tag_on-paper :is(img, table)").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
