"""The page in a real browser, with screenshots in the folder $JAXCOVID_SCREENSHOTS, if it is set."""

import itertools
import os
import re
import shutil
from pathlib import Path

import pytest

from jaxcovid import report
from jaxcovid.assignment import page as reproduction_page
from jaxcovid.runs import artifacts
from jaxcovid.statistics.comparison import compare
from jaxcovid.sweeps.page import write_sweep_page
from tests.assignment.reproductions import made_up
from tests.report import planted
from tests.report.example import CLASSES, dataset, predictions, results
from tests.sweeps.made_up import CLEAR, GRID, RECORD, outcomes

pytestmark = pytest.mark.system

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
NAMES = ("run", "comparison/first", "many", "comparison", "sweep", "reproduction", "audit")


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pages of a run, an evaluation elsewhere, a comparison, a sweep, a reproduction, an audit."""
    root = tmp_path_factory.mktemp("pages")
    for name in ("run", "many", "comparison", "audit"):
        (root / name).mkdir()
    audit = planted.audit()
    of_run = planted.audit(
        {name: check for name, check in planted.FOUND.items() if name not in planted.OF_AUDITS}
    )
    artifacts.write_results(root / "run", results()._replace(audit=of_run))
    page = report.audit_page("Audit", "A verdict.", audit, dict(report.audit_pictures(audit)))
    (root / "audit" / "report.html").write_text(page)
    classes = dataset({"test": 28}, [f"class number {n}" for n in range(14)])
    artifacts.write_results(root / "many", results(classes, with_training=False))
    data = dataset({"test": 30})
    first = results(data, with_training=False)
    second = results(data, with_training=False, predictions=predictions(data, seed=3))
    split = data.splits["test"]
    both = (network.splits["test"].probabilities for network in (first, second))
    artifacts.write_comparison(
        root / "comparison", first, second, compare(split.labels, *both, data.classes)
    )
    (root / "sweep").mkdir()
    write_sweep_page(root / "sweep", GRID, outcomes(CLEAR), RECORD)
    (root / "reproduction").mkdir()
    reproduction_page.write(root / "reproduction", made_up(root / "reproduction"))
    return root


@pytest.fixture
def opened(browser, folder):
    """Opens a page; afterwards nothing may have left it and nothing may have gone wrong in it."""
    problems, contexts = [], []

    def open_page(name, size="desktop", scheme="light"):
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        (path,) = (folder / name).glob("*.html")
        address = path.as_uri()
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: problems.append("a dialog opened"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url == address or request.url.startswith("data:")
                else problems.append(request.url)
            ),
        )
        page.goto(address)
        # Only to be looked at: now and then a browser fails to draw one, which says nothing.
        if shots := os.environ.get("JAXCOVID_SCREENSHOTS"):
            picture = f"{name.replace('/', '-')}-{size}-{scheme}.png"
            page.screenshot(path=Path(shots, picture), full_page=True)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_fits_the_screen_and_stays_on_it(opened, name, size, scheme):
    page = opened(name, size, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.evaluate(
        "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
    )


@pytest.mark.parametrize("name", ["run", "comparison/first", "many", "comparison"])
def test_what_is_before_the_appendix_takes_few_screens(opened, name):
    top = opened(name).evaluate("document.querySelector('.appendix').getBoundingClientRect().top")
    # The run's audit has something found by every check, under the longest of names.
    assert top < (7 if name == "run" else 6) * SIZES["desktop"][1]


def test_the_first_screen_holds_what_limits_the_verdict(opened):
    page = opened("run")
    bottom = page.evaluate("document.querySelector('.warnings').getBoundingClientRect().bottom")
    assert bottom < SIZES["desktop"][1]


CONTRAST = """
() => [...document.querySelectorAll("svg.chart text")].map(text => {
  const colour = getComputedStyle(text).fill.match(/[\\d.]+/g).slice(0, 3).map(Number);
  return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
})
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_in_charts_take_the_colours_of_the_page(opened, scheme):
    brightness = opened("audit", scheme=scheme).evaluate(CONTRAST)
    assert len(brightness) > 5
    assert min(brightness) > 140 if scheme == "dark" else max(brightness) < 140


def column(page, index):
    return page.eval_on_selector_all(
        f"table.sortable tbody td:nth-child({index + 1})",  # the first holds pictures
        "cells => cells.map(cell => cell.textContent)",
    )


def test_sorting(opened):
    page = opened("run")
    before = column(page, 2)
    assert len(before) == len(set(before)) > 10
    probability = page.get_by_role("button", name="its probability")
    probability.click()
    values = [float(text.removesuffix("\xa0%")) for text in column(page, 5)]
    assert values == sorted(values) and values[0] < values[-1]
    assert sorted(column(page, 2)) == sorted(before)  # rows move whole and none is lost
    probability.click()
    assert [float(text.removesuffix("\xa0%")) for text in column(page, 5)] == values[::-1]
    page.get_by_role("button", name="true", exact=True).press("Enter")
    classes = [name for name, _ in itertools.groupby(column(page, 3))]
    assert len(classes) == len(set(classes)) == len(CLASSES)


def test_prints_without_lists_on_few_pages(opened, tmp_path):
    page = opened("run")
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    pages = re.findall(rb"/Type\s*/Page\b", (tmp_path / "report.pdf").read_bytes())
    assert 1 < len(pages) <= 6
    page.emulate_media(media="print")
    assert page.get_by_text("Lists and settings are left out in print").is_visible()
    assert not page.locator("#misclassified").is_visible()
    shots = os.environ.get("JAXCOVID_SCREENSHOTS")
    if shots:
        shutil.copy(tmp_path / "report.pdf", Path(shots, "report.pdf"))
