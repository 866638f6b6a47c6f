"""The page about all experiments, from made-up runs."""

import re

import pytest

from jaxcovid.assignment import page
from jaxcovid.assignment.page import Reproduction
from tests.assignment.reproductions import NAME, asked, experiment, made_up
from tests.small_runs import blank_charts


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with the page: two seeds, one of which diverged as written, and one is to come."""
    root = tmp_path_factory.mktemp("reproduction")
    with blank_charts():
        page.write(root, made_up(root))
    return root


def test_both_pages_say_the_same(written):
    html, markdown = ((written / name).read_text() for name in ("index.html", "README.md"))
    for text in (
        "Not for clinical use.",
        "4 of 6 runs finished, 1 diverged",
        "1 of 2 diverged",
        "1 of 2 not finished",
        "84.9 %",
        "83.0 % to 86.6 %",
        "0.8438",
        "as the original computes it: 0.4321",
        "90.5 %",
        "seeds: no interval (one seed)",
        "Batch 60 is clearly worse than batch 8, but what was measured does not tell why.",
        "no independent test",
        "2 seeds",
    ):
        assert text in html, text
        assert text in markdown, text
    assert (
        "seeds: 84.1 % to 96.9 % (2)" in html
    )  # 0.5 points times 12.706, of one degree of freedom


def test_names_are_only_names(written):
    html, markdown = ((written / name).read_text() for name in ("index.html", "README.md"))
    assert "<script" not in html and "&lt;script&gt;" in html
    assert not re.search(r'(src|href)="(?!data:|#|runs/)', html)
    assert "<script" not in markdown and "<i>" not in markdown and "<b>" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    titled = [line for line in rows if "alert" in line]
    assert titled and all(r"\*x\* \[y\](z)" in line for line in titled)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in titled} == {5}


def test_pictures_are_files_too(written):
    named = re.findall(r"\]\((plots/.*?\.png)\)", (written / "README.md").read_text())
    found = {path.name for path in (written / "plots").iterdir()}
    assert len(named) == len(set(named)) == len(found) == (written / "index.html").read_text().count("data:image/png")  # fmt: skip


def test_links_lead_to_the_runs(written):
    links = re.findall(r'href="(runs/.*?)"', (written / "index.html").read_text())
    assert len(links) == 4
    assert all((written / link).parent.is_dir() and link.endswith("/report.html") for link in links)


def test_no_runs_at_all(tmp_path):
    each = experiment(tmp_path, corrected=(None,), written=(None,))
    with blank_charts():
        page.write(tmp_path, Reproduction([each], asked(NAME, "other"), {}))
    assert "drastically worse" not in (tmp_path / "index.html").read_text()
    assert "0 of 2 runs finished" in (tmp_path / "README.md").read_text()


def test_the_question_is_only_where_something_was_run_for_it(tmp_path, written):
    alone = experiment(tmp_path, corrected=(45,))
    with blank_charts():
        page.write(tmp_path, Reproduction([alone], asked(NAME, "other"), {}))
    for name in ("README.md", "index.html"):
        assert "drastically worse" in (written / name).read_text()
        assert "drastically worse" not in (tmp_path / name).read_text()
    unfinished = experiment(tmp_path, "other", corrected=(None,), source="question")
    with blank_charts():
        page.write(tmp_path, Reproduction([alone, unfinished], asked(NAME, "other"), {}))
    assert "cannot be answered here" in (tmp_path / "README.md").read_text()
