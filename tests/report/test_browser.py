"""The page in a real browser. Screenshots go to $JAXCOVID_SCREENSHOTS, else to pytest's folder."""

import itertools
import os
import shutil
from pathlib import Path

import pytest

from jaxcovid.assignment import page as reproduction_page
from jaxcovid.runs import artifacts
from jaxcovid.statistics.comparison import compare
from jaxcovid.sweeps.page import write_sweep_page
from tests.assignment.reproductions import made_up
from tests.report.example import CLASSES, dataset, predictions, results
from tests.sweeps.made_up import CLEAR, GRID, RECORD, outcomes

pytestmark = pytest.mark.system

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


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
    """Pages of a run, of an evaluation elsewhere, of a comparison, a sweep, a reproduction."""
    root = tmp_path_factory.mktemp("pages")
    for name in ("run", "external", "comparison"):
        (root / name).mkdir()
    artifacts.write_results(root / "run", results())
    data = dataset({"test": 30})
    first = results(data, with_training=False)
    artifacts.write_results(root / "external", first)
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
def opened(browser, folder, tmp_path):
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
        shots = Path(os.environ.get("JAXCOVID_SCREENSHOTS", tmp_path))
        page.screenshot(path=shots / f"{name}-{size}-{scheme}.png", full_page=True)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["run", "external", "comparison", "sweep", "reproduction"])
def test_fits_the_screen_and_stays_on_it(opened, name, size, scheme):
    page = opened(name, size, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.evaluate(
        "[...document.images].every(image => image.complete && image.naturalWidth > 0)"
    )


def column(page, index):
    return page.eval_on_selector_all(
        f"table.sortable tbody td:nth-child({index})",
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


def test_prints_whole(opened, tmp_path):
    page = opened("run")
    page.emulate_media(media="print")
    assert page.evaluate(
        "document.querySelector('.long').scrollHeight <= document.querySelector('.long').clientHeight + 1"
    )
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    shots = os.environ.get("JAXCOVID_SCREENSHOTS")
    if shots:
        shutil.copy(tmp_path / "report.pdf", Path(shots, "report.pdf"))
